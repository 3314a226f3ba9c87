"""What is wanted of a function where its result is written out: a value, or a pattern with variables to be bound.

OPA compares it with the value in the head of each rule before it looks at the rule's body. So a function has a form of
its own for each pattern, whose rules begin with that: a rule, or an ``else`` branch, that cannot give what is wanted is
passed over as if it were not there.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from ..records import record
from ..syntax import nodes as ast
from ..syntax.printer import term_text
from .unification import stands_for

if TYPE_CHECKING:
    from .bodies import BodyPlanner

GIVEN: Final = "v"
"""Begins the marks of forms of functions of which a value is wanted."""


@record(frozen=True, slots=True)
class Wanted:
    """What is wanted: a term in which ``names`` stand for what the caller knows, and other variables for the rest."""

    term: ast.Term
    names: tuple[str, ...]
    text: str

    def mark(self) -> str:
        """The same name in every process, for code is kept on disk: part of the names of functions."""
        return GIVEN + sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def wanted_of(planner: BodyPlanner, term: ast.Term) -> tuple[Wanted, list[ast.Term]]:
    """A result as it is written, without what is peculiar to the caller; and the terms that its names stand for.

    The names are none that a policy can write.
    """
    parts: list[ast.Term] = []
    free: dict[str, ast.Var] = {}

    def named(part: ast.Term) -> ast.Term:
        parts.append(part)
        return ast.Var(f"part {len(parts) - 1}")

    def shape(part: ast.Term) -> ast.Term:
        match part:
            case _ if planner.known(part):
                return named(part)
            case ast.Var(name):
                standing = stands_for(planner, part)
                return free.setdefault(name, ast.Var(f"free {len(free)}")) if standing is part else shape(standing)
            case ast.Array(items):
                return ast.Array(tuple(map(shape, items)))
            case ast.Object(pairs):
                return ast.Object(tuple((k if isinstance(k, ast.Scalar) else shape(k), shape(v)) for k, v in pairs))
            case ast.Set(items):
                return ast.Set(tuple(map(shape, items)))
            case _:
                return named(part)

    made = shape(term)
    names = tuple(f"part {i}" for i in range(len(parts)))
    return Wanted(made, names, term_text(made)), parts
