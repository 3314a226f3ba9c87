"""From routines to Python text. Dumb on purpose: each instruction has one form, every decision is the plan's.

Failing is a statement that depends on where the instruction stands: ``continue`` inside a scan, ``break`` in a
one-round loop around a nested block, ``return`` in the body of a function. CPython allows twenty nested
blocks: deeper ones go on in a function of their own (:meth:`Writer.outline`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from ..meter import CELL, ENTRY
from ..places import Location
from ..plan import ops
from ..plan.ops import Block, Const, InputRoot, Operand, Reg, Routine
from ..values import Value

MAX_NESTING = 12
"""Statically nested loops and tries after which a block is outlined; CPython's own limit is 20."""


class Names:
    """Hoisted constants, built-ins and places: what generated code refers to by number."""

    def __init__(self) -> None:
        self.globals: dict[str, object] = {}
        self._numbers = count()
        self._texts: dict[str, str] = {}
        self.docs: set[tuple[int, str]] = set()
        self.wanted: list[tuple[int, str]] = []
        self.builtins: dict[str, str] = {}
        self.new_builtins: list[tuple[str, str]] = []

    def hoist(self, prefix: str, value: object) -> str:
        """A name for a value."""
        name = f"{prefix}{next(self._numbers)}"
        self.globals[name] = value
        return name

    def constant(self, value: Value) -> str:
        """An expression for a constant."""
        if value is None or value is True or value is False:
            return repr(value)
        if type(value) is int and 0 <= value < 1000:
            return str(value)
        if type(value) is str:
            got = self._texts.get(value)
            if got is None:
                got = self._texts[value] = self.hoist("K", value)
            return got
        return self.hoist("K", value)

    def builtin(self, name: str) -> str:
        """A name for a built-in's code; the linker puts it there."""
        got = self.builtins.get(name)
        if got is None:
            got = self.builtins[name] = f"B{next(self._numbers)}"
            self.new_builtins.append((name, got))
        return got

    def document(self, doc: int, mask: str = "") -> str:
        """The name of a document's function."""
        if (doc, mask) not in self.docs:
            self.docs.add((doc, mask))
            self.wanted.append((doc, mask))
        return f"d{doc}_{mask}"


