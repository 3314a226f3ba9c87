"""The tree of rules as the checks need it: arities, conflicts, recursion, what depends on what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from ..errors import COMPILE_ERROR, TYPE_ERROR, Problem
from ..records import field, record
from ..signatures import signatures
from ..syntax.nodes import Module, Ref, Rule, Scalar, Term, TermExpr, Var
from ..syntax.printer import package_text, term_text
from ..syntax.term_order import term_order
from ..values import Key, step_key
from .constants import comparable, constant_value
from .visit import operator_name, original_ref

Place: TypeAlias = tuple[str, int, int]
"""Where a rule stands: its module, its number in it, and how many ``else`` it is below its first branch."""


@record(slots=True)
class Node:
    """A step below ``data``."""

    name: Key
    children: dict[Key, Node] = field(default_factory=dict)
    rules: list[tuple[Rule, Ref]] = field(default_factory=list)
    """Rules whose constant part ends here, with their whole path."""

    def below(self) -> Iterator[Node]:
        """All nodes below this one."""
        for child in self.children.values():
            yield child
            yield from child.below()

    def all(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        yield from self.below()


def package_steps(module: Module) -> tuple[Term, ...]:
    """The path of a module's package from ``data``; its rules share it."""
    return (Var("data"), *map(Scalar, module.package.names))


def rule_path(package: tuple[Term, ...], rule: Rule) -> Ref:
    """A rule's path from ``data``, given that of its package."""
    head = rule.head
    return Ref((*package, Scalar(head.name, head.ref.loc), *head.ref.terms[1:]), head.ref.loc)


def is_ground_ref(ref: Ref) -> bool:
    """Whether every step is a constant."""
    return all(isinstance(t, Scalar) for t in ref.terms[1:])


