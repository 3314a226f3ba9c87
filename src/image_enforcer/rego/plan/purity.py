"""What documents depend on: which may be remembered while the data stays, and which cannot raise an error."""

from __future__ import annotations

from collections.abc import Iterator

from ..records import fields
from ..signatures import signatures
from ..values import Value
from . import ops
from .ops import Block, InputRoot, Routine
from .program import ProgramPlanner

VOLATILE = frozenset(
    {
        "trace", "print", "internal.print", "internal.test_case", "opa.runtime", "rand.intn", "uuid.rfc4122",
        "time.now_ns", "http.send",
        "net.lookup_ip_addr", "io.jwt.decode_verify", "crypto.x509.parse_and_verify_certificates",
        "crypto.x509.parse_and_verify_certificates_with_options", "time.clock", "time.date", "time.weekday",
    }
)  # fmt: skip
"""Built-ins whose answer may change while operands and data do not, or that are called for their effect."""


class Purity:
    """Answers about documents, each worked out once from the plan of the document and of all that it refers to."""

    def __init__(self, planner: ProgramPlanner) -> None:
        self.planner = planner
        self._static: dict[int, bool] = {}
        self._pure: set[int] = set()
        self._uses: dict[int, frozenset[int] | None] = {}

    def static(self, doc: int) -> bool:
        """Whether a document depends on the data alone: not on input, clock or chance, nor on ``with``."""
        got = self._static.get(doc)
        if got is None:
            node = self.planner.world.documents[doc]
            alone = node.kind != "function" and not node.shares
            got = self._static[doc] = alone and self._reaches_data_only(doc)
        return got

    def _reaches_data_only(self, doc: int) -> bool:
        seen = {doc}
        todo = [doc]
        while todo:
            at = todo.pop()
            if at in self._pure:
                continue
            uses = self._uses_of(at)
            if uses is None:
                return False
            todo.extend(uses - seen)
            seen |= uses
        self._pure |= seen
        return True

    def _uses_of(self, doc: int) -> frozenset[int] | None:
        """The documents and functions that one refers to itself; None where it depends on more than data."""
        if doc not in self._uses:
            self._uses[doc] = None if self.planner.world.replaceable(self._path(doc)) else self._read(doc)
        return self._uses[doc]

    def _path(self, doc: int) -> tuple[Value, ...]:
        return self.planner.world.documents[doc].path

    def _read(self, doc: int) -> frozenset[int] | None:
        routine = self.planner.routine(doc, "")
        used: set[int] = set()
        for clause in routine.clauses + ((routine.default,) if routine.default else ()):
            for block in clause.blocks:
                for op in walk(block):
                    if not self._add_uses(op, used):
                        return None
        return frozenset(used)

    @staticmethod
    def _add_uses(op: ops.Op, used: set[int]) -> bool:
        """Add what an instruction refers to; false where it looks at more than data."""
        match op:
            case ops.WithState() | ops.CursorOpen() | ops.Extent():
                return False
            case ops.CallBuiltin(_, _, name, _, mockable, _) | ops.CallRelation(_, _, name, _, mockable, _):
                if mockable or name in VOLATILE or signatures()[name].nondeterministic:
                    return False
            case ops.CallFunction(doc=doc, mockable=mockable) | ops.CallGiven(doc=doc, mockable=mockable):
                if mockable:
                    return False
                used.add(doc)
            case ops.DocValue(_, _, doc, _, replaceable) | ops.DocDemand(_, _, doc, _, _, _, replaceable):
                if replaceable:
                    return False
                used.add(doc)
            case _:
                pass
        return not any(_holds_input(getattr(op, f.name)) for f in fields(op))


def _holds_input(part: object) -> bool:
    """Whether an operand, or one among several, is the input."""
    return isinstance(part, InputRoot) or (isinstance(part, tuple) and any(_holds_input(p) for p in part))


def calls_on(routine: Routine) -> bool:
    """Whether a function calls functions or reads documents in its turn, or is heard outside by a ``print``."""
    blocks = [b for c in (*routine.clauses, *([routine.default] if routine.default else [])) for b in c.blocks]
    for op in (op for b in blocks for op in walk(b)):
        match op:
            case ops.CallFunction() | ops.CallGiven() | ops.DocDemand() | ops.WithState():
                return True
            case ops.CallBuiltin(name=name) if name in ("internal.print", "print", "trace"):
                return True
            case _:
                pass
    return False


def walk(block: Block) -> Iterator[ops.Op]:
    """Every instruction of a block and of the blocks inside it."""
    for op in block.ops:
        yield op
        match op:
            case ops.Collect(_, _, inner, _) | ops.Negation(inner) | ops.ForEvery(_, _, _, inner):
                yield from walk(inner)
            case ops.Both(lhs, rhs) | ops.Either(lhs, rhs):
                yield from walk(lhs)
                yield from walk(rhs)
            case _:
                pass
