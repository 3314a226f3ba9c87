"""References that can find nothing: steps into what has none, or has none of that name or type."""

from __future__ import annotations

from ..errors import TYPE_ERROR, Problem
from ..records import replace
from ..syntax.nodes import Array, Object, Ref, Scalar, Set, Var
from ..syntax.printer import term_text
from ..types import ANY, STRING, FunctionType, Type, keys, select, values
from ..values import Value, key
from . import details
from .constants import constant_value
from .known_types import KnownTypes
from .type_algebra import empty_collection, one_of, unifies
from .type_env import TypeNode, extent, names_below
from .type_unification import unify_term
from .visit import ROOTS


def reference_problem(types: KnownTypes, ref: Ref) -> Problem | None:
    """What is wrong with a reference, if anything; the variables in it learn their types."""
    found = types.ref_type(ref)
    if isinstance(found, FunctionType):
        shown = types.shown(ref)
        last = ref.terms[-1]
        if isinstance(last, Var) and last.is_generated:
            shown = types.shown(replace(ref, terms=ref.terms[:-1]))
        lines = (types.shown(ref), "^" * len(types.shown(ref)), f"have: {found}")
        detail = details.NoSteps(types.written(ref), len(ref.terms) - 1, found)
        text = f"function {shown} used as reference, not called"
        return Problem(TYPE_ERROR, text, ref.head.loc, extra=lines, detail=detail)
    head = ref.head
    if isinstance(head, Scalar):  # OPA looks for it among the rules and, as it is not there, takes it for anything
        return _leaf(types, ANY, ref, 1)
    if not isinstance(head, Var):
        return _leaf(types, types.type(head), ref, 1)
    if head.name in ROOTS:
        return _under_layers(types, ref, head.name)
    kind = types.var(head.name)
    if kind is None:
        types.learn(head.name, ANY)
        kind = ANY
    return _leaf(types, kind, ref, 1)


def _under_layers(types: KnownTypes, ref: Ref, root: str) -> Problem | None:
    """What the layers say, each from the root on; where none knows the whole way, what the rules say."""
    for layer in types.layers:
        node = layer.get(root)
        at = 1
        while node is not None and at < len(ref.terms):
            if node.value is not None:
                return _leaf(types, node.value, ref, at)
            problem = _step_problem(types, node, ref, at)
            if problem is not None:
                return problem
            constant = constant_value(ref.terms[at])
            node = node.children.get(key(constant[0])) if constant is not None else None
            at += 1
        if node is not None:
            return None
    if root == "data":
        return _below(types, types.env.root, ref, 1)
    return _leaf(types, ANY, ref, 1) if len(ref.terms) > 1 else None


def _step_problem(types: KnownTypes, node: TypeNode, ref: Ref, at: int) -> Problem | None:
    """What is wrong with a step below a place of which it is known what lies there."""
    step = ref.terms[at]
    if at in (1, 2) and not isinstance(step, Var) and not (isinstance(step, Scalar) and isinstance(step.value, str)):
        return _invalid(types, ref, at, types.type(step), STRING, names_below(node))
    if isinstance(step, Var):
        kinds = keys(extent(node))
        known = types.var(step.name)
        if known is None:
            types.learn(step.name, kinds or ANY)
        elif kinds is None or not unifies(kinds, known):
            return _invalid(types, ref, at, known, kinds, names_below(node))
    return None


def _below(types: KnownTypes, node: TypeNode, ref: Ref, at: int) -> Problem | None:
    if at == len(ref.terms):
        return None
    step = ref.terms[at]
    if at == 1 and not node.children:
        return _leaf(types, ANY, ref, 1)
    problem = _step_problem(types, node, ref, at)
    if problem is not None:
        return problem
    if isinstance(step, Var):
        return _learn_rest(types, ref, at + 1)
    constant = constant_value(step)
    child = node.children.get(key(constant[0])) if constant is not None else None
    if child is None:
        return _leaf(types, ANY, ref, at + 1)
    if child.value is not None:
        return _leaf(types, child.value, ref, at + 1)
    return _below(types, child, ref, at + 1)


def _learn_rest(types: KnownTypes, ref: Ref, at: int) -> Problem | None:
    for step in ref.terms[at:]:
        if isinstance(step, Var) and types.var(step.name) is None:
            types.learn(step.name, ANY)
    return None


def _leaf(types: KnownTypes, found: Type | None, ref: Ref, at: int) -> Problem | None:
    while at < len(ref.terms):
        step = ref.terms[at]
        if empty_collection(found):
            if isinstance(step, Scalar):
                return _invalid(types, ref, at, None, None, [])
            if isinstance(step, Var):
                known = types.var(step.name)
                if known is None:
                    types.learn(step.name, ANY)
                else:
                    kinds = keys(found)
                    if kinds is not None and not unifies(known, kinds):
                        return _invalid(types, ref, at, known, kinds, [])
            return None
        kinds = keys(found)
        if kinds is None:
            return _unsupported(types, ref, at - 1, found)
        match step:
            case Var(name):
                known = types.var(name)
                if known is not None:
                    if not unifies(known, kinds):
                        return _invalid(types, ref, at, known, kinds, one_of(found))
                else:
                    types.learn(name, kinds)
            case Ref():
                known = types.ref_type(step)
                if known is not None and not unifies(known, kinds):
                    return _invalid(types, ref, at, known, kinds, one_of(found))
            case Array() | Object() | Set():
                if not unify_term(types, step, kinds):
                    return _invalid(types, ref, at, types.type(step), kinds, [])
            case Scalar(value):
                below = select(found, value)
                if below is None:
                    return _invalid(types, ref, at, None, kinds, one_of(found))
                found = below
                at += 1
                continue
            case _:
                pass
        found = values(found)
        at += 1
    return None


def _invalid(
    types: KnownTypes, ref: Ref, at: int, have: Type | None, want: Type | None, choices: list[Value]
) -> Problem:
    shown = types.written(ref)
    pad = " " * (len(term_text(replace(shown, terms=shown.terms[:at]))) + 1)
    lines = [term_text(shown), pad + "^"]
    lines.append(f"{pad}have (type): {have}" if have is not None else f"{pad}have: {term_text(shown.terms[at])}")
    if choices:
        lines.append(f"{pad}want (one of): [{' '.join(term_text(Scalar(c)) for c in choices)}]")
    elif want is None:
        lines.append(f"{pad}want (one of): []")
    else:
        lines.append(f"{pad}want (type): {want}")
    detail = details.NoStep(shown, at, have, want, tuple(choices))
    return Problem(TYPE_ERROR, f"undefined ref: {term_text(shown)}", ref.head.loc, extra=tuple(lines), detail=detail)


def _unsupported(types: KnownTypes, ref: Ref, at: int, have: Type | None) -> Problem:
    shown = types.written(ref)
    prefix = term_text(replace(shown, terms=shown.terms[: at + 1]))
    lines = (term_text(shown), "^" * len(prefix), f"have: {have}")
    detail = details.NoSteps(shown, at, have)
    return Problem(TYPE_ERROR, f"undefined ref: {term_text(shown)}", ref.head.loc, extra=lines, detail=detail)