class RuleTree:
    """Rules of a set of modules by path."""

    def __init__(self, modules: Mapping[str, Module], needs: Mapping[Place, Sequence[Place]] | None = None) -> None:
        """``needs`` tells which rules each rule needs, for what asks after that."""
        self.root = Node("data")
        self.modules = modules
        self.module_of: dict[int, Module] = {}
        self.place_of: dict[int, Place] = {}
        self._needs = needs or {}
        self._at: dict[Place, tuple[Rule, Ref]] = {}
        self._used_by: dict[int, list[tuple[Rule, Ref]]] | None = None
        for name in _package_order(modules):
            module = modules[name]
            package = package_steps(module)
            self._reach(package[1:])
            for number, rule in enumerate(module.rules):
                path = rule_path(package, rule)
                ground: list[Term] = []
                for t in path.terms[1:]:
                    if not isinstance(t, Scalar):
                        break
                    ground.append(t)
                pair = (rule, path)
                self._reach(ground).rules.append(pair)
                link: Rule | None = rule
                depth = 0
                while link is not None:
                    self.module_of[id(link)] = module
                    self.place_of[id(link)] = place = (name, number, depth)
                    self._at[place] = (link, path) if depth else pair
                    link = link.else_
                    depth += 1

    def _reach(self, steps: Sequence[Term]) -> Node:
        node = self.root
        for t in steps:
            assert isinstance(t, Scalar)
            k = step_key(t.value)
            below = node.children.get(k)
            if below is None:
                below = node.children[k] = Node(k)
            node = below
        return node

    # --- look-ups --------------------------------------------------------------------------------

    def find(self, ref: Ref) -> Node | None:
        """The node at a reference of constants."""
        node = self.root
        for t in ref.terms[1:]:
            if not isinstance(t, Scalar):
                return None
            below = node.children.get(step_key(t.value))
            if below is None:
                return None
            node = below
        return node

    def exists(self, ref: Ref) -> bool:
        """Whether there is a node at the reference."""
        return self.find(ref) is not None

    def is_function(self, ref: Ref) -> bool:
        """Whether a reference names a function."""
        if not (isinstance(ref.head, Var) and ref.head.name == "data"):
            return False
        node = self.find(ref)
        return node is not None and any(r.head.args for r, _ in node.rules)

    def partially_replaces(self, ref: Ref) -> bool:
        """Whether a ``with`` target lies inside the document of a rule."""
        node: Node | None = self.root
        for t in ref.terms[1:-1]:
            node = node.children.get(step_key(t.value)) if isinstance(t, Scalar) and node is not None else None
            if node is None:
                return False
            if node.rules:
                return True
        return False

    def arity(self, operator: Ref) -> int:
        """How many operands a function takes; -1 where there is none of that name."""
        head = operator.head
        if isinstance(head, Var) and head.name == "data":
            node = self.find(operator)
            if node is None or not node.rules:
                return -1
            rule = node.rules[0][0]
            return len(rule.head.args or ())
        found = signatures().get(operator_name(operator))
        return -1 if found is None else len(found.args)

    def is_defined(self, ref: Ref) -> bool:
        """Whether a reference names a rule that, as can be seen from its heads, always has a value."""
        if not (isinstance(ref.head, Var) and ref.head.name == "data"):
            return False
        node = self.find(ref)
        rules = [rule for rule, _ in node.rules] if node is not None else []
        if not rules or rules[0].head.args:
            return False
        first = rules[0]
        if first.default or first.head.value is None:
            return True
        if len(rules) > 1:
            return any(r.default for r in rules[1:])
        empty = len(first.body) == 1 and first.body[0].terms == TermExpr(Scalar(True))
        return empty and (isinstance(first.head.value, Var) or constant_value(first.head.value) is not None)

    # --- conflicts -------------------------------------------------------------------------------

    def conflicts(self, original: Mapping[str, str]) -> list[Problem]:
        """Rules that cannot stand in one place."""
        problems: list[Problem] = []
        for node in self.root.all():
            if node.rules:
                found = self._conflict(node, original)
                if found is not None:
                    problems.append(found)
        return problems

    def _conflict(self, node: Node, original: Mapping[str, str]) -> Problem | None:
        rules = node.rules
        first, _ = rules[0]
        kinds = {r.head.value is None for r, _ in rules}
        arities = {len(r.head.args or ()) for r, _ in rules}
        defaults = [r for r, _ in rules if r.default]
        complete = sum(1 for r, p in rules if r.head.value is not None and is_ground_ref(Ref(r.head.ref.terms)))
        sets = any(r.head.value is None and is_ground_ref(p) for r, p in rules)
        set_objects = any(r.head.value is None and not is_ground_ref(p) for r, p in rules)
        name = term_text(original_ref(rules[-1][1], original))
        inner: list[tuple[Rule, Ref]] = []
        if node.children and any(is_ground_ref(p) for _, p in rules):
            inner = _outermost([rp for child in node.below() for rp in child.rules])
        elif node.children and any(not is_ground_ref(p) for _, p in rules):
            inner = _outermost([rp for child in node.below() for rp in child.rules if rp[0].head.args])
        if inner:
            return Problem(TYPE_ERROR, f"rule {name} conflicts with:{_conflict_list(inner, original)}", first.loc)
        if len(kinds) > 1 or len(arities) > 1 or (complete and complete < len(rules)) or (sets and set_objects):
            return Problem(TYPE_ERROR, f"conflicting rules {name} found", first.loc)
        if len(defaults) > 1:
            places = ", ".join(str(r.loc) for r in defaults)
            loc = self.module_of[id(defaults[0])].package.loc
            return Problem(TYPE_ERROR, f"multiple default rules {name} found at {places}", loc)
        return None

    def path_conflicts(self, exists: Callable[[tuple[str, ...]], bool]) -> list[Problem]:
        """Rules where base documents are."""
        problems: list[Problem] = []

        def visit(node: Node, path: tuple[str, ...]) -> None:
            if node.rules and exists(path):
                problems.append(
                    Problem(
                        COMPILE_ERROR, f"conflicting rule for data path {'/'.join(path)} found", node.rules[0][0].loc
                    )
                )
            for k, child in node.children.items():
                if isinstance(k, str):
                    visit(child, (*path, k))

        for k, child in self.root.children.items():
            if isinstance(k, str):
                visit(child, (k,))
        return problems

    def package_conflicts(self, modules: Mapping[str, Module]) -> list[Problem]:
        """Packages where rules are."""
        problems: list[Problem] = []
        packages: dict[tuple[object, ...], list[Module]] = {}
        for m in modules.values():
            packages.setdefault(tuple(m.package.names), []).append(m)
        for module in modules.values():
            for rule in module.rules:
                path = rule_path(package_steps(module), rule)
                if not is_ground_ref(path):
                    continue
                steps = tuple(t.value for t in path.terms[1:] if isinstance(t, Scalar))
                for other in packages.get(steps, ()):
                    if other is not module:
                        rule_text = f"rule {term_text(rule.head.ref)} defined at {rule.loc}"
                        text = f"{package_text(other.package)} conflicts with {rule_text}"
                        problems.append(Problem(TYPE_ERROR, text, module.package.loc))
        return problems

    # --- dependencies ----------------------------------------------------------------------------

    def rules(self) -> Iterator[tuple[Rule, Ref]]:
        """Every rule and ``else`` branch with its path."""
        for node in self.root.all():
            for rule, path in node.rules:
                link: Rule | None = rule
                while link is not None:
                    yield link, path
                    link = link.else_

    def dependencies(self) -> dict[int, list[tuple[Rule, Ref]]]:
        """For each rule (by identity), the rules that its references may mean."""
        return {id(rule): self.of(rule) for rule, _ in self.rules()}

    def dependents(self, ref: Ref) -> list[Ref]:
        """The paths of the rules that a reference may mean, and of those that need them, directly or not."""
        users = self._users()
        found: dict[int, Ref] = {}
        todo = self.matching(ref)
        while todo:
            rule, path = todo.pop()
            if id(rule) not in found:
                found[id(rule)] = path
                todo.extend(users.get(id(rule), ()))
        return list(found.values())

    def _users(self) -> Mapping[int, list[tuple[Rule, Ref]]]:
        if self._used_by is None:
            self._used_by = {}
            for rule, path in self.rules():
                for needed, _ in self.of(rule):
                    self._used_by.setdefault(id(needed), []).append((rule, path))
        return self._used_by

    def of(self, rule: Rule) -> list[tuple[Rule, Ref]]:
        """The rules that a rule refers to, ``else`` branches included; what its own branches refer to is theirs."""
        return [self._at[place] for place in self._needs.get(self.place_of[id(rule)], ())]

    def matching(self, ref: Ref) -> list[tuple[Rule, Ref]]:
        """The rules that a reference may mean: on its way, at its end, or below it."""
        found: list[tuple[Rule, Ref]] = []
        self._match(self.root, ref.terms[1:], found)
        return found

    def _match(self, node: Node, steps: tuple[Term, ...], found: list[tuple[Rule, Ref]]) -> None:
        for rule, path in node.rules:
            if _may_match(path, len(path.terms) - len(self._tail(path)), steps):
                found.append((rule, path))
        if not steps:
            for child in node.below():
                found.extend(child.rules)
            return
        step = steps[0]
        constant = (step.value,) if isinstance(step, Scalar) else constant_value(step)
        if constant is not None:
            below = node.children.get(step_key(constant[0]))
            if below is not None:
                self._match(below, steps[1:], found)
            return
        for child in node.children.values():
            self._match(child, steps[1:], found)

    @staticmethod
    def _tail(path: Ref) -> tuple[Term, ...]:
        for i, t in enumerate(path.terms[1:], start=1):
            if not isinstance(t, Scalar):
                return path.terms[i:]
        return ()


