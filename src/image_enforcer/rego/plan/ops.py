"""The plan's instructions: what a body does, step by step, before it becomes Python.

A block is a straight list of instructions. An instruction that cannot go on *fails*: control returns to
the nearest scan before it in the block, for its next element, or leaves the block. Scans nest by
position: what stands after a scan runs once for each of its elements. The end of a block says what a
solution is worth. Registers are written once on each path, and become Python locals.
"""

from __future__ import annotations

from typing import TypeAlias

from ..places import NO_LOCATION, Location
from ..records import record
from ..values import Value


@record(frozen=True, slots=True)
class Reg:
    """A register."""

    n: int


@record(frozen=True, slots=True, eq=False)
class Const:
    """A constant, hoisted out of the code."""

    value: Value


@record(frozen=True, slots=True)
class InputRoot:
    """The input document of a state."""

    state: int


Operand: TypeAlias = Reg | Const | InputRoot


# --- reading -------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Load:
    """``dst = source[k1][k2]…`` with constant string keys; fails where a step is missing."""

    dst: Reg
    source: Operand
    keys: tuple[str, ...]


@record(frozen=True, slots=True)
class LoadData:
    """The base document at a constant path; fails where there is none."""

    dst: Reg
    state: int
    keys: tuple[Value, ...]


@record(frozen=True, slots=True)
class Settle:
    """``dst`` is the value that a reference into base documents has come to: a lazy one is read whole."""

    dst: Reg
    source: Operand
    state: int


@record(frozen=True, slots=True)
class Get:
    """``dst = source[key]``; fails where there is none."""

    dst: Reg
    source: Operand
    key: Operand
    base: bool = False
    """In a base document a number also finds the key that is its text, and a text the place in an array."""
    path: tuple[Operand, ...] = ()
    """Where ``source`` lies in the base documents, if ``with`` may have put something else there."""
    state: int = 0


@record(frozen=True, slots=True)
class Scan:
    """For each element of ``source`` in Rego's order; anything that is no collection has none."""

    source: Operand
    key: Reg | None
    value: Reg | None
    ordered: bool = True


@record(frozen=True, slots=True)
class ScanWritten:
    """For each key of a set or object as it was written out in the policy, in that order, however many are equal."""

    keys: tuple[Operand, ...]
    values: tuple[Operand, ...]
    """Those of an object; empty for a set."""
    key: Reg | None
    value: Reg | None


@record(frozen=True, slots=True)
class DocValue:
    """The whole of a virtual document; fails where it is undefined."""

    dst: Reg
    state: int
    doc: int
    path: tuple[Value, ...]
    replaceable: bool


@record(frozen=True, slots=True)
class DocDemand:
    """What a partial document holds for some known keys.

    ``mask`` has a letter for each step below the document, ``b`` bound (it has an operand in ``keys``) or
    ``u`` not; the first is bound. ``dst`` is the value below the leading bound steps.
    """

    dst: Reg
    state: int
    doc: int
    mask: str
    keys: tuple[Operand, ...]
    path: tuple[Value, ...]
    replaceable: bool


@record(frozen=True, slots=True)
class DocMember:
    """``dst`` is whether a partial set has a member; the set is made only where it has to be."""

    dst: Reg
    state: int
    doc: int
    value: Operand


@record(frozen=True, slots=True)
class Extent:
    """Base and virtual documents below a constant path, merged; fails where there is nothing at all."""

    dst: Reg
    state: int
    path: tuple[Value, ...]


@record(frozen=True, slots=True)
class CursorOpen:
    """A place in the documents from which steps known only at run time go on."""

    dst: Reg
    state: int
    path: tuple[Value, ...]


@record(frozen=True, slots=True)
class CursorStep:
    """``dst`` is one step on from a cursor; fails where there is nothing."""

    dst: Reg
    state: int
    cursor: Operand
    key: Operand


@record(frozen=True, slots=True)
class CursorScan:
    """For each key below the cursor, base documents first, then virtual ones."""

    state: int
    cursor: Operand
    key: Reg
    dst: Reg


@record(frozen=True, slots=True)
class CursorValue:
    """The value that a cursor has come to; fails where there is none."""

    dst: Reg
    state: int
    cursor: Operand


# --- calling -------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class CallFunction:
    """``dst`` is the value of a policy's own function; fails where it has none."""

    dst: Reg
    state: int
    doc: int
    args: tuple[Operand, ...]
    name: str
    mockable: bool
    loc: Location = NO_LOCATION


