"""What generated cases have used of the language: kinds of nodes, forms of rules and expressions, built-ins.

Cases whose modules do not parse, or that OPA refuses before it evaluates, count for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Final

from image_enforcer import rego
from image_enforcer.rego.builtins import catalog
from image_enforcer.rego.signatures import signatures
from image_enforcer.rego.syntax import nodes as ast
from image_enforcer.rego.syntax import parse_module, parse_query
from image_enforcer.rego.syntax.printer import term_text
from image_enforcer.rego.values import Num

from .calls import UNASKED
from .cases import Case, Outcome

KINDS: Final = (
    ast.Scalar, ast.Var, ast.Ref, ast.Array, ast.Object, ast.Set, ast.ArrayComprehension, ast.SetComprehension,
    ast.ObjectComprehension, ast.Call, ast.TemplateString, ast.TermExpr, ast.CallExpr, ast.SomeDecl, ast.Every, ast.Not,
    ast.LogicalAnd, ast.LogicalOr, ast.With, ast.Expr, ast.Head, ast.Annotations, ast.Rule, ast.Package, ast.Import,
    ast.Comment, ast.Module,
)  # fmt: skip
"""Every kind of node."""
FORMS: Final = (
    "rule: default", "rule: else", "rule: else after else", "rule: function", "rule: function default",
    "rule: function pattern", "rule: set", "rule: several clauses", "rule: no body", "rule: object key computed",
    "rule: reference of constants", "rule: reference with variable", "rule: reference with two variables",
    "rule: set below variable", "rule: variable before constant", "package: odd name", "module: v0", "module: several",
    "module: same package twice", "import: alias", "import: data", "import: input", "import: future",
    "expression: negated", "expression: with twice", "with: input", "with: part of input", "with: data",
    "with: rule", "with: function", "with: built-in", "with: value is function", "every: with key", "some: several",
    "some: in", "some: in with key", "unify: array pattern", "unify: object pattern", "unify: set", "member with key",
    "reference: computed head", "reference: call head", "reference: composite step", "reference: wildcard",
    "comprehension: nested", "template: over lines", "number: spelled", "print", "strict", "strict compile",
    "query: more than a path", "error: conflict", "error: built-in", "error: type of operand",
)  # fmt: skip
"""Every form that has to be met."""
REFUSED: Final = (
    "rego_parse_error",
    "rego_compile_error",
    "rego_type_error",
    "rego_unsafe_var_error",
    "rego_recursion_error",
)


def wanted() -> frozenset[str]:
    """Everything that a long run has to meet."""
    missed = UNASKED | {"print", "internal.print", "internal.template_string", "internal.member_2", "internal.member_3"}
    return frozenset([*(k.__name__ for k in KINDS), *FORMS, *(f"call: {n}" for n in catalog.names() - missed)])


class Seen:
    """Counts what was met. The errors that OPA has before evaluation are counted by code."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()

    def add(self, case: Case, theirs: Outcome) -> None:
        """A case, with what OPA said to it."""
        codes = {f.code for f in theirs.faults}
        self.codes.update(codes or {"answer" if theirs.results else "undefined"})
        if codes & set(REFUSED):
            return
        try:
            found = set(_met(case))
        except rego.CompileError:
            return
        found |= {name for code, name in _CODES.items() if code in codes}
        self.counts.update(found)

    def missing(self) -> list[str]:
        """What was never met."""
        return sorted(wanted() - set(self.counts))

    def shown(self) -> str:
        """The rarest things met, and the answers by kind."""
        rare = sorted((self.counts[w], w) for w in wanted())[:12]
        return f"answers {dict(self.codes.most_common())}; rarest {', '.join(f'{w} ({n})' for n, w in rare)}"


_CODES: Final[Mapping[str, str]] = {
    "eval_conflict_error": "error: conflict",
    "eval_builtin_error": "error: built-in",
    "eval_type_error": "error: type of operand",
}


def _met(case: Case) -> Iterator[str]:
    modules = [parse_module(f"test-{i}.rego", text, version=case.version) for i, text in enumerate(case.modules)]
    packages = [m.package.names for m in modules]
    if len(modules) > 1:
        yield "module: several"
    if len(set(packages)) < len(packages):
        yield "module: same package twice"
    if case.version == 0:
        yield "module: v0"
    if case.strict:
        yield "strict"
    if case.strict_compile:
        yield "strict compile"
    if not (case.query.startswith("data.") and case.query.endswith(" = x")):
        yield "query: more than a path"
    todo: list[object] = [*modules, *parse_query(case.query)]
    while todo:
        x = todo.pop()
        match x:
            case tuple():
                todo.extend(x)
            case ast.Module():
                yield from _of_module(x)
                yield from _of_node(x)
                todo += [x.package, x.imports, x.rules, x.comments, x.annotations]
            case _ if is_dataclass(x):
                if isinstance(x, KINDS):
                    yield from _of_node(x)
                todo.extend(getattr(x, f.name) for f in fields(x) if f.name != "loc")
            case _:
                pass


