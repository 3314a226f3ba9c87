"""Type inference and type errors: what can never hold, or can never be called so, is refused before it runs.

Types are known of constants, of built-ins and of rules; ``input`` and base documents may be anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..errors import TYPE_ERROR, Location, Problem
from ..signatures import signatures
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    Object,
    ObjectComprehension,
    Ref,
    Rule,
    Scalar,
    Set,
    SetComprehension,
    SomeDecl,
    TemplateString,
    Term,
    TermExpr,
    Var,
)  # fmt: skip
from ..syntax.printer import term_text
from ..types import (
    ANY,
    BOOLEAN,
    NUMBER,
    STRING,
    AnyOf,
    ArrayType,
    Basic,
    FunctionType,
    ObjectType,
    Property,
    SetType,
    Type,
    compare_types,
    is_nil,
    keys,
    select,
    type_of,
    union,
    values,
)  # fmt: skip
from ..values import Key, Num, Value, compare, key, sort_values, unkey
from .documents import Node as RuleNode
from .documents import RuleTree, rule_path
from .visit import operator_name

ROOTS = ("data", "input")


@dataclass(slots=True)
class TypeNode:
    """What is known of a place below ``data``: its type, or what lies below it."""

    value: Type | None = None
    children: dict[Key, TypeNode] = field(default_factory=dict)


class TypeEnv:
    """The types of rules, and layers of types of variables above them."""

    def __init__(self, tree: RuleTree) -> None:
        self.tree = tree
        self.root = TypeNode()

    def put(self, steps: Sequence[Value], found: Type) -> None:
        """Say what is at a place."""
        node = self.root
        for step in steps:
            node = node.children.setdefault(key(step), TypeNode())
        node.value = found

    def insert(self, steps: Sequence[Value], found: Type) -> None:
        """Add what a further rule gives at a place."""
        node = self.root
        for i, step in enumerate(steps):
            child = node.children.setdefault(key(step), TypeNode())
            if isinstance(child.value, ObjectType) and i + 1 < len(steps):
                child.value = _insert(child.value, steps[i + 1 :], found)
            node = child
        node.value = _merge(node.value, found)
        if isinstance(found, ObjectType) and isinstance(node.value, ObjectType):
            for path, leaf in _leaves(node):
                if isinstance(node.value, ObjectType):
                    node.value = _insert(node.value, path, leaf)


def _leaves(node: TypeNode) -> Iterator[tuple[list[Value], Type]]:
    for k, child in node.children.items():
        if child.value is not None:
            yield [unkey(k)], child.value
        else:
            for path, leaf in _leaves(child):
                yield [unkey(k), *path], leaf


def _insert(obj: ObjectType, path: Sequence[Value], found: Type) -> ObjectType:
    below: Type = found if len(path) == 1 else _insert(ObjectType(), path[1:], found)
    k: Type | None = type_of(path[0])
    v: Type | None = below
    if obj.dynamic is not None:
        k, v = union(obj.dynamic[0], k), union(obj.dynamic[1], v)
    return ObjectType(obj.static, (k or ANY, v or ANY))


def _merge(a: Type | None, b: Type | None) -> Type | None:
    """The type of a document that several rules make."""
    if a is None:
        return b
    if b is None:
        return a
    match a, b:
        case ObjectType((), da), ObjectType((), db):
            if da is None or db is None:
                return b if da is None else a
            return ObjectType((), (union(da[0], db[0]) or ANY, _merge(da[1], db[1]) or ANY))
        case SetType(), SetType():
            return SetType(union(a.of, b.of))
        case AnyOf(), AnyOf():
            return union(a, b)
        case AnyOf(), _:
            return _merge(b, a)
        case _:
            return union(a, b)


@dataclass(frozen=True, slots=True)
class _TypeProblem:
    """A problem, and whether the lack of a type has led to it."""

    problem: Problem
    nil: bool = False


class Checker:
    """Checks bodies with what is known of rules and, by layers, of variables."""

    def __init__(
        self,
        env: TypeEnv,
        original: Mapping[str, str],
        scopes: tuple[dict[str, Type | None], ...] = (),
        overlay: dict[Key, TypeNode] | None = None,
    ) -> None:
        self.env = env
        self.original = original
        self.scopes = scopes
        self.overlay = overlay
        self.problems: list[Problem] = []

    # --- types of terms --------------------------------------------------------------------------

    def var(self, name: str) -> Type | None:
        """The type of a variable, None while unknown."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def type(self, term: Term) -> Type | None:
        """The type of a term, None while unknown."""
        match term:
            case Scalar(value):
                return type_of(value)
            case Var(name):
                if name in ROOTS:
                    return self.ref_type(Ref((term,)))
                return self.var(name)
            case Ref():
                return self.ref_type(term)
            case Array(items):
                return ArrayType(tuple(self.type(i) for i in items))  # type: ignore[arg-type]
            case Set(items):
                of: Type | None = None
                for item in items:
                    of = union(of, self.type(item))
                return SetType(of)
            case Object(pairs):
                return self._object_type(pairs)
            case ArrayComprehension(inner, body):
                found = self.closure(body)
                return None if found is None else ArrayType((), found.type(inner))
            case SetComprehension(inner, body):
                found = self.closure(body)
                return None if found is None else SetType(found.type(inner))
            case ObjectComprehension(k, v, body):
                found = self.closure(body)
                return None if found is None else ObjectType((), (found.type(k), found.type(v)))  # type: ignore[arg-type]
            case TemplateString():
                return STRING
            case Call():
                return None

    def _object_type(self, pairs: tuple[tuple[Term, Term], ...]) -> Type:
        static: dict[Key, Property] = {}
        dynamic: tuple[Type, Type] | None = None
        for k, v in pairs:
            kind = self.type(v)
            constant = constant_value(k)
            if constant is not None:
                static[key(constant[0])] = Property(constant[0], kind)  # type: ignore[arg-type]
            else:
                dynamic = (self.type(k) or ANY, kind)  # type: ignore[assignment]
        ordered = sorted(static.values(), key=_by_key)
        return ObjectType(tuple(ordered), dynamic)

    def closure(self, body: Body) -> Checker | None:
        """A checker that knows a comprehension's variables; None where the body has problems."""
        inner = self.copy()
        return None if inner.body(body) else inner

    def copy(self) -> Checker:
        """A checker for an inner body."""
        return Checker(self.env, self.original, (*self.scopes, {}), self.overlay)

    def ref_type(self, ref: Ref) -> Type | None:
        """The type of what a reference finds."""
        head = ref.head
        if not isinstance(head, Var):
            return self._select(self.type(head), ref.path)
        if head.name == "input":
            return self._over(("input",), ref.path) or ANY
        if head.name == "data":
            over = self._over(("data",), ref.path)
            if over is not None:
                return over
            return self._rule_type(self.env.root, ref.path)
        found = signatures().get(operator_name(ref)) if self.var(head.name) is None else None
        if found is not None:
            return found.function
        return self._select(self.var(head.name), ref.path)

    def _over(self, start: tuple[str, ...], path: tuple[Term, ...]) -> Type | None:
        """The type that a ``with`` gives a place, if it says anything about it."""
        if self.overlay is None:
            return None
        node: TypeNode | None = self.overlay.get(start[0])
        for i, step in enumerate(path):
            if node is None:
                return None
            if node.value is not None:
                return self._select(node.value, path[i:]) or ANY
            if not isinstance(step, Scalar):
                return ANY
            node = node.children.get(key(step.value))
        if node is None:
            return None
        return node.value if node.value is not None else ANY

    def _rule_type(self, node: TypeNode, tail: tuple[Term, ...]) -> Type | None:
        if not tail:
            return extent(node)
        step = tail[0]
        constant = constant_value(step)
        if node.value is not None:
            if node.children and constant is not None:
                child = node.children.get(key(constant[0]))
                if child is not None:
                    return self._rule_type(child, tail[1:])
            return self._select(node.value, tail)
        if constant is None:
            return self._select(extent(node), tail)
        child = node.children.get(key(constant[0]))
        return ANY if child is None else self._rule_type(child, tail[1:])

    def _select(self, found: Type | None, tail: tuple[Term, ...]) -> Type | None:
        for step in tail:
            if found is None:
                return None
            constant = constant_value(step)
            if constant is None or isinstance(step, Array | Object | Set):
                found = ANY if empty_collection(found) else values(found)
                if found is ANY:
                    return ANY
            else:
                found = select(found, constant[0])
        return found

    # --- bodies ----------------------------------------------------------------------------------

    def body(self, body: Body) -> list[Problem]:
        """Check the expressions of a body, learning types on the way; the problems found."""
        found: list[Problem] = []
        for expr in body:
            found.extend(self.expr(expr))
        self.problems = found
        return found

    def expr(self, expr: Expr) -> list[Problem]:
        """Check one expression."""
        target = self._with_env(expr) if expr.withs else self
        inner = target._closures(expr)
        refs = target._references(expr)
        own: _TypeProblem | None = None
        match expr.terms:
            case CallExpr():
                own = target._check_with(expr) or target._call(expr, expr.terms)
            case Every(k, v, domain, body):
                return [*inner, *refs, *target._every(k, v, domain, body)]
            case Not(body):
                return [*inner, *refs, *target.copy_with_scope().body(body)]
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                return [*inner, *refs, *target.copy_with_scope().body(lhs), *target.copy_with_scope().body(rhs)]
            case _:
                own = target._check_with(expr)
        found = [*inner, *refs]
        if own is not None and not ((inner or refs) and own.nil):
            found.append(own.problem)
        return found

    def copy_with_scope(self) -> Checker:
        """A checker for a nested body that shares this one's variables."""
        return Checker(self.env, self.original, self.scopes, self.overlay)

    def _every(self, k: Term | None, v: Term, domain: Term, body: Body) -> list[Problem]:
        inner = self.copy_with_scope()
        found = self.type(domain)
        scope = self.scopes[-1]
        if isinstance(k, Var):
            scope.setdefault(k.name, (keys(found) if found is not None else None) or ANY)
        if isinstance(v, Var):
            scope.setdefault(v.name, (values(found) if found is not None else None) or ANY)
        return inner.body(body)

    def _closures(self, expr: Expr) -> list[Problem]:
        found: list[Problem] = []
        todo: list[object] = [expr.terms]
        while todo:
            x = todo.pop()
            match x:
                case ArrayComprehension(_, body) | SetComprehension(_, body) | ObjectComprehension(_, _, body):
                    problems = self.copy().body(body)
                    if problems:
                        found = problems
                case TermExpr(term):
                    todo.append(term)
                case CallExpr(_, args) | Call(_, args):
                    todo.extend(args)
                case Ref(terms):
                    todo.extend(terms)
                case Array(items) | Set(items):
                    todo.extend(items)
                case Object(pairs):
                    todo.extend(t for p in pairs for t in p)
                case _:
                    pass
        return found

    def _references(self, expr: Expr) -> list[Problem]:
        found: list[Problem] = []
        todo: list[object] = []
        match expr.terms:
            case TermExpr(term):
                todo.append(term)
            case CallExpr(_, args):
                todo.extend(reversed(args))
            case Every(_, _, domain, _):
                todo.append(domain)
            case SomeDecl() | Not() | LogicalAnd() | LogicalOr():
                pass
        while todo:
            x = todo.pop()
            match x:
                case Ref(terms):
                    problem = self._ref(x)
                    if problem is not None:
                        found.append(problem)
                    todo.extend(reversed(terms[1:]))
                case Array(items) | Set(items):
                    todo.extend(reversed(items))
                case Object(pairs):
                    todo.extend(reversed([t for p in pairs for t in p]))
                case _:
                    pass
        return found

    # --- references ------------------------------------------------------------------------------

    def _ref(self, ref: Ref) -> Problem | None:
        found = self.ref_type(ref)
        if isinstance(found, FunctionType):
            shown = self._shown(ref)
            last = ref.terms[-1]
            if isinstance(last, Var) and last.is_generated:
                shown = self._shown(replace(ref, terms=ref.terms[:-1]))
            lines = (self._shown(ref), "^" * len(self._shown(ref)), f"have: {found}")
            return Problem(TYPE_ERROR, f"function {shown} used as reference, not called", ref.head.loc, extra=lines)
        head = ref.head
        if not isinstance(head, Var):
            return self._leaf(self.type(head), ref, 1)
        if head.name == "data":
            return (
                self._below(self.env.root, ref, 1)
                if self.overlay is None or "data" not in self.overlay
                else self._over_ref(ref)
            )
        if head.name == "input":
            return self._leaf(ANY, ref, 1) if len(ref.terms) > 1 else None
        kind = self.var(head.name)
        if kind is None:
            self.learn(head.name, ANY)
            kind = ANY
        return self._leaf(kind, ref, 1)

    def _over_ref(self, ref: Ref) -> Problem | None:
        if self._over(("data",), ref.path) is not None:
            for step in ref.path:
                if isinstance(step, Var):
                    self.learn(step.name, ANY)
            return None
        return self._below(self.env.root, ref, 1)

    def _below(self, node: TypeNode, ref: Ref, at: int) -> Problem | None:
        if at == len(ref.terms):
            return None
        step = ref.terms[at]
        if at == 1 and not node.children:
            return self._leaf(ANY, ref, 1)
        if (
            at in (1, 2)
            and not isinstance(step, Var)
            and not (isinstance(step, Scalar) and isinstance(step.value, str))
        ):
            return self._invalid(ref, at, self.type(step), STRING, _names(node))
        if isinstance(step, Var):
            kinds = keys(extent(node))
            known = self.var(step.name)
            if known is not None:
                if kinds is None or not unifies(kinds, known):
                    return self._invalid(ref, at, known, kinds, _names(node))
            else:
                self.learn(step.name, kinds or ANY)
            return self._learn_rest(ref, at + 1)
        constant = constant_value(step)
        child = node.children.get(key(constant[0])) if constant is not None else None
        if child is None:
            return self._leaf(ANY, ref, at + 1)
        if child.value is not None:
            if child.children and at + 1 < len(ref.terms):
                following = constant_value(ref.terms[at + 1])
                if following is not None and key(following[0]) in child.children:
                    return self._below(child, ref, at + 1)
            return self._leaf(child.value, ref, at + 1)
        return self._below(child, ref, at + 1)

    def _learn_rest(self, ref: Ref, at: int) -> Problem | None:
        for step in ref.terms[at:]:
            if isinstance(step, Var) and self.var(step.name) is None:
                self.learn(step.name, ANY)
        return None

    def _leaf(self, found: Type | None, ref: Ref, at: int) -> Problem | None:
        while at < len(ref.terms):
            step = ref.terms[at]
            if empty_collection(found):
                if isinstance(step, Scalar):
                    return self._invalid(ref, at, None, None, [])
                if isinstance(step, Var):
                    known = self.var(step.name)
                    if known is None:
                        self.learn(step.name, ANY)
                    else:
                        kinds = keys(found)
                        if kinds is not None and not unifies(known, kinds):
                            return self._invalid(ref, at, known, kinds, [])
                return None
            kinds = keys(found)
            if kinds is None:
                return self._unsupported(ref, at - 1, found)
            match step:
                case Var(name):
                    known = self.var(name)
                    if known is not None:
                        if not unifies(known, kinds):
                            return self._invalid(ref, at, known, kinds, one_of(found))
                    else:
                        self.learn(name, kinds)
                case Ref():
                    known = self.ref_type(step)
                    if known is not None and not unifies(known, kinds):
                        return self._invalid(ref, at, known, kinds, one_of(found))
                case Array() | Object() | Set():
                    if not self.unify1(step, kinds):
                        return self._invalid(ref, at, self.type(step), kinds, [])
                case Scalar(value):
                    below = select(found, value)
                    if below is None:
                        return self._invalid(ref, at, None, kinds, one_of(found))
                    found = below
                    at += 1
                    continue
                case _:
                    pass
            found = values(found)
            at += 1
        return None

    def learn(self, name: str, kind: Type | None) -> None:
        """Say what a variable is."""
        self.scopes[-1][name] = kind

    def _shown(self, ref: Ref) -> str:
        return term_text(original_ref(ref, self.original))

    def _invalid(self, ref: Ref, at: int, have: Type | None, want: Type | None, choices: list[Value]) -> Problem:
        shown = original_ref(ref, self.original)
        pad = " " * (len(term_text(replace(shown, terms=shown.terms[:at]))) + 1)
        lines = [term_text(shown), pad + "^"]
        lines.append(f"{pad}have (type): {have}" if have is not None else f"{pad}have: {term_text(shown.terms[at])}")
        if choices:
            lines.append(f"{pad}want (one of): [{' '.join(term_text(Scalar(c)) for c in choices)}]")
        elif want is None:
            lines.append(f"{pad}want (one of): []")
        else:
            lines.append(f"{pad}want (type): {want}")
        return Problem(TYPE_ERROR, f"undefined ref: {term_text(shown)}", ref.head.loc, extra=tuple(lines))

    def _unsupported(self, ref: Ref, at: int, have: Type | None) -> Problem:
        shown = original_ref(ref, self.original)
        prefix = term_text(replace(shown, terms=shown.terms[: at + 1]))
        lines = (term_text(shown), "^" * len(prefix), f"have: {have}")
        return Problem(TYPE_ERROR, f"undefined ref: {term_text(shown)}", ref.head.loc, extra=lines)

    # --- calls -----------------------------------------------------------------------------------

    def _call(self, expr: Expr, call: CallExpr) -> _TypeProblem | None:
        name = operator_name(call.operator)
        if name == "eq" and len(call.args) == 2:
            return self._equation(expr, call.args)
        if name in ("internal.member_2", "internal.member_3"):
            problem = self._member(expr, call.args, name.endswith("3"))
            if problem is not None:
                return problem
        head = call.operator.head
        kind: Type | None
        if isinstance(head, Var) and head.name == "data":
            kind = self.ref_type(call.operator)
            if kind is None or (isinstance(kind, AnyOf) and not kind.members):
                for arg in call.args:
                    self.unify1(arg, ANY)
                return None
        else:
            found = signatures().get(name)
            kind = None if found is None else found.function
        if not isinstance(kind, FunctionType):
            return _TypeProblem(Problem(TYPE_ERROR, f"undefined function {self._shown(call.operator)}", expr.loc))
        want = [*kind.args, *([kind.result] if kind.result is not None else [])]
        shown = self._shown(call.operator)
        have = [self.type(a) for a in call.args if not _captured(a)]
        if len(call.args) > len(want) and kind.variadic is None:
            return self._arguments(expr.loc, shown, "too many arguments", have, kind)
        if len(call.args) < len(kind.args):
            return self._arguments(expr.loc, shown, "too few arguments", have, kind)
        for i, arg in enumerate(call.args):
            wanted = want[i] if i < len(want) else kind.variadic or ANY
            if i < len(have) and have[i] is not None and not is_nil(have[i]) and not unifies(have[i], wanted):
                return self._arguments(expr.loc, shown, "invalid argument(s)", have, kind)
            if not self.unify1(arg, wanted):
                return self._arguments(
                    expr.loc, shown, "invalid argument(s)", [self.type(a) for a in call.args if not _captured(a)], kind
                )
        return None

    def _arguments(
        self, loc: Location, name: str, message: str, have: Sequence[Type | None], want: FunctionType
    ) -> _TypeProblem:
        return _TypeProblem(argument_problem(loc, name, message, have, want), any(is_nil(h) for h in have))

    def _equation(self, expr: Expr, args: tuple[Term, ...]) -> _TypeProblem | None:
        a, b = args
        left, right = self.type(a), self.type(b)
        if self.unify2(a, left, b, right):
            return None
        return self._mismatch(expr, left, right)

    def _mismatch(self, expr: Expr, left: Type | None, right: Type | None) -> _TypeProblem:
        lines = [f"left  : {_text(left)}", f"right : {_text(right)}"]
        kind = next(
            (
                n
                for t, n in ((ObjectType, "objects"), (ArrayType, "arrays"), (SetType, "sets"))
                if isinstance(left, t) and isinstance(right, t)
            ),
            "",
        )
        if kind:
            lines.append(
                f"hint  : both sides are {kind} but their types differ, so they can never be equal"
                " (see https://www.openpolicyagent.org/docs/errors/rego-type-error/match-error)"
            )
        return _TypeProblem(
            Problem(TYPE_ERROR, "match error", expr.loc, extra=tuple(lines)), is_nil(left) or is_nil(right)
        )

    def _member(self, expr: Expr, args: tuple[Term, ...], with_key: bool) -> _TypeProblem | None:
        arity = 3 if with_key else 2
        if len(args) < arity:
            return None
        collection = self.type(args[arity - 1])
        inside = values(collection)
        if inside is None:
            return None
        if with_key:
            problem = self._member_operand(expr, args[0], keys(collection))
            if problem is not None:
                return problem
        return self._member_operand(expr, args[arity - 2], inside)

    def _member_operand(self, expr: Expr, term: Term, kind: Type | None) -> _TypeProblem | None:
        if kind is None or is_nil(kind):
            return None
        have = self.type(term)
        if (not is_nil(have) and not unifies(have, kind)) or not self.unify1(term, kind):
            return self._mismatch(expr, have, kind)
        return None

    # --- unification -----------------------------------------------------------------------------

    def unify2(self, a: Term, left: Type | None, b: Term, right: Type | None) -> bool:
        """Whether two terms can be equal; variables learn their types."""
        nil_a, nil_b = is_nil(left), is_nil(right)
        if nil_a and not nil_b:
            return self.unify1(a, right)
        if nil_b and not nil_a:
            return self.unify1(b, left)
        if not nil_a and not nil_b:
            return unifies(left, right)
        match a, b:
            case Array(xs), Array(ys):
                return len(xs) == len(ys) and all(
                    self.unify2(x, self.type(x), y, self.type(y)) for x, y in zip(xs, ys, strict=True)
                )
            case Object(ps), Object(qs):
                there = {_pair(k): v for k, v in qs}
                if len(ps) != len(qs) or any(_pair(k) not in there for k, _ in ps):
                    return False
                return all(self.unify2(v, self.type(v), there[_pair(k)], self.type(there[_pair(k)])) for k, v in ps)
            case (Array() | Object(), Var()):
                return self.unify1(a, ANY) and self.unify1(b, self.type(a))
            case (Var(), Array() | Object()):
                return self.unify1(b, ANY) and self.unify1(a, self.type(b))
            case Var(), Var():
                return self.unify1(a, ANY) and self.unify1(b, self.type(a))
            case Var(), Ref():
                return self.unify1(a, ANY)
            case Ref(), Var():
                return self.unify1(b, ANY)
        if isinstance(a, Var) and left is None and right is not None:
            return self.unify1(a, right)
        if isinstance(b, Var) and right is None and left is not None:
            return self.unify1(b, left)
        return False

    def unify1(self, term: Term, kind: Type | None, union_: bool = False) -> bool:
        """Whether a term can be of a type; variables in it learn theirs."""
        match term:
            case Array() | Object() | Set():
                if isinstance(kind, AnyOf):
                    if not kind.members:
                        for part in _parts(term):
                            self.unify1(part, ANY, True)
                        return True
                    return any([self.unify1(term, m, True) for m in kind.members])
                return self._unify_composite(term, kind, union_)
            case Ref() | ArrayComprehension() | SetComprehension() | ObjectComprehension():
                return unifies(self.type(term), kind)
            case Var(name):
                if name in ROOTS:
                    return True
                known = self.var(name)
                if union_:
                    self.learn(name, union(known, kind))
                    return True
                if known is not None:
                    return unifies(known, kind)
                self.learn(name, kind)
                return True
            case _:
                return unifies(self.type(term), kind)

    def _unify_composite(self, term: Array | Object | Set, kind: Type | None, union_: bool) -> bool:
        match term, kind:
            case Array(items), ArrayType(static, dynamic):
                if len(items) != len(static) and dynamic is None:
                    return False
                return all(
                    self.unify1(item, static[i] if i < len(static) else dynamic, union_) for i, item in enumerate(items)
                )
            case Object(pairs), ObjectType(props, dynamic):
                if len(pairs) != len(props) and dynamic is None:
                    return False
                for k, v in pairs:
                    constant = constant_value(k)
                    if constant is None:
                        self.unify1(v, ANY, union_)
                        continue
                    child = select(kind, constant[0])
                    if child is None or not self.unify1(v, child, union_):
                        return False
                return True
            case Set(items), SetType(of):
                return all(self.unify1(i, of, union_) for i in items)
        return False

    # --- with ------------------------------------------------------------------------------------

    def _check_with(self, expr: Expr) -> _TypeProblem | None:
        for item in expr.withs:
            target = item.target if isinstance(item.target, Ref) else Ref((item.target,))
            want = self.ref_type(target)
            if not isinstance(want, FunctionType):
                continue
            value = (
                item.value
                if isinstance(item.value, Ref)
                else Ref((item.value,))
                if isinstance(item.value, Var)
                else None
            )
            have = self.ref_type(value) if value is not None else None
            if isinstance(have, FunctionType) and not unifies(want, have):
                return self._arguments(item.loc, term_text(target), "arity mismatch", have.args, want)
        return None

    def _with_env(self, expr: Expr) -> Checker:
        """What ``with`` replaces may have another type inside the expression, and so may everything that depends on it."""
        overlay: dict[Key, TypeNode] = dict(self.overlay or {})
        for item in expr.withs:
            target = item.target if isinstance(item.target, Ref) else Ref((item.target,))
            head = target.head.name if isinstance(target.head, Var) else ""
            if head == "input":
                overlay["data"] = _relaxed(self.env, [p for r, p in self.env.tree.rules() if not r.head.args])
            elif head == "data" and not isinstance(self.ref_type(target), FunctionType):
                overlay["data"] = _relaxed(
                    self.env, [p for r, p in self.env.tree.rules() if not r.head.args], ground_steps(target)
                )
            else:
                overlay["data"] = _relaxed(self.env, [p for r, p in self.env.tree.rules() if not r.head.args])
        return Checker(self.env, self.original, self.scopes, overlay)


