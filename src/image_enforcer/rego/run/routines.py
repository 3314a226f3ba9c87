"""From routines to functions: how a document's rules are run in turn, and where what they give is remembered."""

from __future__ import annotations

from collections.abc import Callable

from ..meter import ENTRY
from ..plan import ops
from ..plan.ops import Block, Const, Routine
from ..records import record
from .exact import write_rules
from .instructions import InstructionWriter as Writer
from .parts import in_parts


def write_routine(writer: Writer, routine: Routine, memo: str, instead: str = "") -> None:
    """All functions of a routine. ``memo`` is ``m``, ``g``, ``k``, ``K`` or empty: where what it gives is remembered.

    ``instead`` marks another form of it, which runs where ``with`` has replaced something or documents are lazy.
    """
    match routine.kind:
        case "query":
            _write_query(writer, routine)
        case "complete" | "function":
            _write_valued(writer, routine, memo, instead)
        case "member":
            _write_question(writer, routine)
        case _:
            _write_partial(writer, routine, memo, instead)


def _write_query(w: Writer, routine: Routine) -> None:
    block = routine.clauses[0].blocks[0]
    assert isinstance(block.end, ops.Solve)
    values = block.end.values
    with w.function("def query(s, out):", "return"):

        def end() -> None:
            w.put(f"out.append(({''.join(w.operand(v) + ',' for v in values)}))")

        w.flow(block.ops, end, "")
        w.put("return")


def _block_name(routine: Routine, i: int, j: int) -> str:
    return f"b{routine.doc}_{routine.mask}_{i}_{j}"


@record(frozen=True, slots=True)
class _Leave:
    """How the code of a block leaves its function: where it fails, and where it gives the value that is named."""

    fail: str
    give: Callable[[str], str]


def _plain_leave(block: Block) -> _Leave:
    loops = block.loops
    return _Leave("return res" if loops else "return U", lambda value: f"return {value}")


def _write_value_block(w: Writer, block: Block, leave: _Leave) -> None:
    """The code of a block that gives a value, inside its function. Its scans keep what they find in ``res``."""
    end = block.end
    assert isinstance(end, ops.Give)
    loops = block.loops
    late = w.exact and loops and not end.stop
    mark = w.opened()
    w.fail = w.leaving(mark, w.fail)
    if loops:
        w.put("res = U")
        w.flags.append("res")
    if late:
        w.flags.append("known")
        w.put("known = None")
        w.put("try:")
        w.indent += 1

    def finish() -> None:
        value = w.operand(end.value)
        if not loops:
            w.put(leave.give(value))
        elif end.stop:
            w.put(f"res = {value}")
            w.put(leave.give("res"))
        else:
            w.put(f"if res is U: res = {value}{'; known = s.known()' if late else ''}")
            w.put(
                f"elif not equal(res, {value}): "
                f"raise conflict({w.names.constant(end.message)}, {w.loc(end.loc)}, res, {value})"
            )

    w.flow(block.ops, finish, f"if res is not U: {leave.give('res')}" if loops and end.stop else "")
    if late:
        w.closed(mark)
        w.indent -= 1
        w.put("except EE as x:")
        w.put(" if res is U: raise")
        w.put(f" {w.e}.postpone(x); late(s, known)")
    if late:
        w.flags.pop()
    if loops:
        w.flags.pop()
        if end.stop:
            w.closed(mark)
        w.put(leave.fail if end.stop else leave.give("res"))


def _conflicts(routine: Routine) -> bool:
    """Whether the values of a complete rule or function can differ."""
    return len(routine.clauses) > 1 or any(b.loops for c in routine.clauses for b in c.blocks)


def _alone(routine: Routine) -> Block | None:
    """The only block of a routine whose values cannot differ and whose default, if it has one, is a constant."""
    if len(routine.clauses) != 1 or len(routine.clauses[0].blocks) != 1:
        return None
    block = routine.clauses[0].blocks[0]
    if block.loops and not routine.early_exit:
        return None
    return block if routine.default is None or _constant(routine) is not None else None


def _constant(routine: Routine) -> Const | None:
    """The default value, where it is written out."""
    if routine.default is None or len(routine.default.blocks) != 1:
        return None
    block = routine.default.blocks[0]
    value = block.end.value if isinstance(block.end, ops.Give) else None
    return value if not block.ops and isinstance(value, Const) else None