@record(frozen=True, slots=True)
class CallGiven:
    """``dst`` is what a policy's own function gives, of its rules those whose value can be what is wanted; else fails.

    ``mask`` names the form of the function; ``given`` are the parts of what is wanted that have a value. What the
    function remembers, or what stands in its place, may be another value.
    """

    dst: Reg
    state: int
    doc: int
    mask: str
    args: tuple[Operand, ...]
    given: tuple[Operand, ...]
    name: str
    mockable: bool
    loc: Location = NO_LOCATION


@record(frozen=True, slots=True)
class CallBuiltin:
    """``dst`` is None for built-ins without a result."""

    dst: Reg | None
    state: int
    name: str
    args: tuple[Operand, ...]
    mockable: bool
    loc: Location = NO_LOCATION


@record(frozen=True, slots=True)
class CallRelation:
    """For each answer of a relation such as ``walk``."""

    dst: Reg
    state: int
    name: str
    args: tuple[Operand, ...]
    mockable: bool
    loc: Location = NO_LOCATION


# --- testing and taking apart --------------------------------------------------------------------


@record(frozen=True, slots=True)
class Fail:
    """Always fails."""


@record(frozen=True, slots=True)
class Unevaluated:
    """Ends the evaluation: a built-in would be called with an operand that has no value.

    ``parts`` are the operand's text: constant texts and values by turns, a text first and last.
    """

    name: str
    position: int
    parts: tuple[Operand, ...]
    loc: Location = NO_LOCATION


@record(frozen=True, slots=True)
class TestEqual:
    """Fails unless both are equal."""

    a: Operand
    b: Operand


@record(frozen=True, slots=True)
class TestTrue:
    """Fails where the operand is ``false``."""

    a: Operand


@record(frozen=True, slots=True)
class Indexed:
    """Fails unless one of the tests holds, each with what it wants; :data:`.index.Test` says which there are."""

    source: Operand
    tests: tuple[tuple[str, Value], ...]


@record(frozen=True, slots=True)
class KeyOf:
    """Fails where ``source`` is an object or a set of which ``key`` is none of the keys, or members."""

    source: Operand
    key: Operand


@record(frozen=True, slots=True)
class CheckArray:
    """Fails unless an array of this length."""

    source: Operand
    length: int


@record(frozen=True, slots=True)
class Item:
    """An element of a checked array."""

    dst: Reg
    source: Operand
    index: int


@record(frozen=True, slots=True)
class CheckObject:
    """Fails unless an object with this many keys."""

    source: Operand
    length: int


@record(frozen=True, slots=True)
class CheckKind:
    """Fails where a value is no set and of another kind than a comprehension: ``array``, ``object`` or ``set``."""

    source: Operand
    kind: str


@record(frozen=True, slots=True)
class Copy:
    """``dst = source``."""

    dst: Reg
    source: Operand


@record(frozen=True, slots=True)
class BuildArray:
    """``dst`` is an array of these items."""

    dst: Reg
    items: tuple[Operand, ...]


@record(frozen=True, slots=True)
class BuildObject:
    """``dst`` is an object of these pairs; the last of equal keys wins."""

    dst: Reg
    pairs: tuple[tuple[Operand, Operand], ...]


@record(frozen=True, slots=True)
class BuildSet:
    """``dst`` is a set of these items."""

    dst: Reg
    items: tuple[Operand, ...]


# --- blocks within blocks ------------------------------------------------------------------------


@record(frozen=True, slots=True)
class KeepOrder:
    """``dst`` is a set that is written out, for a function: its rules meet the members as they are written.

    In the order of their terms, and equal ones each in its turn.
    """

    dst: Reg
    source: Operand
    members: tuple[Operand, ...]


@record(frozen=True, slots=True)
class Collect:
    """A comprehension: ``dst`` receives what the block's solutions add up to."""

    dst: Reg
    kind: str  # array, set or object
    block: Block
    loc: Location = NO_LOCATION


@record(frozen=True, slots=True)
class Negation:
    """Fails where the block has a solution."""

    block: Block


@record(frozen=True, slots=True)
class ForEvery:
    """Fails unless the block has a solution for every element of ``domain``, or where that is no collection."""

    domain: Operand
    key: Reg | None
    value: Reg | None
    block: Block
    written: tuple[tuple[Operand, ...], tuple[Operand, ...]] | None = None
    """Keys and values of a domain that is written out, as of :class:`ScanWritten`."""


