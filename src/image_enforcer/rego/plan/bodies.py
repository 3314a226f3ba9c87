"""From bodies to instructions: which side of a unification is known, what has to be scanned, what is looked up.

The bodies come from the checks: references absolute, calls and comprehensions hoisted, expressions in an
order that is safe. Here it is decided, expression by expression, which variables are bound already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from ..check.visit import walk
from ..places import NO_LOCATION, Location
from ..records import record
from ..syntax import nodes as ast
from ..syntax.term_order import term_order
from ..values import RegoSet, Value, index_of, key, step_key
from . import ops
from .closures import Closures, Comprehension
from .documents import Node
from .ops import Const, InputRoot, Operand, Reg
from .world import World


@record(frozen=True, slots=True)
class Slot:
    """An operand in the place of a term, while a unification is worked off."""

    operand: Operand


Side: TypeAlias = "ast.Term | Slot"
_COMPREHENSIONS = (ast.ArrayComprehension, ast.SetComprehension, ast.ObjectComprehension)
_KINDS = dict(zip(_COMPREHENSIONS, ("array", "set", "object"), strict=True))


class BodyPlanner:
    """Plans one body and the bodies inside it. ``env`` says which variables have a register."""

    def __init__(
        self, world: World, counter: Iterator[int], states: Iterator[int], env: dict[str, Operand], state: int = 0
    ) -> None:
        self.world = world
        self.counter = counter
        self.states = states
        self.env = env
        self.state = state
        self.ops: list[ops.Op] = []
        self.closures: Closures | None = None
        self.written: dict[Operand, tuple[tuple[Operand, ...], tuple[Operand, ...]]] = {}
        """Keys and values of sets and objects that are written out here or around, with variables among the keys."""
        self.unsettled: dict[str, list[tuple[Side, Side]]] = {}
        """Pairs of which no side has a value so far, by the variables that would give them one."""
        self._bound: list[str] = []

    # --- bodies ----------------------------------------------------------------------------------

    def body(self, body: ast.Body) -> None:
        """Plan the expressions in order."""
        for expr in body:
            self.expr(expr)

    def inner(self, body: ast.Body, end: Callable[[BodyPlanner], ops.End]) -> ops.Block:
        """Plan a body that sees this one's variables, and whose own stay inside."""
        child = self.within()
        child.body(body)
        last = end(child)
        return ops.Block(tuple(child.ops), last)

    def within(self) -> BodyPlanner:
        """A planner for a body that sees this one's variables."""
        child = BodyPlanner(self.world, self.counter, self.states, dict(self.env), self.state)
        child.written = dict(self.written)
        child.closures = self.closures
        return child

    def reg(self) -> Reg:
        """A fresh register."""
        return Reg(next(self.counter))

    def expr(self, expr: ast.Expr) -> None:
        """Plan one expression, its ``with`` modifiers and its negation."""
        before = self.state
        if expr.withs:
            self.state = self._with(expr)
        if expr.negated:
            positive = ast.Expr(expr.terms, False, (), expr.index, expr.generated, expr.loc)
            self.ops.append(ops.Negation(self.inner((positive,), lambda _: ops.Found(False))))
        else:
            self._terms(expr)
        self.state = before

    def _terms(self, expr: ast.Expr) -> None:
        match expr.terms:
            case ast.TermExpr(term):
                self.ops.append(ops.TestTrue(self.value(term)))
            case ast.CallExpr(operator, args):
                self._call_expr(operator, args, expr.loc)
            case ast.SomeDecl():
                pass
            case ast.Every(key_term, value_term, domain, body):
                self._every(key_term, value_term, domain, body)
            case ast.Not(body):
                self.ops.append(ops.Negation(self.inner(body, lambda _: ops.Found(False))))
            case ast.LogicalAnd(lhs, rhs):
                self.ops.append(ops.Both(*self._operands(lhs, rhs)))
            case ast.LogicalOr(lhs, rhs):
                self.ops.append(ops.Either(*self._operands(lhs, rhs)))

    def _operands(self, lhs: ast.Body, rhs: ast.Body) -> tuple[ops.Block, ops.Block]:
        return self.inner(lhs, lambda _: ops.Found(True)), self.inner(rhs, lambda _: ops.Found(True))

    def _every(self, key_term: ast.Term | None, value_term: ast.Term, domain: ast.Term, body: ast.Body) -> None:
        source = self.value(domain)
        child = self.within()
        regs: list[Reg | None] = []
        for term in (key_term, value_term):
            reg = None
            if isinstance(term, ast.Var):
                reg = child.reg()
                child.env[term.name] = reg
            regs.append(reg)
        child.body(body)
        block = ops.Block(tuple(child.ops), ops.Found(True))
        self.ops.append(ops.ForEvery(source, regs[0], regs[1], block))

    # --- with ------------------------------------------------------------------------------------

    def _with(self, expr: ast.Expr) -> int:
        replaces: list[ops.Replace] = []
        for item in expr.withs:
            target = item.target
            if not isinstance(target, ast.Ref):
                target = ast.Ref((target,))
            path = tuple(t.value for t in target.path if isinstance(t, ast.Scalar))
            root = getattr(target.head, "name", "")
            name = ref_name(target)
            if root == "input":
                replaces.append(ops.Replace("input", path, "", self.value(item.value), ""))
            elif (root == "data" and not self.world.is_function(path)) or (root == "data" and not path):
                function_path = self._document_path(item.value)
                if function_path and self.world.is_function(function_path):  # a function has no value of its own
                    replaces.append(ops.Replace("nothing", path, "", None, ""))
                else:
                    replaces.append(ops.Replace("data", path, "", self.value(item.value), ""))
            else:
                document = self._document_path(item.value)
                function = "" if document else self._function_name(item.value)
                if document or function:
                    replaces.append(ops.Replace("function", document, name, None, function))
                else:
                    replaces.append(ops.Replace("value", (), name, self.value(item.value), ""))
        state = next(self.states)
        self.ops.append(ops.WithState(state, self.state, tuple(replaces), expr.loc))
        return state

    def _document_path(self, term: ast.Term) -> tuple[Value, ...]:
        """The path of a function, rule or package that takes a function's place; it is looked at when it is called."""
        if not isinstance(term, ast.Ref) or not isinstance(term.head, ast.Var) or term.head.name != "data":
            return ()
        path = tuple(t.value for t in term.path if isinstance(t, ast.Scalar))
        return path if len(path) == len(term.path) and self.world.find(path) is not None else ()

    def _function_name(self, term: ast.Term) -> str:
        """The name of a built-in that takes a function's place, empty where it is a value."""
        if isinstance(term, ast.Var):
            term = ast.Ref((term,))
        if not isinstance(term, ast.Ref) or not isinstance(term.head, ast.Var):
            return ""
        if term.head.name in self.env or term.head.name in ("input", "data"):
            return ""
        name = ref_name(term)
        return name if self.world.is_builtin(name) else ""

    # --- calls -----------------------------------------------------------------------------------

    def _call_expr(self, operator: ast.Ref, args: tuple[ast.Term, ...], loc: Location) -> None:
        name = ref_name(operator)
        if name in ("eq", "assign") and len(args) == 2:
            self.unify(args[0], args[1])
            return
        arity = self.world.arity(operator)
        if name in ("internal.print", "print"):
            self.call(operator, args, loc)
        elif len(args) > arity:
            self._capture(operator, args[:arity], args[arity], loc)
        elif name == "equal":
            self.ops.append(ops.TestEqual(self.value(args[0]), self.value(args[1])))
        else:
            result = self.call(operator, args, loc)
            if result is not None:
                self.ops.append(ops.TestTrue(result))

    def _capture(self, operator: ast.Ref, args: tuple[ast.Term, ...], out: ast.Term, loc: Location) -> None:
        # OPA compares each value with a result that is known before it compares the values with each other
        if self.known(out) and all(map(self.known, args)):
            node = self._function(operator)
            if node is not None:
                values = tuple(self.value(a) for a in args)
                name = ref_name(operator)
                mockable = name in self.world.mocked
                self.world.asked.add(node.doc)
                self.ops.append(ops.CallGiven(self.state, node.doc, values, self.value(out), name, mockable, loc))
                return
        result = self.call(operator, args, loc, each=not self._unbound(out))
        if result is not None:
            self.unify(out, Slot(result))

    def _function(self, operator: ast.Ref) -> Node | None:
        """The policy's own function of that name."""
        if not isinstance(operator.head, ast.Var) or operator.head.name != "data":
            return None
        node = self.world.find(tuple(t.value for t in operator.path if isinstance(t, ast.Scalar)))
        return node if node is not None and node.kind == "function" else None

    def call(
        self, operator: ast.Ref, args: tuple[ast.Term, ...], loc: Location, *, each: bool = False
    ) -> Operand | None:
        """Plan a call and give its result; None where it has none. With ``each``, a function may have several."""
        name = ref_name(operator)
        values = tuple(self.value(a) for a in args)
        mockable = name in self.world.mocked
        head = operator.head
        if isinstance(head, ast.Var) and head.name == "data":
            node = self._function(operator)
            if node is None:
                self.ops.append(ops.Fail())
                return Const(None)
            dst = self.reg()
            kind = ops.CallEach if each else ops.CallFunction
            self.ops.append(kind(dst, self.state, node.doc, values, name, mockable, loc))
            return dst
        if self.world.is_relation(name):
            dst = self.reg()
            self.ops.append(ops.CallRelation(dst, self.state, name, values, mockable, loc))
            return dst
        target = self.reg() if self.world.has_result(name) else None
        self.ops.append(ops.CallBuiltin(target, self.state, name, values, mockable, loc))
        return target

    # --- terms -----------------------------------------------------------------------------------

    def value(self, term: Side) -> Operand:
        """Plan a term whose variables are bound (or are bound by scanning, in references)."""
        match term:
            case Slot(operand):
                return operand
            case ast.Scalar(value):
                return Const(value)
            case ast.Var(name):
                if name in self.env:
                    return self.env[name]
                if name == "input":
                    return self._input()
                if name == "data":
                    return self._data(ast.Ref((term,), term.loc))
                return self._without_value()
            case ast.Ref():
                return self.ref(term)
            case ast.Array(items):
                return self._build("array", items)
            case ast.Set(items):
                return self._build("set", items)
            case ast.Object(pairs):
                return self._object(pairs)
            case ast.ArrayComprehension(inner, _):
                self._is_apart(term)
                return self._collect("array", term, lambda p: ops.Append(p.value(inner)))
            case ast.SetComprehension(inner, _):
                self._is_apart(term)
                return self._collect("set", term, lambda p: ops.AddMember(p.value(inner)))
            case ast.ObjectComprehension(k, v, _):
                last = self._is_apart(term)
                return self._collect("object", term, lambda p: ops.PutPair(p.value(k), p.value(v), k.loc, last))
            case ast.Call(operator, args):
                result = self.call(operator, args, term.loc)
                return Const(True) if result is None else result
            case ast.TemplateString():
                raise LookupError("template strings are rewritten before planning")

    def _input(self) -> Operand:
        reg = self.reg()
        self.ops.append(ops.Load(reg, InputRoot(self.state), ()))
        return reg

    def _is_apart(self, term: Comprehension) -> bool:
        """Whether OPA finds a comprehension's solutions apart from the body around it; plans what it may meet there."""
        closures = self.closures
        return closures is not None and closures.indexed(term) and closures.probe(self, term.body)

    def _collect(self, kind: str, term: Comprehension, end: Callable[[BodyPlanner], ops.End]) -> Operand:
        dst = self.reg()
        self.ops.append(ops.Collect(dst, kind, self.inner(term.body, end), term.loc))
        return dst

    def _build(self, kind: str, items: tuple[ast.Term, ...]) -> Operand:
        values = tuple(self.value(i) for i in items)
        if kind == "set":
            # in the order of the terms: it decides which of equal members stays, and how they are scanned
            values = tuple(v for _, v in sorted(zip(items, values, strict=True), key=_by_term))
        if all(isinstance(v, Const) for v in values):
            constants = [v.value for v in values if isinstance(v, Const)]
            return Const(constants if kind == "array" else RegoSet.of(constants))
        dst = self.reg()
        self.ops.append(ops.BuildArray(dst, values) if kind == "array" else ops.BuildSet(dst, values))
        if kind == "set":
            self.written[dst] = (values, ())
        return dst

    def _object(self, pairs: tuple[tuple[ast.Term, ast.Term], ...]) -> Operand:
        values = tuple((self.value(k), self.value(v)) for k, v in pairs)
        values = tuple(v for _, v in sorted(zip([k for k, _ in pairs], values, strict=True), key=_by_term))
        if all(isinstance(x, Const) for pair in values for x in pair):
            made: dict[Value, Value] = {}
            for k, v in values:
                if isinstance(k, Const) and isinstance(v, Const):
                    made[key(k.value)] = v.value
            return Const(made)
        dst = self.reg()
        self.ops.append(ops.BuildObject(dst, values))
        if not all(isinstance(k, Const) for k, _ in values):
            self.written[dst] = (tuple(k for k, _ in values), tuple(v for _, v in values))
        return dst

    # --- unification -----------------------------------------------------------------------------

    def unify(self, a: Side, b: Side) -> None:
        """Plan ``a = b``: bind what is unbound, take patterns apart, compare the rest."""
        pending: list[tuple[Side, Side]] = [(a, b)]
        while pending:
            for i, (x, y) in enumerate(pending):
                done = self._unify_one(x, y)
                if done is not None:
                    pending[i : i + 1] = done
                    break
            else:
                self._left(pending)
                break
            if self._bound:
                pending += self._settled()

    def _settled(self) -> list[tuple[Side, Side]]:
        """What was left of other pairs and may be done now."""
        found: list[tuple[Side, Side]] = []
        while self._bound:
            found += self.unsettled.pop(self._bound.pop(), ())
        return found

    def _left(self, pending: list[tuple[Side, Side]]) -> None:
        """Plan pairs of which no side is known.

        OPA lets a variable stand for a term whose own variables have no value yet, and takes that for true: the checks
        see to it that nobody asks for the variable. What binds it later is compared with the term then.
        """
        for x, y in pending:
            var, term = (x, y) if self._unbound(x) else (y, x)
            composite = isinstance(term, ast.Var | ast.Array | ast.Set | ast.Object)
            if not composite or not isinstance(var, ast.Var) or self.known(var):
                self.ops.append(ops.Fail())
                return
            self._parts(term)
            for name in {var.name, *(v.name for v in walk(term) if isinstance(v, ast.Var) and not self.known(v))}:
                self.unsettled.setdefault(name, []).append((x, y))

    def _parts(self, term: Side) -> None:
        """Plan what a term without a value has of parts with one: it needs them all the same."""
        if not isinstance(term, Slot) and self.known(term):
            self.value(term)
            return
        match term:
            case ast.Array(items) | ast.Set(items):
                for item in items:
                    self._parts(item)
            case ast.Object(pairs):
                for k, v in pairs:
                    self._parts(k)
                    self._parts(v)
            case _:
                pass

    def _without_value(self) -> Operand:
        """A variable that the checks take for bound although nothing binds it before: as in OPA it is undefined."""
        self.ops.append(ops.Fail())
        return Const(None)

    def _unify_one(self, a: Side, b: Side) -> list[tuple[Side, Side]] | None:
        """What is left to do after this pair, or None when neither side is known yet."""
        known_a, known_b = self.known(a), self.known(b)
        if self._unbound(a):
            if not known_b:
                return None
            return self._bind(a, b)
        if self._unbound(b):
            if not known_a:
                return None
            return self._bind(b, a)
        if known_a and known_b:
            if isinstance(a, _COMPREHENSIONS) and isinstance(b, ast.Ref):  # OPA begins with the reference
                a, b = b, a
            x = self.value(a)
            if isinstance(b, _COMPREHENSIONS):  # whose body OPA leaves alone where its value is of another kind
                self.ops.append(ops.CheckKind(x, _KINDS[type(b)]))
            y = self.value(b)
            if x is not y:
                self.ops.append(ops.TestEqual(x, y))
            return []
        if known_b:
            if isinstance(b, _COMPREHENSIONS) and _KINDS[type(b)] != (
                "array" if isinstance(a, ast.Array) else "object"
            ):
                self.ops.append(ops.Fail())
                return []
            return self._take_apart(a, b)
        if known_a:
            return self._take_apart(b, a)
        return self._pairwise(a, b)

    def known(self, term: Side) -> bool:
        """Whether a value can be computed: every variable outside references' own steps is bound."""
        match term:
            case ast.Var(name):
                return name in self.env or name in ("input", "data")
            case ast.Ref(terms):
                return self.known(terms[0])
            case ast.Array(items) | ast.Set(items):
                return all(self.known(i) for i in items)
            case ast.Object(pairs):
                return all(self.known(k) and self.known(v) for k, v in pairs)
            case ast.Call(_, args):
                return all(self.known(i) for i in args)
            case _:
                return True

    def _unbound(self, term: Side) -> bool:
        return isinstance(term, ast.Var) and not self.known(term)

    def _bind(self, var: Side, term: Side) -> list[tuple[Side, Side]]:
        value = self.value(term)
        if isinstance(var, ast.Var):
            if var.name in self.env:  # a scan within the term has bound it meanwhile
                self.ops.append(ops.TestEqual(self.env[var.name], value))
            else:
                self.env[var.name] = value
                if self.unsettled:
                    self._bound.append(var.name)
        return []

    def _take_apart(self, pattern: Side, term: Side) -> list[tuple[Side, Side]]:
        source = self.value(term)
        left: list[tuple[Side, Side]] = []
        match pattern:
            case ast.Array(items):
                self.ops.append(ops.CheckArray(source, len(items)))
                for i, item in enumerate(items):
                    if isinstance(item, ast.Var) and item.is_wildcard:
                        continue
                    dst = self.reg()
                    self.ops.append(ops.Item(dst, source, i))
                    left.append((item, Slot(dst)))
            case ast.Object(pairs):
                self.ops.append(ops.CheckObject(source, len({_pair_key(k) for k, _ in pairs})))
                for k, v in pairs:
                    dst = self.reg()
                    self.ops.append(ops.Get(dst, source, self.value(k)))
                    left.append((v, Slot(dst)))
            case _:
                self.ops.append(ops.Fail())
        return left

    def _pairwise(self, a: Side, b: Side) -> list[tuple[Side, Side]]:
        match a, b:
            case ast.Array(xs), ast.Array(ys) if len(xs) == len(ys):
                return list(zip(xs, ys, strict=True))
            case ast.Object(xs), ast.Object(ys) if len(xs) == len(ys):
                there = {_pair_key(k): v for k, v in ys}
                if all(_pair_key(k) in there for k, _ in xs):
                    return [(v, there[_pair_key(k)]) for k, v in xs]
        self.ops.append(ops.Fail())
        return []

    # --- references ------------------------------------------------------------------------------

    def ref(self, ref: ast.Ref) -> Operand:
        """Plan a reference: constant steps are loaded, bound ones looked up, unbound ones scanned."""
        head = ref.head
        if isinstance(head, ast.Var) and head.name not in self.env:
            if head.name == "input":
                return self.steps(InputRoot(self.state), ref.path)
            if head.name == "data":
                return self._data(ref)
        return self.steps(self.value(head), ref.path)

    def steps(self, source: Operand, path: Sequence[ast.Term], base: Sequence[Value] | None = None) -> Operand:
        """Plan steps from a value; ``base`` is the path of a base document."""
        walked: list[Operand] | None = None if base is None else list(map(Const, base))
        placed = base is not None and self.world.may_replace(tuple(base))
        i = 0
        while i < len(path):
            names: list[str] = []
            while i < len(path):
                step = path[i]
                if not (isinstance(step, ast.Scalar) and isinstance(step.value, str)):
                    break
                if walked is not None and index_of(step.value) >= 0:  # there it finds a place in an array, too
                    break
                names.append(step.value)
                i += 1
            if names:
                dst = self.reg()
                self.ops.append(ops.Load(dst, source, tuple(names)))
                source = dst
                if walked is not None:
                    walked += map(Const, names)
                continue
            source = self._step(source, path[i], walked, placed)
            i += 1
        if isinstance(source, InputRoot):
            return self._input()
        return source

    def _step(self, source: Operand, step: ast.Term, walked: list[Operand] | None, placed: bool) -> Operand:
        dst = self.reg()
        if self.known(step):
            k = self.value(step)
            where = tuple(walked) if walked is not None and placed else ()
            self.ops.append(ops.Get(dst, source, k, walked is not None, where, self.state))
            if walked is not None:
                walked.append(k)
            return dst
        written = self.written.get(source)
        if written is not None:
            index = self.reg()
            self.ops.append(ops.ScanWritten(*written, index, dst))
            self.unify(step, Slot(index))
            return dst
        nameless = isinstance(step, ast.Var) and step.is_wildcard
        if nameless and not placed:
            self.ops.append(ops.Scan(source, None, dst))
            return dst
        index = self.reg()
        self.ops.append(ops.Scan(source, index, dst))
        if walked is not None:
            walked.append(index)
        if not nameless:
            self.unify(step, Slot(index))
        return dst

    def _data(self, ref: ast.Ref) -> Operand:
        node: Node | None = self.world.root
        path = ref.path
        i = 0
        while node is not None and node.doc < 0 and i < len(path):
            step = path[i]
            constant: Value
            if isinstance(step, ast.Scalar):
                constant = step.value
            elif isinstance(step, ast.Var) and isinstance(self.env.get(step.name), Const):
                constant = self.env[step.name].value  # type: ignore[union-attr]
            else:
                return self._cursor(node, path[i:])
            node = node.children.get(step_key(constant))
            i += 1
        done = tuple(self._constant(t) for t in path[:i])
        if node is None:
            return self._base(path)
        if node.doc >= 0:
            return self._document(node, path[i:])
        dst = self.reg()
        self.ops.append(ops.Extent(dst, self.state, done))
        return dst

    def _constant(self, term: ast.Term) -> Value:
        if isinstance(term, ast.Scalar):
            return term.value
        operand = self.env[term.name] if isinstance(term, ast.Var) else None
        assert isinstance(operand, Const)
        return operand.value

    def _base(self, path: Sequence[ast.Term]) -> Operand:
        keys: list[Value] = []
        for step in path:
            if not (isinstance(step, ast.Scalar) and isinstance(step.value, str)):
                break
            keys.append(step.value)
        dst = self.reg()
        self.ops.append(ops.LoadData(dst, self.state, tuple(keys)))
        found = self.steps(dst, path[len(keys) :], keys)
        settled = self.reg()
        self.ops.append(ops.Settle(settled, found, self.state))
        return settled

    def _cursor(self, node: Node, steps: Sequence[ast.Term]) -> Operand:
        cursor: Operand = self.reg()
        self.ops.append(ops.CursorOpen(cursor, self.state, node.path))  # type: ignore[arg-type]
        for step in steps:
            dst = self.reg()
            if self.known(step):
                self.ops.append(ops.CursorStep(dst, self.state, cursor, self.value(step)))
            else:
                index = self.reg()
                self.ops.append(ops.CursorScan(self.state, cursor, index, dst))
                if not (isinstance(step, ast.Var) and step.is_wildcard):
                    self.unify(step, Slot(index))
            cursor = dst
        value = self.reg()
        self.ops.append(ops.CursorValue(value, self.state, cursor))
        return value

    def _document(self, node: Node, rest: Sequence[ast.Term]) -> Operand:
        replaceable = self.world.replaceable(node.path)
        if rest and node.kind in ("set", "object") and self.world.savings.demand and self.known(rest[0]):
            depth = self.world.depth(node)
            mask = "".join("b" if self.known(t) else "u" for t in rest[:depth]).rstrip("u")
            # a step that an earlier unbound step of the same reference binds is not known before the scan
            lead = len(mask) - len(mask.lstrip("b"))
            keys = tuple(self.value(t) for t, m in zip(rest, mask, strict=False) if m == "b")
            dst = self.reg()
            self.world.demand(node, mask)
            self.ops.append(ops.DocDemand(dst, self.state, node.doc, mask, keys, node.path, replaceable))
            return self.steps(dst, rest[lead:])
        dst = self.reg()
        self.ops.append(ops.DocValue(dst, self.state, node.doc, node.path, replaceable))
        return self.steps(dst, rest)


def _by_term(pair: tuple[ast.Term, object]) -> Any:
    return term_order(pair[0])


def ref_name(ref: ast.Ref) -> str:
    """A reference of constants as dotted text: ``data.a.f``, ``json.filter``."""
    head = ref.head
    parts = [head.name if isinstance(head, ast.Var) else str(getattr(head, "value", ""))]
    parts.extend(str(t.value) if isinstance(t, ast.Scalar) else "?" for t in ref.path)
    return ".".join(parts)


def _pair_key(term: ast.Term) -> object:
    if isinstance(term, ast.Scalar):
        return key(term.value)
    return term


__all__ = ["NO_LOCATION", "BodyPlanner", "Slot", "ref_name"]
