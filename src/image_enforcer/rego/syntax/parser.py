"""Tokens to statements: recursive descent with OPA's messages.

A method returns None where it cannot go on; the fault is then in ``self.faults``. Alternatives are tried by
going back to an earlier position, faults included; terms parsed once are remembered by position, so that
going back does not cost twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import PARSE_ERROR, CompileError, Location, Problem
from ..values import Num
from . import lexer
from .lexer import Source, Token, tokenize
from .nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Comment,
    Every,
    Expr,
    Head,
    Import,
    LogicalAnd,
    LogicalOr,
    Not,
    Object,
    ObjectComprehension,
    Package,
    Ref,
    Rule,
    Scalar,
    Set,
    SetComprehension,
    SomeDecl,
    Statement,
    TemplateString,
    Term,
    TermExpr,
    Var,
    With,
)  # fmt: skip

KEYWORDS_V0 = frozenset({"not", "package", "import", "as", "default", "else", "with", "null", "true", "false", "some"})
FUTURE_V0 = frozenset({"in", "every", "contains", "if"})
FUTURE_V1 = frozenset({"not", "and", "or"})
KEYWORDS_V1 = KEYWORDS_V0 | FUTURE_V0
TOKEN_KEYWORDS = KEYWORDS_V0
MAX_DEPTH = 250
"""How deep terms and bodies may nest; OPA's own bound is far above what any policy needs."""

INFIX: dict[str, int] = {
    "in": 1, "equal": 2, "neq": 2, "lt": 2, "gt": 2, "lte": 2, "gte": 2, "or": 3, "and": 4, "plus": 5, "minus": 5,
    "mul": 6, "div": 6, "rem": 6,
}  # fmt: skip
_WORDS = frozenset({"in", "every", "contains", "if", "and", "or", "not"})
_FOLLOWERS = ("assign", "eq", "kw:if", "kw:contains", "(")
_OPERATOR_FOLLOWERS = ("assign", "eq", "kw:if", "kw:contains")
_RULE_NAME_FOLLOWERS: dict[str, tuple[str, ...]] = {
    "every": _FOLLOWERS, "if": _FOLLOWERS, "in": _FOLLOWERS, "some": _FOLLOWERS, "as": _FOLLOWERS,
    "package": ("assign", "eq", "("), "import": ("assign", "eq", "("), "not": _OPERATOR_FOLLOWERS,
    "and": _OPERATOR_FOLLOWERS, "or": _OPERATOR_FOLLOWERS, "contains": ("kw:if", "kw:contains"),
}  # fmt: skip


@dataclass(slots=True)
class RuleNote:
    """What the checks of Rego v1 need to know of how a rule was written."""

    has_if: bool = False
    has_contains: bool = False


class TooDeep(Exception):
    """The text nests deeper than ``MAX_DEPTH``."""


