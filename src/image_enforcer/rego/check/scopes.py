"""Names of local variables: those that are made up, what written ones have become in the scopes around a place.

What is left by its written name until all of a scope is known is renamed afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from ..records import field, record, replace
from ..syntax.nodes import Ref, Term, Var
from .shared_heads import SharedHeads
from .visit import Rewriter


class Names:
    """Generates ``__localN__``, leaving out names that occur in the text; ``terms`` has what some of them stand for."""

    def __init__(self, taken: set[str], suffix: str = "") -> None:
        self.taken = taken
        self.suffix = suffix
        self.numbers = count()
        self.terms: dict[str, Term] = {}

    def fresh(self) -> str:
        """A new name."""
        while True:
            name = f"__local{self.suffix}{next(self.numbers)}__"
            if name not in self.taken:
                return name


@record(slots=True)
class Scope:
    """What is known of names in one body: their new name, how they came up, how often they were used."""

    names: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)


class Scopes:
    """The scopes around the place at hand, the innermost last; ``original`` maps new names to written ones."""

    def __init__(self) -> None:
        self.stack: list[Scope] = []
        self.original: dict[str, str] = {}

    def insert(self, name: str, new: str, how: str) -> None:
        """A name of the innermost scope: what it becomes, and how it came up."""
        scope = self.stack[-1]
        scope.names[name] = new
        scope.how[name] = how
        scope.uses[name] = 1 if how == "seen" else 0
        if new != name:
            self.original[new] = name

    def declared(self, name: str) -> str | None:
        """What a name has become in the innermost scope that knows it; None where none does."""
        for scope in reversed(self.stack):
            if name in scope.names:
                return scope.names[name]
        return None

    def taken(self, name: str) -> str | None:
        """The same of a name that is declared, by more than having been seen."""
        for scope in reversed(self.stack):
            how = scope.how.get(name)
            if how is not None and how != "seen":
                return scope.names[name]
        return None

    def use(self, name: str) -> None:
        """Count a use of a name."""
        for scope in reversed(self.stack):
            if name in scope.names:
                scope.uses[name] = scope.uses.get(name, 0) + 1
                return


class Renamed(Rewriter):
    """Terms with the new names of one scope, which are found out later than the terms."""

    def __init__(self, names: Mapping[str, str], heads: SharedHeads | None = None) -> None:
        self.names = names
        self.heads = heads or SharedHeads()

    def term(self, term: Term) -> Term:
        """A term with its variables renamed."""
        match term:
            case Var(name):
                new = self.names.get(name, name)
                return term if new == name else Var(new, term.loc)
            case Ref((Var(name),)) if self.names.get(name, name) != name:
                return Var(self.names[name], term.loc)
            case Ref():
                return self.operator(term)
            case _:
                return super().term(term)

    def operator(self, operator: Ref) -> Ref:
        """A reference; what is called is, as in OPA, by a new name an undefined function."""
        head = self.heads.now(operator.terms[0])
        made = self.term(head)
        self.heads.renamed(head, made)
        return replace(operator, terms=(made, *(self.term(t) for t in operator.terms[1:])))
