"""Smaller checks: shadowed documents, doubled imports, calls without a value, ``with`` targets, forbidden built-ins."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import COMPILE_ERROR, TYPE_ERROR, Problem
from ..signatures import signatures
from ..syntax.nodes import Array, Call, CallExpr, Expr, Module, Object, Ref, Rule, Term, Var, With
from ..syntax.printer import import_text, term_text
from .documents import RuleTree
from .resolve import import_name
from .visit import ROOTS, is_assignment, operator_name, walk

INTERNAL = frozenset({
    "eq", "assign", "equal", "internal.print", "internal.test_case", "print", "rego.metadata.chain",
    "rego.metadata.rule",
})  # fmt: skip
"""Built-ins that are part of the language here, not functions in a table."""


_ROOT_VARS = tuple(Var(name) for name in ROOTS)


def root_arguments(module: Module) -> list[Problem]:
    """Arguments named ``input`` or ``data``, one of each rule and branch."""
    problems: list[Problem] = []
    for rule in module.rules:
        link: Rule | None = rule
        while link is not None:
            found = next((a for arg in link.head.args or () for a in _roots_in(arg)), None)
            if found is not None:
                text = f"args must not shadow {term_text(found)} (use a different variable name)"
                problems.append(Problem(COMPILE_ERROR, text, link.loc))
            link = link.else_
    return problems


def _roots_in(arg: Term) -> Iterator[Ref]:
    """Where an argument is a whole document, in places that are matched by pattern."""
    match arg:
        case Ref((head,)) if head in _ROOT_VARS:
            yield arg
        case Ref(terms):
            for t in terms:
                yield from _roots_in(t)
        case Array(items):
            for t in items:
                yield from _roots_in(t)
        case Object(pairs):
            for _, v in pairs:
                yield from _roots_in(v)
        case _:
            return


def root_documents(module: Module) -> list[Problem]:
    """Rules and variables named ``input`` or ``data``; of a rule with branches the first one."""
    problems: list[Problem] = []
    for rule in module.rules:
        if rule.head.name in ROOTS:
            text = f"rules must not shadow {rule.head.name} (use a different rule name)"
            problems.append(Problem(COMPILE_ERROR, text, rule.loc))
    for rule in module.rules:
        for x in walk(rule):
            if isinstance(x, Expr) and is_assignment(x) and isinstance(x.terms, CallExpr) and x.terms.args:
                target = x.terms.args[0]
                name = (
                    target.head.name
                    if isinstance(target, Ref) and len(target.terms) == 1 and isinstance(target.head, Var)
                    else ""
                )
                if name in ROOTS:
                    text = f"variables must not shadow {name} (use a different variable name)"
                    problems.append(Problem(COMPILE_ERROR, text, x.loc))
    return problems


def duplicate_imports(module: Module) -> list[Problem]:
    """Imports that bring a name a second time."""
    seen: dict[str, str] = {}
    problems: list[Problem] = []
    for item in module.imports:
        name = import_name(item)
        if name in seen:
            problems.append(Problem(COMPILE_ERROR, f"import must not shadow {seen[name]}", item.loc))
        else:
            seen[name] = import_text(item)
    return problems


def void_calls(node: object) -> list[Problem]:
    """``x := print(1)``: a call without a value in the place of one."""
    problems: list[Problem] = []
    for x in walk(node):
        if isinstance(x, Call):
            found = signatures().get(operator_name(x.operator))
            if found is not None and found.result is None:
                problems.append(Problem(TYPE_ERROR, f"{term_text(x)} used as value", x.loc))
    return problems


def unsafe_calls(node: object, names: frozenset[str]) -> list[Problem]:
    """Calls of built-ins that are not to be called."""
    if not names:
        return []
    problems: list[Problem] = []
    for x in walk(node):
        if isinstance(x, Expr) and isinstance(x.terms, CallExpr) and operator_name(x.terms.operator) in names:
            name = operator_name(x.terms.operator)
            problems.append(Problem(TYPE_ERROR, f"unsafe built-in function calls in expression: {name}", x.loc))
    return problems


def deprecated_calls(node: object) -> list[Problem]:
    """Calls of built-ins that Rego v1 has no more."""
    problems: list[Problem] = []
    for x in walk(node):
        match x:
            case Expr(CallExpr(operator, _)):
                name, loc = operator_name(operator), x.loc
            case Call(operator, _):
                name, loc = operator_name(operator), operator.loc
            case _:
                continue
        found = signatures().get(name)
        if found is not None and found.deprecated:
            problems.append(Problem(TYPE_ERROR, f"deprecated built-in function calls in expression: {name}", loc))
    return problems


class WithTargets:
    """Checks what ``with`` replaces; ``check`` says whether the value is a function's name rather than a value."""

    def __init__(self, tree: RuleTree, unsafe: frozenset[str]) -> None:
        self.tree = tree
        self.unsafe = unsafe
        self.problems: list[Problem] = []

    def check(self, item: With) -> bool | None:
        """Report a bad target, which is None; True where the value is a function."""
        before = len(self.problems)
        is_function = self._is_function(item)
        return None if len(self.problems) > before else is_function

    def _is_function(self, item: With) -> bool:
        target = item.target
        ref = target if isinstance(target, Ref) else Ref((target,), target.loc)
        root = ref.head.name if isinstance(ref.head, Var) else ""
        if root == "input":
            return False
        name = operator_name(ref)
        if name in self.unsafe:
            self._bad(f'target must not be unsafe: "{name}"', item)
            return True
        if root == "data":
            if self.tree.partially_replaces(ref):
                self.problems.append(
                    Problem(COMPILE_ERROR, "with keyword cannot partially replace virtual document(s)", target.loc)
                )
                return True
            if self.tree.is_function(ref):
                return self._function_value(item)
            value = item.value
            return isinstance(value, Ref) and self.tree.is_function(value)
        if name in signatures():
            if not self._builtin_ok(name, item):
                return True
            return self._function_value(item)
        text = "with keyword target must reference existing input, data, or a function"
        self.problems.append(Problem(TYPE_ERROR, text, target.loc))
        return True

    def _bad(self, text: str, item: With) -> None:
        self.problems.append(
            Problem(COMPILE_ERROR, f"with keyword replacing built-in function: {text}", item.target.loc)
        )

    def _builtin_ok(self, name: str, item: With) -> bool:
        found = signatures()[name]
        if name in ("eq", "rego.metadata.chain", "rego.metadata.rule"):
            self._bad(f'replacement of "{name}" invalid', item)
        elif name.startswith("internal."):
            self._bad(f'replacement of internal function "{name}" invalid', item)
        elif found.relation:
            self._bad("target must not be a relation", item)
        elif found.result is None:
            self._bad("target must not be a void function", item)
        else:
            return True
        return False

    def _function_value(self, item: With) -> bool:
        value = item.value
        if isinstance(value, Var):
            value = Ref((value,), value.loc)
        if not isinstance(value, Ref):
            return False
        name = operator_name(value)
        if name in self.unsafe:
            self._bad(f'target must not be unsafe: "{name}"', item)
            return True
        if isinstance(value.head, Var) and value.head.name == "data":
            return self.tree.exists(value)
        return name in signatures()
