"""Which documents cannot end an evaluation with an error, however much of them is evaluated.

OPA enumerates ``p`` for ``x in p`` and reports the conflicts of other members on the way. Asking for ``x`` alone
gives the same answer only where enumerating could not have raised. Outside strict mode a document cannot raise if,
in its own rules and in all documents and functions that these refer to:

* each complete rule or function has at most one value by construction: all rules give one constant, or there is one
  rule (with its ``else`` chain) whose bodies have at most one solution;
* a partial object's leaves lie at one depth and are all members of sets, or all one constant;
* comprehensions make arrays or sets: an object's keys may conflict;
* built-ins are among those whose only fault is being undefined (:data:`TAME`): no clock, network, ``print`` or
  ``trace``, none that is missing;
* nothing is read by steps known only at run time, and nothing replaced by ``with`` within.

Strict built-in errors, lazy documents and ``with`` around the question are known only at run time: the one who asks
looks at them. Limits may still end an evaluation; they are no part of what a policy means.
"""

from __future__ import annotations

from ..values import equal
from . import ops
from .ops import Const, Routine
from .program import ProgramPlanner
from .purity import walk

TAME = frozenset(
    {
        "eq", "equal", "neq", "lt", "lte", "gt", "gte", "plus", "minus", "mul", "div", "rem", "and", "or", "abs",
        "ceil", "floor", "round", "count", "sum", "product", "max", "min", "sort", "array.concat", "array.reverse",
        "array.slice", "internal.member_2", "internal.member_3", "concat", "contains", "endswith", "startswith",
        "format_int", "indexof", "indexof_n", "lower", "upper", "replace", "split", "sprintf",
        "strings.any_prefix_match", "strings.any_suffix_match", "strings.count", "strings.reverse",
        "strings.replace_n", "substring", "trim", "trim_left", "trim_prefix", "trim_right", "trim_space",
        "trim_suffix", "regex.match", "regex.is_valid", "regex.replace", "regex.split", "glob.match", "to_number",
        "type_name", "is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string",
        "object.get", "object.keys", "object.remove", "object.union", "object.filter", "union", "intersection",
        "numbers.range", "base64.encode", "base64.decode", "base64.is_valid", "semver.compare", "semver.is_valid",
        "units.parse", "units.parse_bytes", "net.cidr_contains",
    }
)  # fmt: skip
"""Built-ins that answer or are undefined, and do nothing else."""

_PLAIN = (
    ops.Load | ops.LoadData | ops.Settle | ops.Get | ops.Scan | ops.ScanWritten | ops.Fail | ops.TestEqual
    | ops.TestTrue | ops.Indexed | ops.KeyOf | ops.CheckArray | ops.Item | ops.CheckObject | ops.CheckKind | ops.Copy
    | ops.BuildArray | ops.BuildObject | ops.BuildSet | ops.KeepOrder | ops.Negation | ops.ForEvery | ops.Both
    | ops.Either
)  # fmt: skip
"""Instructions that cannot raise where the blocks inside them cannot; :func:`walk` visits those too."""


class Raising:
    """Answers about documents and functions, each worked out once."""

    def __init__(self, planner: ProgramPlanner) -> None:
        self.planner = planner
        self._tame: set[int] = set()
        self._wild: set[int] = set()
        self._uses: dict[int, frozenset[int] | None] = {}

    def cannot(self, doc: int) -> bool:
        """Whether evaluating the whole document cannot raise an error, in memory and outside strict mode."""
        if doc in self._tame or doc in self._wild:
            return doc in self._tame
        seen = {doc}
        todo = [doc]
        while todo:
            at = todo.pop()
            if at in self._tame:
                continue
            uses = None if at in self._wild else self._uses_of(at)
            if uses is None:
                self._wild |= {at, doc}
                return False
            todo.extend(uses - seen)
            seen |= uses
        self._tame |= seen
        return True

    def harmless(self, every: tuple[ops.Op, ...]) -> bool:
        """Whether instructions, with all that they refer to, cannot raise an error."""
        used: set[int] = set()
        inside = walk(ops.Block(every, ops.Found(False)))
        return all(_add_uses(op, used) for op in inside) and all(self.cannot(doc) for doc in used)

    def _uses_of(self, doc: int) -> frozenset[int] | None:
        """What a document's own rules refer to; None where they may raise themselves."""
        if doc not in self._uses:
            routine = self.planner.routine(doc, "")
            self._uses[doc] = _uses(routine) if _single_valued(routine) else None
        return self._uses[doc]


def _single_valued(routine: Routine) -> bool:
    """Whether the rules' values cannot conflict, by construction."""
    match routine.kind:
        case "set":
            return True
        case "object":
            ends = [b.end for c in routine.clauses for b in c.blocks]
            leaves = [e for e in ends if isinstance(e, ops.PutPath)]
            if not routine.uniform or len(leaves) < len(ends):
                return False
            if all(e.is_set for e in leaves):
                return True
            constants = [e.value.value for e in leaves if not e.is_set and isinstance(e.value, Const)]
            return len(constants) == len(leaves) and all(equal(constants[0], c) for c in constants)
        case _:
            blocks = [b for c in routine.clauses for b in c.blocks]
            default = routine.default.blocks if routine.default else ()
            return not any(b.loops for b in default) and (
                routine.early_exit or (len(routine.clauses) <= 1 and not any(b.loops for b in blocks))
            )


def _uses(routine: Routine) -> frozenset[int] | None:
    used: set[int] = set()
    for clause in routine.clauses + ((routine.default,) if routine.default else ()):
        for block in clause.blocks:
            for op in walk(block):
                if not _add_uses(op, used):
                    return None
    return frozenset(used)


def _add_uses(op: ops.Op, used: set[int]) -> bool:
    """Add what an instruction refers to; false where it may raise itself."""
    match op:
        case ops.CallBuiltin(_, _, name, _, False, _) if name in TAME:
            pass
        case ops.CallFunction(_, _, doc, _, _, False):
            used.add(doc)
        case ops.DocValue(_, _, doc) | ops.DocDemand(_, _, doc) | ops.DocMember(_, _, doc):
            used.add(doc)
        case ops.Collect(_, kind) if kind != "object":
            pass
        case _ if not isinstance(op, _PLAIN):
            return False
        case _:
            pass
    return True
