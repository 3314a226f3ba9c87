"""Hoisting: nested calls, references and comprehensions get variables and expressions of their own.

What is left of each expression reads operands that are variables, constants or patterns. The order of the
stages, and so of the generated expressions, is OPA's: it decides what is undefined when, and which error comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..places import NO_LOCATION, Location
from ..records import replace
from ..signatures import signatures
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
    Rule,
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
from ..syntax.term_order import distinct, distinct_pairs, in_order, members_in_order
from .scopes import Names
from .visit import Rewriter, indexed, is_equality, kept, operator_name


def equation(names: Names, term: Term, withs: tuple[With, ...] = ()) -> tuple[Expr, Var]:
    """``fresh = term`` as a generated expression, and the fresh variable."""
    var = Var(names.fresh(), term.loc)
    operator = Ref((Var("eq", term.loc),), term.loc)
    return Expr(CallExpr(operator, (var, term)), withs=withs, generated=True, loc=term.loc), var


def requires_evaluation(term: Term) -> bool:
    """Whether a term is more than variables and constants: a reference, a comprehension, a call, or holds one."""
    match term:
        case Ref() | Call() | ArrayComprehension() | SetComprehension() | ObjectComprehension() | TemplateString():
            return True
        case Array(items) | Set(items):
            return any(requires_evaluation(i) for i in items)
        case Object(pairs):
            return any(requires_evaluation(k) or requires_evaluation(v) for k, v in pairs)
        case _:
            return False


class Bodies(Rewriter):
    """A stage that rewrites bodies: nested ones first come under :meth:`stage`, then the outer one."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def body(self, body: Body) -> Body:
        """What every expression becomes, in order."""
        made: list[Expr] = []
        for expr in body:
            self.stage(expr, made)
        return kept(body, list(indexed(made)))

    def stage(self, expr: Expr, out: list[Expr]) -> None:
        """Append what an expression becomes."""
        out.append(self.expr(expr))


# --- template strings ----------------------------------------------------------------------------


class Templates(Rewriter):
    """``$"a {x}"`` becomes ``internal.template_string(["a ", {v | v = x}])``; an undefined part is an empty set.

    ``defined`` tells of a reference that there always is a value: it needs no variable.
    """

    def __init__(self, names: Names, defined: Callable[[Ref], bool]) -> None:
        self.names = names
        self.defined = defined

    def rule(self, rule: Rule) -> Rule:
        """A rule; as in OPA its body comes first, so that names are given in that order."""
        body = self.body(rule.body)
        head = self.head(rule.head)
        else_ = None if rule.else_ is None else self.rule(rule.else_)
        if head is rule.head and body is rule.body and else_ is rule.else_:
            return rule
        return replace(rule, head=head, body=body, else_=else_)

    def term(self, term: Term) -> Term:
        """A term; a template string becomes a call."""
        if not isinstance(term, TemplateString):
            return super().term(term)
        loc = term.loc
        names = [None if isinstance(p, Scalar) or self._has_value(p) else self.names.fresh() for p in term.parts]
        items = tuple(
            [p if isinstance(p, Scalar) else self._part(p, n) for p, n in zip(term.parts, names, strict=True)]
        )
        name = Ref((Var("internal", loc), Scalar("template_string", loc)), loc)
        return Call(name, (Array(items, loc),), loc)

    def _has_value(self, part: Expr) -> bool:
        inner = part.terms.term if isinstance(part.terms, TermExpr) else None
        return isinstance(inner, Var) or (isinstance(inner, Ref) and self.defined(inner))

    def _part(self, part: Expr, name: str | None) -> Term:
        expr = self.expr(part)
        at = expr.loc
        match expr.terms:
            case TermExpr(inner):
                value: Term = inner
            case CallExpr(operator, args):
                at = NO_LOCATION  # OPA knows of no place for a call that is a part of its own
                value = Call(operator, args, at)
            case _:
                raise LookupError("a template expression is a term or a call")
        if name is None:
            return Set((value,), at)
        var = Var(name, at)
        operator = Ref((Var("eq", at),), at)
        body = (Expr(CallExpr(operator, (var, value)), withs=expr.withs, loc=at),)
        return SetComprehension(var, body, at)


# --- print ---------------------------------------------------------------------------------------


