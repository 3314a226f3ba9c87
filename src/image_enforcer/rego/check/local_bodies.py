"""Local variables of bodies: declarations get their names, ``:=`` becomes unification, ``some … in`` a reference.

Errors come in OPA's order and words; what OPA overlooks is overlooked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import COMPILE_ERROR, Problem
from ..places import Location
from ..records import replace
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
    Scalar,
    Set,
    SetComprehension,
    SomeDecl,
    TemplateString,
    Term,
    TermExpr,
    Var,
    With,
)  # fmt: skip
from ..syntax.printer import term_text
from ..syntax.shapes import value_name
from ..syntax.term_order import changed_members, changed_pairs
from .safety import equality_outputs
from .scopes import Names, Renamed, Scope, Scopes
from .shared_heads import SharedHeads
from .unused import unused
from .visit import ROOTS, children, is_assignment, variables, walk

ASSIGN_IN_NEGATED = "cannot assign vars inside negated expression"
ASSIGN_IN_AND = "cannot assign vars inside implicit and operand"
ASSIGN_IN_OR = "cannot assign vars inside implicit or operand"
_WORDS = {"seen": "referenced above", "assigned": "assigned above", "declared": "declared above"}


class BodyVars:
    """Rewrites bodies and terms, with the names of the scopes around them.

    ``problems`` collects what is wrong, ``all_unused`` what is declared and never used: that is wrong as well, but
    keeps no later check from being made.
    """

    def __init__(self, names: Names, strict: bool = False, heads: SharedHeads | None = None) -> None:
        self.names = names
        self.heads = heads or SharedHeads()
        self.strict = strict
        self.scopes = Scopes()
        self.problems: list[Problem] = []
        self.unused: list[Problem] = []
        self.all_unused: list[Problem] = []
        self._clean = 0
        self._whole = False
        self._again = False

    def _declare(self, name: str, how: str, loc: Location) -> str:
        was = self.scopes.stack[-1].how.get(name)
        if was is not None:
            message = f"arg {name} redeclared" if was == "arg" else f"var {name} {_WORDS[was]}"
            self.problems.append(Problem(COMPILE_ERROR, message, loc))
            return name
        new = self.names.fresh()
        self.scopes.insert(name, new, how)
        return new

    # --- bodies ----------------------------------------------------------------------------------

    def _body(self, body: Body, used: set[str]) -> Body:
        made: list[Expr] = []
        for expr in body:
            done = self._expr(expr)
            if done is not None:
                made.append(done)
        if not made:
            loc = body[0].loc if body else Location()
            made.append(Expr(TermExpr(Scalar(True, loc)), loc=loc))
        if len(self.problems) == self._clean and not self.unused:
            self.unused.extend(unused(self.scopes, body, tuple(made), used, strict=self.strict))
        return tuple(made)

    def _expr(self, expr: Expr) -> Expr | None:
        if is_assignment(expr):
            return self._assignment(expr)
        match expr.terms:
            case SomeDecl():
                return self._some(self.heads.copied_expr(expr))
            case Every():
                return self._every(self.heads.copied_expr(expr))
            case Not(body):
                if not _explicit(expr.terms):
                    body = self._implicit(body, ASSIGN_IN_NEGATED)
                    return self._withs(replace(expr, terms=replace(expr.terms, body=body)))
                return self._explicit_not(self.heads.copied_expr(expr))
            case LogicalAnd() | LogicalOr():
                return self._logical(self.heads.copied_expr(expr))
            case CallExpr(operator, args):
                called = self._operator(operator)
                made = replace(expr, terms=CallExpr(called, tuple(self.term(a) for a in args)))
                return self._withs(made)
            case TermExpr(term):
                return self._withs(replace(expr, terms=TermExpr(self.term(term))))

    def _explicit_not(self, expr: Expr) -> Expr:
        node = expr.terms
        assert isinstance(node, Not)
        whole = self._whole
        with self._inside(whole=True):
            # as below ``every``
            return self._renamed(expr, replace(node, body=self._body(node.body, set())), whole)

    def _scoped(self, body: Body) -> Body:
        with self._inside(whole=True):
            return self._body(body, set())

    @contextmanager
    def _inside(self, *, whole: bool = False) -> Iterator[None]:
        """A scope inside: of a comprehension, or of a ``whole`` expression, through which OPA goes a second time."""
        before = self._whole, self._again
        if whole:
            self._whole = True
        else:
            self._again = self._whole
        self.scopes.stack.append(Scope())
        try:
            yield
        finally:
            self.scopes.stack.pop()
            self._whole, self._again = before

    def _implicit(self, body: Body, message: str) -> Body:
        made: list[Expr] = []
        for expr in body:
            if is_assignment(expr):
                self.problems.append(Problem(COMPILE_ERROR, message, expr.loc))
                made.append(expr)
                continue
            done = self._expr(expr)
            if done is not None:
                made.append(done)
        return tuple(made)

    def _logical(self, expr: Expr) -> Expr:
        node = expr.terms
        assert isinstance(node, LogicalAnd | LogicalOr)
        message = ASSIGN_IN_AND if isinstance(node, LogicalAnd) else ASSIGN_IN_OR
        before = len(self.problems)
        lhs = self._scoped(node.lhs) if node.explicit_lhs else self._implicit(node.lhs, message)
        rhs = self._scoped(node.rhs) if node.explicit_rhs else self._implicit(node.rhs, message)
        if len(self.problems) > before:  # OPA goes no further with it
            return replace(expr, terms=replace(node, lhs=lhs, rhs=rhs))
        self._see([*(lhs if node.explicit_lhs else ()), *(rhs if node.explicit_rhs else ())])
        return self._withs(replace(expr, terms=replace(node, lhs=lhs, rhs=rhs)))

    def _see(self, body: Sequence[Expr]) -> None:
        """As in OPA, what a body between braces leaves undeclared has been referenced outside it as well."""
        todo: list[object] = [*body]
        while todo:
            x = todo.pop()
            match x:
                case Var():
                    self.term(x)
                case ArrayComprehension() | SetComprehension() | ObjectComprehension():
                    continue
                case Ref((Var(name),)) if name in ROOTS:
                    continue
                case _:
                    todo.extend(children(x))

    def _withs(self, expr: Expr) -> Expr:
        return replace(expr, withs=tuple(self._with(w) for w in expr.withs)) if expr.withs else expr

    def _with(self, item: With) -> With:
        """A ``with``; its target never starts from an ``input`` that is declared here, but may from anything else."""
        target = self.term(item.target)
        new = self.scopes.declared("input")
        match target:
            case Var(name) if name == new:
                target = Ref((Var("input", target.loc),), target.loc)
            case Ref((Var(name), *steps)) if name == new:
                target = replace(target, terms=(Var("input", target.terms[0].loc), *steps))
            case _:
                pass
        return replace(item, target=target, value=self.term(item.value))

    def _assignment(self, expr: Expr) -> Expr:
        assert isinstance(expr.terms, CallExpr)
        if expr.negated:
            self.problems.append(Problem(COMPILE_ERROR, ASSIGN_IN_NEGATED, expr.loc))
            return expr
        if len(expr.terms.args) != 2:
            return expr
        lhs, rhs = expr.terms.args
        made_rhs = self.term(rhs)
        # the targets of its modifiers keep their names, as in OPA
        made = replace(expr, withs=tuple(replace(w, value=self.term(w.value)) for w in expr.withs))
        before = len(self.problems)
        made_lhs = self._target(lhs)
        if len(self.problems) > before:
            return made
        operator = replace(expr.terms.operator, terms=(Var("eq", expr.terms.operator.loc),))
        return replace(made, terms=CallExpr(operator, (made_lhs, made_rhs)), assignment=True)

    def _target(self, term: Term) -> Term:
        match term:
            case Var(name):
                return Var(self._declare(name, "assigned", term.loc), term.loc)
            case Ref((Var(name),)) if name in ROOTS:
                return Var(self._declare(name, "assigned", term.loc), term.loc)
            case Array(items):
                return replace(term, items=tuple(self._target(i) for i in items))
            case Object(pairs):
                return replace(
                    term,
                    pairs=tuple((self.term(k) if not isinstance(k, Scalar) else k, self._target(v)) for k, v in pairs),
                )
            case _:
                self.problems.append(Problem(COMPILE_ERROR, f"cannot assign to {value_name(term)}", term.loc))
                return term

    def _some(self, expr: Expr) -> Expr | None:
        assert isinstance(expr.terms, SomeDecl)
        for symbol in expr.terms.symbols:
            if isinstance(symbol, Var):
                before = len(self.problems)
                self._declare(symbol.name, "declared", expr.loc)
                if len(self.problems) > before:
                    return None
            elif isinstance(symbol, Call):
                return self._some_in(expr, symbol)
        return None

    def _some_in(self, expr: Expr, call: Call) -> Expr | None:
        key: Term
        if len(call.args) == 3:
            key, value, domain = call.args
        else:
            value, domain = call.args
            key = Var(self.names.fresh(), call.loc)
        bound = variables((key, value), ref_heads=False, object_keys=False, closures=False)
        inside = variables(domain, closures=False)
        clash = [v for v in sorted(bound) if v in inside and not v.startswith("$")]
        if clash:
            self.problems.extend(Problem(COMPILE_ERROR, f"var {v} assigned before", expr.loc) for v in clash)
            return None
        rhs = replace(domain, terms=(*domain.terms, key)) if isinstance(domain, Ref) else Ref((domain, key), domain.loc)
        operator = Ref((Var("eq", expr.loc),), expr.loc)
        plain = Expr(CallExpr(operator, (value, rhs)), expr.negated, expr.withs, expr.index, loc=expr.loc)
        for name in sorted(equality_outputs(plain, set(variables(domain)))):
            before = len(self.problems)
            self._declare(name, "declared", expr.loc)
            if len(self.problems) > before:
                return None
        return self._withs(replace(plain, terms=CallExpr(operator, (self.term(value), self.term(rhs)))))

    def _every(self, expr: Expr) -> Expr | None:
        node = expr.terms
        assert isinstance(node, Every)
        whole, self._whole = self._whole, True
        domain = self.term(node.domain)
        self._whole = whole
        with self._inside(whole=True):
            key = node.key
            before = len(self.problems)
            if isinstance(key, Var) and not key.is_wildcard:
                key = Var(self._declare(key.name, "declared", expr.loc), key.loc)
            elif key is None:
                key = Var(self.names.fresh(), node.loc)
            value = node.value
            if isinstance(value, Var) and not value.is_wildcard:
                value = Var(self._declare(value.name, "declared", expr.loc), value.loc)
            if len(self.problems) > before:
                return None
            if self._again:  # by then they have names of its own, which OPA tells
                self.scopes.original.update(
                    {v.name: v.name for v in (key, value) if isinstance(v, Var) and v.is_generated}
                )
            body = self._body(node.body, set())
            # as in OPA, what is not declared outside is taken from the body everywhere else, modifiers included
            return self._renamed(expr, replace(node, key=key, value=value, domain=domain, body=body), whole)

    def _renamed(self, expr: Expr, terms: Every | Not, whole: bool) -> Expr:
        """An expression with the names of the innermost scope in all of it."""
        made = Renamed(self.scopes.stack[-1].names).expr_terms(replace(expr, terms=terms, withs=()))
        self._whole = whole  # through its modifiers OPA has not gone before
        return self._withs(replace(expr, terms=made))

    # --- terms -----------------------------------------------------------------------------------

    def _operator(self, operator: Ref) -> Ref:
        """What is called, renamed like every reference: a local variable is no function, but hides one."""
        made = self.term(operator)
        return made if isinstance(made, Ref) else operator

    def _check_shadowed(self, operator: Ref, loc: Location) -> None:
        for x in walk((self.heads.now(operator.terms[0]), *operator.terms[1:])):
            if isinstance(x, Var):
                new = self.scopes.declared(x.name)
                if new is not None and new != x.name:
                    self.problems.append(Problem(COMPILE_ERROR, f"called function {term_text(operator)} shadowed", loc))
                    return

    def term(self, term: Term) -> Term:
        """A term with its variables renamed."""
        match term:
            case Scalar():
                return term
            case Var(name):
                new = self.scopes.declared(name)
                if new is not None:
                    self.scopes.use(name)
                    return term if new == name else Var(new, term.loc)
                if name not in self.scopes.stack[-1].how:
                    self.scopes.insert(name, name, "seen")
                return term
            case Ref((Var(name),)) if name in ROOTS:
                new = self.scopes.taken(name)
                return term if new is None else Var(new, term.loc)
            case Ref(terms):
                head = self.heads.now(terms[0])
                made = self.term(head)
                self.heads.renamed(head, made)
                return replace(term, terms=(made, *(self.term(t) for t in terms[1:])))
            case Array(items):
                return replace(term, items=tuple(self.term(i) for i in items))
            case Set(items):
                return replace(term, items=changed_members(items, lambda i: self.term(self.heads.copied(i))))
            case Object(pairs):
                return replace(term, pairs=changed_pairs(pairs, lambda k: self.term(self.heads.copied(k)), self.term))
            case Call(operator, args):
                self._check_shadowed(operator, term.loc)
                return replace(term, operator=self._operator(operator), args=tuple(self.term(a) for a in args))
            case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                with self._inside():
                    made_body = self._body(body, set(variables(inner)))
                    return replace(term, body=made_body, term=self.term(inner))
            case ObjectComprehension(k, v, body):
                with self._inside():
                    made_body = self._body(body, set(variables((k, v))))
                    return replace(term, body=made_body, key=self.term(k), value=self.term(v))
            case TemplateString(parts):
                return replace(term, parts=tuple(self._part(p) for p in parts))

    def _part(self, part: Scalar | Expr) -> Scalar | Expr:
        if isinstance(part, Scalar):
            return part
        return self._expr(part) or part


def _explicit(node: Not) -> bool:
    return node.explicit