def _captured(term: Term) -> bool:
    """Whether a variable was added to a query to get at an expression's value."""
    return isinstance(term, Var) and term.name.startswith("__localcapture")


def _relaxed(env: TypeEnv, paths: Sequence[Ref], target: Sequence[Value] = ()) -> TypeNode:
    root = TypeNode()
    for steps in [*(ground_steps(p) for p in paths), *([list(target)] if target else [])]:
        node = root
        for step in steps:
            node = node.children.setdefault(key(step), TypeNode())
        node.value = ANY
    return root


def ground_steps(ref: Ref) -> list[Value]:
    """The constant steps that a path begins with."""
    steps: list[Value] = []
    for t in ref.terms[1:]:
        if not isinstance(t, Scalar):
            break
        steps.append(t.value)
    return steps


# --- rules ---------------------------------------------------------------------------------------


def check_rule_types(env: TypeEnv, tree: RuleTree, original: Mapping[str, str]) -> list[Problem]:
    """Check every rule, those first that others depend on; what they are is put into ``env``."""
    problems: list[Problem] = []
    for rule in _in_order(tree):
        problems.extend(_check_rule(env, tree, rule, original))
    return sorted(problems, key=lambda p: (p.location.file, p.location.row, p.location.col))


def _in_order(tree: RuleTree) -> list[Rule]:
    rules = {id(r): r for r, _ in tree.rules()}
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
            stack.extend(
                (r, False) for r in sorted((r for r, _ in tree.of(rule)), key=_place, reverse=True) if id(r) not in done
            )
    return ordered


