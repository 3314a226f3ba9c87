"""The stages in order: from parsed modules to modules ready to plan, and from a query to one ready to plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..builtins import catalog
from ..errors import COMPILE_ERROR, TYPE_ERROR, UNSAFE_VAR_ERROR, CompileError, Problem
from ..records import field, record, replace
from ..signatures import signatures
from ..syntax.nodes import Body, CallExpr, Expr, Import, Module, Ref, Rule, Scalar, Term, Var, With
from ..syntax.printer import import_text, term_text
from ..types import FunctionType
from . import expand, overrides, rule_graph
from .documents import RuleTree
from .known_types import KnownTypes
from .locals import LocalVars
from .metadata import AnnotationSet, metadata_calls
from .recursion import Recursion
from .resolve import Resolver, declared, global_names, import_name, is_keyword_import, resolve_modules
from .rule_labels import RuleLabels, branches
from .rule_types import RuleLayers, check_query_types, check_rule_types
from .safety import reorder, unsafe_problems
from .schema_notes import SchemaNotes, Schemas
from .schema_types import BadSchema
from .scopes import Names
from .template_vars import TemplateVars
from .test_rules import ForTests
from .type_bodies import check_body
from .type_calls import argument_problem
from .type_env import Layer, TypeEnv
from .undeclared import Undeclared
from .visit import ROOTS, indexed, is_equality, kept, operator_name, original_ref, variables, walk

LIMIT = Problem(COMPILE_ERROR, "error limit reached")
PathExists = Callable[[tuple[str, ...]], bool]


@record(frozen=True, slots=True)
class Checked:
    """Modules that can be planned. ``source`` are they as parsed; ``original`` maps generated names to written ones."""

    source: Mapping[str, Module]
    modules: Mapping[str, Module]
    tree: RuleTree
    types: TypeEnv
    original: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    known: tuple[Layer, ...] = ()
    """What a schema says of every input."""


@record(frozen=True, slots=True)
class CheckedQuery:
    """A query that can be planned. ``rewritten_vars`` maps generated names to those that the user wrote.

    ``original`` does the same for the variables of closures, too.
    """

    body: Body
    rewritten_vars: Mapping[str, str]
    original: Mapping[str, str] = field(default_factory=dict)


class _Stages:
    """Collects problems. A stage that found some ends the run, unless those after it can do without what failed."""

    def __init__(self, limit: int, full: int) -> None:
        """With ``full`` problems (0: no matter how many) only ``limit`` of them are told."""
        self.limit = limit
        self.full = full
        self.problems: list[Problem] = []
        self.broken = False

    def add(self, problems: Sequence[Problem], *, recoverable: bool = False) -> None:
        """Problems of a stage; after ``recoverable`` ones the stages that follow look for more."""
        self.problems.extend(problems)
        self.broken = self.broken or (bool(problems) and not recoverable)

    def end(self, *, last: bool = False) -> None:
        """The end of a stage; of the ``last``, whatever was found is raised."""
        limited = 0 < self.full <= len(self.problems)
        if self.problems and (self.broken or limited or last):
            found = sorted(self.problems[: self.limit] if limited else self.problems, key=_order)
            if limited:
                found.append(LIMIT)
            raise CompileError(found)


def _order(problem: Problem) -> tuple[str, int, int, str]:
    return problem.location.file, problem.location.row, problem.location.col, f"{problem.code}: {problem.message}"


def check_modules(
    modules: Mapping[str, Module], *, strict: bool = False, path_conflicts: PathExists | None = None,
    unsafe_builtins: frozenset[str] = frozenset(), keep_prints: bool = True, max_errors: int = 10,
    tests: ForTests | None = None, schemas: Schemas | None = None, schema_annotations: bool = True,
) -> Checked:  # fmt: skip
    """Check modules that belong together; raises :class:`CompileError` with OPA's errors in OPA's order.

    ``tests`` is how rules are rewritten for a test runner, where there is one. What ``schemas`` say is known of the
    documents that annotations name them for, and, where ``schema_annotations`` count, what annotations write out.
    """
    try:
        return _check_modules(
            modules, strict, path_conflicts, unsafe_builtins, keep_prints, max_errors, tests, schemas,
            schema_annotations,
        )  # fmt: skip
    except RecursionError:
        raise CompileError([Problem(COMPILE_ERROR, "the modules nest deeper than can be compiled")]) from None


def _check_modules(
    modules: Mapping[str, Module], strict: bool, path_conflicts: PathExists | None, unsafe_builtins: frozenset[str],
    keep_prints: bool, max_errors: int, tests: ForTests | None, schemas: Schemas | None, schema_annotations: bool,
) -> Checked:  # fmt: skip
    stages = _Stages(max_errors, max_errors)
    known = _input_layer(schemas)
    source = {k: modules[k] for k in sorted(modules)}
    for module in source.values():
        stages.add(overrides.root_arguments(module))
    stages.end()
    work, named, heads = resolve_modules(source)
    names = Names({n for m in work.values() for r in m.rules for n in variables(r)})
    if strict:
        for key, module in work.items():
            for item in module.imports:
                if not is_keyword_import(item) and import_name(item) not in named[key]:
                    unused = Problem(COMPILE_ERROR, f"{import_text(item)} unused", item.loc)
                    stages.add([unused], recoverable=True)
    work = _each(work, lambda r: expand.head_refs(names, r))
    if tests is not None:
        work = tests.renamed(work)
    for module in work.values():
        if strict or module.version >= 1:
            stages.add(overrides.root_documents(module), recoverable=True)
    for module in work.values():
        if strict or module.version >= 1:
            stages.add(overrides.duplicate_imports(module), recoverable=True)
    tree = RuleTree(work)
    stages_local = LocalVars(names, strict, heads)
    work = heads.applied(_each(work, stages_local.rule))
    if tests is not None:
        work = _each(work, tests.told)
    stages.add(stages_local.problems)
    stages.add(stages_local.all_unused, recoverable=True)
    original = stages_local.scopes.original
    stages.end()
    used = TemplateVars(tree.arity, original)
    stages.add([p for m in work.values() for r in m.rules for p in used.rule(r)])
    templates = expand.Templates(names, tree.is_defined)
    work = _each(work, templates.rule)
    stages.add(overrides.void_calls(tuple(m.rules for m in work.values())))
    stages.end()
    printed = Undeclared(tree.arity, original)
    stages.add([p for m in work.values() for r in m.rules for p in printed.rule(r)])
    stages.end()
    prints = expand.Prints(names, keep_prints)
    work = _each(work, prints.rule)
    calls = expand.Calls(names)
    work = _each(work, calls.rule)
    annotations = AnnotationSet(source, heads.renamed_packages())
    stages.add(annotations.problems)
    stages.end()
    work = metadata_calls(work, source, annotations, names)
    tree = written = RuleTree(work)
    needs = rule_graph.needs(written)
    closures = expand.ClosureHeads(names)
    work = _each(work, closures.rule)
    work = _each(work, lambda r: expand.rule_heads(names, r))
    withs = overrides.WithTargets(tree, unsafe_builtins)
    replaced = expand.Withs(names, withs.check)
    work = _each(work, replaced.rule)
    stages.add(withs.problems)
    stages.end()
    work = heads.written_back(work, original)
    stages.add(tree.conflicts(original))
    if path_conflicts is not None:
        stages.add(tree.path_conflicts(path_conflicts))
    stages.add(tree.package_conflicts(work))
    stages.end()
    mocked = _mocked(tuple(m.rules for m in work.values()))
    nothing = KnownTypes(TypeEnv(tree), original, check_body, ({},))
    for module in work.values():
        stages.add(undefined_functions(tuple(module.rules), tree, original, mocked, nothing))
    stages.end()
    for module in work.values():
        labels = RuleLabels(module)
        for rule in module.rules:
            stages.add(_head_safety(rule, original, labels))
    stages.end()
    work = {k: _safe_bodies(m, tree, original, stages) for k, m in work.items()}
    stages.end()
    work = _each(work, expand.Equals().rule)
    dynamics = expand.Dynamics(names)
    work = _each(work, dynamics.rule)
    if tests is not None:
        work = _each(work, lambda r: tests.seen(names, r))
    tree = RuleTree(work, needs)
    stages.add(Recursion(written, needs, tree, original).problems())
    stages.end()
    del written  # as large as the rules themselves, and of no more use
    env = TypeEnv(tree)
    notes = SchemaNotes(schemas, annotations if schema_annotations else None)
    stages.add(check_rule_types(env, tree, original, names.terms, _layers(notes, tree, source)), recoverable=True)
    stages.end()
    for module in work.values():
        stages.add(overrides.unsafe_calls(module.rules, unsafe_builtins), recoverable=True)
    stages.end()
    for module in work.values():
        if strict or module.version >= 1:
            used_rules = source[module.name or _key_of(work, module)].rules
            stages.add(overrides.deprecated_calls(used_rules), recoverable=True)
    stages.end(last=True)
    return Checked(source, work, tree, env, original, strict, known)


def _input_layer(schemas: Schemas | None) -> tuple[Layer, ...]:
    try:
        found = None if schemas is None else schemas.input_layer()
    except BadSchema as e:
        raise CompileError([Problem(TYPE_ERROR, str(e))]) from None
    return () if found is None else (found,)


def _layers(notes: SchemaNotes, tree: RuleTree, source: Mapping[str, Module]) -> RuleLayers:
    """What each rule knows of documents; annotations above a rule are none of its branches'."""

    def layers(env: TypeEnv, rule: Rule) -> tuple[tuple[Layer, ...], list[Problem]]:
        name, number, depth = tree.place_of[id(rule)]
        return notes.layers(env, rule, name, -1 if depth else number, source[name].package.names)

    return layers