class Prints(Bodies):
    """``print(a, b)`` becomes ``internal.print([{x | x = a}, {y | y = b}])``, or nothing."""

    def __init__(self, names: Names, keep: bool) -> None:
        super().__init__(names)
        self.keep = keep

    def body(self, body: Body) -> Body:
        """A body without the calls of ``print`` that go; ``true`` where nothing is left."""
        made = super().body(body)
        if not made:
            loc = body[0].loc if body else Location()
            return (Expr(TermExpr(Scalar(True, loc)), loc=loc),)
        return made

    def stage(self, expr: Expr, out: list[Expr]) -> None:
        """Append an expression; ``print`` only where it is kept."""
        expr = self.expr(expr)
        if not (isinstance(expr.terms, CallExpr) and operator_name(expr.terms.operator) == "print"):
            out.append(expr)
            return
        if not self.keep:
            return
        loc = expr.loc
        groups: list[Term] = []
        for arg in expr.terms.args:
            part, var = equation(self.names, arg)
            groups.append(SetComprehension(var, (replace(part, generated=False),), arg.loc))
        name = Ref((Var("internal", loc), Scalar("print", loc)), loc)
        # OPA forgets a ``not`` before it, and a ``with`` behind it
        out.append(replace(expr, terms=CallExpr(name, (Array(tuple(groups), loc),)), negated=False, withs=()))


# --- nested calls --------------------------------------------------------------------------------


class Calls(Bodies):
    """Calls inside terms move into expressions of their own, before the one that needs them."""

    def stage(self, expr: Expr, out: list[Expr]) -> None:
        """Append the calls that an expression holds, then the expression."""
        support: list[Expr] = []
        withs = tuple(replace(w, value=self._term(w.value, out)) for w in expr.withs)
        terms: ExprTerms
        match expr.terms:
            case TermExpr(term):
                made = self._term(term, support)
                terms = expr.terms if made is term else TermExpr(made)
            case CallExpr(operator, args):
                made_args = kept(args, [self._term(a, support) for a in args])
                terms = expr.terms if made_args is args else CallExpr(operator, made_args)
            case Every(_, _, domain, body):
                part, var = equation(self.names, domain)
                self.stage(part, support)
                terms = replace(expr.terms, domain=var, body=self.body(body))
            case Not(body):
                terms = replace(expr.terms, body=self.body(body))
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                terms = replace(expr.terms, lhs=self.body(lhs), rhs=self.body(rhs))
            case SomeDecl():  # left where a head's closure was overlooked, see LocalVars: OPA forgets it
                return
        out.extend(replace(s, withs=withs) if withs else s for s in support)
        out.append(expr if terms is expr.terms and not withs else replace(expr, terms=terms, withs=withs))

    def _hoist(self, call: Call, support: list[Expr]) -> Var:
        var = Var(self.names.fresh(), call.loc)
        support.append(Expr(CallExpr(call.operator, (*call.args, var)), generated=True, loc=call.loc))
        return var

    def _term(self, term: Term, support: list[Expr]) -> Term:
        match term:
            case Call(_, args):
                return self._hoist(replace(term, args=tuple(self._term(a, support) for a in args)), support)
            case Ref(terms):
                head = terms[0]
                made_head = self._step(head, support)
                steps = tuple(self._step(t, support) for t in terms[1:])
                if not isinstance(made_head, Var | Scalar):
                    literal = made_head
                    part, made_head = equation(self.names, literal)
                    self.names.terms[made_head.name] = literal
                    support.append(part)
                made_terms = kept(terms, [made_head, *steps])
                return term if made_terms is terms else replace(term, terms=made_terms)
            case Array(items):
                made_items = kept(items, [self._term(i, support) for i in items])
                return term if made_items is items else replace(term, items=made_items)
            case Set(items):
                return replace(term, items=tuple(self._term(i, support) for i in distinct(items)))
            case Object(pairs):
                made_pairs = tuple((self._term(k, support), self._term(v, support)) for k, v in distinct_pairs(pairs))
                return replace(term, pairs=made_pairs)
            case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                made_body, extra = self._closure(body, (inner,))
                return replace(term, term=extra[0], body=made_body)
            case ObjectComprehension(k, v, body):
                made_body, extra = self._closure(body, (k, v))
                return replace(term, key=extra[0], value=extra[1], body=made_body)
            case _:
                return term

    def _step(self, term: Term, support: list[Expr]) -> Term:
        """A part of a reference; what a call in it was is told where the reference finds nothing."""
        made = self._term(term, support)
        if isinstance(term, Call) and isinstance(made, Var):
            self.names.terms[made.name] = term
        return made

    def _closure(self, body: Body, heads: tuple[Term, ...]) -> tuple[Body, tuple[Term, ...]]:
        support: list[Expr] = []
        done = tuple(self._term(h, support) for h in heads)
        made = list(self.body(body))
        return indexed(_appended(made, support)), done

    def rule(self, rule: Rule) -> Rule:
        """A rule: calls in its head move to the end of its body. As in OPA they get the first names."""
        support: list[Expr] = []
        head = rule.head
        args = None if head.args is None else tuple(self._term(a, support) for a in head.args)
        ref = replace(head.ref, terms=(head.ref.terms[0], *(self._term(t, support) for t in head.ref.terms[1:])))
        key = None if head.key is None else self._term(head.key, support)
        value = None if head.value is None else self._term(head.value, support)
        body = list(self.body(rule.body))
        return replace(
            rule,
            head=replace(head, ref=ref, key=key, value=value, args=args),
            body=indexed(_appended(body, support)),
            else_=None if rule.else_ is None else self.rule(rule.else_),
        )