def _place(rule: Rule) -> tuple[str, int, int]:
    return rule.loc.file, rule.loc.row, rule.loc.col


def _check_rule(env: TypeEnv, tree: RuleTree, rule: Rule, original: Mapping[str, str]) -> list[Problem]:
    checker = Checker(env, original, ({},))
    head = rule.head
    problems = checker.body(rule.body)
    path = rule_path(tree.module_of[id(rule)].package.names, rule)
    ground = ground_steps(path)
    if problems:
        env.put(ground, ANY)
        return problems
    found: Type | None
    if head.args:
        for arg in head.args:
            _default_any(checker, arg)
        args = tuple(checker.type(a) or ANY for a in head.args)
        result = checker.type(head.value) if head.value is not None else BOOLEAN
        found = FunctionType(args, result)
        _insert_function(env, ground, found)
        return []
    if head.value is not None:
        found = checker.type(head.value)
    else:
        kind = checker.type(head.key) if head.key is not None else None
        found = None if kind is None else SetType(kind)
    for step in reversed(path.terms[1 + len(ground) :]):
        kind = checker.type(step)
        found = None if kind is None or found is None else ObjectType((), (kind, found))
    if found is not None:
        env.insert(ground, found)
    return []


def _insert_function(env: TypeEnv, steps: Sequence[Value], found: FunctionType) -> None:
    node = env.root
    for step in steps:
        node = node.children.setdefault(key(step), TypeNode())
    there = node.value
    if isinstance(there, FunctionType) and len(there.args) == len(found.args):
        args = tuple(union(a, b) or ANY for a, b in zip(there.args, found.args, strict=True))
        found = FunctionType(args, union(there.result, found.result))
    node.value = found


