"""From bodies to instructions, expression by expression: what is tested, called, built, gone through.

The bodies come from the checks: references absolute, calls and comprehensions hoisted, expressions in an
order that is safe. Here it is known which variables are bound already; :mod:`.unification` binds others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..places import Location
from ..syntax import nodes as ast
from ..syntax.term_order import term_order
from ..values import RegoSet, Value, key, step_key
from . import ops
from .closures import Closures, Comprehension
from .documents import Node
from .ground import ref_name
from .ops import Const, Operand, Reg
from .references import plan_reference
from .replacements import plan_with
from .unevaluated import unevaluated
from .unification import Side, Slot, is_unbound, postpone, stands_for, unify
from .wanted import wanted_of
from .world import World


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
        self.bound: list[str] = []
        """Variables that have got a value since such pairs were last looked at, where there are any."""

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
            self.state = plan_with(self, expr)
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
        others: list[ops.Op] = []
        for term in (key_term, value_term):
            reg = None
            if isinstance(term, ast.Var):
                reg = child.reg()
                if term.name in child.env:  # as in OPA the domain may have bound it, and others are no elements then
                    others.append(ops.TestEqual(reg, child.env[term.name]))
                else:
                    child.env[term.name] = reg
            regs.append(reg)
        child.body(body)
        block = ops.Block(tuple(child.ops), ops.Found(True))
        if others:
            no_element = ops.Negation(ops.Block(tuple(others), ops.Found(False)))
            block = ops.Block((ops.Either(ops.Block((no_element,), ops.Found(True)), block),), ops.Found(True))
        self.ops.append(ops.ForEvery(source, regs[0], regs[1], block, self.written.get(source)))

    # --- calls -----------------------------------------------------------------------------------

    def _call_expr(self, operator: ast.Ref, args: tuple[ast.Term, ...], loc: Location) -> None:
        name = ref_name(operator)
        if name in ("eq", "assign") and len(args) == 2:
            unify(self, args[0], args[1])
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
        out = stands_for(self, out)
        node = None if is_unbound(self, out) else self._function(operator)
        if node is None or not all(map(self.known, args)):
            result = self.call(operator, args, loc)
        else:  # OPA compares what is wanted with the value of a rule before it looks at the rule's body
            values = self._arguments(args)
            name = ref_name(operator)
            wanted, parts = wanted_of(self, out)
            given = tuple(map(self.value, parts))
            result = self.reg()
            mask = self.world.want(wanted)
            self.world.asked.add(node.doc)
            mockable = name in self.world.mocked
            self.ops.append(ops.CallGiven(result, self.state, node.doc, mask, values, given, name, mockable, loc))
        if result is not None:
            unify(self, out, Slot(result))

    def _function(self, operator: ast.Ref) -> Node | None:
        """The policy's own function of that name."""
        if not isinstance(operator.head, ast.Var) or operator.head.name != "data":
            return None
        node = self.world.find(tuple(t.value for t in operator.path if isinstance(t, ast.Scalar)))
        return node if node is not None and node.kind == "function" else None

    def call(self, operator: ast.Ref, args: tuple[ast.Term, ...], loc: Location) -> Operand | None:
        """Plan a call and give its result; None where it has none."""
        name = ref_name(operator)
        mockable = name in self.world.mocked
        head = operator.head
        own = isinstance(head, ast.Var) and head.name == "data"
        for at, arg in enumerate(() if own or mockable else args):
            if not self.known(arg):
                self.ops.append(unevaluated(self, name, args, at, loc))
                return Const(None)
        if own:
            values = self._arguments(args)
            node = self._function(operator)
            if node is None:
                self.ops.append(ops.Fail())
                return Const(None)
            dst = self.reg()
            self.ops.append(ops.CallFunction(dst, self.state, node.doc, values, name, mockable, loc))
            return dst
        values = tuple(self.value(a) for a in args)
        if self.world.is_relation(name):
            dst = self.reg()
            self.ops.append(ops.CallRelation(dst, self.state, name, values, mockable, loc))
            return dst
        target = self.reg() if self.world.has_result(name) else None
        self.ops.append(ops.CallBuiltin(target, self.state, name, values, mockable, loc))
        return target

    def _arguments(self, args: tuple[ast.Term, ...]) -> tuple[Operand, ...]:
        """Plan the arguments of one of the policy's own functions."""
        return tuple(self._in_order(self.value(a)) for a in args)

    def _in_order(self, value: Operand) -> Operand:
        """A set that is written out, as the rules of a function go through it."""
        keys, inside = self.written.get(value, ((), ()))
        if not keys or inside:
            return value
        dst = self.reg()
        self.ops.append(ops.KeepOrder(dst, value, keys))
        return dst

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
                if name in ("input", "data"):
                    return plan_reference(self, ast.Ref((term,), term.loc))
                return self._without_value()
            case ast.Ref():
                return plan_reference(self, term)
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

    # --- what is known of terms ------------------------------------------------------------------

    def _without_value(self) -> Operand:
        """A variable that the checks take for bound although nothing binds it before: as in OPA it is undefined."""
        self.ops.append(ops.Fail())
        return Const(None)

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

    def reached(self, path: Sequence[ast.Term]) -> tuple[Node | None, int]:
        """How far constant steps lead from ``data``: to a document or out of the packages, None; else to the end."""
        node: Node | None = self.world.root
        i = 0
        while node is not None and node.doc < 0 and i < len(path):
            step = path[i]
            constant: Value
            if isinstance(step, ast.Scalar):
                constant = step.value
            elif isinstance(step, ast.Var) and isinstance(self.env.get(step.name), Const):
                constant = self.env[step.name].value  # type: ignore[union-attr]
            else:
                break
            node = node.children.get(step_key(constant))
            i += 1
        return node, i

    def outside_rules(self, term: Side) -> bool:
        """Whether a term is a reference into ``data`` whose value is not that of a rule or below it."""
        if not isinstance(term, ast.Ref) or not self.names_data(term.head):
            return False
        node, _ = self.reached(term.path)
        return node is None or node.doc < 0

    def names_data(self, head: ast.Term) -> bool:
        """Whether a reference with that head leads into ``data``."""
        return isinstance(head, ast.Var) and head.name == "data" and "data" not in self.env

    def left(self, pending: list[tuple[Side, Side]]) -> None:
        """Plan pairs of a unification of which no side is known."""
        postpone(self, pending)


def _by_term(pair: tuple[ast.Term, object]) -> Any:
    return term_order(pair[0])