class Parser:
    """Parses one text. ``version`` is 0 or 1; ``keywords`` are the words that are keywords at the moment."""

    def __init__(self, source: Source, version: int, *, all_keywords: bool = False, rules: bool = True) -> None:
        self.source = source
        self.version = version
        self.tokens, self.comment_tokens = tokenize(source)
        self.keywords: set[str] = set(KEYWORDS_V0)
        if version >= 1 or all_keywords:
            self.keywords |= FUTURE_V0
        self.not_bodies = False
        self.with_rules = rules
        self.pos = 0
        self.faults: list[Problem] = []
        self.hints: list[str] = []
        self.wildcards = 0
        self.depth = 0
        self.notes: dict[int, RuleNote] = {}
        self._terms: dict[tuple[int, int], tuple[Term | None, int, int]] = {}
        self._as_ident = -1
        self._generation = 0

    # --- tokens ----------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The token at hand."""
        return self.tokens[self.pos]

    def kind(self, offset: int = 0) -> str:
        """The kind of the token at hand; ``kw:<word>`` for keywords."""
        token = self.tokens[min(self.pos + offset, len(self.tokens) - 1)]
        if token.kind == lexer.IDENT and token.text in self.keywords and self.pos + offset != self._as_ident:
            return "kw:" + token.text
        return token.kind

    def next(self) -> None:
        """Go on to the next token."""
        if self.pos < len(self.tokens) - 1:
            self.pos += 1

    def at(self, *kinds: str) -> bool:
        """Whether the token at hand is one of these."""
        return self.kind() in kinds

    def save(self) -> tuple[int, int, list[str], int]:
        """A position to come back to."""
        return self.pos, len(self.faults), list(self.hints), self._as_ident

    def restore(self, mark: tuple[int, int, list[str], int]) -> None:
        """Go back, forgetting the faults since."""
        self.pos = mark[0]
        del self.faults[mark[1] :]
        self.hints = list(mark[2])
        self._as_ident = mark[3]

    def loc(self, token: Token | None = None) -> Location:
        """The location of a token."""
        token = token or self.token
        if token.kind == lexer.EOF:
            return self.source.end_location()
        return self.source.location(token.start, token.end)

    def span(self, start: int) -> Location:
        """From an offset to the end of the last token consumed."""
        end = self.tokens[self.pos - 1].end if self.pos else start
        return self.source.location(start, max(end, start))

    def enter(self) -> None:
        """One level deeper."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooDeep

    # --- faults ----------------------------------------------------------------------------------

    def error(self, loc: Location, message: str) -> None:
        """Report a fault at a place."""
        if len(self.hints) == 1:
            message += f" (hint: {self.hints[0]})"
        elif self.hints:
            message += f" (hints: {', '.join(self.hints)})"
        self.hints = []
        line, index = self.source.line_at(loc.offset)
        self.faults.append(Problem(PARSE_ERROR, message, loc, line, index))

    def illegal(self, note: str = "") -> None:
        """Report the token at hand as unexpected."""
        token = self.token
        if token.kind == lexer.ILLEGAL:
            for fault in token.faults or ("illegal token",):
                self.error(self.loc(), fault)
            return
        kind = self.kind()
        name, what = kind, "token"
        if kind.startswith("kw:"):
            name, what = kind[3:], "keyword"
        elif kind == lexer.RAW_STRING:
            name = lexer.STRING
        text = f"unexpected {name} {what}"
        self.error(self.loc(), f"{text}: {note}" if note else text)

    # --- statements ------------------------------------------------------------------------------

    def statements(self) -> list[Statement]:
        """All statements, up to the first fault."""
        found: list[Statement] = []
        while not self.at(lexer.EOF):
            if self.with_rules and self.keyword_as_rule_name(False):
                break
            got = self._statement()
            if got is None:
                break
            found.extend(got)
        return found

    def _statement(self) -> list[Statement] | None:
        for word, parse in (("kw:package", self.package), ("kw:import", self.import_)):
            if self.at(word):
                mark = self.save()
                made = parse()
                if made is not None:
                    if self.at("minus"):
                        self.illegal()
                        return None
                    return [made]
                if self.faults:
                    return None
                self.restore(mark)
        if self.with_rules:
            mark = self.save()
            rules = self.rules()
            if rules is not None:
                return list(rules)
            if self.faults:
                return None
            self.restore(mark)
        body = self.query(lexer.EOF, require_semicolon=True)
        return None if body is None else [body]

    def _starts_ref(self, offset: int = 1) -> bool:
        token = self.tokens[min(self.pos + offset, len(self.tokens) - 1)]
        return not token.space and token.kind in (".", "[")

    def keyword_allowed_in_ref(self, kind: str) -> bool:
        """Whether a keyword may be a step (or the head) of a reference."""
        return kind.startswith("kw:")

    def scan_ahead_ref(self) -> bool:
        """A keyword directly followed by ``.`` or ``[`` is the head of a reference: take it for an identifier."""
        if self.kind().startswith("kw:") and self._starts_ref():
            self._as_ident = self.pos
            return True
        return False

    def keyword_as_rule_name(self, default: bool) -> bool:
        """Report ``every := 1`` and the like."""
        kind = self.kind()
        if not kind.startswith("kw:") or kind[3:] not in _RULE_NAME_FOLLOWERS:
            return False
        if not default and self.kind(1) not in _RULE_NAME_FOLLOWERS[kind[3:]]:
            return False
        self.error(self.loc(), f"{kind[3:]} keyword cannot be used for rule name")
        return True

    def package(self) -> Package | None:
        """``package a.b``."""
        loc = self.loc()
        if self._starts_ref():
            return None
        self.next()
        if not self._ident_or_keyword():
            self.illegal()
            return None
        term = self.term()
        if term is None:
            return None
        if isinstance(term, Var):
            data = Var("data", term.loc)
            return Package(Ref((data, Scalar(term.name, term.loc)), term.loc), loc)
        if not isinstance(term, Ref):
            self.illegal()
            return None
        head = term.head
        if not isinstance(head, Var):
            self.error(head.loc, f"unexpected {value_name(head)} token: expecting var")
            return None
        for step in term.path:
            if not (isinstance(step, Scalar) and isinstance(step.value, str)):
                self.error(step.loc, f"unexpected {value_name(step)} token: expecting string")
                return None
        path = (Var("data", head.loc), Scalar(head.name, head.loc), *term.path)
        return Package(Ref(path, term.loc), loc)

    def _ident_or_keyword(self) -> bool:
        kind = self.kind()
        if kind == lexer.IDENT:
            return True
        if kind.startswith("kw:"):
            self._as_ident = self.pos
            return True
        return False

    def import_(self) -> Import | None:
        """``import path [as alias]``; an import of keywords takes effect at once."""
        loc = self.loc()
        if self._starts_ref():
            return None
        self.next()
        if not self._ident_or_keyword():
            self.illegal()
            return None
        term = self.term()
        if term is None:
            if not self.faults:
                self.error(self.loc(), "expected path")
            return None
        path = Ref((term,), term.loc) if isinstance(term, Var) else term
        if not isinstance(path, Ref):
            self.error(self.loc(), "expected path")
            return None
        for step in path.path:
            if not (isinstance(step, Scalar) and isinstance(step.value, str)):
                self.error(step.loc, f"unexpected {value_name(step)} token: expecting string")
                return None
        root = path.head.name if isinstance(path.head, Var) else ""
        if root not in ("data", "input", "future", "rego"):
            self.hints.append("if this is unexpected, try updating OPA")
            shown = root or "?"
            self.error(
                path.loc, f"unexpected import path, must begin with one of: {{data, future, input, rego}}, got: {shown}"
            )
            return None
        alias: str | None = None
        alias_loc = loc
        if self.at("kw:as"):
            self.next()
            if not self.at(lexer.IDENT):
                self.illegal("expected var")
                return None
            alias_loc = self.loc()
            word = self.term()
            if isinstance(word, Ref) and len(word.terms) == 1:
                shown = word.head.name if isinstance(word.head, Var) else "?"
                self.error(word.loc, f"unexpected import alias, must not be a reserved name, got: {shown}")
                return None
            if not isinstance(word, Var):
                self.illegal("expected var")
                return None
            alias = word.name
        elif root != "future":
            last = path.terms[-1]
            name = last.name if isinstance(last, Var) else str(getattr(last, "value", ""))
            if name in (KEYWORDS_V1 if self.version >= 1 else KEYWORDS_V0):
                self.hints.append("import a different path or use an alias")
                self.error(last.loc, f"unexpected import path, must not end with a keyword, got: {name}")
        imported = Import(path, alias, loc)
        if root == "future":
            self._future(imported, alias_loc)
        elif root == "rego":
            self._rego(imported, alias_loc)
        return imported

    def _future(self, imported: Import, alias_loc: Location) -> None:
        steps = [s.value for s in imported.path.path if isinstance(s, Scalar)]
        if not steps or steps[0] != "keywords":
            self.error(imported.path.loc, "invalid import, must be `future.keywords`")
            return
        if imported.alias is not None:
            self.error(alias_loc, "`future` imports cannot be aliased")
            return
        allowed = FUTURE_V0 | FUTURE_V1
        words = set(allowed)
        if len(steps) == 2:
            if steps[1] not in allowed:
                self.error(imported.path.loc, f"unexpected keyword, must be one of [{' '.join(sorted(allowed))}]")
                return
            words = {str(steps[1])}
        self._activate(words)

    def _activate(self, words: set[str]) -> None:
        if "not" in words:
            self.not_bodies = True
        if "every" in words:
            words = words | {"in"}
        self.keywords |= words
        self._generation += 1

    def _rego(self, imported: Import, alias_loc: Location) -> None:
        steps = [s.value for s in imported.path.path if isinstance(s, Scalar)]
        if steps not in (["v1"], ["v2"]):
            self.error(
                imported.path.loc, f"invalid import `{_dotted(imported.path)}`, must be one of: `rego.v1`, `rego.v2`"
            )
            return
        if imported.alias is not None:
            self.error(alias_loc, "`rego` imports cannot be aliased")
            return
        if steps == ["v1"]:
            self._activate(set(FUTURE_V0))
        else:
            self._activate(set(FUTURE_V0 | FUTURE_V1))

    # --- rules -----------------------------------------------------------------------------------

    def rules(self) -> list[Rule] | None:
        """A rule, with the further bodies that v0 may chain to it."""
        start = self.token.start
        loc = self.loc()
        self.scan_ahead_ref()
        default = False
        if self.at("kw:default"):
            self.next()
            default = True
            self.scan_ahead_ref()
        if not self.at(lexer.IDENT):
            if default:
                self.keyword_as_rule_name(True)
            return None
        made = self.head(default)
        if made is None:
            return None
        head, contains = made
        note = RuleNote(has_contains=contains)
        if default:
            if not self._default_ok(head, loc):
                return None
            rule = Rule(head, true_body(loc), default=True, loc=self.span(start))
            return [self._noted(rule, note)]
        has_if = self.at("kw:if") and not (self.token.newline and self._starts_ref())
        if has_if and not contains and len(head.ref.terms) == 2:
            last = head.ref.terms[1]
            key = (
                last
                if head.args is None and not _is_scalar(last) and (not is_ground(last) or isinstance(last, Ref))
                else head.key
            )
            value = head.value
            generated = head.generated_value
            if value is None:
                value, generated = Scalar(True, head.loc), True
            head = replace(head, key=key, value=value, generated_value=generated)
        if not has_if and not contains and head.args is None and len(head.ref.terms) == 2:
            head = replace(head, key=head.ref.terms[1])
            if head.value is None:
                head = replace(head, ref=Ref(head.ref.terms[:1], head.ref.loc))
        generated_body = False
        if has_if:
            note.has_if = True
            self.next()
            body = self._if_body()
            if body is None:
                return None
        elif self.at("{"):
            self.next()
            got = self.body("}")
            if got is None:
                return None
            self.next()
            body = got
        elif contains:
            rule = Rule(head, true_body(loc), generated_body=True, loc=head.loc)
            return [self._noted(rule, note)]
        else:
            return None
        else_rule: Rule | None = None
        if self.at("kw:else") and not (self._starts_ref()):
            if len(head.ref.terms) > 1 and not all(is_ground(t) for t in head.ref.terms[1:]):
                self.error(self.loc(), "else keyword cannot be used on rules with variables in head")
                return None
            if head.key is not None and head.value is None:
                self.error(self.loc(), "else keyword cannot be used on multi-value rules")
                return None
            if head.key is not None:
                self.error(self.loc(), "else keyword cannot be used on multi-value rules")
                return None
            else_rule = self.else_(head)
            if else_rule is None:
                return None
        rule = Rule(head, body, else_rule, generated_body=generated_body, loc=self.span(start))
        rules = [self._noted(rule, note)]
        while self.at("{"):
            if else_rule is not None:
                self.error(self.loc(), "expected else keyword")
                return None
            body_start = self.token.start
            self.next()
            more = self.body("}")
            if more is None:
                return None
            self.next()
            place = self.span(body_start)
            again = replace(self._fresh_wildcards(head), loc=place)
            rules.append(self._noted(Rule(again, more, loc=place), note))
        return rules

    def _noted(self, rule: Rule, note: RuleNote) -> Rule:
        self.notes[id(rule)] = note
        self._kept.append(rule)
        return rule

    _kept_rules: list[Rule] | None = None

    @property
    def _kept(self) -> list[Rule]:
        if self._kept_rules is None:
            self._kept_rules = []
        return self._kept_rules

    def _fresh_wildcards(self, head: Head) -> Head:
        if head.args is None:
            return head
        return replace(
            head, args=tuple(self.wildcard(a.loc) if isinstance(a, Var) and a.is_wildcard else a for a in head.args)
        )

    def _if_body(self) -> Body | None:
        mark = self.save()
        leading = self.at("{")
        expr = self.literal()
        if expr is not None:
            is_set = leading and isinstance(expr.terms, TermExpr) and isinstance(expr.terms.term, Set)
            if not is_set:
                return (expr,)
        if not leading:
            return None
        self.restore(mark)
        self.next()
        body = self.body("}")
        if body is None:
            return None
        self.next()
        return body

    def else_(self, head: Head) -> Rule | None:
        """An ``else`` branch and those behind it."""
        start = self.token.start
        loc = self.loc()
        self.next()
        value: Term | None = None
        generated = False
        assign = head.assign
        if self.at("{", "kw:if"):
            value, generated = Scalar(True, loc), True
        elif self.at("assign", "eq"):
            assign = self.at("assign")
            self.next()
            value = self.infix()
            if value is None:
                return None
        else:
            self.illegal("expected else value term or rule body")
            return None
        branch = replace(
            self._fresh_wildcards(head), value=value, generated_value=generated, assign=assign, loc=self.span(start)
        )
        note = RuleNote()
        has_if = self.at("kw:if")
        if not has_if and not self.at("{"):
            return self._noted(Rule(branch, true_body(loc), generated_body=True, loc=self.span(start)), note)
        if has_if:
            note.has_if = True
            self.next()
        body: Body | None
        if self.at("{"):
            self.next()
            body = self.body("}")
            if body is None:
                return None
            self.next()
        elif not self.at(lexer.EOF):
            expr = self.literal()
            if expr is None:
                return None
            body = (expr,)
        else:
            self.illegal("rule body expected")
            return None
        else_rule: Rule | None = None
        if self.at("kw:else"):
            else_rule = self.else_(head)
            if else_rule is None:
                return None
        return self._noted(Rule(branch, body, else_rule, loc=self.span(start)), note)

    def head(self, default: bool) -> tuple[Head, bool] | None:
        """A rule's head, and whether it is one with ``contains``."""
        start = self.token.start
        first = self.variable()
        term = self._head_finish(first)
        if term is None:
            self.illegal("expected rule head name")
            return None
        args: tuple[Term, ...] | None = None
        match term:
            case Var(name):
                ref = Ref((term,), term.loc)
            case Ref():
                ref = term
            case Call(operator, call_args):
                if not isinstance(operator.head, Var):
                    self.illegal(f"rule head ref {_dotted(operator)} invalid")
                    return None
                ref, args = operator, call_args
            case _:
                return None
        name = ref.head.name if isinstance(ref.head, Var) else ""
        shown = _dotted(ref)
        if self.at("kw:contains"):
            if args is not None:
                self.illegal(
                    "the contains keyword can only be used with multi-value rule definitions"
                    f" (e.g., {shown} contains <VALUE> {{ ... }})"
                )
            self.next()
            key = self.infix()
            if key is None:
                self.illegal(f"expected rule key term (e.g., {shown} contains <VALUE> {{ ... }})")
            return Head(name, ref, args, key, None, loc=self.span(start)), True
        value: Term | None = None
        assign = False
        if self.at("eq"):
            self.next()
            value = self.infix()
            if value is None:
                self.illegal(f"expected rule value term (e.g., {shown}[%!s(*ast.Term=<nil>)] = <VALUE> {{ ... }})")
        elif self.at("assign"):
            self.next()
            assign = True
            value = self.infix()
            if value is None:
                if args:
                    note = f"expected function value term (e.g., {shown}(...) := <VALUE> {{ ... }})"
                elif default:
                    note = f"expected default rule value term (e.g., default {shown} := <VALUE>)"
                else:
                    note = f"expected rule value term (e.g., {shown} := <VALUE> {{ ... }})"
                self.illegal(note)
        place = self.span(start)
        generated = False
        if value is None and (len(ref.terms) != 2 or args):
            value, generated = Scalar(True, place), True
        return Head(name, ref, args, None, value, assign, generated, place), False

    def _head_finish(self, head: Var) -> Term | None:
        self.next()
        token = self.token
        if not token.space and token.kind in INFIX_TOKENS and not self.at("kw:in"):
            self.illegal()
        if self.at("(", ".", "[") and not token.newline:
            return self.ref(head, head.loc.offset)
        if self.at("(", ".", "["):
            return self.ref(head, head.loc.offset)
        if head.name in ("input", "data"):
            return Ref((head,), head.loc)
        return head

    def _default_ok(self, head: Head, loc: Location) -> bool:
        if head.value is None:
            self.error(loc, "illegal default rule (must have a value)")
            return False
        ok = True
        for name in _refs_vars_calls(head.value):
            self.error(loc, f"illegal default rule (value cannot contain {name})")
            ok = False
        if not ok or not head.args:
            return ok
        seen: set[str] = set()
        for arg in head.args:
            if not isinstance(arg, Var):
                self.error(loc, f"illegal default rule (arguments cannot contain {value_name(arg)})")
                ok = False
            elif arg.name in seen:
                self.error(loc, f"illegal default rule (arguments cannot be repeated {arg.name})")
                ok = False
            else:
                seen.add(arg.name)
        return ok

    # --- bodies ----------------------------------------------------------------------------------

    def body(self, end: str) -> Body | None:
        """Expressions up to a closing token, which is left at hand."""
        self.enter()
        try:
            return self.query(end)
        finally:
            self.depth -= 1

    def query(self, end: str, require_semicolon: bool = False) -> Body | None:
        """Expressions up to ``end``."""
        if self.at(end):
            self.error(self.loc(), "found empty body")
            return None
        found: list[Expr] = []
        while True:
            expr = self.literal()
            if expr is None:
                return None
            found.append(replace(expr, index=len(found)))
            if self.at(";"):
                self.next()
                continue
            if self.at(end) or require_semicolon:
                return tuple(found)
            if not self.token.newline:
                if not self.faults:
                    self._hint_infix()
                    self.illegal(f"expected \\n or ; or {end}")
                return None

    def _hint_infix(self) -> None:
        if self.hints:
            return
        examples = {"in": "x in xs", "and": "x and y", "or": "x or y"}
        word = "in"
        if self.at(lexer.IDENT):
            word = self.token.text
            if word not in examples:
                return
        elif self.at(","):
            mark = self.save()
            self.next()
            term = self._with_future(self.infix)
            self.restore(mark)
            if not (isinstance(term, Call) and _dotted(term.operator).startswith("internal.member_")):
                return
        else:
            return
        self.hints.append(f"`import future.keywords.{word}` for `{examples[word]}` expressions")

    def _with_future(self, parse: Callable[[], Term | Expr | None]) -> Term | Expr | None:
        before = set(self.keywords)
        self.keywords |= FUTURE_V0
        self._generation += 1
        try:
            return parse()
        finally:
            self.keywords = before
            self._generation += 1

    def literal(self) -> Expr | None:
        """One expression with its modifiers."""
        start = self.token.start
        expr = self._literal()
        if expr is None:
            return None
        place = self.span(start)
        if isinstance(expr.terms, Not) and not expr.terms.explicit:
            inner = tuple(replace(e, loc=place) for e in expr.terms.body)
            expr = replace(expr, terms=replace(expr.terms, body=inner))
        return replace(expr, loc=place)

    @property
    def logical(self) -> bool:
        """Whether ``and`` or ``or`` are keywords here."""
        return "and" in self.keywords or "or" in self.keywords

    def _literal(self) -> Expr | None:
        if self.at("{") and self.logical:
            mark = self.save()
            start = self.token.start
            self.next()
            body = self.body("}")
            if body is not None:
                self.next()
                if self.at("kw:and", "kw:or"):
                    outer = self._or_chain(body, True, start)
                    return None if outer is None else self._attach_with(outer)
            self.restore(mark)
        if self.at("(") and self.logical:
            group = self._group(False)
            if group is not None:
                return None if group[0] is None else self._fold(*group)
        if self.kind().startswith("kw:") and self._starts_ref():
            self._as_ident = self.pos
            return self._literal_expr(False, None)
        not_start: int | None = None
        negated = self._negation()
        if negated:
            not_start = self.token.start
            self.next()
            if self.not_bodies and self.at("{"):
                made = self._not_body(not_start)
                return None if made is None else self._fold((made,), False, not_start)
        if self.at("kw:some"):
            if negated:
                self.illegal("illegal negation of 'some'")
                return None
            return self.some()
        if self.at("kw:every"):
            if negated:
                self.illegal("illegal negation of 'every'")
                return None
            return self.every()
        return self._literal_expr(negated, not_start)

    def _negation(self) -> bool:
        return self.at("kw:not") and not self._starts_ref()

    def _literal_expr(self, negated: bool, not_start: int | None) -> Expr | None:
        start = self.token.start
        mark = self.save()
        if negated and self.not_bodies and self.at("(") and not_start is not None:
            group = self._group(True)
            if group is not None:
                if group[0] is None:
                    return None
                node = Not(group[0], self.span(not_start), group[1])
                return self._fold((Expr(node, loc=self.span(not_start)),), False, not_start)
        expr = self.expr()
        if expr is None:
            return None
        with_loc: Location | None = None
        if self._with_ahead():
            with_loc = self.loc()
            withs = self.withs()
            if withs is None:
                return None
            expr = replace(expr, withs=withs)
        if "every" not in self.keywords and isinstance(expr.terms, TermExpr) and expr.terms.term == Var("every"):
            here = self.save()
            self.restore(mark)
            tried = self._with_future(self.every)
            self.restore(here)
            if isinstance(tried, Expr):
                self.hints.append("`import future.keywords.every` for `every x in xs { ... }` expressions")
        if negated and self.not_bodies:
            withs = expr.withs
            place = self.span(not_start if not_start is not None else start)
            expr = Expr(Not((replace(expr, withs=()),), place, False), withs=withs, loc=place)
        else:
            expr = replace(expr, negated=negated)
        if self.at("kw:and", "kw:or"):
            if with_loc is not None:
                self._with_on_operand(with_loc)
                return None
            begin = not_start if not_start is not None else start
            expr = replace(expr, loc=self.span(begin)) if expr.loc.row == 0 else expr
            if not_start is None and self.source.text[start : start + 1] == "{":
                if (
                    isinstance(expr.terms, TermExpr)
                    and isinstance(expr.terms.term, Object)
                    and not expr.terms.term.pairs
                ):
                    self.error(self.span(start), "found empty body")
                    return None
                word = self.kind()[3:]
                shown = self.span(start).text
                self.hints.append(f"wrap the operand to keep the value: `({shown}) {word} ...`")
                self.error(
                    self.span(start), f"operand of `{word}` cannot begin with `{{` unless the braces hold a body"
                )
                return None
            outer = self._or_chain((expr,), False, begin)
            return None if outer is None else self._attach_with(outer)
        return expr

    def _with_on_operand(self, loc: Location) -> None:
        word = self.kind()[3:]
        self.hints.append(
            "Wrap the operand in `(...)` or `{...}` to scope, or move `with` after the"
            f" `{word}` expression to apply it to the whole expression"
        )
        self.error(loc, f"`with` modifier is not allowed on operand of `{word}`")

    def _with_ahead(self) -> bool:
        """Whether a modifier follows: the keyword, and not a reference that begins with it on a new line."""
        return self.at("kw:with") and not self._starts_ref()

    def withs(self) -> tuple[With, ...] | None:
        """``with target as value`` once or more."""
        found: list[With] = []
        while self._with_ahead():
            start = self.token.start
            self.next()
            if not self.at(lexer.IDENT):
                self.illegal("expected ident")
                return None
            target = self.term()
            if target is None:
                return None
            if not isinstance(target, Ref | Var):
                self.illegal("expected with target path")
            if not self.at("kw:as"):
                self.illegal("expected as keyword")
                return None
            self.next()
            value = self.infix()
            if value is None:
                return None
            found.append(With(target, value, self.span(start)))
        return tuple(found)

    def _attach_with(self, expr: Expr) -> Expr | None:
        if not self._with_ahead():
            return expr
        withs = self.withs()
        return None if withs is None else replace(expr, withs=withs)

    def some(self) -> Expr | None:
        """``some x, y`` or ``some k, v in xs``."""
        start = self.token.start
        loc = self.loc()
        mark = self.save()
        self.next()
        term = self.infix()
        if isinstance(term, Call):
            name = _dotted(term.operator)
            if name not in ("internal.member_2", "internal.member_3"):
                self.illegal("expected `x in xs` or `x, y in xs` expression")
                return None
            expr: Expr | None = Expr(SomeDecl((term,), loc), loc=self.span(start))
            assert expr is not None
            return self._attach_with(expr)
        self.restore(mark)
        if "in" not in self.keywords:
            self.next()
            tried = self._with_future(self.infix)
            hint = isinstance(tried, Call) and _dotted(tried.operator).startswith("internal.member_")
            self.restore(mark)
            if hint:
                self.hints.append("`import future.keywords.in` for `some x in xs` expressions")
        symbols: list[Term] = []
        while True:
            self.next()
            if not self.at(lexer.IDENT):
                self.illegal("expected var")
                return None
            symbols.append(self.variable())
            self.next()
            if not self.at(","):
                break
        return Expr(SomeDecl(tuple(symbols), loc), loc=self.span(start))

    def every(self) -> Expr | None:
        """``every k, v in xs { … }``."""
        loc = self.loc()
        self.next()
        term = self.infix()
        if term is None:
            return None
        name = _dotted(term.operator) if isinstance(term, Call) else ""
        if not isinstance(term, Call) or name not in ("internal.member_2", "internal.member_3"):
            self.illegal("expected `x[, y] in xs { ... }` expression")
            return None
        key: Term | None = None
        if name == "internal.member_2":
            value, domain = term.args
        else:
            key, value, domain = term.args
            if not isinstance(key, Var):
                self.illegal("expected key to be a variable")
                return None
        if not isinstance(value, Var):
            self.illegal("expected value to be a variable")
            return None
        if not self.at("{"):
            self.illegal("missing body")
            return None
        self.next()
        body = self.body("}")
        if body is None:
            return None
        self.next()
        return self._attach_with(Expr(Every(key, value, domain, body, loc), loc=loc))

    # --- and, or, not ----------------------------------------------------------------------------

    def _not_body(self, not_start: int) -> Expr | None:
        brace = self.token.start
        brace_loc = self.loc()
        mark = self.save()
        self.next()
        empty = self.at("}")
        body = self.body("}")
        if body is None:
            if not empty:
                self._explain_braces(mark, brace, brace_loc, "not ")
            return None
        self.next()
        if self._ambiguous_union(body):
            self._report_union(brace_loc, brace, body, "not ")
            return None
        node = Not(body, self.span(not_start))
        return Expr(node, loc=self.span(not_start))

    def _explain_braces(
        self, mark: tuple[int, int, list[str], int], brace: int, loc: Location, prefix: str, word: str = ""
    ) -> None:
        """The braces of an operand may hold a value instead of a body: say so where they do."""
        after = self.save()
        kept = self.faults[mark[1] :]
        self.restore(mark)
        term = self.infix()
        if term is not None:
            shown = self.span(brace).text
            if word:
                self.hints.append(f"wrap the operand to keep the value: `({shown}) {word} ...`")
                self.error(loc, f"operand of `{word}` cannot begin with `{{` unless the braces hold a body")
            else:
                self.hints.append(
                    f"write `{prefix}({shown})` to negate the value, or `{prefix}{{{shown}}}` for a body holding it"
                )
                self.error(
                    loc,
                    f"`{{...}}` in an operand position must contain expression(s), got: {value_name(_brace_led(term))}",
                )
            return
        self.restore(mark)
        self.pos = after[0]
        self.faults.extend(kept)

    def _or_chain(self, lhs: Body, explicit: bool, start: int) -> Expr | None:
        if self.at("kw:and"):
            first = self._and_chain(lhs, explicit, start)
            if first is None:
                return None
            lhs, explicit = (first,), False
        while self.at("kw:or"):
            self.next()
            operand = self._operand("or")
            if operand is None:
                return None
            rhs, rhs_explicit, rhs_start = operand
            if self.at("kw:and"):
                folded = self._and_chain(rhs, rhs_explicit, rhs_start)
                if folded is None:
                    return None
                rhs, rhs_explicit = (folded,), False
            self._check_void(lhs, "or")
            self._check_void(rhs, "or")
            place = self.span(start)
            lhs, explicit = (Expr(LogicalOr(lhs, rhs, explicit, rhs_explicit, place), loc=place),), False
        return lhs[0]

    def _and_chain(self, lhs: Body, explicit: bool, start: int) -> Expr | None:
        while self.at("kw:and"):
            self.next()
            operand = self._operand("and")
            if operand is None:
                return None
            rhs, rhs_explicit, _ = operand
            self._check_void(lhs, "and")
            self._check_void(rhs, "and")
            place = self.span(start)
            lhs, explicit = (Expr(LogicalAnd(lhs, rhs, explicit, rhs_explicit, place), loc=place),), False
        return lhs[0]

    def _check_void(self, body: Body, word: str) -> None:
        names = [_dotted(e.terms.operator) for e in body if isinstance(e.terms, CallExpr) and not e.negated]
        if len(names) == len(body) and names and all(n == "print" for n in names):
            name = names[0]
            self.hints.append(
                f"`{name}` produces no value and always succeeds, so the operand can never fail; move it out of the operand,"
                " or add an expression that can fail"
            )
            self.error(body[0].loc, f"operand of `{word}` cannot consist only of calls to `{name}`")

    def _operand(self, word: str) -> tuple[Body, bool, int] | None:
        start = self.token.start
        if self.at("{"):
            loc = self.loc()
            mark = self.save()
            self.next()
            empty = self.at("}")
            body = self.body("}")
            if body is None:
                if not empty and word:
                    self._explain_braces(mark, start, loc, "", word)
                return None
            self.next()
            if self._ambiguous_union(body):
                self._report_union(loc, start, body, "")
            return body, True, start
        negated = self._negation()
        not_start = start
        if negated:
            self.next()
            if self.not_bodies and self.at("{"):
                made = self._not_body(not_start)
                return None if made is None else ((made,), False, not_start)
        if self.at("(") and self.logical and (not negated or self.not_bodies):
            group = self._group(True)
            if group is not None:
                if group[0] is None:
                    return None
                if negated:
                    node = Not(group[0], self.span(not_start), group[1])
                    return (Expr(node, loc=self.span(not_start)),), False, not_start
                return group[0], group[1], group[2]
        begin = self.token.start
        expr = self.expr()
        if expr is None:
            return None
        expr = replace(expr, loc=self.span(begin))
        if negated and self.not_bodies:
            place = self.span(not_start)
            expr = Expr(Not((expr,), place, False), loc=place)
        elif negated:
            expr = replace(expr, negated=True)
        return (expr,), False, start

    def _fold(self, body: Body, explicit: bool, start: int) -> Expr | None:
        if self.at("kw:and", "kw:or"):
            outer = self._or_chain(body, explicit, start)
            return None if outer is None else self._attach_with(outer)
        return self._attach_with(body[0])

    def _group(self, operand: bool) -> tuple[Body | None, bool, int] | None:  # type: ignore[return]
        """A group in parentheses, where they hold logical operators; None where they are a term's."""
        mark = self.save()
        start = self.token.start
        loc = self.loc()
        self.enter()
        try:
            self.next()
            if self.at(")"):
                if operand:
                    self.error(loc, "empty parenthesized group")
                    return None, False, start
                self.restore(mark)
                return None
            lhs = self._operand("")
            if lhs is None:
                self.restore(mark)
                return None
            body, explicit, begin = lhs
            if self.at("kw:and", "kw:or"):
                chained = self._or_chain(body, explicit, begin)
                if chained is None:
                    return None, False, start
                with_it = self._attach_with(chained)
                if with_it is None or not self._close_group():
                    return None, False, start
                return (with_it,), False, start
            if self._with_ahead() and not explicit and len(body) == 1:
                with_loc = self.loc()
                with_it = self._attach_with(body[0])
                if with_it is None:
                    return None, False, start
                if self.at("kw:and", "kw:or"):
                    self._with_on_operand(with_loc)
                    return None, False, start
                if not self._close_group():
                    return None, False, start
                if operand or self.at("kw:and", "kw:or"):
                    return (with_it,), False, start
                self.restore(mark)
                return None
            if explicit:
                shown = self.span(begin).text
                self.restore(mark)
                self.next()
                term = self.term()
                self.restore(mark)
                if term is None:
                    prefix = "not " if operand else ""
                    self.hints.append(f"drop the parens to keep the body: `{prefix}{shown}`")
                    self.error(loc, "`(...)` in an operand position cannot contain a body")
                    return None, False, start
                return None
            single = body[0].terms if len(body) == 1 else None
            if isinstance(single, LogicalAnd | LogicalOr | Not) or (len(body) == 1 and body[0].negated):
                if not self._close_group():
                    return None, False, start
                return body, False, start
            self.restore(mark)
            return None
        finally:
            self.depth -= 1

    def _close_group(self) -> bool:
        if not self.at(")"):
            self.error(self.loc(), "expected ) to close parenthesized group")
            return False
        self.next()
        return True

    def _ambiguous_union(self, body: Body) -> bool:
        first = body[0]
        if not isinstance(first.terms, CallExpr) or _dotted(first.terms.operator) != "or":
            return False
        return first.terms.operator.loc.text == "|" and not first.loc.text.strip().startswith("(")

    def _report_union(self, loc: Location, brace: int, body: Body, prefix: str) -> None:
        braces = self.span(brace).text
        inner = body[0].loc
        rel = inner.offset - brace
        union = braces
        if rel > 0:
            union = f"{braces[:rel]}({inner.text}){braces[rel + len(inner.text) :]}"
        self.hints.append(f"write `{prefix}({braces})` for the comprehension, or `{prefix}{union}` for the set union")
        self.error(
            loc,
            "ambiguous `{ ... | ... }` operand: read as a body holding a set-union expression, not as a comprehension",
        )

    # --- expressions and terms -------------------------------------------------------------------

    def expr(self) -> Expr | None:
        """A term, a call, ``a = b`` or ``a := b``."""
        lhs = self.infix()
        if lhs is None:
            return None
        if self.at("assign", "eq"):
            operator = Ref((Var(self.kind(), self.loc()),), self.loc())
            self.next()
            rhs = self.infix()
            return None if rhs is None else Expr(CallExpr(operator, (lhs, rhs)))
        if isinstance(lhs, Call):
            return Expr(CallExpr(lhs.operator, lhs.args))
        return Expr(TermExpr(lhs))

    def infix(self, key_value: bool = True) -> Term | None:
        """A term with infix operators; ``key_value`` allows ``k, v in xs``."""
        self.enter()
        try:
            return self._in(key_value)
        finally:
            self.depth -= 1

    def _in(self, key_value: bool) -> Term | None:
        start = self.token.start
        lhs = self._binary(2)
        while lhs is not None:
            if key_value and self.at(","):
                mark = self.save()
                self.next()
                middle = self._binary(2)
                if middle is not None and self.at("kw:in"):
                    operator = self._member("member_3")
                    self.next()
                    rhs = self._binary(2)
                    if rhs is not None:
                        lhs = Call(operator, (lhs, middle, rhs), self.span(start))
                        if self.at("kw:in"):
                            continue
                        return lhs
                self.restore(mark)
            if not (self.at("kw:in") and not self._starts_ref()):
                return lhs
            operator = self._member("member_2")
            self.next()
            rhs = self._binary(2)
            if rhs is None:
                return lhs if not self.faults else None
            lhs = Call(operator, (lhs, rhs), self.span(start))
            if not self.at("kw:in"):
                return lhs
        return None

    def _member(self, name: str) -> Ref:
        loc = self.loc()
        return Ref((Var("internal", loc), Scalar(name, loc)), loc)

    def _binary(self, level: int) -> Term | None:
        """Left-associative operators from this level of precedence up."""
        start = self.token.start
        lhs = self.term()
        return None if lhs is None else self._climb(lhs, start, level)

    def _climb(self, lhs: Term, start: int, level: int) -> Term | None:
        while True:
            kind = self.kind()
            power = INFIX.get(kind, 0)
            if power < level or power == 1:
                return lhs
            operator = Ref((Var(kind, self.loc()),), self.loc())
            self.next()
            rhs_start = self.token.start
            rhs = self.term()
            while rhs is not None:
                following = INFIX.get(self.kind(), 0)
                if following <= power:
                    break
                rhs = self._climb(rhs, rhs_start, following)
            if rhs is None:
                return None
            lhs = Call(operator, (lhs, rhs), self.span(start))

    def term(self) -> Term | None:
        """A single term, references and calls included."""
        mark = (self.pos, self._generation)
        known = self._terms.get(mark)
        if known is not None and known[2] == self._as_ident:
            self.pos = known[1]
            return known[0]
        as_ident = self._as_ident
        before = len(self.faults)
        self.enter()
        try:
            made = self._term()
        finally:
            self.depth -= 1
        if made is not None and len(self.faults) == before:
            self._terms[mark] = (made, self.pos, as_ident)
        return made

    def _term(self) -> Term | None:
        token = self.token
        kind = self.kind()
        if kind in ("kw:and", "kw:or"):
            following = self.tokens[min(self.pos + 1, len(self.tokens) - 1)]
            if following.kind == "(" and not following.space:
                self._as_ident = self.pos
                kind = lexer.IDENT
        loc = self.loc()
        match kind:
            case "kw:null":
                return self._finish(Scalar(None, loc))
            case "kw:true":
                return self._finish(Scalar(True, loc))
            case "kw:false":
                return self._finish(Scalar(False, loc))
            case "minus":
                return self._minus(loc)
            case "." | lexer.NUMBER:
                number = self.number()
                return None if number is None else self._finish(number)
            case lexer.STRING:
                text = self.string(token)
                return None if text is None else self._finish(Scalar(text, loc))
            case lexer.RAW_STRING:
                return self._finish(Scalar(token.text, loc))
            case lexer.TEMPLATE_PART | lexer.TEMPLATE_END:
                made: Term | None = self.template(False)
            case lexer.RAW_TEMPLATE_PART | lexer.RAW_TEMPLATE_END:
                made = self.template(True)
            case lexer.IDENT | "kw:contains":
                return self._finish(self.variable())
            case "[":
                made = self.array()
            case "{":
                made = self.braces()
            case "(":
                self.next()
                made = self.infix()
                if made is not None:
                    if not self.at(")"):
                        self.error(self.loc(), "non-terminated expression")
                        return None
                    made = replace(made, loc=replace(made.loc, text=self.source.text[token.start : self.token.end]))
            case _:
                self.illegal()
                return None
        return None if made is None else self._finish(made)

    def _minus(self, loc: Location) -> Term | None:
        mark = self.save()
        self.next()
        if self.at(lexer.IDENT, "kw:contains"):
            operand = self._finish(self.variable())
            if operand is None:
                return None
            operator = Ref((Var("minus", loc),), loc)
            return Call(operator, (Scalar(0, loc), operand), self.span(loc.offset))
        self.restore(mark)
        number = self.number()
        return None if number is None else self._finish(number)

    def _finish(self, head: Term) -> Term | None:
        """What directly follows a term's first part: steps of a reference, or arguments. The part's last token is at hand."""
        self.next()
        token = self.token
        if not token.space and token.kind in ("(", ".", "["):
            return self.ref(head, head.loc.offset)
        if isinstance(head, Var) and head.name in ("input", "data"):
            return Ref((head,), head.loc)
        return head

    def number(self) -> Scalar | None:
        """A number; the last token of it stays at hand."""
        loc = self.loc()
        prefix = ""
        if self.at("minus"):
            prefix = "-"
            self.next()
            if not self.at(lexer.NUMBER, "."):
                self.illegal("expected number")
                return None
        if self.at("."):
            prefix += "."
            self.next()
            if not self.at(lexer.NUMBER):
                self.illegal("expected number")
                return None
        text = self.token.text
        if not prefix.endswith(".") and len(text) > 1 and text[0] == "0" and text[1] not in ".eE":
            self.illegal("expected number without leading zero")
            return None
        whole = prefix + text
        if whole.lstrip("-").isdigit():
            value: int | Num = int(whole) if whole != "-0" else Num("-0")
        else:
            exponent = whole.lower().partition("e")[2]
            if exponent and abs(int(exponent)) > 100_000:
                self.error(self.loc(), "number too big")
                return None
            value = Num(whole)
        return Scalar(value, replace(loc, text=self.source.text[loc.offset : self.token.end]))

    def string(self, token: Token) -> str | None:
        """The value of a quoted string."""
        if "\\" not in token.text:
            return token.text[1:-1]
        try:
            text = json.loads(token.text, strict=False)
        except ValueError:
            self.error(self.loc(), f"illegal string literal: {token.text}")
            return None
        return _scrub(text)

    def template(self, raw: bool) -> Term | None:
        """``$"…{x}…"``; the last token of it stays at hand."""
        loc = self.loc()
        parts: list[Scalar | Expr] = []
        while True:
            token = self.token
            if token.kind == lexer.ILLEGAL:
                self.illegal()
                return None
            text = token.text
            if not raw and "\\" in text:
                try:
                    text = _scrub(json.loads(f'"{text}"', strict=False))
                except ValueError:
                    self.error(self.loc(), f"illegal template-string part: {text}")
                    return None
            if text:
                parts.append(Scalar(text, self.loc()))
            if token.kind in (lexer.TEMPLATE_END, lexer.RAW_TEMPLATE_END):
                break
            self.next()
            part = self._template_part()
            if part is None:
                return None
            parts.append(part)
            if not self.at("}"):
                self.error(self.loc(), "expected } to end template string expression")
                return None
            self.next()
        return TemplateString(tuple(parts), raw, replace(loc, text=self.source.text[loc.offset : self.token.end]))

    def _template_part(self) -> Scalar | Expr | None:
        expr = self.literal()
        if expr is None:
            self.error(self.loc(), "invalid template-string expression")
            return None
        name = _dotted(expr.terms.operator) if isinstance(expr.terms, CallExpr) else ""
        fault = ""
        if expr.negated:
            fault = "unexpected negation ('not')"
        elif name == "eq":
            fault = "unexpected unification ('=')"
        elif name == "assign":
            fault = "unexpected assignment (':=')"
        elif isinstance(expr.terms, Every):
            fault = "unexpected 'every'"
        elif isinstance(expr.terms, SomeDecl):
            fault = "unexpected 'some'"
        if fault:
            self.error(expr.loc, f"{fault} in template-string expression")
            return None
        if isinstance(expr.terms, TermExpr) and isinstance(expr.terms.term, Scalar) and not expr.withs:
            return expr.terms.term
        return expr

    def variable(self) -> Var:
        """The identifier at hand as a variable; each ``_`` is one of its own."""
        token = self.token
        if token.text == "_":
            return self.wildcard(self.loc())
        return Var(token.text, self.loc())

    def wildcard(self, loc: Location) -> Var:
        """A fresh ``_``."""
        self.wildcards += 1
        return Var(f"${self.wildcards - 1}", loc)

    def ref(self, head: Term, start: int) -> Term | None:
        """The steps and calls behind a term."""
        self.enter()
        try:
            return self._ref(head, start)
        finally:
            self.depth -= 1

    def _ref(self, head: Term, start: int) -> Term | None:
        if isinstance(head, Scalar | TemplateString | Ref):
            self.error(head.loc, f"illegal ref (head cannot be {value_name(head)})")
        terms: list[Term] = [head]
        first = True
        while True:
            token = self.token
            if (token.space and not first) or token.kind not in (".", "(", "["):
                return Ref(tuple(terms), self.span(start))
            first = False
            if token.kind == ".":
                self.next()
                if self.token.space or self.token.kind != lexer.IDENT:
                    if self.token.space and not self.at(lexer.EOF):
                        self.error(
                            self.source.location(token.end, token.end + 1),
                            "unexpected whitespace token: expected identifier",
                        )
                    else:
                        self.illegal("expected identifier")
                    return None
                terms.append(Scalar(self.token.text, self.loc()))
                self.next()
            elif token.kind == "[":
                self.next()
                step = self.infix()
                if step is None:
                    return None
                if not self.at("]"):
                    self.illegal("expected [")
                    return None
                terms.append(step)
                self.next()
            else:
                operator = Ref(tuple(terms), self.source.location(start, token.start))
                call = self.call(operator, start)
                if call is None:
                    return None
                if not self.token.space and self.at(".", "["):
                    return self.ref(call, start)
                return call

    def call(self, operator: Ref, start: int) -> Term | None:
        """The arguments of a call, from the opening parenthesis."""
        self.next()
        args: tuple[Term, ...] | None = ()
        if not self.at(")"):
            args = self.terms(")")
            if args is None:
                return None
        self.next()
        place = self.span(start)
        if not args and operator.terms == (Var("set"),):
            return Set((), place)
        return Call(operator, args, place)

    def terms(self, end: str, first: tuple[Term, ...] = ()) -> tuple[Term, ...] | None:
        """Terms separated by commas up to a closing token, which stays at hand."""
        found = list(first)
        if self.at(end):
            return tuple(found)
        while True:
            term = self.infix(key_value=False)
            if term is None:
                return None
            found.append(term)
            if self.at(end):
                return tuple(found)
            if not self.at(","):
                self.illegal(f'expected "," or "{end}"')
                return None
            self.next()
            if self.at(end):
                return tuple(found)

    def array(self) -> Term | None:
        """An array or an array comprehension; its last token stays at hand."""
        start = self.token.start
        self.next()
        if self.at("]"):
            return Array((), self._closing(start))
        comprehension = not self.at(",")
        if not comprehension:
            self.next()
        mark = self.save()
        head = self.term()
        if head is None:
            return None
        if self.at("]"):
            return Array((head,), self._closing(start))
        if self.at(","):
            self.next()
            items = self.terms("]", (head,))
            return None if items is None else Array(items, self._closing(start))
        if self.at("or") and comprehension:
            self.next()
            body = self.body("]")
            if body is not None:
                return ArrayComprehension(head, body, self._closing(start))
            if not self.at(","):
                return None
        self.restore(mark)
        items = self.terms("]")
        return None if items is None else Array(items, self._closing(start))

    def _closing(self, start: int) -> Location:
        return self.source.location(start, self.token.end)

    def braces(self) -> Term | None:
        """A set, an object, or a comprehension of one; its last token stays at hand."""
        start = self.token.start
        self.next()
        if self.at("}"):
            return Object((), self._closing(start))
        comprehension = not self.at(",")
        if not comprehension:
            self.next()
        mark = self.save()
        head = self.term()
        if head is None:
            return None
        if self.at("or") and comprehension:
            return self._set(start, mark, head, True)
        if self.at("}", ","):
            return self._set(start, mark, head, comprehension)
        if self.at(":"):
            return self._object(start, head, comprehension)
        self.restore(mark)
        head = self.infix(key_value=False)
        if head is None:
            return None
        if self.at("}", ","):
            return self._set(start, mark, head, False)
        if self.at(":"):
            return self._object(start, head, comprehension)
        self.illegal("non-terminated set")
        return None

    def _set(self, start: int, mark: tuple[int, int, list[str], int], head: Term, comprehension: bool) -> Term | None:
        if self.at("}"):
            return Set((head,), self._closing(start))
        if self.at(","):
            self.next()
            items = self.terms("}", (head,))
            return None if items is None else Set(items, self._closing(start))
        if comprehension:
            self.next()
            body = self.body("}")
            if body is not None:
                return SetComprehension(head, body, self._closing(start))
            if not self.at(","):
                return None
        self.restore(mark)
        items = self.terms("}")
        return None if items is None else Set(items, self._closing(start))

    def _object(self, start: int, key: Term, comprehension: bool) -> Term | None:
        self.next()
        mark = self.save()
        value = self.term()
        if value is None:
            return None
        if comprehension:
            if self.at("}", ","):
                return self._object_finish(start, key, value, True)
            if self.at("or"):
                made = self._object_finish(start, key, value, True)
                if made is not None:
                    return made
        self.restore(mark)
        value = self.infix(key_value=False)
        if value is None:
            return None
        if self.at("}", ","):
            return self._object_finish(start, key, value, False)
        self.illegal("non-terminated object")
        return None

    def _object_finish(self, start: int, key: Term, value: Term, comprehension: bool) -> Term | None:
        if self.at("}"):
            return Object(((key, value),), self._closing(start))
        if self.at("or"):
            if not comprehension:
                self.illegal("non-terminated object")
                return None
            self.next()
            body = self.body("}")
            return None if body is None else ObjectComprehension(key, value, body, self._closing(start))
        self.next()
        pairs = [(key, value)]
        while not self.at("}"):
            k = self.infix(key_value=False)
            if k is None:
                return None
            if not self.at(":"):
                self.illegal('expected ":"')
                return None
            self.next()
            v = self.infix(key_value=False)
            if v is None:
                return None
            pairs.append((k, v))
            if self.at("}"):
                break
            if not self.at(","):
                self.illegal('expected "," or "}"')
                return None
            self.next()
        return Object(tuple(pairs), self._closing(start))

    # --- the rest --------------------------------------------------------------------------------

    def comments(self) -> tuple[Comment, ...]:
        """All comments of the text."""
        return tuple(Comment(c.text, self.source.location(c.start, c.end)) for c in self.comment_tokens)

    def note_of(self, rule: Rule) -> RuleNote:
        """How a rule was written."""
        return self.notes.get(id(rule), RuleNote())


INFIX_TOKENS = frozenset(INFIX) - {"in"}


def _scrub(text: str) -> str:
    """Go's decoding of escapes: lone surrogates become U+FFFD."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def true_body(loc: Location) -> Body:
    """The body of a rule that was written without one."""
    return (Expr(TermExpr(Scalar(True, loc)), loc=loc),)


def is_ground(term: Term) -> bool:
    """Whether a term holds no variables."""
    match term:
        case Scalar():
            return True
        case Var():
            return False
        case Ref(terms):
            return all(is_ground(t) for t in terms[1:])
        case Array(items) | Set(items):
            return all(is_ground(t) for t in items)
        case Object(pairs):
            return all(is_ground(k) and is_ground(v) for k, v in pairs)
        case Call(_, args):
            return all(is_ground(t) for t in args)
        case _:
            return False


def _is_scalar(term: Term) -> bool:
    return isinstance(term, Scalar)


def _refs_vars_calls(term: Term) -> list[str]:
    match term:
        case Ref():
            return ["ref"]
        case Var():
            return ["var"]
        case Call():
            return ["call"]
        case Array(items) | Set(items):
            return [n for t in items for n in _refs_vars_calls(t)]
        case Object(pairs):
            return [n for k, v in pairs for t in (k, v) for n in _refs_vars_calls(t)]
        case _:
            return []


def _brace_led(term: Term) -> Term:
    if isinstance(term, Call) and len(term.operator.terms) == 1 and term.args:
        return _brace_led(term.args[0])
    return term


def value_name(term: Term) -> str:
    """OPA's word for the kind of a term."""
    match term:
        case Scalar(None):
            return "null"
        case Scalar(bool()):
            return "boolean"
        case Scalar(str()):
            return "string"
        case Scalar():
            return "number"
        case Var():
            return "var"
        case Ref():
            return "ref"
        case Array():
            return "array"
        case Object():
            return "object"
        case Set():
            return "set"
        case ArrayComprehension():
            return "arraycomprehension"
        case SetComprehension():
            return "setcomprehension"
        case ObjectComprehension():
            return "objectcomprehension"
        case Call():
            return "call"
        case TemplateString():
            return "templatestring"


def _dotted(ref: Ref) -> str:
    from .printer import term_text  # the printer stands on the same nodes

    return term_text(ref)


def too_deep(source: Source) -> CompileError:
    """The error of a text that nests too deep."""
    return CompileError([Problem(PARSE_ERROR, f"nested deeper than {MAX_DEPTH} levels", Location(source.name, 1, 1))])