# --- heads of comprehensions and rules -----------------------------------------------------------


def _appended(body: Sequence[Expr], more: Sequence[Expr]) -> list[Expr]:
    """A body with more at its end. As in OPA a ``true`` that is all of it gives way, even after ``not``."""
    alone = len(body) == 1 and body[0].terms == TermExpr(Scalar(True)) and (body[0].negated or body[0].withs)
    return list(more) if alone and more else [*body, *more]


class ClosureHeads(Rewriter):
    """References in the heads of comprehensions move to the end of their bodies."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._done: dict[int, tuple[With, With]] = {}

    def with_(self, item: With) -> With:
        """One ``with``: expressions that were one keep theirs in common, and name what is in it once."""
        done = self._done.get(id(item))
        if done is None:
            done = self._done[id(item)] = item, super().with_(item)
        return done[1]

    def term(self, term: Term) -> Term:
        """A term; its comprehensions have variables or constants for heads."""
        made = super().term(term)
        match made:
            case ArrayComprehension(inner, body) | SetComprehension(inner, body) if requires_evaluation(inner):
                part, var = equation(self.names, inner)
                return replace(made, term=var, body=tuple(_appended(body, [part])))
            case ObjectComprehension(k, v, body):
                for name, part_term in (("key", k), ("value", v)):
                    if requires_evaluation(part_term):
                        part, var = equation(self.names, part_term)
                        body = tuple(_appended(body, [part]))
                        made = replace(made, body=body, **{name: var})  # type: ignore[arg-type]
                return made
        return made


def rule_heads(names: Names, rule: Rule) -> Rule:
    """References in a rule's head move behind its body."""
    head = rule.head
    behind: list[Expr] = []
    key, value = head.key, head.value
    terms = list(head.ref.terms)
    for i in range(1, len(terms)):
        if requires_evaluation(terms[i]):
            part, var = equation(names, terms[i])
            if key is not None and key == terms[i]:
                key = var
            terms[i] = var
            behind.append(part)
    if key is not None and requires_evaluation(key):
        part, key = equation(names, key)
        behind.append(part)
    if value is not None and requires_evaluation(value):
        part, value = equation(names, value)
        behind.append(part)
    args = None
    if head.args is not None:
        made: list[Term] = []
        for arg in head.args:
            if requires_evaluation(arg):
                part, var = equation(names, arg)
                behind.append(part)
                made.append(var)
            else:
                made.append(arg)
        args = tuple(made)
    if not behind and rule.else_ is None:
        return rule
    return replace(
        rule,
        head=replace(head, ref=replace(head.ref, terms=tuple(terms)), key=key, value=value, args=args),
        body=indexed(_appended(rule.body, behind)),
        else_=None if rule.else_ is None else rule_heads(names, rule.else_),
    )


def head_refs(names: Names, rule: Rule) -> Rule:
    """Terms in a head's reference that are not constants or variables get variables, set at the end of the body."""
    head = rule.head
    behind: list[Expr] = []
    terms = list(head.ref.terms)
    key = head.key
    for i in range(1, len(terms)):
        term = terms[i]
        if not isinstance(term, Scalar | Var | TemplateString):
            part, var = equation(names, term)
            if key is not None and head.value is not None and key == term:
                key = var
            terms[i] = var
            behind.append(part)
    if not behind and rule.else_ is None:
        return rule
    return replace(
        rule,
        head=replace(head, ref=replace(head.ref, terms=tuple(terms)), key=key),
        body=indexed(_appended(rule.body, behind)),
        else_=None if rule.else_ is None else head_refs(names, rule.else_),
    )