def _default_any(checker: Checker, arg: Term) -> None:
    match arg:
        case Var(name):
            if checker.var(name) is None:
                checker.learn(name, ANY)
        case Array(items) | Set(items):
            for item in items:
                _default_any(checker, item)
        case Object(pairs):
            for k, v in pairs:
                _default_any(checker, k)
                _default_any(checker, v)
        case _:
            pass


def check_query_types(env: TypeEnv, body: Body, original: Mapping[str, str]) -> list[Problem]:
    """Check the body of a query."""
    return Checker(env, original, ({},)).body(body)


# --- types ---------------------------------------------------------------------------------------


def unifies(a: Type | None, b: Type | None) -> bool:
    """Whether a value can be of both types."""
    if a is None or b is None:
        return False
    if isinstance(a, AnyOf) or isinstance(b, AnyOf):
        return (isinstance(a, AnyOf) and _any_unifies(a, b)) or (isinstance(b, AnyOf) and _any_unifies(b, a))
    match a, b:
        case Basic(), Basic():
            return a == b
        case ArrayType(), ArrayType():
            return (
                _arrays(a, b)
                and _arrays(b, a)
                and (a.dynamic is None or b.dynamic is None or unifies(a.dynamic, b.dynamic))
            )
        case ObjectType(), ObjectType():
            if not (_objects(a, b) and _objects(b, a)):
                return False
            return a.dynamic is None or b.dynamic is None or unifies(a.dynamic[1], b.dynamic[1])
        case SetType(), SetType():
            return a.of is None or b.of is None or unifies(a.of, b.of)
        case FunctionType(), FunctionType():
            return len(a.args) == len(b.args) and all(unifies(x, y) for x, y in zip(a.args, b.args, strict=True))
    return False