def _write_valued(w: Writer, routine: Routine, memo: str, instead: str) -> None:
    block = _alone(routine)
    if block is not None:
        _write_alone(w, routine, block, memo, instead)
        return
    params = ", ".join(["s", *(f"r{p.n}" for p in routine.params)])
    names: list[list[str]] = []
    clauses = routine.clauses + ((routine.default,) if routine.default else ())
    for i, clause in enumerate(clauses):
        row: list[str] = []
        for j, block in enumerate(clause.blocks):
            name = _block_name(routine, i, j)
            block = in_parts(w, block, routine.params, name)
            leave = _plain_leave(block)
            with w.function(f"def {name}({params}):", leave.fail):
                _write_value_block(w, block, leave)
            row.append(name)
        names.append(row)
    with w.function(f"def d{routine.doc}_{routine.mask}({params}):", "return U"):
        _turn_away(w, routine, instead)
        w.pay("1")
        _gate(w, routine)
        _begin(w, routine, memo)
        if w.exact and not routine.early_exit and _conflicts(routine):
            write_rules(w, routine, names, params)
        else:
            _write_rules(w, routine, names, params)
        if routine.default:
            w.put(f"if v is U: v = {names[-1][0]}({params})")
        w.put(f"{_remember(w, routine, memo, 'v')}return v")


def _write_rules(w: Writer, routine: Routine, names: list[list[str]], params: str) -> None:
    """Ask the rules of a document in turn; ``v`` is what it comes to."""
    if not routine.clauses:
        w.put("v = U")
    closes = 0
    for i, clause in enumerate(routine.clauses):
        first = names[i][0]
        if i and routine.early_exit:
            w.put("if v is U:")
            w.indent += 1
            closes += 1
        target = "v" if i == 0 or routine.early_exit else "t"
        w.put(f"{target} = {first}({params})")
        for other in names[i][1:]:
            w.put(f"if {target} is U: {target} = {other}({params})")
        if target == "t":
            end = clause.blocks[0].end
            assert isinstance(end, ops.Give)
            w.put("if t is not U:")
            w.put(" if v is U: v = t")
            told = f"{w.names.constant(end.message)}, {w.loc(end.loc)}"
            w.put(f" elif not equal(v, t): raise conflict({told})")
        if closes > 80:  # Python nests a hundred levels of indentation
            w.indent -= closes
            closes = 0
    w.indent -= closes


def _turn_away(w: Writer, routine: Routine, instead: str) -> None:
    if instead:
        plain = "s.lazy is None and s.targets is None and s.mocks is None"
        w.put(f"if not ({plain}): return d{routine.doc}_{instead}(s)")


def _gate(w: Writer, routine: Routine) -> None:
    if routine.gate is not None:
        w.put(f"if not {w.solution(routine.gate)}: return U")


def _write_alone(w: Writer, routine: Routine, block: Block, memo: str, instead: str) -> None:
    """A routine of one block, whose code is that of the document: no call between the two."""
    params = ", ".join(["s", *(f"r{p.n}" for p in routine.params)])
    default = _constant(routine)
    missing = "U" if default is None else w.names.constant(default.value)

    def give(value: str) -> str:
        return f"{_remember(w, routine, memo, value)}return {value}"

    leave = _Leave(give(missing), give)
    block = in_parts(w, block, routine.params, f"d{routine.doc}_{routine.mask}")
    with w.function(f"def d{routine.doc}_{routine.mask}({params}):", leave.fail):
        _turn_away(w, routine, instead)
        w.pay("1")
        _gate(w, routine)
        _begin(w, routine, memo)
        _write_value_block(w, block, leave)


def _write_question(w: Writer, routine: Routine) -> None:
    params = ", ".join(["s", *(f"r{p.n}" for p in routine.params)])
    names = [_block_name(routine, i, 0) for i in range(len(routine.clauses))]
    for name, clause in zip(names, routine.clauses, strict=True):
        block = in_parts(w, clause.blocks[0], routine.params, name)
        with w.function(f"def {name}({params}):", "return False"):
            flag = w.solution(block)
            w.put(f"return {flag}")
    with w.function(f"def d{routine.doc}_{routine.mask}({params}):", "return False"):
        w.pay("1")
        for name in names:
            w.put(f"if {name}({params}): return True")
        w.put("return False")


