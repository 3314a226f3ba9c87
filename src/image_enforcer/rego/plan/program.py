"""From a checked policy and a query to routines: for each document, each demand on one, each function, the query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Final

from ..errors import COMPILE_ERROR, CompileError, Problem
from ..syntax import nodes as ast
from ..syntax.printer import term_text
from ..values import Value, equal
from . import ops
from .bodies import BodyPlanner
from .closures import Closures
from .documents import Node, RuleAt, build_tree
from .ground import ground_value, is_ground
from .index import RuleIndex
from .indexing import plan_conditions, plan_gate
from .ops import Block, Clause, Const, Operand, Reg, Routine
from .savings import ALL, Savings
from .trim import trimmed
from .unbound import plan_probe
from .unification import Slot, unify
from .wanted import Wanted
from .world import World, replaced_by

MOST_FORMS: Final = 10_000
"""Rules of functions that are planned once more for values that are wanted of them, each time counted."""
_TOO_MANY: Final = "results of functions are written out in so many ways that more than {} rules come of them"


class ProgramPlanner:
    """Plans documents on demand, so that only what a query can reach costs anything."""

    def __init__(
        self, modules: Mapping[str, ast.Module], bodies: Sequence[ast.Body] = (), savings: Savings = ALL,
        *, strict: bool = False,
    ) -> None:  # fmt: skip
        root, documents = build_tree(modules)
        names, paths = replaced_by(modules, tuple(bodies))
        self.world = World(root, documents, frozenset(names), frozenset(paths), savings=savings, strict=strict)
        self._routines: dict[tuple[int, str], Routine] = {}
        self._index: tuple[int, RuleIndex] | None = None
        self._forms = 0

    def routine(self, doc: int, mask: str) -> Routine:
        """The routine of a document, or of a demand on it."""
        got = self._routines.get((doc, mask))
        if got is None:
            node = self.world.documents[doc]
            whole = node.kind in ("complete", "function")
            made = self._valued(node, mask) if whole else self._partial(node, mask)
            got = self._routines[(doc, mask)] = trimmed(made)
        return got

    def index(self, node: Node) -> RuleIndex:
        """The index of a document's rules. The last one is kept: it is asked for by one rule after the other."""
        if self._index is None or self._index[0] != node.doc:
            self._index = node.doc, RuleIndex(self.world.root, [at.rule for at in node.rules])
        return self._index[1]

    def _planner(self, numbers: Iterator[int], args: Sequence[ast.Term], body: ast.Body) -> BodyPlanner:
        planner = BodyPlanner(self.world, numbers, count(1), {})
        planner.closures = Closures(args, body, self.world.arity, plan_probe)
        return planner

    # --- complete rules and functions ------------------------------------------------------------

    def _valued(self, node: Node, mask: str) -> Routine:
        """With a mask the last operands are parts of a value that is wanted, and no other is given."""
        wanted = self.world.wanted[mask] if mask else None
        if wanted is not None:
            self._forms += len(node.rules)
            if self._forms > MOST_FORMS:
                raise CompileError([Problem(COMPILE_ERROR, _TOO_MANY.format(MOST_FORMS), node.rules[0].rule.loc)])
        parts = len(wanted.names) if wanted else 0
        rules = [r.rule for r in node.rules if not r.rule.default]
        defaults = [r.rule for r in node.rules if r.rule.default]
        early = _same_constant(rules)
        arity = len(node.rules[0].rule.head.args or ())
        what = "function" if node.kind == "function" else "rule"
        path = term_text(ast.Ref((ast.Var("data"), *(ast.Scalar(p) for p in node.path))))
        tail = "conflicting values for the same inputs" if what == "function" else "conflicting values"
        message = f"{what} {path} produced {tail}"
        numbers = count()
        params = tuple(Reg(next(numbers)) for _ in range(arity + parts))

        def clause(rule: ast.Rule) -> Clause:
            blocks: list[Block] = []
            link: ast.Rule | None = rule
            while link is not None:
                blocks.append(self._value_block(node, link, params, wanted, numbers, early, message))
                link = link.else_
            return Clause(tuple(blocks))

        gated = node.shares and not defaults
        return Routine(
            kind=node.kind, doc=node.doc, mask=mask, params=params,
            clauses=tuple(clause(r) for r in rules),
            default=clause(defaults[0]) if defaults else None,
            early_exit=early, uniform=True, depth=0, memo=node.kind == "complete", label=path, wanted=parts,
            gate=plan_gate(self._planner(numbers, (), ()), self.index(node), rules) if gated else None,
        )  # fmt: skip

    def _value_block(
        self, node: Node, rule: ast.Rule, params: tuple[Reg, ...], wanted: Wanted | None, numbers: Iterator[int],
        early: bool, message: str,
    ) -> Block:  # fmt: skip
        args = rule.head.args or ()
        planner = self._planner(numbers, args, rule.body)
        if wanted is not None:
            planner.env.update(zip(wanted.names, params[len(args) :], strict=True))
        for term, reg in zip(args, params, strict=False):
            if isinstance(term, ast.Var) and term.name not in planner.env and not term.is_wildcard:
                planner.env[term.name] = reg
            elif not (isinstance(term, ast.Var) and term.is_wildcard):
                unify(planner, term, Slot(reg))
        head_value = rule.head.value if rule.head.value is not None else ast.Scalar(True)
        before = wanted is not None and _is_pattern(head_value)
        whole = wanted is not None and planner.known(wanted.term)
        if wanted is not None and before:
            unify(planner, head_value, wanted.term)
        plan_conditions(planner, lambda: self.index(node), rule)
        planner.body(rule.body)
        if wanted is not None and not before:
            unify(planner, head_value, wanted.term)
        value = planner.value(wanted.term if wanted is not None and whole else head_value)
        return Block(tuple(planner.ops), ops.Give(value, early, message, rule.loc))

    # --- partial documents -----------------------------------------------------------------------

    def _partial(self, node: Node, mask: str) -> Routine:
        numbers = count()
        params = tuple(Reg(next(numbers)) for m in mask if m == "b")
        depths = {len(r.suffix) for r in node.rules}
        clauses = tuple(Clause((self._partial_block(node, r, mask, params, numbers),)) for r in node.rules)
        path = ".".join(["data", *(str(p) for p in node.path)])
        return Routine(
            kind=node.kind if not mask else "demand", doc=node.doc, mask=mask, params=params, clauses=clauses,
            default=None,
            early_exit=False, uniform=len(depths) == 1, depth=max(depths), memo=True,
            label=path + (f" [{mask}]" if mask else ""),
        )  # fmt: skip

    def _partial_block(
        self, node: Node, at: RuleAt, mask: str, params: tuple[Reg, ...], numbers: Iterator[int]
    ) -> Block:
        rule = at.rule
        planner = self._planner(numbers, (), rule.body)
        head_key = rule.head.key
        terms = list(at.suffix)
        if at.is_set and head_key is not None:
            terms.append(head_key)
        given = iter(params)
        for term, letter in zip(terms, mask, strict=False):
            if letter == "b":
                unify(planner, term, Slot(next(given)))
        plan_conditions(planner, lambda: self.index(node), rule)
        planner.body(rule.body)
        keys: tuple[Operand, ...] = tuple(planner.value(t) for t in at.suffix)
        end: ops.End
        if node.kind == "set":
            assert head_key is not None
            end = ops.AddMember(planner.value(head_key))
        elif at.is_set:
            assert head_key is not None
            end = ops.PutPath(keys, planner.value(head_key), True, rule.head.loc)
        else:
            value = rule.head.value
            end = ops.PutPath(keys, Const(True) if value is None else planner.value(value), False, rule.head.loc)
        return Block(tuple(planner.ops), end)

    def question(self, doc: int) -> Routine:
        """The routine that says whether a partial set, whose members it can take apart, has a known member."""
        got = self._routines.get((doc, "q"))
        if got is None:
            node = self.world.documents[doc]
            numbers = count()
            member = Reg(next(numbers))
            blocks: list[Block] = []
            for at in node.rules:
                term = at.rule.head.key
                assert term is not None
                planner = self._planner(numbers, (), at.rule.body)
                unify(planner, term, Slot(member))
                plan_conditions(planner, lambda: self.index(node), at.rule)
                planner.body(at.rule.body)
                blocks.append(Block(tuple(planner.ops), ops.Found(True)))
            path = ".".join(["data", *(str(p) for p in node.path)])
            made = Routine(
                kind="member", doc=doc, mask="q", params=(member,), clauses=tuple(Clause((b,)) for b in blocks),
                default=None, early_exit=True, uniform=True, depth=1, memo=False, label=f"{path} [q]",
            )  # fmt: skip
            got = self._routines[(doc, "q")] = trimmed(made)
        return got

    # --- queries ---------------------------------------------------------------------------------

    def query(self, body: ast.Body, names: Sequence[str]) -> Routine:
        """The routine of a query that gives the values of these variables for each solution."""
        planner = self._planner(count(), (), body)
        planner.body(body)
        values = tuple(planner.env.get(n, Const(None)) for n in names)
        block = Block(tuple(planner.ops), ops.Solve(values))
        return trimmed(
            Routine(
                kind="query", doc=-1, mask="", params=(), clauses=(Clause((block,)),), default=None,
                early_exit=False, uniform=True, depth=0, memo=False, label="query",
            )
        )  # fmt: skip


def _is_pattern(term: ast.Term) -> bool:
    """Whether a value can be compared with a term before the body of its rule has bound anything."""
    match term:
        case ast.Scalar() | ast.Var():
            return True
        case ast.Array(items) | ast.Set(items):
            return all(map(_is_pattern, items))
        case ast.Object(pairs):
            return all(_is_pattern(k) and _is_pattern(v) for k, v in pairs)
        case _:
            return False


def _same_constant(rules: Sequence[ast.Rule]) -> bool:
    """Whether every rule, else branches included, gives one and the same constant: the first solution decides."""
    first: Value = None
    seen = False
    for rule in rules:
        link: ast.Rule | None = rule
        while link is not None:
            value = link.head.value if link.head.value is not None else ast.Scalar(True)
            if not is_ground(value):
                return False
            if seen and not equal(first, ground_value(value)):
                return False
            first, seen = ground_value(value), True
            link = link.else_
    return seen