def _any_unifies(a: AnyOf, b: Type) -> bool:
    if isinstance(b, FunctionType):
        return False
    return not a.members or any(unifies(m, b) for m in a.members)


def _arrays(a: ArrayType, b: ArrayType) -> bool:
    return all(unifies(s, b.static[i] if i < len(b.static) else b.dynamic) for i, s in enumerate(a.static))


def _objects(a: ObjectType, b: ObjectType) -> bool:
    for p in a.static:
        other = select(b, p.key)
        if other is None:
            if a.dynamic is not None or b.dynamic is not None:
                continue
            return False
        if not unifies(p.type, other):
            return False
    return True


def extent(node: TypeNode) -> Type:
    """The type of everything below a place."""
    if node.value is not None:
        return node.value
    static = [Property(unkey(k), extent(c)) for k, c in node.children.items()]
    static.sort(key=_by_key)
    return ObjectType(tuple(static), (STRING, ANY))


def empty_collection(t: Type | None) -> bool:
    """Whether a collection of the type has no members at all."""
    match t:
        case ObjectType((), None) | ArrayType((), None) | SetType(None):
            return True
    return False


def one_of(t: Type | None) -> list[Value]:
    """The keys that an object is known to have."""
    match t:
        case ObjectType(static, _):
            return sort_values([p.key for p in static])
        case AnyOf(members):
            found: dict[Key, Value] = {}
            for m in members:
                for k in one_of(m):
                    found[key(k)] = k
            return sort_values(found.values())
    return []


