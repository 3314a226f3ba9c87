"""Long bodies in parts: Python's compiler needs some 150 bytes of memory for each character of a text at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

from ..plan import ops
from ..plan.ops import Block, Reg
from ..plan.trim import registers
from ..records import replace
from .writer import Writer

LONGEST: Final = 200
"""Instructions that stay together."""


def in_parts(w: Writer, block: Block, params: Sequence[Reg], name: str) -> Block:
    """A block whose instructions before its first scan are functions of their own where they are many.

    ``params`` have a value when the block begins. The functions are texts of their own among the writer's units, and
    their names begin with ``name``.
    """
    plain = list(takewhile(_stands_alone, block.ops))
    if len(plain) <= 2 * LONGEST:
        return block
    rest = block.ops[len(plain) :]
    chunks = [tuple(plain[at : at + LONGEST]) for at in range(0, len(plain), LONGEST)]
    needed = list(_needed_after(chunks, [*registers(rest), *registers(block.end)]))
    there = {p.n for p in params}
    made: list[ops.Op] = []
    for number, (chunk, later) in enumerate(zip(chunks, needed, strict=True)):
        met = {r.n for r in registers(chunk)}
        takes = tuple(map(Reg, sorted(met & there)))
        gives = tuple(map(Reg, sorted((met - there) & later)))
        part = ops.Part(f"{name}_p{number}", takes, gives)
        w.units.append(_function(type(w)(w.names, w.traits), part, chunk))
        made.append(part)
        there |= met
    return replace(block, ops=(*made, *rest))


def _function(w: Writer, part: ops.Part, inside: Sequence[ops.Op]) -> list[str]:
    with w.function(f"def {part.name}({', '.join(['s', *(f'r{r.n}' for r in part.takes)])}):", "return U"):
        for op in inside:
            w.op(op)
        w.put(f"return ({''.join(f'r{r.n},' for r in part.gives)})")
    return w.lines


def _stands_alone(op: ops.Op) -> bool:
    return not isinstance(op, (*ops.LOOPS, ops.WithState))


def _needed_after(chunks: Sequence[tuple[ops.Op, ...]], last: Sequence[Reg]) -> Iterator[frozenset[int]]:
    """For each chunk the registers that what comes after it mentions."""
    later = frozenset(r.n for r in last)
    found = []
    for chunk in reversed(chunks):
        found.append(later)
        later |= {r.n for r in registers(chunk)}
    return reversed(found)
