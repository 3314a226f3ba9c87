"""A place in a text that is being parsed: tokens, the words that are keywords here, faults, and going back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ..errors import PARSE_ERROR, CompileError, Problem
from ..places import Location
from ..records import record
from . import lexer
from .keywords import FUTURE_V0, KEYWORDS_V0
from .lexer import Source, tokenize
from .nodes import Body, Comment, Expr, Rule, Term, Var
from .tokens import Token

MAX_DEPTH = 250
"""How deep terms and bodies may nest; OPA's own bound is far above what any policy needs."""

Mark: TypeAlias = tuple[int, tuple[Problem, ...], list[str], int]
"""A position to come back to: token, faults, hints, and the keyword taken for a name."""


@record(slots=True)
class RuleNote:
    """What the checks of Rego v1 need to know of how a rule was written."""

    has_if: bool = False
    has_contains: bool = False


_ON_NEXT_LINE = (lexer.WHITESPACE, lexer.ILLEGAL, lexer.RAW_TEMPLATE_PART, lexer.RAW_TEMPLATE_END)
"""Tokens that OPA says stand in the next line where they begin with the end of one."""
MAX_CHAIN = 5_000
"""Operators of one chain, such as ``1 + 1 + 1``: each nests what stands before it one level deeper."""
MAX_LOGICAL = 200
"""Operators of one chain of ``and`` and ``or``, which hold bodies: what is looked at grows with the square of them."""


MOST_RECENT = 1_000
"""How many remembered terms are gone through for one."""

Start: TypeAlias = tuple[int, int, int]
"""Where a term begins: the position, the count of changes of ``keywords``, and the keyword that is a name there."""


class TooDeep(Exception):
    """The text nests deeper than :data:`MAX_DEPTH`, or than ``chain`` operators in a row may."""

    def __init__(self, chain: int = 0) -> None:
        self.chain = chain


@record(frozen=True, slots=True)
class Grammar:
    """The rules of the grammar that others lead back to: a term holds bodies, and a body holds terms."""

    term: Callable[[Cursor], Term | None]
    infix: Callable[..., Term | None]
    body: Callable[[Cursor, str], Body | None]
    literal: Callable[[Cursor], Expr | None]


class Recent(NamedTuple):
    """A term that OPA remembers, the faults behind it, and the one it remembers before that."""

    start: Start
    faults: tuple[Problem, ...]
    before: Recent | None