def _key_of(work: Mapping[str, Module], module: Module) -> str:
    return next(k for k, m in work.items() if m is module)


def _each(modules: Mapping[str, Module], change: Callable[[Rule], Rule]) -> dict[str, Module]:
    return {k: replace(m, rules=kept(m.rules, [change(r) for r in m.rules])) for k, m in modules.items()}


def _head_safety(rule: Rule, original: Mapping[str, str], labels: RuleLabels) -> list[Problem]:
    problems: list[Problem] = []
    for link in branches(rule):
        there = set(variables(link.body, closures=False)) | set(variables(link.head.args or ()))
        parts = (link.head.key, link.head.value, link.head.ref.terms[1:])
        unsafe = {name for name in variables(parts) if name not in there and name not in ROOTS}
        # OPA tells the place where a variable stands last
        last = {x.name: x for x in walk(parts) if isinstance(x, Var)} if unsafe else {}
        for name, var in last.items():
            if name not in unsafe:
                continue
            shown = original.get(name, name)
            if shown.startswith("$"):
                shown = "_"
            if not shown.startswith("__local"):
                problems.append(Problem(UNSAFE_VAR_ERROR, f"var {shown} is unsafe{labels.of(link)}", var.loc))
    return problems


def _safe_bodies(module: Module, tree: RuleTree, original: Mapping[str, str], stages: _Stages) -> Module:
    """A module whose bodies are in a safe order."""
    labels = RuleLabels(module)
    made = [_body_safety(r, tree, original, stages, labels) for r in module.rules]
    return replace(module, rules=kept(module.rules, made))