class Writer:
    """Writes the functions of one routine."""

    def __init__(
        self,
        names: Names,
        context_builtins: Callable[[str], bool],
        static: Callable[[int], bool],
        sizeable: Callable[[str], bool],
    ) -> None:
        self.names = names
        self.sizeable = sizeable
        self.takes_context = context_builtins
        self.static = static
        self.lines: list[str] = []
        self.indent = 0
        self.fail = "return U"
        self.nesting = 0
        self.numbers = count()
        self.stop_flag: str | None = None
        self.loops_open = 0
        self.flags: list[str] = []

    # --- text ------------------------------------------------------------------------------------

    def put(self, line: str) -> None:
        """A line at the current indentation."""
        self.lines.append(" " * self.indent + line)

    def fresh(self, prefix: str) -> str:
        """A new local name."""
        return f"{prefix}{next(self.numbers)}"

    def operand(self, operand: Operand) -> str:
        """An expression for an operand."""
        match operand:
            case Reg(n):
                return f"r{n}"
            case Const(value):
                return self.names.constant(value)
            case InputRoot(state):
                return f"{self.state(state)}.input"

    def subscripted(self, operand: Operand) -> str:
        """An expression for an operand in front of a step; a literal there would be warned of."""
        return self.names.hoist("K", operand.value) if isinstance(operand, Const) else self.operand(operand)

    @staticmethod
    def state(number: int) -> str:
        """The local that holds a state."""
        return f"s{number}" if number else "s"

    def args(self, operands: tuple[Operand, ...]) -> str:
        """Operands as call arguments."""
        return ", ".join(self.operand(o) for o in operands)

    def loc(self, location: Location) -> str:
        """A name for a place."""
        return self.names.hoist("L", location)

    def fail_if(self, condition: str) -> None:
        """Fail where the condition holds."""
        self.put(f"if {condition}: {self.fail}")

    @contextmanager
    def function(self, head: str, fail: str) -> Iterator[None]:
        """A function definition with its own way to fail."""
        saved = (self.indent, self.fail, self.nesting, self.loops_open)
        self.put(head)
        self.indent += 1
        self.fail, self.nesting, self.loops_open = fail, 0, 0
        yield
        self.indent, self.fail, self.nesting, self.loops_open = saved

    # --- blocks ----------------------------------------------------------------------------------

    def flow(self, ops_left: tuple[ops.Op, ...], end: Callable[[], None], leave: str) -> None:
        """Instructions, then the end, at this indentation; ``leave`` is a statement that leaves all scans on a stop."""
        base_indent, base_fail, base_nesting, base_loops = self.indent, self.fail, self.nesting, self.loops_open
        for i, op in enumerate(ops_left):
            if isinstance(op, ops.LOOPS) and self.nesting >= MAX_NESTING:
                self.outline(ops_left[i:], end, leave)
                break
            self.op(op)
        else:
            end()
        self._close(base_indent, leave)
        self.indent, self.fail, self.nesting, self.loops_open = base_indent, base_fail, base_nesting, base_loops

    def _close(self, base_indent: int, leave: str) -> None:
        """Step out of the scans, handing a stop outwards: ``leave`` runs after each inner scan."""
        if not leave:
            return
        while self.indent > base_indent + 1:
            self.indent -= 1
            self.put(leave)

    def outline(self, rest: tuple[ops.Op, ...], end: Callable[[], None], leave: str) -> None:
        """Go on in a nested function, which gives True on a stop."""
        name = self.fresh("f")
        flags = [f for f in self.flags if f]
        with self.function(f"def {name}():", "return"):
            if flags:
                self.put("nonlocal " + ", ".join(flags))
            self.flow(rest, end, leave.replace("break", "return") if leave else "")
            self.put("return")
        self.put(f"{name}()")
        if leave:
            self.put(leave)

    @contextmanager
    def once(self) -> Iterator[None]:
        """A one-round loop around a block, so that its failures can leave it."""
        saved = (self.indent, self.fail, self.nesting)
        self.put("while True:")
        self.indent += 1
        self.nesting += 1
        self.fail = "break"
        yield
        self.put("break")
        self.indent, self.fail, self.nesting = saved

    def solution(self, block: Block) -> str:
        """Run a block for its first solution, or for all; the name of a flag that says whether there was one."""
        flag = self.fresh("n")
        stop = isinstance(block.end, ops.Found) and block.end.stop
        self.put(f"{flag} = False")
        self.flags.append(flag)
        if self.nesting >= MAX_NESTING:
            name = self.fresh("f")
            with self.function(f"def {name}():", "return"):
                self.put("nonlocal " + ", ".join(self.flags))
                self._solve(block, flag, stop)
            self.put(f"{name}()")
        else:
            with self.once():
                self._solve(block, flag, stop)
        self.flags.pop()
        return flag

    def _solve(self, block: Block, flag: str, stop: bool) -> None:
        base = self.indent

        def end() -> None:
            self.put(f"{flag} = True")
            if stop and self.indent > base:
                self.put("break")

        self.flow(block.ops, end, f"if {flag}: break" if stop else "")

    # --- instructions ----------------------------------------------------------------------------

    def op(self, op: ops.Op) -> None:
        """One instruction."""
        if isinstance(op, ops.Read):
            self._read(op)
        else:
            self._make(op)

    def _read(self, op: ops.Read) -> None:
        match op:
            case ops.Load(dst, source, keys):
                self._load(dst, self.subscripted(source), keys)
            case ops.LoadData(dst, state, keys):
                self._load_data(dst, state, keys)
            case ops.Settle(dst, source, state):
                s, found = self.state(state), self.operand(source)
                self.put(f"r{dst.n} = {found} if {s}.lazy is None else {s}.settled({found})")
            case ops.Get(dst, source, k, base):
                self.put(f"r{dst.n} = {'get_base' if base else 'get'}({self.operand(source)}, {self.operand(k)})")
                self.fail_if(f"r{dst.n} is U")
            case ops.Scan(source, k, v, ordered):
                self._scan(self.operand(source), k, v, ordered)
            case ops.DocValue():
                self._doc_value(op)
            case ops.DocDemand(dst, state, doc, mask, keys, path, replaceable):
                name = self.names.document(doc, mask)
                s = self.state(state)
                if replaceable:
                    lead = len(mask) - len(mask.lstrip("b"))
                    self.put(f"r{dst.n} = {s}.demanded({self._path(path)}, {name}, {lead}, {self.args(keys)})")
                else:
                    self.put(f"r{dst.n} = {name}({s}, {self.args(keys)})")
                self.fail_if(f"r{dst.n} is U")
            case ops.DocMember(dst, state, doc, value):
                self._member(dst, self.state(state), doc, self.operand(value))
            case ops.Extent(dst, state, path):
                self.put(f"r{dst.n} = {self.state(state)}.extent({self._path(path)})")
                self.fail_if(f"r{dst.n} is U")
            case ops.CursorOpen(dst, state, path):
                self.put(f"r{dst.n} = {self.state(state)}.open({self._path(path)})")
            case ops.CursorStep(dst, state, cursor, k):
                self.put(f"r{dst.n} = {self.state(state)}.step({self.operand(cursor)}, {self.operand(k)})")
                self.fail_if(f"r{dst.n} is U")
            case ops.CursorScan(state, cursor, k, dst):
                self._loop(f"for r{k.n}, r{dst.n} in {self.state(state)}.scan({self.operand(cursor)}):")
            case ops.CursorValue(dst, state, cursor):
                self.put(f"r{dst.n} = {self.state(state)}.settle({self.operand(cursor)})")
                self.fail_if(f"r{dst.n} is U")
            case ops.CallFunction(dst, state, doc, args, _, _):
                call = f"{self.names.document(doc)}({self.state(state)}{self._tail(args)})"
                self._mocked(f"r{dst.n}", op, call)
                self.fail_if(f"r{dst.n} is U")
            case ops.CallBuiltin():
                self._call_builtin(op)
            case ops.CallRelation():
                self._call_relation(op)

    def _make(self, op: ops.Make) -> None:
        match op:
            case ops.Fail():
                self.put(f"if U is U: {self.fail}")
            case ops.Indexed(source, tests):
                self._indexed(source, tests)
            case ops.TestEqual(a, b):
                self._test_equal(a, b)
            case ops.TestTrue(a):
                if isinstance(a, Const):
                    if a.value is False:
                        self.put(f"if U is U: {self.fail}")
                else:
                    self.fail_if(f"{self.operand(a)} is False")
            case ops.CheckArray(source, length):
                array = self.operand(source)
                self.fail_if(f"type({array}) is not list or len({array}) != {length}")
            case ops.Item(dst, source, index):
                self.put(f"r{dst.n} = {self.subscripted(source)}[{index}]")
            case ops.CheckObject(source, length):
                self.fail_if(f"not check_object({self.operand(source)}, {length})")
            case ops.Copy(dst, source):
                self.put(f"r{dst.n} = {self.operand(source)}")
            case ops.BuildArray(dst, items):
                self._weigh(len(items), CELL)
                self.put(f"r{dst.n} = [{self.args(items)}]")
            case ops.BuildObject(dst, pairs):
                self._weigh(len(pairs), ENTRY)
                if all(isinstance(k, Const) and type(k.value) is str for k, _ in pairs):
                    made = ", ".join(f"{self.operand(k)}: {self.operand(v)}" for k, v in pairs)
                    self.put(f"r{dst.n} = {{{made}}}")
                else:
                    made = ", ".join(f"({self.operand(k)}, {self.operand(v)})" for k, v in pairs)
                    self.put(f"r{dst.n} = make_object(({made},))")
            case ops.BuildSet(dst, items):
                self._weigh(len(items), ENTRY)
                self.put(f"r{dst.n} = make_set(({self.args(items)},))")
            case ops.Collect():
                self._collect(op)
            case ops.Negation(block):
                flag = self.solution(block)
                self.fail_if(flag)
            case ops.ForEvery():
                self._for_every(op)
            case ops.Both(lhs, rhs):
                self.fail_if(f"not {self.solution(lhs)}")
                self.fail_if(f"not {self.solution(rhs)}")
            case ops.Either(lhs, rhs):
                self._either(lhs, rhs)
            case ops.WithState(dst, src, replaces):
                self._with(dst, src, replaces)

    def _weigh(self, items: int, each: int) -> None:
        """Account for a composite value written out in the policy."""
        if items > 16:
            self.put(f"s.e.spend({items}, {items * each})")
        else:
            self.put(f"s.e.room -= {(items + 4) * each if each == CELL else (items + 1) * each}")

    def _path(self, path: tuple[Value, ...]) -> str:
        return self.names.hoist("P", path)

    def _tail(self, args: tuple[Operand, ...]) -> str:
        return ", " + self.args(args) if args else ""

    def _loop(self, head: str) -> None:
        self.put(head)
        self.indent += 1
        self.nesting += 1
        self.loops_open += 1
        self.fail = "continue"

    def _scan(self, source: str, k: Reg | None, v: Reg | None, ordered: bool = True) -> None:
        if k is None and v is not None:
            self._loop(f"for r{v.n} in {'elements' if ordered else 'elements_anyhow'}(s.e, {source}):")
        else:
            key_name = f"r{k.n}" if k is not None else "_"
            value_name = f"r{v.n}" if v is not None else "_"
            self._loop(f"for {key_name}, {value_name} in pairs(s.e, {source}):")

    def _load(self, dst: Reg, source: str, keys: tuple[str, ...]) -> None:
        if not keys:
            self.put(f"r{dst.n} = {source}")
            self.fail_if(f"r{dst.n} is U")
            return
        steps = "".join(f"[{self.names.constant(k)}]" for k in keys)
        self.put(f"try: r{dst.n} = {source}{steps}")
        self.put(f"except LE: {self.fail}")

    def _load_data(self, dst: Reg, state: int, keys: tuple[Value, ...]) -> None:
        s = self.state(state)
        self.put(f"if {s}.targets is None:")
        self.indent += 1
        if all(type(k) is str for k in keys):
            self._load(dst, f"{s}.data", keys)
        else:
            self.put(f"r{dst.n} = lookup({s}.data, {self._path(keys)})")
            self.fail_if(f"r{dst.n} is U")
        self.indent -= 1
        self.put("else:")
        self.indent += 1
        self.put(f"r{dst.n} = {s}.base({self._path(keys)})")
        self.fail_if(f"r{dst.n} is U")
        self.indent -= 1

    def _doc_value(self, op: ops.DocValue) -> None:
        s = self.state(op.state)
        name = self.names.document(op.doc)
        target = f"r{op.dst.n}"
        if op.replaceable:
            self.put(f"{target} = {s}.document({op.doc}, {self._path(op.path)})")
        else:
            if self.static(op.doc):
                self.put(f"{target} = {s}.g[{op.doc}]")
                self.put(f"if {target} is None: {target} = {s}.m[{op.doc}]")
            else:
                self.put(f"{target} = {s}.m[{op.doc}]")
            self.put(f"if {target} is None: {target} = {name}({s})")
        self.fail_if(f"{target} is U")

    def _member(self, dst: Reg, s: str, doc: int, value: str) -> None:
        static = self.static(doc)
        made = self.fresh("t")
        self.put(f"{made} = {s}.g[{doc}]" if static else f"{made} = {s}.m[{doc}]")
        if static:
            self.put(f"if {made} is None: {made} = {s}.m[{doc}]")
        whole, one = self.names.document(doc), self.names.document(doc, "q")
        self.put(f"if {made} is None: r{dst.n} = {s}.asked({doc}, {value}, {static}, {whole}, {one})")
        self.put(f"else: r{dst.n} = ({value} if type({value}) is str else key({value})) in {made}.members")

    def _mocked(self, target: str, op: ops.CallFunction | ops.CallBuiltin, call: str) -> None:
        if not op.mockable:
            self.put(f"{target} = {call}")
            return
        s = self.state(op.state)
        k = self.names.constant(op.name)
        mocked = f"{s}.linked.mock({s}, {k}, {self.loc(op.loc)}{self._tail(op.args)})"
        self.put(f"if {s}.mocks is not None and {k} in {s}.mocks: {target} = {mocked}")
        self.put(f"else: {target} = {call}")

    def _call_builtin(self, op: ops.CallBuiltin) -> None:
        if op.name == "internal.print":
            self.put(f"{self.state(op.state)}.print({self.args(op.args)}, {self.loc(op.loc)})")
            return
        s = self.state(op.state)
        target = f"r{op.dst.n}" if op.dst is not None else self.fresh("t")
        fn = self.names.builtin(op.name)
        context = f"{s}.e" if self.takes_context(op.name) else ""
        args = self.args(op.args)
        call = f"{fn}({', '.join(x for x in (context, args) if x)})"
        self.put("try:")
        self.indent += 1
        self._mocked(target, op, call)
        self.indent -= 1
        self.put("except BE as x:")
        self.indent += 1
        self.put(f"{s}.e.fault(x, {self.names.constant(op.name)}, {self.loc(op.loc)})")
        self.put(self.fail)
        self.indent -= 1
        if op.dst is not None:
            self.fail_if(f"{target} is U")
            if self.sizeable(op.name):
                self.put(f"{s}.e.made({target})")

    def _call_relation(self, op: ops.CallRelation) -> None:
        s = self.state(op.state)
        fn = self.names.builtin(op.name)
        context = f"{s}.e" if self.takes_context(op.name) else ""
        call = f"{fn}({', '.join(x for x in (context, self.args(op.args)) if x)})"
        answers = self.fresh("t")
        if op.mockable:
            k = self.names.constant(op.name)
            mocked = f"one({s}.linked.mock({s}, {k}, {self.loc(op.loc)}{self._tail(op.args)}))"
            self.put(f"if {s}.mocks is not None and {k} in {s}.mocks: {answers} = {mocked}")
            self.put(f"else: {answers} = {call}")
        else:
            self.put(f"{answers} = {call}")
        self._loop(f"for r{op.dst.n} in {answers}:")

    def _indexed(self, source: Operand, tests: tuple[tuple[str, Value], ...]) -> None:
        if len(tests) == 1 and tests[0][0] == "equal":
            self._test_equal(source, Const(tests[0][1]))
        else:
            self.fail_if(f"not indexed({self.operand(source)}, {self.names.hoist('P', tests)})")

    def _test_equal(self, a: Operand, b: Operand) -> None:
        x, y = self.operand(a), self.operand(b)
        if isinstance(b, Const) and not isinstance(a, Const):
            a, b, x, y = b, a, y, x
        if isinstance(a, Const) and not isinstance(b, Const):
            value = a.value
            if value is None or value is True or value is False:
                self.fail_if(f"{y} is not {x}")
                return
            if type(value) is str:
                self.fail_if(f"{x} != {y}")
                return
            if type(value) is int:
                self.fail_if(f"{x} != {y} or type({y}) is bool")
                return
        if isinstance(a, Const) and isinstance(b, Const):
            self.put(f"if not equal({x}, {y}): {self.fail}")
            return
        self.fail_if(f"not ({x} is {y} or equal({x}, {y}))")

    def _collect(self, op: ops.Collect) -> None:
        acc = f"r{op.dst.n}"
        end = op.block.end
        self.put(f"{acc} = " + ("[]" if op.kind == "array" else "{}"))
        self.put(f"s.e.grow({acc})" if op.block.loops else f"s.e.room -= {ENTRY}")

        def finish() -> None:
            match end:
                case ops.Append(value):
                    self.put(f"{target}.append({self.operand(value)})")
                case ops.AddMember(value):
                    self.add_member(target, value)
                case ops.PutPair(k, v, loc):
                    self.put(f"put({target}, {self.operand(k)}, {self.operand(v)}, {self.loc(loc)})")

        target = acc
        if self.nesting >= MAX_NESTING:
            name = self.fresh("f")
            target = self.fresh("c")
            with self.function(f"def {name}({target}):", "return"):
                self.flow(op.block.ops, finish, "")
            self.put(f"{name}({acc})")
        else:
            with self.once():
                self.flow(op.block.ops, finish, "")
        if op.block.loops:
            self.put("s.e.grown()")
        if op.kind == "set":
            self.put(f"{acc} = RegoSet({acc})")

    def add_member(self, target: str, value: Operand) -> None:
        """Put a value into a set under construction; the first of equal spellings stays."""
        v = self.operand(value)
        self.put(f"t = {v} if type({v}) is str else key({v})")
        self.put(f"if t not in {target}: {target}[t] = {v}")

    def _for_every(self, op: ops.ForEvery) -> None:
        source = self.operand(op.domain)
        self.fail_if(f"not is_collection({source})")
        all_hold = self.fresh("n")
        self.put(f"{all_hold} = True")
        self.flags.append(all_hold)
        saved = (self.indent, self.fail, self.nesting, self.loops_open)
        self._scan(source, op.key, op.value)
        flag = self.solution(op.block)
        self.put(f"if not {flag}:")
        self.put(f" {all_hold} = False")
        self.put(" break")
        self.indent, self.fail, self.nesting, self.loops_open = saved
        self.flags.pop()
        self.fail_if(f"not {all_hold}")

    def _either(self, lhs: Block, rhs: Block) -> None:
        first = self.solution(lhs)
        self.put(f"if not {first}:")
        self.indent += 1
        second = self.solution(rhs)
        self.fail_if(f"not {second}")
        self.indent -= 1

    def _with(self, dst: int, src: int, replaces: tuple[ops.Replace, ...]) -> None:
        items: list[str] = []
        for r in replaces:
            value = self.names.constant(r.function) if r.kind == "function" else self.operand(r.value or Const(None))
            items.append(f"({r.kind!r}, {self._path(r.path)}, {self.names.constant(r.name)}, {value})")
        self.put(f"{self.state(dst)} = {self.state(src)}.replace(({', '.join(items)},))")