def _names(node: TypeNode) -> list[Value]:
    return sort_values([unkey(k) for k in node.children])


def constant_value(term: Term) -> tuple[Value] | None:
    """The value of a term without variables, references or calls, wrapped; None where it has some."""
    match term:
        case Scalar(value):
            return (value,)
        case Array(items):
            parts = [constant_value(i) for i in items]
            return None if any(p is None for p in parts) else ([p[0] for p in parts if p is not None],)
        case Object(pairs):
            made: dict[Key, Value] = {}
            for k, v in pairs:
                a, b = constant_value(k), constant_value(v)
                if a is None or b is None:
                    return None
                made[key(a[0])] = b[0]
            return (made,)
    return None


def _parts(term: Array | Object | Set) -> list[Term]:
    if isinstance(term, Object):
        return [t for p in term.pairs for t in p]
    return list(term.items)


def _pair(term: Term) -> object:
    constant = constant_value(term)
    return key(constant[0]) if constant is not None else term


class _by_key:  # noqa: N801 - a sort key
    __slots__ = ("p",)

    def __init__(self, p: Property) -> None:
        self.p = p

    def __lt__(self, other: _by_key) -> bool:
        return compare(self.p.key, other.p.key) < 0


def original_ref(ref: Ref, original: Mapping[str, str]) -> Ref:
    """A reference with the variables' written names."""
    return replace(
        ref, terms=tuple(replace(t, name=original.get(t.name, t.name)) if isinstance(t, Var) else t for t in ref.terms)
    )