class Cursor:
    """Where a parser is in one text.

    A reading function returns None where it cannot go on; the fault is then in ``faults``. Alternatives are tried
    by going back to an earlier :data:`Mark`, faults included; terms read once, and failures to read one, are
    remembered by position in ``memo``: without that, nested alternatives would cost twice as much a level.
    ``version`` is 0 or 1; ``keywords`` are the words that are keywords at the moment.
    """

    def __init__(
        self, source: Source, version: int, grammar: Grammar, *, all_keywords: bool = False, rules: bool = True
    ) -> None:
        self.source = source
        self.version = version
        self.grammar = grammar
        self.tokens, self.comment_tokens = tokenize(source)
        self._at, self._token = 0, self.tokens[0]
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
        self.notes: dict[int, tuple[Rule, RuleNote]] = {}
        self.memo: dict[Start, tuple[Term | None, int, int, tuple[Problem, ...]]] = {}
        self.recent: Recent | None = None
        """The terms that OPA remembers at the moment."""
        self.as_name = -1
        """The position of a keyword that is a name here."""
        self.stuck = (-1, 0)
        """Where an operand was missing, and how strongly its operator binds."""
        self.generation = 0
        """Counts changes of ``keywords``; terms remembered before one are of no use after it."""
        self._report_lexical()

    @property
    def token(self) -> Token:
        """The token at hand."""
        if self._at != self.pos:
            self._token, self._at = self.tokens[self.pos], self.pos
        return self._token

    def kind(self, offset: int = 0) -> str:
        """The kind of the token at hand; ``kw:<word>`` for keywords."""
        kinds = self.tokens.kinds
        at = min(self.pos + offset, len(kinds) - 1)
        kind = kinds[at]
        if kind == lexer.IDENT and at != self.as_name:
            word = self.tokens.word(at)
            if word in self.keywords:
                return "kw:" + word
        return kind

    def next(self) -> None:
        """Go on to the next token; what the lexer found wrong with it is reported here."""
        if self.pos < len(self.tokens) - 1:
            self.pos += 1
            if self.tokens.faults(self.pos):
                self._report_lexical()

    def _report_lexical(self) -> None:
        for fault in self.token.faults:
            self.error(self.loc(), fault)

    def show_whitespace(self, start: int) -> None:
        """Put the whitespace before the token at hand in its place, where it is what is wrong."""
        self.tokens.insert(self.pos, lexer.WHITESPACE, start, start + 1)
        self._at = -1

    def at(self, *kinds: str) -> bool:
        """Whether the token at hand is one of these."""
        return self.kind() in kinds

    def save(self) -> Mark:
        """A position to come back to."""
        return self.pos, tuple(self.faults), list(self.hints), self.as_name

    def restore(self, mark: Mark) -> None:
        """Go back, forgetting the faults since."""
        self.pos = mark[0]
        self.faults[:] = mark[1]
        self.stuck = (-1, 0)
        self.hints = list(mark[2])
        self.as_name = mark[3]

    def remember(self, start: Start) -> None:
        """A term has been read: OPA remembers it with all faults there are now, and forgets what it had behind."""
        before = self.recent
        while before is not None and before.start[0] >= start[0]:
            before = before.before
        self.recent = Recent(start, tuple(self.faults), before)

    def recall(self, start: Start, own: tuple[Problem, ...]) -> None:
        """The faults behind a term that is read again: those there were when OPA read it, if it remembers the term."""
        at, steps = self.recent, 0
        while at is not None and at.start[0] >= start[0] and steps < MOST_RECENT:
            if at.start == start:
                self.faults[:] = at.faults
                return
            at, steps = at.before, steps + 1
        self.faults += own
        self.remember(start)

    def loc(self, token: Token | None = None) -> Location:
        """The location of a token."""
        token = token or self.token
        if token.kind == lexer.EOF:
            return self.source.end_location()
        if token.kind in _ON_NEXT_LINE and self.source.text.startswith("\n", token.start):
            place = self.source.apart(self.source.row(token.start) + 1, 0, token.start)
            shown = token.kind in (lexer.RAW_TEMPLATE_PART, lexer.RAW_TEMPLATE_END)
            return place.showing(token.start, token.end) if shown else place
        return self.source.location(token.start, token.end)

    def span(self, start: int) -> Location:
        """From an offset to the end of the last token consumed."""
        end = self.tokens.end(self.pos - 1) if self.pos else start
        return self.source.location(start, max(end, start))

    def spanning(self, first: Location, start: int) -> Location:
        """The span from an offset on, at the place of its first operand: parentheses before that one do not count."""
        place = self.span(start)
        return place if first.offset == start else first.showing(place.begin, place.end)

    def enter(self) -> None:
        """One level deeper."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooDeep

    def link(self, count: int, most: int = MAX_CHAIN) -> None:
        """One more operator in a chain of so many."""
        if count > most:
            raise TooDeep(most)

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
            self.error(self.loc(), "illegal token")
            return
        kind = self.kind()
        name, what = kind, "token"
        if kind.startswith("kw:"):
            name, what = kind[3:], "keyword"
        elif kind == lexer.RAW_STRING:
            name = lexer.STRING
        text = f"unexpected {name} {what}"
        self.error(self.loc(), f"{text}: {note}" if note else text)

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

    def comments(self) -> tuple[Comment, ...]:
        """All comments of the text."""
        return tuple(Comment(c.text, self.source.location(c.start, c.end)) for c in self.comment_tokens)

    def note_of(self, rule: Rule) -> RuleNote:
        """How a rule was written."""
        found = self.notes.get(id(rule))
        return RuleNote() if found is None else found[1]

    @property
    def logical(self) -> bool:
        """Whether ``and`` or ``or`` are keywords here."""
        return "and" in self.keywords or "or" in self.keywords

    def starts_ref(self, offset: int = 1) -> bool:
        """Whether a step of a reference directly follows."""
        token = self.tokens[min(self.pos + offset, len(self.tokens) - 1)]
        return not token.space and token.kind in (".", "[")

    def noted(self, rule: Rule, note: RuleNote) -> Rule:
        """Remember how a rule was written; the rule is kept beside the note, so that its identity stays its own."""
        self.notes[id(rule)] = (rule, note)
        return rule

    def closing(self, start: int) -> Location:
        """From an offset to the end of the token at hand."""
        return self.source.location(start, self.token.end)

    def take_keyword_as_name(self) -> bool:
        """A keyword directly followed by ``.`` or ``[`` is the head of a reference: take it for an identifier."""
        if self.kind().startswith("kw:") and self.starts_ref():
            self.as_name = self.pos
            return True
        return False

    def at_with(self) -> bool:
        """Whether a modifier follows: the keyword, and not a reference that begins with it on a new line."""
        return self.at("kw:with") and not self.starts_ref()

    def at_not(self) -> bool:
        """Whether a negation follows: the keyword, and not a reference that begins with it."""
        return self.at("kw:not") and not self.starts_ref()

    def take_name(self) -> bool:
        """Whether an identifier is at hand, or a keyword, which is then taken for one."""
        kind = self.kind()
        if kind == lexer.IDENT:
            return True
        if kind.startswith("kw:"):
            self.as_name = self.pos
            return True
        return False

    def add_keywords(self, words: set[str]) -> None:
        """Make words keywords from here on."""
        if "not" in words:
            self.not_bodies = True
        if "every" in words:
            words = words | {"in"}
        self.keywords |= words
        self.generation += 1


def too_deep(source: Source, error: TooDeep | RecursionError) -> CompileError:
    """The error of a text that nests too deep."""
    chain = error.chain if isinstance(error, TooDeep) else 0
    text = f"more than {chain} operators in one chain" if chain else f"nested deeper than {MAX_DEPTH} levels"
    return CompileError([Problem(PARSE_ERROR, text, Location.named(source.name, 1, 1))])
