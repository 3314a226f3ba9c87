"""Safety: every variable gets a value before it is needed, in an order of the expressions that is found here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush

from ..errors import UNSAFE_VAR_ERROR, Problem
from ..places import Location
from ..records import replace
from ..syntax.keywords import FUTURE_V0, FUTURE_V1
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    ExprTerms,
    LogicalAnd,
    LogicalOr,
    Not,
    Object,
    ObjectComprehension,
    Ref,
    Scalar,
    Set,
    SetComprehension,
    TemplateString,
    Term,
    TermExpr,
    Var,
)  # fmt: skip
from .unifier import GLOBALS, ref_safe, unify_outputs
from .visit import Rewriter, children, is_equality, kept, variables

Arity = Callable[[Ref], int]
FUTURE_KEYWORDS = FUTURE_V0 | FUTURE_V1
"""What is a keyword to modules that import it."""


def equality_outputs(expr: Expr, safe: set[str]) -> set[str]:
    """The variables that ``a = b`` binds, given those that are bound already."""
    if not isinstance(expr.terms, CallExpr) or len(expr.terms.args) != 2:
        return set()
    lhs, rhs = expr.terms.args
    bound = term_outputs((lhs, rhs, *(t for item in expr.withs for t in (item.target, item.value))), safe) | safe
    known = bound
    if expr.assignment:
        known = bound - set(variables(lhs))
    return (known | unify_outputs(known, lhs, rhs)) - safe


def term_outputs(node: object, safe: set[str]) -> set[str]:
    """The variables that references in a term bind, by enumerating."""
    found: set[str] = set()
    todo: list[object] = [node]
    while todo:
        x = todo.pop()
        match x:
            case ArrayComprehension() | SetComprehension() | ObjectComprehension() | TemplateString():
                continue
            case Ref(terms):
                head = terms[0]
                if not ref_safe(x, safe):
                    continue
                for t in terms[1:]:
                    found |= set(variables(t, ref_heads=False))
                todo.extend(terms[1:])
                if not isinstance(head, Var):
                    todo.append(head)
            case tuple():
                todo.extend(x)
            case Array(items) | Set(items):
                todo.extend(items)
            case Object(pairs):
                for k, v in pairs:
                    todo.extend((k, v))
            case Call(_, args):
                todo.extend(args)
            case _:
                pass
    return found


def expression_outputs(expr: Expr, arity: Arity, safe: set[str], *, functions: bool = False) -> set[str]:
    """The variables that an expression binds.

    ``functions``: the name of a built-in that a ``with`` puts somewhere is a variable yet, as in OPA's first stages.
    """
    if expr.negated or isinstance(expr.terms, Not | LogicalAnd | LogicalOr):
        return set()
    for item in expr.withs:
        if not set(variables(item, closures=False, functions=functions, call_heads=False)) <= safe | GLOBALS:
            return set()
    replaced = tuple(t for item in expr.withs for t in (item.target, item.value))
    match expr.terms:
        case TermExpr(term):
            return term_outputs((term, *replaced), safe)
        case Every(_, _, domain, _):
            return term_outputs(domain, safe)
        case CallExpr(operator, args):
            if is_equality(expr):
                return equality_outputs(expr, safe)
            count = arity(operator)
            if count < 0:
                return set()
            found = term_outputs((*args, *replaced), safe)
            if count >= len(args):
                return found
            needs = set(variables(args[:count], ref_heads=False, object_keys=False, closures=False, sets=False))
            if needs - found - safe - GLOBALS:
                return set()
            return found | set(variables(args[count:], ref_heads=False, object_keys=False, closures=False, sets=False))
        case _:
            return set()


def body_outputs(body: Body, arity: Arity, outer: set[str], *, functions: bool = False) -> set[str]:
    """What is bound behind a body that is read once from the front, with what is bound before it."""
    safe = set(outer)
    for expr in body:
        safe |= expression_outputs(expr, arity, safe, functions=functions)
    return safe


Unsafe = dict[int, tuple[Expr, dict[str, None]]]


def _closure_vars(expr: Expr) -> set[str]:
    """The variables inside the closures of an expression."""
    found: set[str] = set()
    todo: list[object] = [expr.terms, *expr.withs]
    while todo:
        x = todo.pop()
        match x:
            case ArrayComprehension() | SetComprehension() | ObjectComprehension() | TemplateString():
                found |= set(variables(x, functions=True))
            case Every(_, _, domain, body):
                found |= set(variables(body, functions=True))
                todo.append(domain)
            case Not(body):
                found |= set(variables(body, functions=True))
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                found |= set(variables((lhs, rhs), functions=True))
            case _:
                todo.extend(children(x))
    return found


def _own_vars(expr: Expr) -> dict[str, None]:
    """The variables of an expression outside closures; an operand without braces counts as the expression's own."""
    names = dict.fromkeys(variables(expr, closures=False))
    match expr.terms:
        case Not(body) if not expr.terms.explicit:
            names |= _implicit(body)
        case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
            node = expr.terms
            if not node.explicit_lhs:
                names |= _implicit(lhs)
            if not node.explicit_rhs:
                names |= _implicit(rhs)
        case _:
            pass
    return names