# --- routines ------------------------------------------------------------------------------------


def write_routine(writer: Writer, routine: Routine, memo: str) -> None:
    """All functions of a routine. ``memo`` is ``m``, ``g`` or empty: where the document is remembered."""
    match routine.kind:
        case "query":
            _write_query(writer, routine)
        case "complete" | "function":
            _write_valued(writer, routine, memo)
        case "member":
            _write_question(writer, routine)
        case _:
            _write_partial(writer, routine, memo)


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


def _write_value_block(w: Writer, name: str, params: str, block: Block) -> None:
    end = block.end
    assert isinstance(end, ops.Give)
    loops = block.loops
    keep = loops and not end.stop
    with w.function(f"def {name}({params}):", "return res" if keep or loops else "return U"):
        if loops:
            w.put("res = U")
            w.flags.append("res")

        def finish() -> None:
            value = w.operand(end.value)
            if not loops:
                w.put(f"return {value}")
            elif end.stop:
                w.put(f"res = {value}")
                w.put("return res")
            else:
                w.put(f"if res is U: res = {value}")
                w.put(
                    f"elif not equal(res, {value}): "
                    f"raise conflict({w.names.constant(end.message)}, {w.loc(end.loc)}, res, {value})"
                )

        w.flow(block.ops, finish, "if res is not U: return res" if loops and end.stop else "")
        if loops:
            w.flags.pop()
            w.put("return res")


