"""Smaller checks: shadowed documents, doubled imports, calls without a value, ``with`` targets, forbidden built-ins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import COMPILE_ERROR, TYPE_ERROR, Problem
from ..signatures import signatures
from ..syntax.nodes import (
    Annotations,
    Array,
    Call,
    CallExpr,
    Expr,
    ExprTerms,
    Module,
    Object,
    Ref,
    Rule,
    Scalar,
    Term,
    TermExpr,
    Var,
    With,
)
from ..syntax.printer import import_text, term_text
from ..values import Num
from .documents import RuleTree
from .resolve import import_name
from .visit import ROOTS, Rewriter, is_assignment, operator_name, walk

INTERNAL = frozenset({
    "eq", "assign", "equal", "internal.print", "internal.test_case", "print", "rego.metadata.chain",
    "rego.metadata.rule",
})  # fmt: skip
"""Built-ins that are part of the language here, not functions in a table."""


_ROOT_VARS = tuple(Var(name) for name in ROOTS)


def root_documents(module: Module) -> list[Problem]:
    """Rules, arguments and variables named ``input`` or ``data``."""
    problems: list[Problem] = []
    for rule in module.rules:
        link: Rule | None = rule
        while link is not None:
            if link.head.name in ROOTS:
                text = f"rules must not shadow {link.head.name} (use a different rule name)"
                problems.append(Problem(COMPILE_ERROR, text, link.loc))
            for arg in walk(link.head.args or ()):
                if isinstance(arg, Ref) and len(arg.terms) == 1 and arg.head in _ROOT_VARS:
                    text = f"args must not shadow {term_text(arg)} (use a different variable name)"
                    problems.append(Problem(COMPILE_ERROR, text, link.loc))
            link = link.else_
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


# --- rego.metadata -------------------------------------------------------------------------------


def metadata_calls(work: Mapping[str, Module], source: Mapping[str, Module]) -> dict[str, Module]:
    """``rego.metadata.rule()`` and ``.chain()`` become constants: what the annotations say is known here."""
    done: dict[str, Module] = {}
    for key, module in work.items():
        if "rego.metadata" not in module.text:
            done[key] = module
            continue
        rules = tuple(_Metadata(rule, source[key], source).rule(rule) for rule in module.rules)
        done[key] = replace(module, rules=rules)
    return done


class _Metadata(Rewriter):
    def __init__(self, rule: Rule, module: Module, modules: Mapping[str, Module]) -> None:
        self.current = rule
        self.module = module
        self.modules = modules

    def expr_terms(self, expr: Expr) -> ExprTerms:
        terms = expr.terms
        if isinstance(terms, CallExpr):
            name = operator_name(terms.operator)
            if name in ("rego.metadata.rule", "rego.metadata.chain"):
                value = self._rule() if name.endswith("rule") else self._chain()
                constant = to_term(value, expr)
                if terms.args:
                    return CallExpr(Ref((Var("eq", expr.loc),), expr.loc), (terms.args[0], constant))
                return TermExpr(constant)
        return super().expr_terms(expr)

    def _path(self) -> list[str]:
        steps = [str(t.value) for t in self.current.head.ref.terms[1:] if isinstance(t, Scalar)]
        return [*self.module.package.names, self.current.head.name, *steps]

    def _rule(self) -> Any:
        for block in self.current.annotations:
            if block.scope == "rule":
                return shown(block.fields, block.scope)
        return {}

    def _chain(self) -> Any:
        path = self._path()
        chain: list[Any] = []
        first: dict[str, Any] = {"path": path}
        for block in self.current.annotations:
            if block.scope == "rule":
                first = {"path": path, "annotations": shown(block.fields, block.scope)}
        chain.append(first)
        names = list(self.module.package.names)
        blocks = [(m, b) for m in self.modules.values() for b in m.annotations]
        chain.extend(_link(path, b) for _, b in blocks if b.scope == "document" and list(b.path) == path)
        chain.extend(_link(names, b) for m, b in blocks if b.scope == "package" and list(m.package.names) == names)
        for size in range(len(names), 0, -1):
            above = tuple(names[:size])
            chain.extend(
                _link(names[:size], b) for m, b in blocks if b.scope == "subpackages" and m.package.names == above
            )
        return chain


def _link(path: list[str], block: Annotations) -> dict[str, Any]:
    return {"path": path, "annotations": shown(block.fields, block.scope)}


def shown(fields: Mapping[str, Any], scope: str) -> dict[str, Any]:
    """Annotations as policies see them."""
    out: dict[str, Any] = {"scope": scope}
    for k, v in fields.items():
        if k == "scope":
            continue
        if k == "authors":
            out[k] = [_author(a) for a in v]
        elif k == "related_resources":
            out[k] = [{"ref": r} if isinstance(r, str) else {n: str(x).strip() for n, x in r.items() if x} for r in v]
        elif v not in (None, "", [], {}):
            out[k] = v
    return out


def _author(author: Any) -> dict[str, str]:
    if isinstance(author, dict):
        return {k: str(v).strip() for k, v in author.items() if k in ("name", "email") and v}
    words = str(author).split()
    if words and words[-1].startswith("<") and words[-1].endswith(">"):
        made = {"email": words[-1][1:-1]}
        return {"name": " ".join(words[:-1]), **made} if len(words) > 1 else made
    return {"name": " ".join(words)}


def to_term(value: Any, at: Expr) -> Term:
    """A JSON-like value as a constant term."""
    loc = at.loc
    if isinstance(value, Mapping):
        return Object(tuple((Scalar(str(k), loc), to_term(v, at)) for k, v in value.items()), loc)
    if isinstance(value, list | tuple):
        return Array(tuple(to_term(v, at) for v in value), loc)
    if isinstance(value, float):
        return Scalar(Num(repr(value)), loc)
    if value is None or isinstance(value, bool | int | str):
        return Scalar(value, loc)
    return Scalar(str(value), loc)
