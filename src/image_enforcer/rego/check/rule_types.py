"""Rules checked for types in the order of what depends on what, so that each finds the types of those it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import Problem
from ..syntax.nodes import Array, Body, Object, Rule, Set, Term, Var
from ..types import ANY, BOOLEAN, FunctionType, ObjectType, SetType, Type, union
from ..values import Value, key
from .constants import ground_steps
from .documents import RuleTree, package_steps, rule_path
from .known_types import KnownTypes
from .type_bodies import check_body
from .type_env import Layer, TypeEnv, TypeNode

RuleLayers = Callable[[TypeEnv, Rule], tuple[tuple[Layer, ...], list[Problem]]]


def check_rule_types(
    env: TypeEnv, tree: RuleTree, original: Mapping[str, str], terms: Mapping[str, Term], known: RuleLayers
) -> list[Problem]:
    """Check every rule, those first that others depend on; what they are is put into ``env``.

    ``original`` maps generated names to written ones, ``terms`` those of hoisted terms to the terms; ``known`` tells
    what schemas say of the documents that a rule looks at.
    """
    problems: list[Problem] = []
    for rule in _in_order(tree):
        layers, faults = known(env, rule)
        problems.extend(faults)
        problems.extend(_check_rule(env, tree, rule, original, terms, layers))
    return sorted(problems, key=lambda p: (p.location.file, p.location.row, p.location.col))


def _in_order(tree: RuleTree) -> list[Rule]:
    rules = {id(r): r for r, _ in tree.rules()}
    deps = tree.dependencies()
    ordered: list[Rule] = []
    done: set[int] = set()
    for start in sorted(rules.values(), key=_place):
        stack: list[tuple[Rule, bool]] = [(start, False)]
        while stack:
            rule, ready = stack.pop()
            if ready:
                ordered.append(rule)
                continue
            if id(rule) in done:
                continue
            done.add(id(rule))
            stack.append((rule, True))
            needed = sorted((r for r, _ in deps[id(rule)]), key=_place, reverse=True)
            stack.extend((r, False) for r in needed if id(r) not in done)
    return ordered


def _place(rule: Rule) -> tuple[str, int, int]:
    return rule.loc.file, rule.loc.row, rule.loc.col


def _check_rule(
    env: TypeEnv, tree: RuleTree, rule: Rule, original: Mapping[str, str], terms: Mapping[str, Term],
    layers: tuple[Layer, ...],
) -> list[Problem]:  # fmt: skip
    types = KnownTypes(env, original, check_body, ({},), layers, terms)
    head = rule.head
    problems = check_body(types, rule.body)
    path = rule_path(package_steps(tree.module_of[id(rule)]), rule)
    ground = ground_steps(path)
    if problems:
        env.put_open(ground, path.terms[1 + len(ground) :], ANY)
        return problems
    found: Type | None
    if head.args:
        for arg in head.args:
            _default_any(types, arg)
        args = tuple(types.type(a) or ANY for a in head.args)
        result = types.type(head.value) if head.value is not None else BOOLEAN
        found = FunctionType(args, result)
        _insert_function(env, ground, found)
        return []
    if head.value is not None:
        found = types.type(head.value)
    else:
        kind = types.type(head.key) if head.key is not None else None
        found = None if kind is None else SetType(kind)
    for step in reversed(path.terms[1 + len(ground) :]):
        kind = types.type(step)
        found = None if kind is None or found is None else ObjectType((), (kind, found))
    if found is not None:
        env.insert(ground, found)
    return []


def _insert_function(env: TypeEnv, steps: Sequence[Value], found: FunctionType) -> None:
    node = env.root
    for step in steps:
        node = node.children.setdefault(key(step), TypeNode())
    there = node.value
    # where another clause has a fault, or not as many operands, the name is as in OPA no function's any more
    same = there is None or (isinstance(there, FunctionType) and len(there.args) == len(found.args))
    node.value = union(there, found) if same else None


def _default_any(types: KnownTypes, arg: Term) -> None:
    match arg:
        case Var(name):
            if types.var(name) is None:
                types.learn(name, ANY)
        case Array(items) | Set(items):
            for item in items:
                _default_any(types, item)
        case Object(pairs):
            for k, v in pairs:
                _default_any(types, k)
                _default_any(types, v)
        case _:
            pass


def check_query_types(
    env: TypeEnv, body: Body, original: Mapping[str, str], terms: Mapping[str, Term], layers: tuple[Layer, ...] = ()
) -> list[Problem]:
    """Check the body of a query."""
    return check_body(KnownTypes(env, original, check_body, ({},), layers, terms), body)
