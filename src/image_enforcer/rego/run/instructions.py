"""From instructions to Python text. Dumb on purpose: each instruction has one form, every decision is the plan's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from ..meter import CELL, ENTRY
from ..plan import ops
from ..plan.ops import Block, Const, Operand, Reg
from ..values import Value, index_of
from .access import LONG
from .shortcuts import shortcut
from .writer import MAX_NESTING, Writer

_ENDING: Final = frozenset({"internal.template_string"})
"""Built-ins that may end an evaluation outside strict mode, too."""
_Call: TypeAlias = ops.CallFunction | ops.CallGiven | ops.CallBuiltin | ops.CallRelation


class InstructionWriter(Writer):
    """Writes instructions."""

    def op(self, op: ops.Op) -> None:
        """One instruction."""
        if isinstance(op, ops.Read):
            self._read(op)
        else:
            self._make(op)

    def _part(self, part: ops.Part) -> None:
        given = self.fresh("t")
        self.put(f"{given} = {part.name}(s{self._tail(part.takes)})")
        self.fail_if(f"{given} is U")
        if part.gives:
            self.put(f"{''.join(f'r{r.n},' for r in part.gives)} = {given}")

    def _read(self, op: ops.Read) -> None:
        match op:
            case ops.Load(dst, source, keys):
                self._load(dst, self.subscripted(source), keys)
            case ops.LoadData(dst, state, keys):
                self._load_data(dst, state, keys)
            case ops.Settle(dst, source, state):
                s, found = self.state(state), self.operand(source)
                plain = f"{s}.unsettled is None or type({found}) in PLAIN"
                self.put(f"r{dst.n} = {found} if {plain} else {s}.settled({found})")
            case ops.Get(path=path) if path:
                self._get_replaced(op)
            case ops.Get(dst, source, k, base):
                self._get(dst, source, k, base)
            case ops.Scan(source, k, v, ordered):
                self._scan(self.operand(source), k, v, ordered)
            case ops.ScanWritten(keys, values, k, v):
                self._scan_written(keys, values, k, v)
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
            case ops.CallGiven(dst, state, doc, mask, args, given, _, _):
                call = f"{self.names.document(doc, mask)}({self.state(state)}{self._tail((*args, *given))})"
                wanted = (
                    f", wanted={mask!r}, given=({self._tail(given).removeprefix(', ')},)"
                    if given
                    else f", wanted={mask!r}"
                )
                self._mocked(f"r{dst.n}", op, call, wanted=wanted)
                self.fail_if(f"r{dst.n} is U")
            case ops.CallBuiltin():
                self._call_builtin(op)
            case ops.CallRelation():
                self._call_relation(op)

    def _make(self, op: ops.Make) -> None:
        match op:
            case ops.Fail():
                self.put(f"if U is U: {self.fail}")
            case ops.Unevaluated(name, position, parts, loc):
                made = f"{self.names.constant(name)}, {position}, ({self.args(parts)},), {self.loc(loc)}"
                self.put(f"if U is U: raise unevaluated({made})")
            case ops.Indexed(source, tests):
                self._indexed(source, tests)
            case ops.KeyOf(source, k):
                self.fail_if(f"not key_of({self.operand(source)}, {self.operand(k)})")
            case ops.TestEqual(a, b):
                self._test_equal(a, b)
            case ops.TestTrue(a):
                if isinstance(a, Const):
                    if a.value is False:
                        self.put(f"if U is U: {self.fail}")
                else:
                    self.fail_if(f"{self.operand(a)} is False")
            case ops.CheckArray() | ops.CheckObject() | ops.CheckKind():
                self._check(op)
            case ops.Item(dst, source, index):
                self.put(f"r{dst.n} = {self.subscripted(source)}[{index}]")
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
            case ops.KeepOrder(dst, source, members):
                self._weigh(len(members), CELL)
                self.put(f"r{dst.n} = {self.operand(source)}.as_written(({self.args(members)},))")
            case ops.Collect():
                self._collect(op)
            case ops.Negation(block):
                flag = self.solution(block)
                self.fail_if(flag)
            case ops.ForEvery():
                self._for_every(op)
            case ops.Both():
                self._both(_operands(op))
            case ops.Either():
                self._either(_operands(op))
            case ops.Part():
                self._part(op)
            case ops.WithState(dst, src, replaces, loc):
                if any(type(step) is not str for r in replaces if r.kind in ("input", "data") for step in r.path):
                    self.put(f"if U is U: raise bad_path({self.loc(loc)})")
                self._with(dst, src, replaces)

    def _check(self, op: ops.CheckArray | ops.CheckObject | ops.CheckKind) -> None:
        source = self.operand(op.source)
        match op:
            case ops.CheckArray(_, length):
                self.fail_if(f"type({source}) is not list or len({source}) != {length}")
            case ops.CheckObject(_, length):
                self.fail_if(f"not check_object({source}, {length})")
            case ops.CheckKind(_, kind):
                own = {"array": f"type({source}) is not list and ", "object": f"type({source}) is not dict and "}
                self.fail_if(f"{own.get(kind, '')}type({source}) is not RegoSet")

    def _weigh(self, items: int, each: int) -> None:
        """Account for a composite value written out in the policy."""
        if items > 16:
            self.put(f"{self.e}.spend({items}, {items * each})")
        else:
            self.put(f"{self.e}.room -= {(items + 4) * each if each == CELL else (items + 1) * each}")

    def _path(self, path: tuple[Value, ...]) -> str:
        return self.names.hoist("P", path)

    def _tail(self, args: tuple[Operand, ...]) -> str:
        return ", " + self.args(args) if args else ""

    def _loop(self, head: str) -> None:
        self.rounds.append(self.opened())
        self.put(head)
        self.indent += 1
        self.nesting += 1
        self.fail = self.leaving(self.rounds[-1], "continue")

    def _scan(self, source: str, k: Reg | None, v: Reg | None, ordered: bool = True) -> None:
        if k is None and v is not None:
            items = self.fresh("t")
            self.put(f"{items} = {source}")
            self.put(f"if type({items}) is list and len({items}) <= {LONG}:")
            self.indent += 1
            self.pay(f"len({items}) + 1")
            self.indent -= 1
            self.put(f"else: {items} = {'elements' if ordered else 'elements_anyhow'}({self.e}, {items})")
            self._loop(f"for r{v.n} in {items}:")
        else:
            key_name = f"r{k.n}" if k is not None else "_"
            value_name = f"r{v.n}" if v is not None else "_"
            self._loop(f"for {key_name}, {value_name} in pairs({self.e}, {source}):")

    def _scan_written(
        self, keys: tuple[Operand, ...], values: tuple[Operand, ...], k: Reg | None, v: Reg | None
    ) -> None:
        names = [f"r{r.n}" if r is not None else "_" for r in (k, v)]
        self.pay(str(len(keys) + 1))
        if values:
            pairs = ", ".join(f"({self.operand(a)}, {self.operand(b)})" for a, b in zip(keys, values, strict=True))
            self._loop(f"for {names[0]}, {names[1]} in written(({pairs},)):")
        else:
            self._loop(f"for {names[0]} in ({self.args(keys)},):")
            if v is not None and k is not None:
                self.put(f"{names[1]} = {names[0]}")

    def _get(self, dst: Reg, source: Operand, k: Operand, base: bool) -> None:
        where, step = self.subscripted(source), self.operand(k)
        slow = f"{'get_base' if base else 'get'}({where}, {step})"
        if not isinstance(k, Const):
            self.put(f"r{dst.n} = {where}.get({step}, U) if type({where}) is dict and type({step}) is str else {slow}")
        elif type(k.value) is str:
            self.put(f"r{dst.n} = {where}.get({step}, U) if type({where}) is dict else {slow}")
        else:
            self.put(f"r{dst.n} = {slow}")
        self.fail_if(f"r{dst.n} is U")

    def _get_replaced(self, op: ops.Get) -> None:
        s, target = self.state(op.state), f"r{op.dst.n}"
        self.put(f"if {s}.targets is None:")
        self.indent += 1
        self._get(op.dst, op.source, op.key, op.base)
        self.indent -= 1
        asked = f"({self.args(op.path)},), {self.operand(op.source)}, {self.operand(op.key)}"
        self.put(f"else: {target} = {s}.get_base({asked})")
        self.fail_if(f"{target} is U")

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
        if all(type(k) is str and index_of(k) < 0 for k in keys):
            self._load(dst, f"{s}.data", keys)
        else:
            self.put(f"r{dst.n} = lookup_base({s}.data, {self._path(keys)})")
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
            slot = self.traits.slot(op.doc)
            if self.traits.shared(op.doc):
                self.put(f"{target} = None")
            elif self.traits.static(op.doc):
                self.put(f"{target} = {s}.g[{slot}]")
                self.put(f"if {target} is None: {target} = {s}.m[{slot}]")
            else:
                self.put(f"{target} = {s}.m[{slot}]")
            self.put(f"if {target} is None: {target} = {name}({s})")
        self.fail_if(f"{target} is U")

    def _member(self, dst: Reg, s: str, doc: int, value: str) -> None:
        static = self.traits.static(doc)
        made = self.fresh("t")
        self.put(f"{made} = {s}.g[{doc}]" if static else f"{made} = {s}.m[{doc}]")
        if static:
            self.put(f"if {made} is None: {made} = {s}.m[{doc}]")
        whole, one = self.names.document(doc), self.names.document(doc, "q")
        asked = f"asked({s}, {doc}, {value}, {static}, {whole}, {one})"
        self.put(f"if {made} is None:")
        self.put(f" {made} = {s}.k.get({doc})")
        self.put(f" r{dst.n} = None if {made} is None or type({value}) is not str else {made}.answers.get({value})")
        self.put(f" if r{dst.n} is None: r{dst.n} = {asked}")
        self.put(f"else: r{dst.n} = ({value} if type({value}) is str else key({value})) in {made}.members")

    def _mocked(self, target: str, op: _Call, call: str, *, one: bool = False, wanted: str = "") -> None:
        """A call, or that of what ``with`` has put in its place, which gives ``one`` value where several are wanted.

        ``wanted`` says which value is wanted of a function, as arguments of the call that finds what is in its place.
        """
        if not op.mockable:
            self.put(f"{target} = {call}")
            return
        s = self.state(op.state)
        k = self.names.constant(op.name)
        mocked = f"{s}.linked.mock({s}, {k}, {self.loc(op.loc)}{self._tail(op.args)}{wanted})"
        if one:
            mocked = f"one({mocked})"
        self.put(f"if {s}.mocks is not None and {k} in {s}.mocks: {target} = {mocked}")
        self.put(f"else: {target} = {call}")

    def _call_builtin(self, op: ops.CallBuiltin) -> None:
        if op.name == "internal.print":
            self.put(f"{self.state(op.state)}.print({self.args(op.args)}, {self.loc(op.loc)})")
            return
        target = f"r{op.dst.n}" if op.dst is not None else self.fresh("t")
        texts = [self.operand(a) for a in op.args]
        quick = None if op.mockable else shortcut(op.name, op.args, texts, lambda v: self.names.hoist("K", v))
        if quick is None:
            self._call_in_full(op, target, texts)
        elif not quick.guard:
            self.put(f"{target} = {quick.made}")
        else:
            self.put(f"if {quick.guard}:")
            self.put(f" {target} = {quick.made}")
            if quick.cost:
                self.put(f" {self.e}.room -= {quick.cost.format(target)}")
            self.put("else:")
            self.indent += 1
            self._call_in_full(op, target, texts)
            self.indent -= 1

    def _call_in_full(self, op: ops.CallBuiltin, target: str, texts: list[str]) -> None:
        fn = self.names.builtin(op.name)
        call = f"{fn}({', '.join(self._context(op.name) + texts)})"
        self.put("try:")
        self.indent += 1
        self._mocked(target, op, call)
        self.indent -= 1
        if self.traits.strict or op.name in _ENDING:
            self.put("except BE as x:")
            self.put(f" {self.e}.fault(x, {self.names.constant(op.name)}, {self.loc(op.loc)})")
            self.put(f" {self.fail}")
        else:
            self.put(f"except BE: {self.fail}")
        if op.dst is not None:
            self.fail_if(f"{target} is U")
            if self.traits.sizeable(op.name):
                self.put(f"{self.e}.made({target})")

    def _context(self, name: str) -> list[str]:
        return [self.e] if self.traits.takes_context(name) else []

    def _call_relation(self, op: ops.CallRelation) -> None:
        answers = self.fresh("t")
        args = ", ".join([*self._context(op.name), *(self.operand(a) for a in op.args)])
        self._mocked(answers, op, f"{self.names.builtin(op.name)}({args})", one=True)
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
        self.fail_if(f"{x} is not {y} and ({x} != {y} if type({x}) is str else not equal({x}, {y}))")

    def _collect(self, op: ops.Collect) -> None:
        acc = f"r{op.dst.n}"
        end = op.block.end
        mark = self.opened()
        self.put(f"{acc} = " + ("[]" if op.kind == "array" else "{}"))
        if op.block.loops:
            self.grows(acc)
        else:
            self.put(f"{self.e}.room -= {ENTRY}")

        def finish() -> None:
            match end:
                case ops.Append(value):
                    self.put(f"{target}.append({self.operand(value)})")
                case ops.AddMember(value):
                    self.add_member(target, value)
                case ops.PutPair(k, v, _, True):
                    at = self.operand(k)
                    self.put(f"{target}[{at} if type({at}) is str else key({at})] = {self.operand(v)}")
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
        self.closed(mark)
        if op.block.loops:
            self.grown(acc, CELL if op.kind == "array" else ENTRY)
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
        saved = (self.indent, self.fail, self.nesting)
        mark = self.opened()
        if op.written is None:
            self._scan(source, op.key, op.value)
        else:
            self._scan_written(*op.written, op.key, op.value)
        flag = self.solution(op.block)
        self.put(f"if not {flag}:")
        self.put(f" {all_hold} = False")
        self.put(" break")
        self.closed(self.rounds.pop())
        self.indent, self.fail, self.nesting = saved
        self.flags.pop()
        self.closed(mark)
        self.fail_if(f"not {all_hold}")

    def _both(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self.fail_if(f"not {self.solution(block)}")

    def _either(self, blocks: Sequence[Block]) -> None:
        one_holds = self.solution(blocks[0])
        for block in blocks[1:]:
            self.put(f"if not {one_holds}:")
            self.indent += 1
            other = self.solution(block)
            if block is blocks[-1]:
                self.fail_if(f"not {other}")
            else:
                self.put(f"{one_holds} = {other}")
            self.indent -= 1

    def _with(self, dst: int, src: int, replaces: tuple[ops.Replace, ...]) -> None:
        items: list[str] = []
        for r in replaces:
            value = self.names.constant(r.function) if r.kind == "function" else self.operand(r.value or Const(None))
            items.append(f"({r.kind!r}, {self._path(r.path)}, {self.names.constant(r.name)}, {value})")
        self.put(f"{self.state(dst)} = {self.state(src)}.replace(({', '.join(items)},))")


def _operands(op: ops.Both | ops.Either) -> list[Block]:
    """The operands of ``a or b or c``, or of ``and``, in order: a long row of them nests no deeper than two."""
    found: list[Block] = []
    todo = [op.rhs, op.lhs]
    while todo:
        block = todo.pop()
        inner = block.ops[0] if len(block.ops) == 1 else None
        if isinstance(inner, ops.Both | ops.Either) and type(inner) is type(op):
            todo += (inner.rhs, inner.lhs)
        else:
            found.append(block)
    return found