def _write_partial(w: Writer, routine: Routine, memo: str, instead: str) -> None:
    demand = routine.kind == "demand"
    keys = [f"r{p.n}" for p in routine.params]
    seen = not routine.uniform
    params = ", ".join(["s", "out", *(["seen"] if seen else []), *keys])
    leaves = [c.blocks[0].end for c in routine.clauses]
    flat = routine.uniform and routine.depth == 1 and not any(isinstance(e, ops.PutPath) and e.is_set for e in leaves)
    is_set = False
    names: list[str] = []
    for i, clause in enumerate(routine.clauses):
        name = _block_name(routine, i, 0)
        block = in_parts(w, clause.blocks[0], routine.params, name)
        names.append(name)
        end = block.end
        is_set = is_set or isinstance(end, ops.AddMember)

        def finish(end: ops.End = end) -> None:
            match end:
                case ops.AddMember(value):
                    w.add_member("out", value)
                case ops.PutPath(path, value, False, loc) if flat:
                    w.put(f"put(out, {w.operand(path[0])}, {w.operand(value)}, {w.loc(loc)})")
                case ops.PutPath(path, value, set_leaf, loc):
                    made = "".join(w.operand(k) + "," for k in path)
                    paths = "seen" if seen else "None"
                    w.put(f"put_path(out, ({made}), {w.operand(value)}, {set_leaf}, {w.loc(loc)}, {paths})")

        with w.function(f"def {name}({params}):", "return"):
            mark = w.opened()
            w.fail = w.leaving(mark, w.fail)
            w.flow(block.ops, finish, "")
            w.closed(mark)
            w.put("return")
    head = ", ".join(["s", *keys])
    with w.function(f"def d{routine.doc}_{routine.mask}({head}):", "return U"):
        _turn_away(w, routine, instead)
        w.pay("1")
        remember = demand and memo
        if not demand:
            _begin(w, routine, memo)
        if remember:
            made = ", ".join(f"{k} if type({k}) is str else key({k})" for k in keys)
            w.put(f"mk = ({routine.doc}, {w.names.constant(routine.mask)}, {made})")
            if memo == "g":
                w.put("v = s.g[-1].get(mk)")
                w.put("if v is None: v = s.k.get(mk)")
            else:
                w.put("v = s.k.get(mk)")
            w.put("if v is not None: return v")
        w.put("out = {}")
        single = flat and demand
        if single:
            w.put(f"{w.e}.room -= {3 * ENTRY}")
        else:
            w.grows("out")
        if seen:
            w.put("seen = set()")
        for name in names:
            w.put(f"{name}({params})")
        if not single:
            w.grown("out", ENTRY)
        whole = flat and not demand
        w.put("v = RegoSet(out)" if is_set else "v = out" if whole else "v = {k: finish(x) for k, x in out.items()}")
        if not demand:
            w.put(f"{_remember(w, routine, memo, 'v')}return v")
            return
        lead = len(routine.mask) - len(routine.mask.lstrip("b"))
        for k in keys[:lead]:
            w.put(f"v = get(v, {k})")
        if remember:
            w.put("s.hold(mk, v)" if memo == "g" else "s.k[mk] = v")
        w.put("return v")


def _operands(routine: Routine) -> tuple[ops.Reg, ...]:
    """The operands of a function, without what is wanted of it."""
    return routine.params[: len(routine.params) - routine.wanted]


def _begin(w: Writer, routine: Routine, memo: str) -> None:
    match memo:
        case "g":
            w.put(f"room = {w.e}.room")
        case "m" if w.traits.shared(routine.doc):
            w.put(f"v = s.m[{w.traits.slot(routine.doc)}]")
            w.put("if v is not None: return v")
        case "k" | "K":  # strings and integers are what they are; ``k``: of others the same ones are asked for again
            names = [f"r{p.n}" for p in _operands(routine)]
            other = "key({0})" if w.exact or memo == "K" else "(id({0}),)"
            keys = [f"{r} if type({r}) is str or type({r}) is int else {other.format(r)}" for r in names]
            w.put(f"mk = ({routine.doc}, {', '.join(keys)})")
            w.put("v = s.k.get(mk)")
            w.put("if v is not None: return v[0]")
        case _:
            pass


def _remember(w: Writer, routine: Routine, memo: str, value: str) -> str:
    """Keep a document: until the evaluation ends, or, where it rests on the data alone, with the data."""
    match memo:
        case "g":
            return f"s.keep({routine.doc}, {value}, room - {w.e}.room); "
        case "m":
            return f"s.m[{w.traits.slot(routine.doc)}] = {value}; "
        case "k":
            return f"s.know(mk, {value}, ({''.join(f'r{p.n}, ' for p in _operands(routine))})); "
        case "K":
            return f"{value} is U or s.learn(mk, {value}); " if routine.mask else f"s.learn(mk, {value}); "
        case _:
            return ""