def _body_safety(
    rule: Rule, tree: RuleTree, original: Mapping[str, str], stages: _Stages, labels: RuleLabels
) -> Rule:  # fmt: skip
    safe = {"data", "input"} | set(variables(rule.head.args or ()))
    body, unsafe = reorder(tree.arity, safe, rule.body)
    if unsafe:
        stages.add(unsafe_problems(unsafe, original, labels.of(rule)))
        body = rule.body
    made = rule if body is rule.body else replace(rule, body=indexed(body))
    if rule.else_ is None:
        return made
    return replace(made, else_=_body_safety(rule.else_, tree, original, stages, labels))


def _mocked(node: object) -> frozenset[str]:
    """The built-ins that some ``with`` puts something else in the place of."""
    targets = (x.target for x in walk(node) if isinstance(x, With))
    return frozenset(operator_name(t) if isinstance(t, Ref) else t.name for t in targets if isinstance(t, Ref | Var))


def undefined_functions(
    node: object, tree: RuleTree, original: Mapping[str, str], mocked: frozenset[str], types: KnownTypes
) -> list[Problem]:
    """Calls of what is no function, and calls with the wrong number of operands; ``types`` tells what those are.

    A built-in of OPA's that is not there may be called where it is among the ``mocked``; a call that reaches it
    after all ends the evaluation.
    """
    problems: list[Problem] = []
    for x in walk(node):
        if not isinstance(x, Expr) or not isinstance(x.terms, CallExpr):
            continue
        operator, args = x.terms.operator, x.terms.args
        arity = tree.arity(operator)
        name = operator_name(operator)
        if arity < 0:
            if name != "print":
                problems.append(
                    Problem(TYPE_ERROR, f"undefined function {term_text(original_ref(operator, original))}", x.loc)
                )
            continue
        count = len(args)
        wrong = (not is_equality(x) and count != arity + 1) if x.generated else count not in (arity, arity + 1)
        if x.generated and name == "internal.print":
            wrong = False
        if wrong:
            problems.append(_arity_problem(x, operator, args, arity, count - 1 if x.generated else count, types))
        elif _is_missing(name) and name not in mocked:
            message = f"undefined function {name} (OPA has this built-in; this version of image-enforcer does not)"
            problems.append(Problem(TYPE_ERROR, message, x.loc))
    return problems


