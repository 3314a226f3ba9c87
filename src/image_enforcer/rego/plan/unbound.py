"""Bodies whose variables are not bound beforehand, as far as a built-in can meet one that is still unbound.

OPA ends the evaluation there. So a comprehension that it evaluates apart (:mod:`.closures`) is preceded by its own body
up to that built-in, with nothing bound from around; where that never gets there, nothing has happened. Bodies without
such a built-in cost nothing outside strict mode. What cannot be followed (a replaced function, say) is taken for one
that is not met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from ..check.visit import Rewriter, operator_name, variables, walk
from ..places import Location
from ..records import record, replace
from ..syntax import nodes as ast
from . import ops
from .bodies import BodyPlanner
from .documents import Node
from .ground import ref_name
from .index import Condition, RuleIndex, branches
from .ops import Const, Operand
from .replacements import plan_with
from .unevaluated import MARK, unevaluated
from .unification import Side, Slot, unify
from .world import World

ROOTS = ("data", "input")
_CLOSURES = (ast.Every, ast.Not, ast.LogicalAnd, ast.LogicalOr)

DEEPEST = 8
"""Calls that are followed within others, or behind them: the code for what comes after a call is within its own."""

MOST_RULES = 300
"""Rules of functions that are followed in all: each is followed once for every way that leads to it."""


def plan_probe(planner: BodyPlanner, body: ast.Body) -> bool:
    """Plan what of a comprehension's body comes before a built-in that meets an unbound variable, and its error.

    The answer is whether all solutions are found so. They need not be where something but a unification meets an
    unbound variable; then OPA may have to look for them again, with everything bound.
    """
    if not any(_may_meet(x) for x in walk(body)):
        return True
    dry = _Unbound(replace(planner.world, demands={}), count(), count(1), {}, 0)
    dry.body(body)
    if dry.seen.met or planner.world.strict:  # under strict errors other values of the keys may meet some
        probe = _Unbound(planner.world, planner.counter, planner.states, {}, planner.state)
        probe.body(body)
        planner.ops.append(ops.Negation(_endless(probe.ops)))
    return not dry.seen.called


def _may_meet(node: object) -> bool:
    """Whether a node is a call of something that needs values, or has a body of its own."""
    match node:
        case ast.CallExpr(operator, _):
            return operator_name(operator) not in ("eq", "assign", "equal")
        case ast.Expr(terms, negated):
            return negated or isinstance(terms, _CLOSURES)
    return False


class _Seen:
    """What all planners of one probe share."""

    def __init__(self) -> None:
        self.met = False
        self.called = False
        """Whether a function, or a body inside, has met an unbound variable."""
        self.indices: dict[int, RuleIndex] = {}
        self.followed = 0


@record(frozen=True, slots=True)
class _Followed:
    """A rule of a function that is called with unbound arguments."""

    block: ops.Block
    value: ast.Term | None
    lost: bool


class _Unbound(BodyPlanner):
    """Plans a body in which variables may stay unbound, or stand for terms with unbound variables in them."""

    def __init__(
        self, world: World, counter: Iterator[int], states: Iterator[int], env: dict[str, Operand], state: int = 0
    ) -> None:
        super().__init__(world, counter, states, env, state)
        self.loose: dict[str, ast.Term] = {}
        """What unbound variables stand for: one another, or composite terms with unbound variables in them."""
        self.over = False
        """Whether nothing of the body is planned any more."""
        self.lost = False
        """Whether it is not known if the body has a solution."""
        self.parent: _Unbound | None = None
        self.then: Callable[[_Unbound], None] | None = None
        """What comes after the body: that of a rule is followed by what comes after the call."""
        self.depth = 0
        self.seen = _Seen()

    def within(self) -> _Unbound:
        child = _Unbound(self.world, self.counter, self.states, dict(self.env), self.state)
        child.written = dict(self.written)
        child.loose = dict(self.loose)
        child.parent, child.depth, child.seen = self, self.depth, self.seen
        return child

    def body(self, body: ast.Body) -> None:
        for at, expr in enumerate(body):
            if self.over:
                return
            plugged = _Plug(self.loose).expr(expr) if self.loose else expr
            match plugged.terms:
                case ast.CallExpr(operator, args) if not plugged.negated:
                    node = self._function(operator)
                    arity = self.world.arity(operator)
                    if node is not None and not all(map(self.known, args[:arity])):
                        self.seen.called = True
                        self._call_rules(node, plugged, args, body[at + 1 :])
                        return
            if plugged.negated or isinstance(plugged.terms, _CLOSURES):
                unbound = [v for v in variables(plugged).values() if not self.known(v)]
                shared = variables(body[at + 1 :])
                self.seen.called |= any(v.name in shared for v in unbound)
            self.expr(plugged)
        if self.then is not None and not self.over:
            self.then(self)

    def expr(self, expr: ast.Expr) -> None:
        if all(self.known(w.value) for w in expr.withs):
            super().expr(expr)
        elif self._meets_anyhow(expr):
            super().expr(replace(expr, withs=()))
        else:
            self.lose()

    def _meets_anyhow(self, expr: ast.Expr) -> bool:
        """Whether a built-in meets an unbound variable, whatever an unbound one is put in the place of."""
        match expr.terms:
            case ast.CallExpr(operator, args) if _may_meet(expr.terms):
                mocked = ref_name(operator) in self.world.mocked or operator in [w.target for w in expr.withs]
                if mocked or self._function(operator) is not None:
                    return False
                plain = not any(isinstance(x, ast.Ref) for arg in args for x in walk(arg))
                return plain and not all(map(self.known, args))
        return False

    def lose(self) -> None:
        """Follow this no further, here and around: it is not known whether there is a solution."""
        self.over = self.lost = True
        if self.parent is not None:
            self.parent.lose()

    def _terms(self, expr: ast.Expr) -> None:
        match expr.terms:
            case ast.TermExpr(term) if not self.known(term) and not isinstance(term, ast.Ref):
                pass
            case ast.CallExpr(operator, (a, b)) if ref_name(operator) == "equal":
                unify(self, a, b)
            case _:
                super()._terms(expr)

    def _operands(self, lhs: ast.Body, rhs: ast.Body) -> tuple[ops.Block, ops.Block]:
        first = self.inner(lhs, lambda _: ops.Found(True))
        if self.over:
            return first, ops.Block((ops.Fail(),), ops.Found(True))
        return first, self.inner(rhs, lambda _: ops.Found(True))

    # --- unification -----------------------------------------------------------------------------

    def left(self, pending: list[tuple[Side, Side]]) -> None:
        while pending:
            a, b = pending.pop(0)
            if isinstance(a, Slot) or isinstance(b, Slot) or isinstance(a, ast.Ref) or isinstance(b, ast.Ref):
                self.ops.append(ops.Fail())
                return
            plug = _Plug(self.loose)
            a, b = plug.term(a), plug.term(b)
            if a == b:
                continue
            if isinstance(a, ast.Var) and not self.known(a):
                self._loosen(a, b)
            elif isinstance(b, ast.Var) and not self.known(b):
                self._loosen(b, a)
            else:
                self.ops.append(ops.Fail())
                return

    def _loosen(self, var: ast.Var, term: ast.Term) -> None:
        if any(isinstance(x, ast.Var) and x.name == var.name for x in walk(term)):
            self.lose()
            return
        plug = _Plug({var.name: term})
        self.loose = {name: plug.term(t) for name, t in self.loose.items()}
        self.loose[var.name] = term

    # --- calls -----------------------------------------------------------------------------------

    def call(self, operator: ast.Ref, args: tuple[ast.Term, ...], loc: Location) -> Operand | None:
        name = ref_name(operator)
        unbound = [at for at, arg in enumerate(args) if not self.known(arg)]
        if name in self.world.mocked or (unbound and self._function(operator) is not None):
            self.lose()
            return Const(None)
        if unbound:
            self.ops.append(unevaluated(self, name, args, unbound[0], loc))
            self.over = self.seen.met = True
            return Const(None)
        return super().call(operator, args, loc)

    def _call_rules(self, node: Node, expr: ast.Expr, args: tuple[ast.Term, ...], rest: ast.Body) -> None:
        """Plan the rules of a function that gets unbound arguments, each with what comes after the call."""
        assert isinstance(expr.terms, ast.CallExpr)
        name = ref_name(expr.terms.operator)
        if all(_root(w.target) in ROOTS for w in expr.withs) and self._alone(node, set()):
            expr = replace(expr, withs=())
        if self.depth >= DEEPEST or not all(self.known(w.value) for w in expr.withs) or name in self.world.mocked:
            self.lose()
            return
        state = plan_with(self, expr) if expr.withs else self.state
        index = self.seen.indices.get(node.doc)
        if index is None:
            index = self.seen.indices[node.doc] = RuleIndex(self.world.root, [at.rule for at in node.rules])
        chains: list[list[_Followed]] = []
        for rule in (at.rule for at in node.rules if not at.rule.default):
            if self.seen.followed >= MOST_RULES:
                self.lose()
                break
            chain = [self._rule(index, link, state, args, rest) for link in branches(rule)]
            chains.append([found for found in chain if found is not None])
        if rest or self.then is not None:
            self._each(chains)
            self.lose()
            return
        none = tuple(ops.Negation(found.block) for chain in chains for found in chain)
        self.ops.append(ops.Negation(ops.Block(none, ops.Found(True))))
        if any(found.lost for chain in chains for found in chain):
            self.lose()

    def _alone(self, node: Node, seen: set[int]) -> bool:
        """Whether a function's rules see nothing of what is put in the place of documents."""
        if node.doc in seen:
            return True
        seen.add(node.doc)
        calls = [x for at in node.rules for x in walk(at.rule) if isinstance(x, ast.CallExpr | ast.Call)]
        called = [self._function(x.operator) for x in calls]
        operators = {id(x.operator) for x in calls}
        read = [x for at in node.rules for x in walk(at.rule) if isinstance(x, ast.Ref) and id(x) not in operators]
        return not any(_root(ref) in ROOTS for ref in read) and all(self._alone(f, seen) for f in called if f)

    def _each(self, chains: list[list[_Followed]]) -> None:
        """One rule after the other; what has a result, or may have one, keeps its ``else`` from being met."""
        values = [found.value for chain in chains for found in chain]
        one_value = all(isinstance(v, ast.Scalar) and v == values[0] for v in values)
        for chain in chains:
            made: list[ops.Op] = []
            for found in chain:
                made.append(ops.Negation(found.block))
                if found.lost:
                    made.append(ops.Fail())
                    break
            self.ops.extend(made if one_value else [ops.Negation(_endless(made))])  # of one value one result is enough

    def _rule(
        self, index: RuleIndex, rule: ast.Rule, state: int, args: tuple[ast.Term, ...], rest: ast.Body
    ) -> _Followed | None:
        """A rule with what comes after the call, which happens with its first solution; None where the index leaves it
        out, as it does where it asks something of an argument that has no value."""
        child = self.within()
        child.parent, child.depth, child.state = None, self.depth + 1, state
        self.seen.followed += 1
        rename = _Rename(f"{MARK}{self.seen.followed}")
        params = rename.terms(rule.head.args or ())
        unbound = {
            p.name for p, arg in zip(rule.head.args or (), args, strict=False)
            if isinstance(p, ast.Var) and not self.known(arg)
        }  # fmt: skip

        def fails(condition: Condition) -> bool:
            return bool(condition.tests) and condition.place[0] in unbound

        asked = index.asked(rule)
        ways = [way for way in asked.ways if not any(map(fails, way))]
        if any(map(fails, asked.always)) or (asked.ways and not ways):
            return None
        for arg, param in zip(args, params, strict=False):
            if not (isinstance(param, ast.Var) and param.is_wildcard):
                plug = _Plug(child.loose)
                unify(child, plug.term(arg), plug.term(param))
        taken = args[len(params) :]
        value = rename.term(rule.head.value if rule.head.value is not None else ast.Scalar(True))

        def then(end: _Unbound) -> None:
            end.state = self.state
            if not rest and self.then is None:
                end.result(taken, value)
                return
            after = end.within()
            after.parent, after.then = None, self.then
            after.result(taken, value)
            after.body(rest)
            end.ops.append(ops.Negation(_endless(after.ops)))

        child.then = then
        child.body(rename.body(rule.body))
        return _Followed(ops.Block(tuple(child.ops), ops.Found(True)), rule.head.value, child.lost)

    def result(self, taken: tuple[ast.Term, ...], value: ast.Term) -> None:
        """Plan that a function's value is taken, or else that it is not false."""
        plug = _Plug(self.loose)
        value = plug.term(value)
        if taken:
            unify(self, plug.term(taken[0]), value)
        elif self.known(value):
            self.ops.append(ops.TestTrue(self.value(value)))


def _root(term: ast.Term) -> str:
    head = term.terms[0] if isinstance(term, ast.Ref) else term
    return head.name if isinstance(head, ast.Var) else ""


def _endless(some: Sequence[ops.Op]) -> ops.Block:
    """A block that has no solution, whatever becomes of it."""
    return ops.Block((*some, ops.Fail()), ops.Found(True))


class _Plug(Rewriter):
    """Puts terms in the place of variables."""

    def __init__(self, terms: dict[str, ast.Term]) -> None:
        self._terms = terms

    def term(self, term: ast.Term) -> ast.Term:
        if isinstance(term, ast.Var):
            return self._terms.get(term.name, term)
        return super().term(term)


class _Rename(Rewriter):
    """Gives the variables of a rule names of their own."""

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix

    def term(self, term: ast.Term) -> ast.Term:
        if isinstance(term, ast.Var) and term.name not in ("data", "input"):
            return replace(term, name=term.name + self._suffix)
        return super().term(term)

    def operator(self, operator: ast.Ref) -> ast.Ref:
        return operator
