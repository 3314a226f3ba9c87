"""Heads of references that OPA keeps once for all references that start from one name.

References by names of a package share their first term, those by one import, too. Where a rule takes ``data`` or
``input`` for a name of its own (``f(data.x)`` does), OPA renames the root in the references of that rule in place, and
so in all that share the term, in whatever rule they stand; parts that it has copied before are left alone. No such
policy compiles, but which errors it has is told by this. When OPA looks for rules in conflict, it writes the heads of
the package back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from ..places import Location
from ..records import replace
from ..syntax.nodes import Expr, Module, Ref, Term, Var
from .visit import Rewriter, kept

_NONE: Final[Mapping[str, Location]] = MappingProxyType({})


class SharedHeads:
    """The shared heads of all modules, each known by its place, which is one object for all of them.

    ``own`` are those of packages, by module, ``imported`` those of imports. Without any, nothing is shared and nothing
    done.
    """

    def __init__(self, own: Mapping[str, Location] = _NONE, imported: Iterable[Location] = ()) -> None:
        self._modules = own
        self._own = {id(place): place for place in own.values()}
        self._all = self._own | {id(place): place for place in imported}
        self._names: dict[int, str] = {}

    def now(self, term: Term) -> Term:
        """The head of a reference as it is by now."""
        name = self._names.get(id(term.loc)) if self._names else None
        return replace(term, name=name) if name is not None and isinstance(term, Var) else term

    def shares(self, head: Term) -> bool:
        """Whether a head is one of several references."""
        return id(head.loc) in self._all

    def renamed(self, head: Term, made: Term) -> None:
        """A head has got another name: so have all that share it."""
        if made is not head and isinstance(made, Var) and self.shares(head):
            self._names[id(head.loc)] = made.name

    def copied(self, term: Term) -> Term:
        """A copy that shares nothing any more."""
        return _Heads(self, apart=True).term(term) if self._all else term

    def copied_expr(self, expr: Expr) -> Expr:
        """A copy that shares nothing any more."""
        return _Heads(self, apart=True).expr(expr) if self._all else expr

    def renamed_packages(self) -> frozenset[str]:
        """The modules whose package has got another name for ``data``, and counts for another one until it is back."""
        return frozenset(name for name, place in self._modules.items() if id(place) in self._names)

    def applied(self, modules: Mapping[str, Module]) -> dict[str, Module]:
        """Modules in which every shared head has its name."""
        return _changed(modules, _Heads(self)) if self._names else dict(modules)

    def written_back(self, modules: Mapping[str, Module], original: Mapping[str, str]) -> dict[str, Module]:
        """Modules in which the heads of the package have the names that they had; ``original`` maps names to those."""
        back = SharedHeads(self._modules)
        for at, name in self._names.items():
            if at in self._own:
                back._names[at] = original.get(name, name)
        return back.applied(modules)


class _Heads(Rewriter):
    """Gives heads the names that they have; ``apart``: and places of their own."""

    def __init__(self, heads: SharedHeads, *, apart: bool = False) -> None:
        self.heads = heads
        self.apart = apart

    def term(self, term: Term) -> Term:
        """A term with the heads of its references."""
        made = super().term(term)
        if not isinstance(made, Ref):
            return made
        head = self.heads.now(made.terms[0])
        if self.apart and self.heads.shares(head):
            place = Location()
            place.follow(head.loc)
            head = replace(head, loc=place)
        return made if head is made.terms[0] else replace(made, terms=(head, *made.terms[1:]))


def _changed(modules: Mapping[str, Module], change: Rewriter) -> dict[str, Module]:
    return {k: replace(m, rules=kept(m.rules, [change.rule(r) for r in m.rules])) for k, m in modules.items()}
