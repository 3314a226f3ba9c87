"""What documents depend on: which may be remembered while the data stays, and which cannot raise an error."""

from __future__ import annotations

from collections.abc import Iterator

from ..signatures import signatures
from . import ops
from .ops import Block, InputRoot, Routine
from .program import ProgramPlanner

VOLATILE = frozenset(
    {
        "trace", "print", "internal.print", "opa.runtime", "rand.intn", "uuid.rfc4122", "time.now_ns", "http.send",
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

    def static(self, doc: int) -> bool:
        """Whether a document depends on the data alone: not on input, clock or chance, nor on ``with``."""
        got = self._static.get(doc)
        if got is None:
            self._static[doc] = False  # recursion is refused before; a circle here would be no reason to remember
            got = self._static[doc] = self._is_static(doc)
        return got

    def _is_static(self, doc: int) -> bool:
        node = self.planner.world.documents[doc]
        if node.kind == "function" or self.planner.world.replaceable(node.path):
            return False
        return self._routine_is_static(self.planner.routine(doc, ""))

    def _routine_is_static(self, routine: Routine) -> bool:
        clauses = routine.clauses + ((routine.default,) if routine.default else ())
        return all(self._op_is_static(op) for c in clauses for b in c.blocks for op in walk(b))

    def _op_is_static(self, op: ops.Op) -> bool:
        match op:
            case ops.WithState() | ops.CursorOpen() | ops.Extent():
                return False
            case ops.CallBuiltin(_, _, name, _, mockable, _) | ops.CallRelation(_, _, name, _, mockable, _):
                return not mockable and name not in VOLATILE and not signatures()[name].nondeterministic
            case ops.CallFunction(_, _, doc, _, _, mockable):
                return not mockable and self._function_is_static(doc)
            case ops.DocValue(_, _, doc, _, replaceable) | ops.DocDemand(_, _, doc, _, _, _, replaceable):
                return not replaceable and self.static(doc)
            case ops.Member(_, doc, _, _, replaceable, _, _):
                return not replaceable and self.static(doc)
            case ops.Load(_, InputRoot(), _) | ops.Get(_, InputRoot(), _) | ops.Scan(InputRoot(), _, _, _):
                return False
            case _:
                return True

    def _function_is_static(self, doc: int) -> bool:
        got = self._static.get(doc)
        if got is None:
            self._static[doc] = False
            got = self._static[doc] = self._routine_is_static(self.planner.routine(doc, ""))
        return got


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
