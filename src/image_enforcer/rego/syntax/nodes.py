"""The syntax tree: what the parser builds, the checks rewrite and the plan reads.

Every node is frozen; a rewrite builds new nodes. Locations do not take part in equality. Names follow
OPA's AST (``Body``, ``Expr``, ``Head``…) so that its documentation serves for ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ..places import NO_LOCATION, Location
from ..records import field, record
from ..values import Num


def _loc() -> Any:
    return field(default=NO_LOCATION, compare=False, repr=False)


# --- terms ---------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Scalar:
    """``null``, a boolean, a number or a string."""

    value: bool | int | Num | str | None
    loc: Location = _loc()

    def __eq__(self, other: object) -> bool:
        # type by type, since True == 1 in Python
        return type(other) is Scalar and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@record(frozen=True, slots=True)
class Var:
    """A variable. Each ``_`` has a name of its own: ``$0``, ``$1``… Generated names start with ``__local``."""

    name: str
    loc: Location = _loc()

    @property
    def is_wildcard(self) -> bool:
        """Whether it was written ``_``."""
        return self.name.startswith("$")

    @property
    def is_generated(self) -> bool:
        """Whether the compiler made it up."""
        return self.name.startswith("__local")


@record(frozen=True, slots=True)
class Ref:
    """``head.a[b]…``: ``terms[0]`` is the head, nearly always a ``Var``; the others are the steps."""

    terms: tuple[Term, ...]
    loc: Location = _loc()

    @property
    def head(self) -> Term:
        """What the reference begins with."""
        return self.terms[0]

    @property
    def path(self) -> tuple[Term, ...]:
        """The steps behind the head."""
        return self.terms[1:]


@record(frozen=True, slots=True)
class Array:
    """``[a, b]``."""

    items: tuple[Term, ...]
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Object:
    """``{k: v}``, as written: a key may occur twice."""

    pairs: tuple[tuple[Term, Term], ...]
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Set:
    """``{a, b}``, or ``set()`` without items."""

    items: tuple[Term, ...]
    loc: Location = _loc()


@record(frozen=True, slots=True)
class ArrayComprehension:
    """``[term | body]``."""

    term: Term
    body: Body
    loc: Location = _loc()


@record(frozen=True, slots=True)
class SetComprehension:
    """``{term | body}``."""

    term: Term
    body: Body
    loc: Location = _loc()


@record(frozen=True, slots=True)
class ObjectComprehension:
    """``{key: value | body}``."""

    key: Term
    value: Term
    body: Body
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Call:
    """A call in term position: ``f(x)``, ``a + b`` (operator ``plus``), ``x in xs`` (``internal.member_2``)."""

    operator: Ref
    args: tuple[Term, ...]
    loc: Location = _loc()


@record(frozen=True, slots=True)
class TemplateString:
    """``$"text {expr}"``: literal strings (``Scalar``) and expressions (``Expr``) in turn."""

    parts: tuple[Scalar | Expr, ...]
    multi_line: bool = False
    loc: Location = _loc()


Term: TypeAlias = (
    "Scalar | Var | Ref | Array | Object | Set | ArrayComprehension | SetComprehension"
    " | ObjectComprehension | Call | TemplateString"
)
TERM_TYPES = (
    Scalar, Var, Ref, Array, Object, Set, ArrayComprehension, SetComprehension, ObjectComprehension, Call,
    TemplateString,
)  # fmt: skip


# --- expressions ---------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class TermExpr:
    """A term on its own; holds where it is defined and not false."""

    term: Term


@record(frozen=True, slots=True)
class CallExpr:
    """A call as an expression: ``x = y`` (``eq``), ``x := y`` (``assign``), ``x == y`` (``equal``), ``f(x)``.

    With one argument more than the function has parameters, the last one receives the result.
    """

    operator: Ref
    args: tuple[Term, ...]


@record(frozen=True, slots=True)
class SomeDecl:
    """``some x, y``, whose symbols are ``Var``; or ``some k, v in xs``, one ``Call`` of ``internal.member_3``."""

    symbols: tuple[Term, ...]
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Every:
    """``every key, value in domain { body }``; ``key`` is None where it was left out."""

    key: Term | None
    value: Term
    domain: Term
    body: Body
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Not:
    """``not { … }``: a negated body (``import future.keywords.not``). Plain ``not x`` is ``Expr.negated``."""

    body: Body
    loc: Location = _loc()
    explicit: bool = True
    """Whether the body was written in braces; else it is one expression, and may not declare variables."""


@record(frozen=True, slots=True)
class LogicalAnd:
    """``a and b`` (``import future.keywords.and``); ``explicit_*``: the operand was written in braces."""

    lhs: Body
    rhs: Body
    explicit_lhs: bool = False
    explicit_rhs: bool = False
    loc: Location = _loc()


@record(frozen=True, slots=True)
class LogicalOr:
    """``a or b`` (``import future.keywords.or``), with the operands of :class:`LogicalAnd`."""

    lhs: Body
    rhs: Body
    explicit_lhs: bool = False
    explicit_rhs: bool = False
    loc: Location = _loc()


ExprTerms: TypeAlias = "TermExpr | CallExpr | SomeDecl | Every | Not | LogicalAnd | LogicalOr"


@record(frozen=True, slots=True)
class With:
    """``with target as value``."""

    target: Term
    value: Term
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Expr:
    """One expression of a body. ``index`` is its place in the body as written; generated ones say so."""

    terms: ExprTerms
    negated: bool = False
    withs: tuple[With, ...] = ()
    index: int = 0
    generated: bool = False
    loc: Location = _loc()
    assignment: bool = field(default=False, compare=False)
    """An equality that was written ``:=``: its right side cannot be bound from its left."""


Body: TypeAlias = "tuple[Expr, ...]"


# --- rules and modules ---------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Head:
    """A rule's head. ``ref`` is relative to the package (``p``, ``p.q``, ``p[x].r``).

    - complete rule: ``value`` is its value (``true`` where none was written), ``key`` None
    - partial set (``p contains x``): ``key`` is the member, ``value`` None, the member is *not* in ``ref``
    - partial object and ref heads (``p[k] := v``): the key is the last term of ``ref``; ``key`` holds it too
      when ``ref`` has exactly two terms and the last is not a constant string, as OPA's AST does
    - function: ``args`` is a tuple (maybe empty), else None
    """

    name: str
    ref: Ref
    args: tuple[Term, ...] | None = None
    key: Term | None = None
    value: Term | None = None
    assign: bool = False
    generated_value: bool = False
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Author:
    """A name, an address, or both."""

    name: str
    email: str


@record(frozen=True, slots=True)
class RelatedResource:
    """A URL, and what stands there."""

    ref: str
    description: str = ""


@record(frozen=True, slots=True)
class SchemaNote:
    """The schema of the document at ``path``: by reference into the schemas that are given, or written out."""

    path: Ref
    schema: Ref | None = None
    definition: Any = field(default=None, compare=False)


@record(frozen=True, slots=True)
class CompileNote:
    """What partial evaluation is told of a rule."""

    unknowns: tuple[Ref | None, ...] = ()
    mask_rule: Ref | None = None


@record(frozen=True, slots=True)
class Annotations:
    """A ``# METADATA`` block: what it says, where it applies (``scope``), and to what (``path``, below ``data``).

    ``rule`` is the number of the rule that follows it among its module's rules, None for a package's.
    """

    scope: str
    title: str = ""
    description: str = ""
    entrypoint: bool = False
    organizations: tuple[str, ...] = ()
    related_resources: tuple[RelatedResource, ...] = ()
    authors: tuple[Author, ...] = ()
    schemas: tuple[SchemaNote, ...] = ()
    compile: CompileNote | None = None
    custom: Mapping[str, Any] = field(default_factory=dict, compare=False)
    labels: Mapping[str, Any] = field(default_factory=dict, compare=False)
    path: tuple[str, ...] = ()
    rule: int | None = field(default=None, compare=False)
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Rule:
    """A rule; ``else_`` is its next branch. ``generated_body``: written without one, its body is ``true``."""

    head: Head
    body: Body
    else_: Rule | None = None
    default: bool = False
    generated_body: bool = False
    annotations: tuple[Annotations, ...] = ()
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Package:
    """``path`` starts with ``data``: ``package a.b`` has the path ``data.a.b``."""

    path: Ref
    loc: Location = _loc()

    @property
    def names(self) -> tuple[str, ...]:
        """The steps below ``data`` as strings."""
        return tuple(t.value for t in self.path.path if isinstance(t, Scalar) and isinstance(t.value, str))


@record(frozen=True, slots=True)
class Import:
    """``import path as alias``; ``alias`` is None where it was left out."""

    path: Ref
    alias: str | None = None
    loc: Location = _loc()
    alias_loc: Location = _loc()


@record(frozen=True, slots=True)
class Comment:
    """``text`` is what follows the ``#``."""

    text: str
    loc: Location = _loc()


@record(frozen=True, slots=True)
class Module:
    """One policy file. ``version`` is the Rego version its text was read as (0 or 1; ``import rego.v1`` makes it 1)."""

    package: Package
    imports: tuple[Import, ...] = ()
    rules: tuple[Rule, ...] = ()
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    annotations: tuple[Annotations, ...] = ()
    version: int = 1
    name: str = field(default="", compare=False)
    text: str = field(default="", compare=False, repr=False)


Statement: TypeAlias = "Package | Import | Rule | Body | Comment"
