"""``rego.metadata``: what the ``# METADATA`` blocks of all modules say of a rule, put in the place of the calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from ..errors import COMPILE_ERROR, TYPE_ERROR, CompileError, Problem
from ..places import Location
from ..records import replace
from ..syntax.annotation_json import annotations_value
from ..syntax.annotations import constant_path
from ..syntax.nodes import (
    Annotations,
    Array,
    CallExpr,
    Expr,
    Module,
    Object,
    Ref,
    Rule,
    Scalar,
    Term,
    TermExpr,
    Var,
)
from ..values import Num
from .expand import equation
from .scopes import Names
from .visit import Rewriter, indexed, operator_name, walk

Path = tuple[str, ...]

CHAIN: Final = "rego.metadata.chain"
_CALLS: Final = (CHAIN, "rego.metadata.rule")
MAX_TERMS: Final = 1_000_000
"""How many terms may be put in the place of calls: a long block above many rules would make their product of them."""


class AnnotationSet:
    """The blocks of all modules, by what they apply to."""

    def __init__(self, modules: Mapping[str, Module], apart: Collection[str] = ()) -> None:
        """The blocks of the packages of modules ``apart`` are not those of the packages that they name."""
        self.problems: list[Problem] = []
        self._by_rule: dict[tuple[str, int], list[Annotations]] = {}
        self._packages: dict[Path, Annotations] = {}
        self._documents: dict[Path, Annotations] = {}  # those of documents, and of packages with all below them
        for name, module in modules.items():
            for found in module.annotations:
                block = found
                if found.rule is not None and found.rule < len(module.rules):
                    path = (*module.package.names, *constant_path(module.rules[found.rule]))
                    block = found if found.path == path else replace(found, path=path)
                if block.scope == "rule" and block.rule is not None:
                    self._by_rule.setdefault((name, block.rule), []).append(block)
                elif name in apart and block.rule is None:
                    continue
                elif block.scope == "package":
                    self._add(self._packages, block)
                elif block.scope in ("document", "subpackages"):
                    self._add(self._documents, block)

    def _add(self, table: dict[Path, Annotations], block: Annotations) -> None:
        there = table.setdefault(block.path, block)
        if there is not block:
            self.problems.append(Problem(TYPE_ERROR, f"{block.scope} annotation redeclared: {there.loc}", block.loc))

    def of_rule(self, module: str, number: int) -> Sequence[Annotations]:
        """The blocks of a rule itself, in the order of the text."""
        return self._by_rule.get((module, number), ())

    def of_document(self, path: Path) -> Annotations | None:
        """The block of all rules at a path."""
        return self._documents.get(path)

    def of_package(self, path: Path) -> Annotations | None:
        """The block of a package."""
        return self._packages.get(path)

    def above(self, package: Path) -> list[Annotations]:
        """The blocks of a package and of those above it that apply to all below them, from the outermost inwards."""
        found = (self._documents.get(package[:size]) for size in range(len(package) + 1))
        return [block for block in found if block is not None]

    def chain(self, own: Sequence[Annotations], path: Path, package: Path) -> list[tuple[Path, Annotations | None]]:
        """The blocks that apply to a rule, the nearest first; the first entry is the rule's, even without a block."""
        found: list[tuple[Path, Annotations | None]] = [(b.path, b) for b in reversed(own)] or [(path, None)]
        others = [self.of_document(path), self.of_package(package), *reversed(self.above(package))]
        found += [(b.path, b) for b in others if b is not None]
        return found


def metadata_calls(
    work: Mapping[str, Module], source: Mapping[str, Module], annotations: AnnotationSet, names: Names
) -> dict[str, Module]:
    """``rego.metadata.rule()`` and ``.chain()`` become variables with what the annotations say: it is known here."""
    done: dict[str, Module] = {}
    budget = _Budget()
    for name, module in work.items():
        if "rego.metadata" not in module.text:
            done[name] = module
            continue
        package = source[name].package.names
        rules = [
            _rewritten(rule, package, annotations.of_rule(name, i), annotations, budget, names)
            for i, rule in enumerate(module.rules)
        ]
        done[name] = replace(module, rules=tuple(rules))
    return done


def _rewritten(
    rule: Rule, package: Path, own: Sequence[Annotations], annotations: AnnotationSet, budget: _Budget, names: Names
) -> Rule:
    """A rule and its branches; blocks apply to the first of these only. What a branch calls is set in those above."""
    first: dict[str, Location] = {}
    for x in walk(rule):
        if isinstance(x, Expr) and isinstance(x.terms, CallExpr):
            first.setdefault(operator_name(x.terms.operator), x.loc)
    before: list[Expr] = []
    known: dict[str, Var] = {}
    for call in (c for c in _CALLS if c in first):
        chain = annotations.chain(own, (*package, *constant_path(rule)), package)
        value = _chain_value(chain) if call == CHAIN else _rule_value(own)
        part, known[call] = equation(names, budget.term(value, first[call]))
        before.append(part)
    if not before:
        return rule
    calls = _Calls(known)
    return replace(
        rule,
        head=calls.head(rule.head),
        body=indexed([*before, *calls.body(rule.body)]),
        else_=None if rule.else_ is None else _rewritten(rule.else_, package, (), annotations, budget, names),
    )


def _rule_value(own: Sequence[Annotations]) -> Any:
    # of several blocks above a rule OPA takes the first here, the last as the beginning of the chain
    return annotations_value(own[0]) if own else {}


def _chain_value(chain: Iterable[tuple[Path, Annotations | None]]) -> Any:
    return [
        {"path": list(path), **({} if block is None else {"annotations": annotations_value(block)})}
        for path, block in chain
    ]


class _Budget:
    """How many terms may still be made."""

    def __init__(self) -> None:
        self.left = MAX_TERMS

    def term(self, value: Any, loc: Location) -> Term:
        """A JSON-like value as a constant."""
        self.left -= 1
        if self.left < 0:
            raise CompileError([Problem(COMPILE_ERROR, "too much metadata for so many calls of rego.metadata", loc)])
        match value:
            case Mapping():
                return Object(tuple((Scalar(str(k), loc), self.term(v, loc)) for k, v in value.items()), loc)
            case list() | tuple():
                return Array(tuple(self.term(v, loc) for v in value), loc)
            case None | bool() | int() | str() | Num():
                return Scalar(value, loc)
        raise TypeError(f"{type(value).__name__} in annotations")


class _Calls(Rewriter):
    def __init__(self, known: Mapping[str, Var]) -> None:
        self._known = known

    def expr(self, expr: Expr) -> Expr:
        """An expression; as in OPA a call of its own loses its ``not`` and its ``with``."""
        terms = expr.terms
        if isinstance(terms, CallExpr) and operator_name(terms.operator) in self._known:
            var = replace(self._known[operator_name(terms.operator)], loc=expr.loc)
            made = (
                CallExpr(Ref((Var("eq", expr.loc),), expr.loc), (terms.args[0], var)) if terms.args else TermExpr(var)
            )
            return replace(expr, terms=made, negated=False, withs=(), generated=True)
        return super().expr(expr)
