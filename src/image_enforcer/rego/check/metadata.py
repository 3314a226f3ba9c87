"""``rego.metadata``: what the ``# METADATA`` blocks of all modules say of a rule, put in the place of the calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ..errors import COMPILE_ERROR, TYPE_ERROR, CompileError, Problem
from ..places import Location
from ..syntax.annotation_json import annotations_value
from ..syntax.annotations import rule_path
from ..syntax.nodes import (
    Annotations,
    Array,
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
)
from ..values import Num
from .visit import Rewriter, operator_name

Path = tuple[str, ...]

_CALLS: Final = ("rego.metadata.rule", "rego.metadata.chain")
MAX_TERMS: Final = 1_000_000
"""How many terms may be put in the place of calls: a long block and many calls would make their product of them."""


class AnnotationSet:
    """The blocks of all modules, by what they apply to."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.problems: list[Problem] = []
        self._by_rule: dict[tuple[str, int], list[Annotations]] = {}
        self._packages: dict[Path, Annotations] = {}
        self._documents: dict[Path, Annotations] = {}  # those of documents, and of packages with all below them
        for name, module in modules.items():
            for block in module.annotations:
                if block.scope == "rule" and block.rule is not None:
                    self._by_rule.setdefault((name, block.rule), []).append(block)
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
    work: Mapping[str, Module], source: Mapping[str, Module], annotations: AnnotationSet
) -> dict[str, Module]:
    """``rego.metadata.rule()`` and ``.chain()`` become constants: what the annotations say is known here."""
    done: dict[str, Module] = {}
    budget = _Budget()
    for name, module in work.items():
        if "rego.metadata" not in module.text:
            done[name] = module
            continue
        package = source[name].package.names
        rules = [
            _rewritten(rule, package, annotations.of_rule(name, i), annotations, budget)
            for i, rule in enumerate(module.rules)
        ]
        done[name] = replace(module, rules=tuple(rules))
    return done


def _rewritten(
    rule: Rule, package: Path, own: Sequence[Annotations], annotations: AnnotationSet, budget: _Budget
) -> Rule:
    """A rule and its branches; blocks apply to the first of these only."""
    after = None if rule.else_ is None else _rewritten(rule.else_, package, (), annotations, budget)
    calls = _Calls(own, annotations.chain(own, (*package, *rule_path(rule)), package), budget)
    made = calls.rule(replace(rule, else_=None)) if rule.else_ is not None else calls.rule(rule)
    return made if after is None else replace(made, else_=after)


class _Budget:
    """How many terms may still be made."""

    def __init__(self) -> None:
        self.left = MAX_TERMS

    def spend(self, count: int, at: Location) -> None:
        self.left -= count
        if self.left < 0:
            raise CompileError([Problem(COMPILE_ERROR, "too much metadata for so many calls of rego.metadata", at)])


class _Calls(Rewriter):
    def __init__(
        self, own: Sequence[Annotations], chain: Iterable[tuple[Path, Annotations | None]], budget: _Budget
    ) -> None:
        self._own = own
        self._chain = chain
        self._budget = budget

    def expr(self, expr: Expr) -> Expr:
        """An expression; as in OPA a call of its own loses its ``not`` and its ``with``."""
        made = super().expr(expr)
        if isinstance(expr.terms, CallExpr) and operator_name(expr.terms.operator) in _CALLS:
            return replace(made, negated=False, withs=())
        return made

    def expr_terms(self, expr: Expr) -> ExprTerms:
        terms = expr.terms
        if isinstance(terms, CallExpr):
            name = operator_name(terms.operator)
            if name in _CALLS:
                value = self._rule_value() if name == "rego.metadata.rule" else self._chain_value()
                constant = self._term(value, expr.loc)
                if terms.args:
                    return CallExpr(Ref((Var("eq", expr.loc),), expr.loc), (terms.args[0], constant))
                return TermExpr(constant)
        return super().expr_terms(expr)

    def _rule_value(self) -> Any:
        # of several blocks above a rule OPA takes the first here, the last as the beginning of the chain
        return annotations_value(self._own[0]) if self._own else {}

    def _chain_value(self) -> Any:
        return [
            {"path": list(path), **({} if block is None else {"annotations": annotations_value(block)})}
            for path, block in self._chain
        ]

    def _term(self, value: Any, loc: Location) -> Term:
        """A JSON-like value as a constant."""
        self._budget.spend(1, loc)
        match value:
            case Mapping():
                return Object(tuple((Scalar(str(k), loc), self._term(v, loc)) for k, v in value.items()), loc)
            case list() | tuple():
                return Array(tuple(self._term(v, loc) for v in value), loc)
            case None | bool() | int() | str() | Num():
                return Scalar(value, loc)
        raise TypeError(f"{type(value).__name__} in annotations")
