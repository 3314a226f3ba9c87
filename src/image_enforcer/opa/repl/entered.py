"""What was entered: imports and rules by package, and the input document. Frozen; a change makes another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, TypeAlias

from ...rego.syntax.nodes import Body, CallExpr, Expr, Import, Module, Package, Ref, Rule, Scalar, Term, Var

Names: TypeAlias = tuple[str, ...]

DEFAULT_PACKAGE: Final = ("repl",)
"""Where a session begins."""

DOCUMENT: Final = "input document"
"""The variable that has the input document in the query that :meth:`Input.query` makes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was entered for one package."""

    imports: tuple[Import, ...] = ()
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """What ``input = …`` said, and the package it was said in, whose names it may use."""

    rule: Rule
    package: Names

    def query(self) -> Body:
        """A query that puts the document into one variable."""
        value = self.rule.head.value
        assert value is not None
        equal = CallExpr(Ref((Var("eq"),)), (Var(DOCUMENT), value))
        body = () if self.rule.generated_body else self.rule.body
        return (*body, Expr(equal, loc=value.loc))


@dataclass(frozen=True, slots=True)
class Entered:
    """Everything that was entered, by package."""

    packages: Mapping[Names, Entry] = field(default_factory=lambda: MappingProxyType({}))
    input: Input | None = None

    def entry(self, package: Names) -> Entry:
        """What was entered for a package; nothing where there is none."""
        return self.packages.get(package, Entry())

    def with_package(self, package: Names) -> Entered:
        """With a package that may have nothing in it."""
        return self if package in self.packages else self._with(package, Entry())

    def with_import(self, package: Names, item: Import) -> Entered:
        """With an import; one that is there already is not doubled."""
        entry = self.entry(package)
        if item in entry.imports:
            return self
        return self._with(package, replace(entry, imports=(*entry.imports, item)))

    def with_rule(self, package: Names, rule: Rule, *, replaces: bool) -> tuple[Entered, bool]:
        """With a rule, in place of those of the same name where it ``replaces``; and whether there were any."""
        entry = self.entry(package)
        kept = tuple(r for r in entry.rules if not (replaces and r.head.ref == rule.head.ref))
        return self._with(package, replace(entry, rules=(*kept, rule))), len(kept) < len(entry.rules)

    def without_rules(self, package: Names, target: Ref) -> Entered | None:
        """Without the rules at a reference, below it, and around it; None where there is none."""
        entry = self.entry(package)
        kept = tuple(r for r in entry.rules if not _on_one_path(r.head.ref, target))
        return None if len(kept) == len(entry.rules) else self._with(package, replace(entry, rules=kept))

    def without_package(self, package: Names) -> Entered | None:
        """Without a package; None where there is none."""
        if package not in self.packages:
            return None
        return replace(self, packages=MappingProxyType({k: v for k, v in self.packages.items() if k != package}))

    def _with(self, package: Names, entry: Entry) -> Entered:
        return replace(self, packages=MappingProxyType({**self.packages, package: entry}))

    def modules(self, version: int) -> dict[str, Module]:
        """The packages as modules, by names that no file has."""
        return {
            "repl:" + ".".join(names): Module(Package(package_ref(names)), entry.imports, entry.rules, version=version)
            for names, entry in self.packages.items()
        }

    def knows(self, package: Names, target: Term) -> bool:
        """Whether ``target = …`` compares rather than defines: it is a rule, part of one, or of an import."""
        ref = target if isinstance(target, Ref) else Ref((target,))
        if not isinstance(ref.head, Var):
            return False
        if ref.head.name == "input":
            return len(ref.terms) > 1
        entry = self.entry(package)
        if ref.head.name == "data" or ref.head.name in map(import_name, entry.imports):
            return True
        return any(ref.terms[: len(r.head.ref.terms)] == r.head.ref.terms for r in entry.rules)


def _on_one_path(a: Ref, b: Ref) -> bool:
    return all(x == y for x, y in zip(a.terms, b.terms, strict=False))


def package_ref(names: Names) -> Ref:
    """``data.a.b`` of a package's names."""
    return Ref((Var("data"), *(Scalar(n) for n in names)))


def import_name(item: Import) -> str:
    """The name that an import brings in."""
    if item.alias:
        return item.alias
    last = item.path.terms[-1]
    return last.name if isinstance(last, Var) else str(last.value) if isinstance(last, Scalar) else ""