def _conflicts(routine: Routine) -> bool:
    """Whether the values of a complete rule or function can differ."""
    return len(routine.clauses) > 1 or any(b.loops for c in routine.clauses for b in c.blocks)


def _write_valued(w: Writer, routine: Routine, memo: str) -> None:
    params = ", ".join(["s", *(f"r{p.n}" for p in routine.params)])
    names: list[list[str]] = []
    clauses = routine.clauses + ((routine.default,) if routine.default else ())
    for i, clause in enumerate(clauses):
        row: list[str] = []
        for j, block in enumerate(clause.blocks):
            name = _block_name(routine, i, j)
            _write_value_block(w, name, params, block)
            row.append(name)
        names.append(row)
    with w.function(f"def d{routine.doc}_({params}):", "return U"):
        w.put("e = s.e")
        w.put("e.fuel -= 1")
        w.put("if e.fuel < 0: e.refuel()")
        _begin(w, memo)
        may_conflict = not routine.early_exit and _conflicts(routine)
        if may_conflict:
            w.put("try:")
            w.indent += 1
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
                w.put(f" elif not equal(v, t): raise conflict({w.names.constant(end.message)}, {w.loc(end.loc)})")
            if closes > 80:  # Python nests a hundred levels of indentation
                w.indent -= closes
                closes = 0
        w.indent -= closes
        if may_conflict:
            w.indent -= 1
            places = [tuple(b.end.loc for b in c.blocks if isinstance(b.end, ops.Give)) for c in routine.clauses]
            rules = "".join(
                "(" + "".join(f"({n}, {w.loc(at)})," for n, at in zip(row, there, strict=True)) + "),"
                for row, there in zip(names, places, strict=False)
            )
            w.put(f"except conflict as x: raise listed(x, ({rules}), {params}) from None")
        if routine.default:
            w.put(f"if v is U: v = {names[-1][0]}({params})")
        _remember(w, routine, memo)
        w.put("return v")