def _of_module(module: ast.Module) -> Iterator[str]:
    heads = Counter(term_text(r.head.ref) for r in module.rules if not r.default)
    if any(n > 1 for n in heads.values()):
        yield "rule: several clauses"
    if any(not n.isidentifier() for n in module.package.names):
        yield "package: odd name"


def _of_node(x: object) -> Iterator[str]:
    yield type(x).__name__
    match x:
        case ast.Rule():
            yield from _of_rule(x)
        case ast.Import(path, alias):
            if alias is not None:
                yield "import: alias"
            yield f"import: {getattr(path.head, 'name', '')}"
        case ast.Expr():
            if x.negated:
                yield "expression: negated"
            if len(x.withs) > 1:
                yield "expression: with twice"
        case ast.With(target, value):
            yield from _of_with(target, value)
        case ast.Every(key) if key is not None:
            yield "every: with key"
        case ast.SomeDecl(symbols):
            if len(symbols) > 1:
                yield "some: several"
            elif isinstance(symbols[0], ast.Call):
                yield "some: in" if len(symbols[0].args) == 2 else "some: in with key"
        case ast.CallExpr(operator, args) | ast.Call(operator, args):
            yield from _of_call(term_text(operator), args)
        case ast.Ref(terms):
            yield from _of_ref(terms)
        case ast.ArrayComprehension() | ast.SetComprehension() | ast.ObjectComprehension():
            if isinstance(getattr(x, "term", None) or getattr(x, "value", None), type(x)):
                yield "comprehension: nested"
        case ast.TemplateString(_, True):
            yield "template: over lines"
        case ast.Scalar(Num()):
            yield "number: spelled"
        case _:
            pass


def _of_rule(rule: ast.Rule) -> Iterator[str]:
    head = rule.head
    if rule.default:
        yield "rule: default" if head.args is None else "rule: function default"
    if rule.else_ is not None:
        yield "rule: else"
        if rule.else_.else_ is not None:
            yield "rule: else after else"
    if rule.generated_body:
        yield "rule: no body"
    if head.args is not None:
        yield "rule: function"
        if any(not isinstance(a, ast.Var) for a in head.args):
            yield "rule: function pattern"
    steps = head.ref.path
    free = [i for i, t in enumerate(steps) if not isinstance(t, ast.Scalar)]
    if head.value is None:
        yield "rule: set"
        if free:
            yield "rule: set below variable"
    if steps and not free:
        yield "rule: reference of constants"
    if free:
        yield "rule: reference with variable"
        if len(free) > 1:
            yield "rule: reference with two variables"
        if free[0] < len(steps) - 1 and isinstance(steps[-1], ast.Scalar):
            yield "rule: variable before constant"
        if any(not isinstance(steps[i], ast.Var) for i in free):
            yield "rule: object key computed"


def _of_with(target: ast.Term, value: ast.Term) -> Iterator[str]:
    text = term_text(target)
    if text == "input":
        yield "with: input"
    elif text.startswith("input"):
        yield "with: part of input"
    elif text.startswith("data.d"):
        yield "with: data"
    elif text.startswith("data.t"):
        yield "with: rule"
    elif text in signatures():
        yield "with: built-in"
    else:
        yield "with: function"
    if term_text(value) in signatures():
        yield "with: value is function"


def _of_call(name: str, args: tuple[ast.Term, ...]) -> Iterator[str]:
    if name == "print":
        yield "print"
    elif name == "internal.member_3":
        yield "member with key"
    elif name in ("eq", "assign"):
        for side in args:
            match side:
                case ast.Array(items) if any(isinstance(i, ast.Var) for i in items):
                    yield "unify: array pattern"
                case ast.Object(pairs) if any(isinstance(v, ast.Var) for _, v in pairs):
                    yield "unify: object pattern"
                case ast.Set(items) if items:
                    yield "unify: set"
                case _:
                    pass
    elif name in signatures():
        yield f"call: {name}"


def _of_ref(terms: tuple[ast.Term, ...]) -> Iterator[str]:
    if isinstance(terms[0], ast.Call):
        yield "reference: call head"
    elif not isinstance(terms[0], ast.Var):
        yield "reference: computed head"
    for step in terms[1:]:
        if isinstance(step, ast.Array | ast.Object | ast.Set):
            yield "reference: composite step"
        elif isinstance(step, ast.Var) and step.is_wildcard:
            yield "reference: wildcard"
