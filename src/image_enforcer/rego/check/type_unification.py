"""Whether terms can be equal, as far as their types are known; variables learn theirs on the way."""

from __future__ import annotations

from ..syntax.nodes import Array, ArrayComprehension, Object, ObjectComprehension, Ref, Set, SetComprehension, Term, Var
from ..types import ANY, AnyOf, ArrayType, ObjectType, SetType, Type, is_nil, plain, select, union
from .constants import comparable, constant_value, parts
from .known_types import KnownTypes
from .type_algebra import unifies
from .visit import ROOTS


def unify_terms(types: KnownTypes, a: Term, left: Type | None, b: Term, right: Type | None) -> bool:
    """Whether two terms can be equal; variables learn their types."""
    nil_a, nil_b = is_nil(left), is_nil(right)
    if nil_a and not nil_b:
        return unify_term(types, a, right)
    if nil_b and not nil_a:
        return unify_term(types, b, left)
    if not nil_a and not nil_b:
        return unifies(left, right)
    match a, b:
        case Array(xs), Array(ys):
            return len(xs) == len(ys) and all(
                unify_terms(types, x, types.type(x), y, types.type(y)) for x, y in zip(xs, ys, strict=True)
            )
        case Object(ps), Object(qs):
            there = {comparable(k): v for k, v in qs}
            if len(ps) != len(qs) or any(comparable(k) not in there for k, _ in ps):
                return False
            return all(
                unify_terms(types, v, types.type(v), there[comparable(k)], types.type(there[comparable(k)]))
                for k, v in ps
            )
        case (Array() | Object(), Var()):
            return unify_term(types, a, ANY) and unify_term(types, b, types.type(a))
        case (Var(), Array() | Object()):
            return unify_term(types, b, ANY) and unify_term(types, a, types.type(b))
        case Var(), Var():
            return unify_term(types, a, ANY) and unify_term(types, b, types.type(a))
        case Var(), Ref():
            return unify_term(types, a, ANY)
        case Ref(), Var():
            return unify_term(types, b, ANY)
    if isinstance(a, Var) and left is None and right is not None:
        return unify_term(types, a, right)
    if isinstance(b, Var) and right is None and left is not None:
        return unify_term(types, b, left)
    return False


def unify_term(types: KnownTypes, term: Term, kind: Type | None, union_: bool = False) -> bool:
    """Whether a term can be of a type; variables in it learn theirs."""
    match term:
        case Array() | Object() | Set():
            kind = plain(kind)
            if isinstance(kind, AnyOf):
                if not kind.members:
                    for part in parts(term):
                        unify_term(types, part, ANY, True)
                    return True
                found = [unify_term(types, term, m, True) for m in kind.members]
                return any(found)
            return _unify_composite(types, term, kind, union_)
        case Ref() | ArrayComprehension() | SetComprehension() | ObjectComprehension():
            return unifies(types.type(term), kind)
        case Var(name):
            if name in ROOTS:
                return True
            known = types.var(name)
            if union_:
                types.learn(name, union(known, kind))
                return True
            if known is not None:
                return unifies(known, kind)
            types.learn(name, kind)
            return True
        case _:
            return unifies(types.type(term), kind)


def _unify_composite(types: KnownTypes, term: Array | Object | Set, kind: Type | None, union_: bool) -> bool:
    match term, kind:
        case Array(items), ArrayType(static, dynamic):
            if len(items) != len(static) and dynamic is None:
                return False
            return all(
                unify_term(types, item, static[i] if i < len(static) else dynamic, union_)
                for i, item in enumerate(items)
            )
        case Object(pairs), ObjectType(props, dynamic):
            if len(pairs) != len(props) and (dynamic is None or dynamic[1] is None):
                return False
            for k, v in pairs:
                constant = constant_value(k)
                if constant is None:
                    unify_term(types, v, ANY, union_)
                    continue
                child = select(kind, constant[0])
                if child is None or not unify_term(types, v, child, union_):
                    return False
            return True
        case Set(items), SetType(of):
            return all(unify_term(types, i, of, union_) for i in items)
    return False
