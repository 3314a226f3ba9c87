"""What a query depends on: base documents, which come from outside, and virtual ones, which rules make.

References are followed through the variables that they are bound to, and from rule to rule. What is told ends where
a reference's steps are no longer constant: ``data.a.b[x]`` is told as ``data.a.b``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..rego import LimitError, Policy
from ..rego.check.visit import ROOTS, children, is_equality, variables, walk
from ..rego.plan.documents import full_path
from ..rego.syntax.nodes import (
    Array,
    Body,
    CallExpr,
    Expr,
    Module,
    Object,
    Ref,
    Rule,
    Scalar,
    Set,
    Term,
    TermExpr,
    Var,
)
from ..rego.syntax.term_order import term_order
from ..rego.values import Key, key

MOST_REFS: Final = 20_000
"""References that may be found for the variables of one rule."""

MOST_STEPS: Final = 256
"""Steps of a reference that was found by way of variables: where these hold each other, there is no end of them."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Both kinds, each in order and each reference once."""

    base: tuple[Ref, ...]
    virtual: tuple[Ref, ...]


def dependencies(policy: Policy, query: Body) -> Dependencies:
    """What a query, as parsed, depends on. Raises :class:`LimitError` where that has no end."""
    tree = _Rules(policy.compiled)
    base: set[Ref] = set()
    virtual: set[Ref] = set()
    seen: set[int] = set()
    todo = [_of_body(query)]
    while todo:
        for ref in map(_constant_prefix, _minimal(todo.pop())):
            rules = list(tree.reached(ref))
            if not rules:
                base.add(ref)
            for module, rule in rules:
                if id(rule) in seen:
                    continue
                seen.add(id(rule))
                virtual.add(_ground(module, rule))
                todo.append(_of_rule(rule))
    return Dependencies(_sorted(base), _sorted(virtual))


def _sorted(refs: Iterable[Ref]) -> tuple[Ref, ...]:
    return tuple(sorted(refs, key=term_order))


def _ground(module: Module, rule: Rule) -> Ref:
    steps: list[Term] = []
    for step in full_path(module.package.names, rule):
        if not isinstance(step, Scalar):
            break
        steps.append(step)
    return Ref((Var("data"), *steps))


# --- rules by path -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Node:
    rules: list[tuple[Module, Rule]] = field(default_factory=list)
    below: dict[Key, _Node] = field(default_factory=dict)