def _is_missing(name: str) -> bool:
    """Whether OPA has a built-in that is not there."""
    return name in signatures() and name not in overrides.INTERNAL and name not in catalog.names()


def _arity_problem(
    expr: Expr, operator: Ref, args: tuple[Term, ...], arity: int, count: int, types: KnownTypes
) -> Problem:
    name = operator_name(operator)
    found = signatures().get(name)
    if found is not None:
        have = [types.type(a) for a in args]
        return argument_problem(expr.loc, name, "arity mismatch", have, found.function)
    wanted = types.type(operator)
    if isinstance(wanted, FunctionType):
        have = [types.type(a) for a in args[:count]]
        return argument_problem(expr.loc, term_text(operator), "arity mismatch", have, wanted)
    plural = "" if count == 1 else "s"
    return Problem(
        TYPE_ERROR, f"function {term_text(operator)} has arity {arity}, got {count} argument{plural}", expr.loc
    )


# --- queries -------------------------------------------------------------------------------------


def check_query(
    checked: Checked, body: Body, *, package: tuple[str, ...] | None = None, imports: Sequence[Import] = (),
    unsafe_builtins: frozenset[str] = frozenset(), keep_prints: bool = True, as_rule: bool = False,
) -> CheckedQuery:  # fmt: skip
    """Check a query against modules; raises :class:`CompileError`. ``as_rule``: ``==`` becomes ``=``, as in rules."""
    if not body:
        raise CompileError([Problem(COMPILE_ERROR, "empty query cannot be compiled")])
    try:
        return _check_query(checked, body, package, imports, unsafe_builtins, keep_prints, as_rule)
    except RecursionError:
        raise CompileError([Problem(COMPILE_ERROR, "the query nests deeper than can be compiled")]) from None


def _check_query(
    checked: Checked, body: Body, package: tuple[str, ...] | None, imports: Sequence[Import],
    unsafe_builtins: frozenset[str], keep_prints: bool, as_rule: bool,
) -> CheckedQuery:  # fmt: skip
    stages = _Stages(10, 11)
    tree = checked.tree
    globals_: dict[str, Ref] = {}
    if package is not None or imports:
        path = Ref((Var("data"), *(Scalar(p) for p in package or ())))
        own = [r.head.name for m in checked.source.values() if m.package.names == package for r in m.rules]
        globals_ = global_names(path, own, imports)
    resolver = Resolver(globals_)
    resolver.scopes.append(declared(body))
    body = resolver.body_plain(body)
    names = Names(set(variables(body)), "q")
    local = LocalVars(names, strict=False)
    body = local.query(body)
    stages.add([*local.problems, *local.all_unused])
    stages.end()
    original = {new: old for old, new in local.scopes.stack[0].names.items() if new != old}
    shown = {**checked.original, **local.scopes.original}
    stages.add(TemplateVars(tree.arity, shown).body(body))
    body = expand.Templates(_again(names, body), tree.is_defined).body(body)
    stages.add(overrides.void_calls(body))
    stages.end()
    stages.add(Undeclared(tree.arity, shown).body(body, {"data", "input"}))
    stages.end()
    body = expand.Prints(_again(names, body), keep_prints).body(body)
    body = expand.Calls(_again(names, body)).body(body)
    body = expand.ClosureHeads(_again(names, body)).body(body)
    targets = overrides.WithTargets(tree, unsafe_builtins)
    body = expand.Withs(_again(names, body), targets.check).body(body)
    stages.add(targets.problems)
    stages.end()
    known = KnownTypes(checked.types, shown, check_body, ({},), checked.known)
    stages.add(undefined_functions(body, tree, shown, _mocked(body), known))
    stages.end()
    body, unsafe = reorder(tree.arity, {"data", "input"}, body)
    if unsafe:
        stages.add(unsafe_problems(unsafe, shown))
    stages.end()
    if as_rule:
        body = expand.Equals().body(body)
    body = expand.Dynamics(_again(names, body)).body(body)
    stages.add(check_query_types(checked.types, body, shown, names.terms, checked.known))
    stages.end()
    stages.add(overrides.unsafe_calls(body, unsafe_builtins))
    stages.end()
    return CheckedQuery(body, original, local.scopes.original)


def _again(names: Names, body: Body) -> Names:
    """Names for the next stage of a query: in OPA each begins from the first one that the query does not have."""
    made = Names(set(variables(body)), names.suffix)
    made.terms = names.terms
    return made


__all__ = ["Checked", "CheckedQuery", "check_modules", "check_query"]