def _may_match(path: Ref, ground: int, steps: tuple[Term, ...]) -> bool:
    tail = path.terms[ground:]
    for mine, theirs in zip(tail, steps, strict=False):
        if isinstance(mine, Scalar) and mine != theirs and constant_value(theirs) is not None:
            if comparable(mine) != comparable(theirs):
                return False
    return True


def _outermost(inner: list[tuple[Rule, Ref]]) -> list[tuple[Rule, Ref]]:
    """Of rules those that stand inside no other; of several at one path the first."""
    kept: dict[tuple[Term, ...], tuple[Rule, Ref]] = {}
    for rule, path in sorted(inner, key=lambda found: len(found[1].terms)):
        if not any(path.terms[:size] in kept for size in range(1, len(path.terms) + 1)):
            kept[path.terms] = (rule, path)
    return list(kept.values())


def _conflict_list(inner: list[tuple[Rule, Ref]], original: Mapping[str, str]) -> str:
    ordered = sorted(inner, key=lambda found: term_order(found[1]))
    rows = [(term_text(original_ref(p, original)), r.loc) for r, p in ordered]
    return "".join(f"\n  rule {text} at {loc}" for text, loc in rows)


def _package_order(modules: Mapping[str, Module]) -> list[str]:
    return sorted(modules, key=lambda k: (modules[k].package.names, k))