class _Rules:
    """The rules of a policy by the constant part of their paths."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.root = _Node()
        for module in modules.values():
            for rule in module.rules:
                at = self.root
                for step in _ground(module, rule).path:
                    assert isinstance(step, Scalar)
                    at = at.below.setdefault(key(step.value), _Node())
                at.rules.append((module, rule))

    def reached(self, ref: Ref) -> Iterator[tuple[Module, Rule]]:
        """The rules at, above or below a path."""
        if ref.head != Var("data"):
            return
        at = self.root
        for step in ref.path:
            if at.rules:
                break
            below = at.below.get(key(step.value)) if isinstance(step, Scalar) else None
            if below is None:
                return
            at = below
        if at.rules:
            yield from at.rules
        todo = list(at.below.values())
        while todo:
            node = todo.pop()
            yield from node.rules
            todo.extend(node.below.values())


# --- references of a rule ------------------------------------------------------------------------


def _of_body(body: Body) -> list[Ref]:
    """A query: all of its variables count as used."""
    names = {name for name in variables(body) if not name.startswith("$")}
    return _found(body, names)


def _of_rule(rule: Rule) -> list[Ref]:
    found: list[Ref] = []
    link: Rule | None = rule
    while link is not None:
        head = link.head
        names = set(variables((head.args or (), head.key, head.value, head.ref.terms[1:])))
        found += _found(link.body, names)
        link = link.else_
    return found


def _minimal(refs: Iterable[Ref]) -> list[Ref]:
    """Without those that lie below another one, as far as they follow it in order."""
    found: list[Ref] = []
    for ref in sorted(set(refs), key=term_order):
        if not found or not _has_prefix(ref, found[-1]):
            found.append(ref)
    return found


def _found(body: Body, head: set[str]) -> list[Ref]:
    """The references to documents in a body whose rule has some variables in its head."""
    bound, others = _equations(body)
    joined = _joined(bound)
    found: list[Ref] = []
    used: set[str] = set()
    ends: list[Ref] = []
    for expr in others:
        term = expr.terms.term if isinstance(expr.terms, TermExpr) else None
        last = term.terms[-1] if isinstance(term, Ref) else None
        if isinstance(term, Ref) and isinstance(last, Var) and last.name in head:
            ends += _expanded(term, joined)
            continue
        found += [r for ref in _refs(expr) for r in _expanded(ref, joined)]
        used |= set(variables(expr, ref_heads=False))
    for ref in ends:
        if not any(_has_prefix(r, ref) for r in found):
            found.append(ref)
        found += _inner(ref, joined)
    for ref in _refs(body):
        used |= {t.name for t in ref.path if isinstance(t, Var)}
    aliases: list[Ref] = []
    for name, refs in joined.items():
        alias = len(refs) == 1 and name not in head and name not in used
        for ref in refs:
            found += _inner(ref, joined) if alias else [r for x in _refs(ref) for r in _expanded(x, joined)]
            if alias:
                aliases.append(ref)
    known = list(found)
    found += [a for a in aliases if not any(_has_prefix(r, a) or _has_prefix(a, r) for r in known)]
    return found


def _equations(body: Body) -> tuple[dict[str, list[Ref]], list[Expr]]:
    """Which references variables are equal to, and the expressions that say something else."""
    bound: dict[str, list[Ref]] = {name: [] for name in variables(body)}
    others: list[Expr] = []
    for expr in body:
        match expr.terms:
            case CallExpr(_, (Var(name), Ref() as ref)) if is_equality(expr):
                bound[name].append(ref)
            case CallExpr(_, (Ref() as ref, Var(name))) if is_equality(expr):
                bound[name].append(ref)
            case _:
                others.append(expr)
    return bound, others


def _joined(bound: Mapping[str, list[Ref]]) -> dict[str, dict[Ref, None]]:
    """The documents that variables come to, also by way of others."""
    joined: dict[str, dict[Ref, None]] = {name: {} for name in bound}
    count = 0
    changed = True
    while changed:
        changed = False
        for name, refs in bound.items():
            for ref in refs:
                for made in _expanded(ref, joined):
                    if made not in joined[name]:
                        joined[name][made] = None
                        changed = True
                        count += 1
                        if count > MOST_REFS or len(made.terms) > MOST_STEPS:
                            raise LimitError("output", f"there is no end of what {name} depends on")
    return joined


def _expanded(ref: Ref, joined: Mapping[str, Mapping[Ref, None]]) -> list[Ref]:
    head = ref.head
    if not isinstance(head, Var):
        return []
    if head.name in ROOTS:
        return [ref]
    return [Ref((*r.terms, *ref.path)) for r in joined.get(head.name, ())]


def _refs(node: object) -> list[Ref]:
    return [x for x in walk(node) if isinstance(x, Ref)]


def _inner(ref: Ref, joined: Mapping[str, Mapping[Ref, None]]) -> list[Ref]:
    """The references in the steps of one."""
    return [r for part in children(ref) for x in _refs(part) for r in _expanded(x, joined)]


def _has_prefix(ref: Ref, prefix: Ref) -> bool:
    return ref.terms[: len(prefix.terms)] == prefix.terms


def _constant_prefix(ref: Ref) -> Ref:
    for i, step in enumerate(ref.path):
        if not _is_constant(step):
            return Ref(ref.terms[: i + 1])
    return ref


def _is_constant(term: Term) -> bool:
    match term:
        case Scalar():
            return True
        case Array(items) | Set(items):
            return all(map(_is_constant, items))
        case Object(pairs):
            return all(_is_constant(t) for p in pairs for t in p)
        case _:
            return False