def _write_question(w: Writer, routine: Routine) -> None:
    params = ", ".join(["s", *(f"r{p.n}" for p in routine.params)])
    names = [_block_name(routine, i, 0) for i in range(len(routine.clauses))]
    for name, clause in zip(names, routine.clauses, strict=True):
        with w.function(f"def {name}({params}):", "return False"):
            flag = w.solution(clause.blocks[0])
            w.put(f"return {flag}")
    with w.function(f"def d{routine.doc}_{routine.mask}({params}):", "return False"):
        w.put("e = s.e")
        w.put("e.fuel -= 1")
        w.put("if e.fuel < 0: e.refuel()")
        for name in names:
            w.put(f"if {name}({params}): return True")
        w.put("return False")


def _write_partial(w: Writer, routine: Routine, memo: str) -> None:
    keys = [f"r{p.n}" for p in routine.params]
    seen = not routine.uniform
    params = ", ".join(["s", "out", *(["seen"] if seen else []), *keys])
    leaves = [c.blocks[0].end for c in routine.clauses]
    flat = routine.uniform and routine.depth == 1 and not any(isinstance(e, ops.PutPath) and e.is_set for e in leaves)
    is_set = False
    names: list[str] = []
    for i, clause in enumerate(routine.clauses):
        block = clause.blocks[0]
        name = _block_name(routine, i, 0)
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
            w.flow(block.ops, finish, "")
            w.put("return")
    head = ", ".join(["s", *keys])
    with w.function(f"def d{routine.doc}_{routine.mask}({head}):", "return U"):
        w.put("e = s.e")
        w.put("e.fuel -= 1")
        w.put("if e.fuel < 0: e.refuel()")
        remember = routine.mask and memo
        if not routine.mask:
            _begin(w, memo)
        if remember:
            made = ", ".join(f"{k} if type({k}) is str else key({k})" for k in keys)
            w.put(f"mk = ({routine.doc}, {w.names.constant(routine.mask)}, {made})")
            w.put("v = s.k.get(mk)")
            w.put("if v is not None: return v")
        w.put("out = {}")
        single = flat and bool(routine.mask)
        w.put(f"e.room -= {3 * ENTRY}" if single else "e.grow(out)")
        if seen:
            w.put("seen = set()")
        for name in names:
            w.put(f"{name}({params})")
        if not single:
            w.put("e.grown()")
        if not routine.mask:
            w.put(
                "v = RegoSet(out)" if is_set else ("v = out" if flat else "v = {k: finish(x) for k, x in out.items()}")
            )
            _remember(w, routine, memo)
        else:
            lead = len(routine.mask) - len(routine.mask.lstrip("b"))
            w.put("v = RegoSet(out)" if is_set else "v = {k: finish(x) for k, x in out.items()}")
            for k in keys[:lead]:
                w.put(f"v = get(v, {k})")
            if remember:
                w.put("s.k[mk] = v")
        w.put("return v")


def _begin(w: Writer, memo: str) -> None:
    if memo == "g":
        w.put("room = e.room")


def _remember(w: Writer, routine: Routine, memo: str) -> None:
    """Keep a document: until the evaluation ends, or, where it rests on the data alone, with the data."""
    if memo == "g":
        w.put(f"s.keep({routine.doc}, v, room - e.room)")
    elif memo:
        w.put(f"s.m[{routine.doc}] = v")
