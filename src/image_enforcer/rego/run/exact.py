"""Code that meets errors in OPA's order. It runs when ordinary code has met one, and has the last word.

OPA goes on with a value as soon as it has it: what rests on the first value of a rule is evaluated before another value
is looked for, and what goes wrong in finding that comes later. Ordinary code looks at all values first, which is the
same until something goes wrong. Exact code keeps an error that comes after a value waiting, and raises it when every
way to go on with that value has been tried: at the end of the round of a scan, of a comprehension, ``not``, ``every``
or operand, or of a rule, in which the value was asked for. Of several that wait the last is due first.
"""

from __future__ import annotations

from ..plan import ops
from ..plan.ops import Routine
from .instructions import InstructionWriter


class ExactWriter(InstructionWriter):
    """Writes exact code."""

    exact = True

    def opened(self) -> str:
        """Note how many errors wait."""
        mark = self.fresh("w")
        self.put(f"{mark} = len({self.e}.pending)")
        return mark

    def closed(self, mark: str) -> None:
        """Errors that wait since the mark are due."""
        self.put(f"{self.e}.due({mark})")

    def leaving(self, mark: str, way: str) -> str:
        """As well where it is left because of a failure."""
        return f"{self.e}.due({mark}); {way}"


def write_rules(w: InstructionWriter, routine: Routine, names: list[list[str]], params: str) -> None:
    """Ask the rules of a document in turn, inside its function; ``v`` is what it comes to."""
    mark = w.opened()
    w.put("v = U; known = None")
    w.put("try:")
    w.indent += 1
    rules: list[str] = []
    for row, clause in zip(names, routine.clauses, strict=False):
        ends = [b.end for b in clause.blocks if isinstance(b.end, ops.Give)]
        places = [w.loc(end.loc) for end in ends]
        rules.append("(" + "".join(f"({n}, {at})," for n, at in zip(row, places, strict=True)) + "),")
        if rules[1:]:
            w.put("if known is None and v is not U: known = s.known()")
        w.put(f"t = U if len(e.pending) > {mark} else {row[0]}({params})")
        for other in row[1:]:
            w.put(f"if t is U and len(e.pending) == {mark}: t = {other}({params})")
        w.put("if t is not U:")
        w.put(" if v is U: v = t")
        w.put(f" elif not equal(v, t): raise conflict({w.names.constant(ends[0].message)}, {places[0]})")
    w.indent -= 1
    w.put("except EE as x:")
    w.put(" if v is U: raise")
    w.put(" e.postpone(x)")
    w.put(f"listed({mark}, known, ({''.join(rules)}), {params})")


__all__ = ["ExactWriter", "write_rules"]