def _implicit(body: Body) -> dict[str, None]:
    """The variables that an operand without braces needs from outside: all but those that it binds and then uses.

    A ``_`` is one of them, for nothing else can use what it binds. What stands in operands within an operand counts for
    those alone.
    """
    uses = Counter(n for expr in body for n in dict.fromkeys(variables(expr, closures=False)))
    if len(body) == 1:
        return dict.fromkeys(uses)
    bound = _bound_inside(body, set(uses))
    return {n: None for n, count in uses.items() if n not in bound or count == 1}


def _bound_inside(body: Body, names: set[str]) -> set[str]:
    equations = [e for e in body if is_equality(e) and isinstance(e.terms, CallExpr)]
    sides = {a.name for e in equations if isinstance(e.terms, CallExpr) for a in e.terms.args if isinstance(a, Var)}
    safe = names - sides | GLOBALS
    bound: set[str] = set()
    more = True
    while more:
        found = {n for e in equations for n in equality_outputs(e, safe)} - bound
        bound |= found
        safe |= found
        more = bool(found)
    calls = [e.terms for e in body if e.generated and isinstance(e.terms, CallExpr) and not is_equality(e)]
    return bound | {n for call in calls if call.args for n in variables(call.args[-1])}


def reorder(arity: Arity, outer: set[str], body: Body) -> tuple[Body, Unsafe]:
    """A body in a safe order, and what stays unsafe."""
    own = [_own_vars(e) for e in body]
    done, unsafe = _order(arity, outer, body, own)
    waiting = sorted(set(range(len(body))) - set(done))
    found: Unsafe = {id(body[i]): (body[i], dict.fromkeys(sorted(unsafe[i]))) for i in waiting if unsafe[i]}
    inner = _Inner(arity, set(outer))
    made: list[Expr] = []
    for position, i in enumerate(done):
        if position:
            inner.globals.update(own[done[position - 1]])  # in place: |= with keys makes a new set
        inner.current = body[i]
        made.append(inner.expr(body[i]))
    found.update(inner.unsafe)
    return kept(body, made), found


def _same(a: Expr, b: Expr) -> bool:
    return a.negated == b.negated and a.terms == b.terms and a.withs == b.withs


def _order(arity: Arity, outer: set[str], body: Body, own: list[dict[str, None]]) -> tuple[list[int], list[set[str]]]:
    """The expressions in the order in which they become safe, and for each what it still lacks.

    OPA goes over the body again and again; here an expression's turn comes again, in the same order, only when a
    variable that it mentions has got a value since.
    """
    body_vars = {n for names in own for n in names}
    safe = (body_vars & outer) | (outer & GLOBALS) | (GLOBALS & body_vars)
    unsafe = [{v for v in names if v not in safe and v not in GLOBALS} for names in own]
    shared = body_vars - outer
    closures = [_closure_vars(e) & shared for e in body]
    mentioned = [set(variables(e)) for e in body]
    users: dict[str, list[int]] = {}
    for i, names in enumerate(mentioned):
        for name in names:
            users.setdefault(name, []).append(i)
    turns = [(0, i) for i in range(len(body))]
    waits: list[int | None] = [0] * len(body)
    done: list[int] = []
    placed: list[int | None] = [None] * len(body)
    last = 0
    while turns:
        turn, i = heappop(turns)
        if turn > last + 1:  # a turn without success is the last one
            break
        waits[i] = None
        if i < len(done) and done[i] != i and _same(body[done[i]], body[i]):
            continue  # as in OPA, which numbers what it has placed and compares by number and terms, this one is there
        outputs = expression_outputs(body[i], arity, {v for v in mentioned[i] if v in safe or v in outer})
        every = isinstance(body[i].terms, Every) and _may_bind(body[i], safe | outer)
        if every:
            outputs |= _left_over(body, arity, i, turn, placed, safe | outer)
        by_itself = bool(closures[i]) and closures[i] == outputs  # nothing else binds what its closure needs
        if not by_itself:
            unsafe[i] = {v for v in closures[i] or unsafe[i] if v not in outputs and v not in safe}
        if by_itself or unsafe[i]:
            if every and (by_itself or any(len(users[v]) > 1 for v in unsafe[i])):
                waits[i] = turn + 1  # something else may be left over then
                heappush(turns, (turn + 1, i))
            continue
        done.append(i)
        placed[i] = last = turn
        for name in outputs - safe:
            safe.add(name)
            for j in users.get(name, ()):
                again = turn if j > i else turn + 1
                if placed[j] is None and waits[j] != again:
                    waits[j] = again
                    heappush(turns, (again, j))
    return done, unsafe


def _may_bind(expr: Expr, safe: set[str]) -> bool:
    """Whether OPA comes so far as to look at what an expression binds."""
    needs = (set(variables(item, closures=False, call_heads=False)) for item in expr.withs)
    return not expr.negated and all(names <= safe | GLOBALS for names in needs)