@record(frozen=True, slots=True)
class Both:
    """Fails unless both blocks have a solution; the second is not asked where the first has none."""

    lhs: Block
    rhs: Block


@record(frozen=True, slots=True)
class Either:
    """Fails unless one of the blocks has a solution; the second is not asked where the first has one."""

    lhs: Block
    rhs: Block


@record(frozen=True, slots=True)
class Replace:
    """One ``with``: ``kind`` is ``input``, ``data``, ``nothing``, ``value`` (a function gives a value) or ``function``.

    There is ``nothing`` in the place of a document that a function takes. What takes a function's place is a built-in,
    called ``function``, or what stands at ``path`` below ``data``.
    """

    kind: str
    path: tuple[Value, ...]
    name: str
    value: Operand | None
    function: str


@record(frozen=True, slots=True)
class WithState:
    """A new state derived from another one."""

    dst: int
    src: int
    replaces: tuple[Replace, ...]
    loc: Location = NO_LOCATION


# --- ends of blocks ------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Found:
    """There is a solution. ``stop``: further ones need not be looked for."""

    stop: bool


@record(frozen=True, slots=True)
class Append:
    """One more element of an array comprehension."""

    value: Operand


@record(frozen=True, slots=True)
class AddMember:
    """One more member of a set."""

    value: Operand


@record(frozen=True, slots=True)
class PutPair:
    """One more pair of an object comprehension; another value under the same key is a conflict, or else the ``last``
    one stays."""

    key: Operand
    value: Operand
    loc: Location = NO_LOCATION
    last: bool = False


@record(frozen=True, slots=True)
class Give:
    """A value of a complete rule or function; two different ones are a conflict. ``stop``: take the first."""

    value: Operand
    stop: bool
    message: str
    loc: Location = NO_LOCATION


@record(frozen=True, slots=True)
class PutPath:
    """A leaf of a partial object: ``keys`` lead to it; a member of the set there when ``is_set``."""

    keys: tuple[Operand, ...]
    value: Operand
    is_set: bool
    loc: Location = NO_LOCATION


@record(frozen=True, slots=True)
class Solve:
    """A solution of a query: the values of these operands."""

    values: tuple[Operand, ...]


End: TypeAlias = Found | Append | AddMember | PutPair | Give | PutPath | Solve


@record(frozen=True, slots=True)
class Part:
    """Instructions in a function of their own, which the emitter has made of a long body; fails where they do."""

    name: str
    takes: tuple[Reg, ...]
    gives: tuple[Reg, ...]


Read: TypeAlias = (
    Load | LoadData | Settle | Get | Scan | ScanWritten | DocValue | DocDemand | DocMember | Extent
    | CursorOpen | CursorStep | CursorScan | CursorValue | CallFunction | CallGiven | CallBuiltin
    | CallRelation
)  # fmt: skip
Make: TypeAlias = (
    Fail | Unevaluated | Indexed | KeyOf | TestEqual | TestTrue | CheckArray | Item | CheckObject | CheckKind | Copy
    | BuildArray | BuildObject | BuildSet | KeepOrder | Collect | Negation | ForEvery | Both | Either | WithState | Part
)  # fmt: skip
Op: TypeAlias = Read | Make

LOOPS = (Scan, ScanWritten, CursorScan, CallRelation)


@record(frozen=True, slots=True)
class Block:
    """Instructions in order, and what a solution is worth."""

    ops: tuple[Op, ...]
    end: End

    @property
    def loops(self) -> bool:
        """Whether the block can have more than one solution."""
        return any(isinstance(op, LOOPS) for op in self.ops)


@record(frozen=True, slots=True)
class Clause:
    """A rule with its ``else`` chain: the first block that gives a value decides."""

    blocks: tuple[Block, ...]


@record(frozen=True, slots=True)
class Routine:
    """One function to generate: a document, a demand for some of its keys, a function, a query."""

    kind: str  # complete, function, set, object, member, demand, query
    doc: int
    mask: str
    params: tuple[Reg, ...]
    clauses: tuple[Clause, ...]
    default: Clause | None
    early_exit: bool
    uniform: bool
    """Whether all leaves of a partial object lie at one depth, so that no path can be another's prefix."""
    depth: int
    memo: bool
    label: str
    wanted: int = 0
    """How many of the parameters, the last ones, are parts of a value that is wanted of a function."""
    gate: Block | None = None
    """Of a document whose place others share: without a solution no rule is evaluated, and nothing remembered."""