# --- with, equality, dynamic terms ---------------------------------------------------------------


class Withs(Bodies):
    """The values of ``with`` become variables. ``check`` says whether one names a function; None: it is wrong."""

    def __init__(self, names: Names, check: Callable[[With], bool | None]) -> None:
        super().__init__(names)
        self.check = check

    def body(self, body: Body) -> Body:
        """A body, and then those in it; where something in its own modifiers is wrong, nothing else is looked at."""
        made: list[Expr] = []
        moved: dict[int, With] = {}  # expressions that were one have theirs in common
        for expr in body:
            withs: list[With] = []
            for item in expr.withs:
                done = moved.get(id(item)) or self._with(item, made)
                if done is None:
                    return body
                moved[id(item)] = done
                withs.append(done)
            made.append(replace(expr, withs=tuple(withs)) if withs else expr)
        return kept(body, list(indexed([self.expr(e) for e in made])))

    def _with(self, item: With, out: list[Expr]) -> With | None:
        """One modifier, with what its value needs before it; None where it is wrong."""
        is_function = self.check(item)
        if is_function is None:
            return None
        value = item.value
        if isinstance(value, Var) and value.name in signatures():  # a built-in's name, for OPA a reference
            value = Ref((value,), value.loc)
        if is_function or not requires_evaluation(value):
            return item
        part, var = equation(self.names, value)
        out.append(part)
        return replace(item, value=var)


class Equals(Rewriter):
    """``==`` becomes ``=``: once safety is settled both sides are bound, and unification looks documents up by key."""

    def expr_terms(self, expr: Expr) -> ExprTerms:
        """An expression, ``==`` in it as ``=``."""
        made = super().expr_terms(expr)
        if isinstance(made, CallExpr) and made.operator.terms == (Var("equal"),) and len(made.args) == 2:
            return CallExpr(replace(made.operator, terms=(Var("eq", made.operator.loc),)), made.args)
        return made


class Dynamics(Bodies):
    """References and comprehensions inside operands move into expressions of their own."""

    def stage(self, expr: Expr, out: list[Expr]) -> None:
        """Append what the operands of an expression need, then the expression."""
        terms: ExprTerms
        match expr.terms:
            case CallExpr(operator, args) if is_equality(expr) and len(args) == 2:
                made = kept(args, [self._top(expr, a, out) for a in args])
                terms = expr.terms if made is args else CallExpr(operator, made)
            case CallExpr(operator, args):
                made = kept(args, [self._one(expr, a, out) for a in args])
                terms = expr.terms if made is args else CallExpr(operator, made)
            case Every(_, _, domain, body):
                terms = replace(expr.terms, domain=self._one(expr, domain, out), body=self.body(body))
            case Not(body):
                terms = replace(expr.terms, body=self.body(body))
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                terms = replace(expr.terms, lhs=self.body(lhs), rhs=self.body(rhs))
            case TermExpr(term):
                top = self._top(expr, term, out)
                terms = expr.terms if top is term else TermExpr(top)
            case SomeDecl():
                terms = expr.terms
        out.append(expr if terms is expr.terms else replace(expr, terms=terms))

    def _top(self, expr: Expr, term: Term, out: list[Expr]) -> Term:
        match term:
            case Ref(terms):
                made = kept(terms, [terms[0], *(self._one(expr, t, out) for t in terms[1:])])
                return term if made is terms else replace(term, terms=made)
            case ArrayComprehension() | SetComprehension() | ObjectComprehension():
                return self.term(term)
            case _:
                return self._one(expr, term, out)

    def _one(self, expr: Expr, term: Term, out: list[Expr]) -> Term:
        match term:
            case Ref(terms):
                made: Term = replace(term, terms=(terms[0], *(self._one(expr, t, out) for t in terms[1:])))
            case ArrayComprehension() | SetComprehension() | ObjectComprehension():
                made = self.term(term)
            case Array(items):
                made_items = kept(items, [self._one(expr, i, out) for i in items])
                return term if made_items is items else replace(term, items=made_items)
            case Set(items):
                return replace(term, items=tuple(self._one(expr, i, out) for i in members_in_order(items)))
            case Object(pairs):
                made_pairs = tuple((self._one(expr, k, out), self._one(expr, v, out)) for k, v in in_order(pairs))
                return replace(term, pairs=made_pairs)
            case _:
                return term
        part, var = equation(self.names, made, expr.withs)
        self.names.terms[var.name] = made
        out.append(part)
        return var