def _left_over(
    body: Body, arity: Arity, at: int, turn: int, placed: Sequence[int | None], safe: set[str]
) -> set[str]:  # fmt: skip
    """What OPA still holds when it comes to an ``every``: the last call's outputs, which it takes for the domain's.

    So an ``every`` that needs just what the call before it binds is refused, wherever it could stand; one that needs
    part of it gets its place too early, and lets others have theirs. ``placed`` tells the turns in which expressions
    got their places.
    """
    left: set[str] = set()
    for when in range(turn, -1, -1):
        before = range((at if when == turn else len(body)) - 1, -1, -1)
        looked_at = (body[j] for j in before if (found := placed[j]) is None or found >= when)
        for expr in (e for e in looked_at if _may_bind(e, safe)):
            match expr.terms:
                case Every(_, _, domain, _):
                    left |= term_outputs(domain, safe)
                case CallExpr(operator, args) if is_equality(expr) or arity(operator) >= 0:
                    if not is_equality(expr):
                        left |= term_outputs(args, safe) | expression_outputs(expr, arity, safe)
                    return left
                case _:
                    pass
    return left


class _Inner(Rewriter):
    """Reorders the bodies inside an expression, which see what the expressions before it bind."""

    def __init__(self, arity: Arity, outer: set[str]) -> None:
        self.arity = arity
        self.globals = outer
        self.current: Expr = Expr(TermExpr(Scalar(True)))
        self.unsafe: Unsafe = {}

    def _closure(self, body: Body, needs: set[str]) -> Body:
        there = {n for e in body for n in _own_vars(e)} | GLOBALS
        for name in sorted(n for n in needs - there if n not in self.globals):
            self.unsafe.setdefault(id(self.current), (self.current, {}))[1][name] = None
        made, unsafe = reorder(self.arity, {n for n in variables(body) if n in self.globals}, body)
        if not unsafe:
            return made
        for k, (expr, names) in unsafe.items():
            self.unsafe.setdefault(k, (expr, {}))[1].update(names)
        return body

    def term(self, term: Term) -> Term:
        """A term; the bodies of its comprehensions are reordered."""
        match term:
            case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                return replace(term, body=self._closure(body, set(variables(inner))))
            case ObjectComprehension(k, v, body):
                return replace(term, body=self._closure(body, set(variables((k, v)))))
            case _:
                return super().term(term)

    def expr_terms(self, expr: Expr) -> ExprTerms:
        match expr.terms:
            case Every(k, v, domain, body):
                made_domain = self.term(domain)
                self.globals |= {x.name for x in (k, v) if isinstance(x, Var)}
                return replace(expr.terms, domain=made_domain, body=self._closure(body, set()))
            case Not(body):
                return replace(expr.terms, body=self._closure(body, set()))
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                return replace(expr.terms, lhs=self._closure(lhs, set()), rhs=self._closure(rhs, set()))
            case _:
                return super().expr_terms(expr)


def unsafe_problems(unsafe: Unsafe, original: Mapping[str, str], label: str = "") -> list[Problem]:
    """The problems of a body that stays unsafe: a line for each variable, at the first expression that needs it.

    ``label`` says which rule is meant, where that is not plain from the place. A variable that waits for its ``:=`` is
    told only where nothing else is wrong. As in OPA, what only expressions without a place need is not told by name.
    """
    places: dict[str, Location] = {}
    for expr, names in unsafe.values():
        for name in names if expr.loc.row else ():
            have, here = places.get(name), expr.loc
            if have is None or (here.row, here.col) < (have.row, have.col):
                places[name] = here
    assigned = {name for expr, _ in unsafe.values() for name in _assigned(expr)}
    ordered = sorted(places.items(), key=lambda p: (p[1].row, p[1].col, p[0]))
    written = [(original.get(name, name), name, loc) for name, loc in ordered]
    written = [found for found in written if not found[0].startswith("__local")]
    assigned |= {original.get(name, name) for name in assigned}
    others = [found for found in written if found[0] not in assigned and found[1] not in assigned]
    if problems := [_unsafe(shown, loc, label) for shown, _, loc in others or written]:
        return problems
    told: set[str] = set()
    for expr, names in sorted(
        unsafe.values(), key=lambda pair: (not pair[0].loc.row, pair[0].loc.row, pair[0].loc.col)
    ):
        generated = {n for n in names if n.startswith("__local")}
        if generated - told:
            problems.append(Problem(UNSAFE_VAR_ERROR, f"expression is unsafe{label}", expr.loc))
        told |= generated
    return problems


def _assigned(expr: Expr) -> dict[str, Var]:
    """The variables on the left of ``:=``."""
    is_written = expr.assignment and isinstance(expr.terms, CallExpr) and len(expr.terms.args) == 2
    return variables(expr.terms.args[0]) if is_written and isinstance(expr.terms, CallExpr) else {}


def _unsafe(shown: str, loc: Location, label: str) -> Problem:
    name = "_" if shown.startswith("$") else shown
    hint = f" (hint: `import future.keywords.{name}` to import a future keyword)" if name in FUTURE_KEYWORDS else ""
    return Problem(UNSAFE_VAR_ERROR, f"var {name} is unsafe{label}{hint}", loc)