def _text(t: Type | None) -> str:
    return "???" if t is None else str(t)


def term_type(env: TypeEnv | None, term: Term) -> Type | None:
    """The type of an operand, as far as it is known without its surroundings."""
    match term:
        case Scalar(value):
            return type_of(value)
        case Ref():
            return ANY
        case Array(items):
            return ArrayType(tuple(term_type(env, i) for i in items))  # type: ignore[arg-type]
    return None


def argument_problem(
    loc: Location, name: str, message: str, have: Sequence[Type | None], want: FunctionType
) -> Problem:
    """Wrong operands, with the types there are and those there should be."""
    types = [*want.args, *([want.result] if want.result is not None and message != "arity mismatch" else [])]
    names = want.names or ("",) * len(types)
    wanted = [f"{n}: {t}" if n else str(t) for n, t in zip(names, types, strict=False)]
    if want.variadic is not None:
        wanted.append(f"{want.variadic}...")
    lines = (f"have: ({', '.join(_text(h) for h in have)})", f"want: ({', '.join(wanted)})")
    return Problem(TYPE_ERROR, f"{name}: {message}", loc, extra=lines)


__all__ = [
    "NUMBER",
    "Checker",
    "Num",
    "RuleNode",
    "TypeEnv",
    "check_query_types",
    "check_rule_types",
    "compare_types",
    "unifies",
]
