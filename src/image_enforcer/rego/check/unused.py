"""Variables that a body declares and never uses: what is said of them, when everything else about it is in order."""

from __future__ import annotations

from ..errors import COMPILE_ERROR, Problem
from ..places import Location
from ..syntax.nodes import Body
from .resolve import declared
from .scopes import Scopes
from .visit import variables


def unused(scopes: Scopes, body: Body, made: Body, used: set[str], *, strict: bool) -> list[Problem]:
    """What is wrong in the body of the innermost scope; ``made`` is that body rewritten, ``used`` are names around it.

    As in OPA what is assigned counts in strict mode alone, and then hides what is declared by ``some``.
    """
    scope = scopes.stack[-1]
    found: list[Problem] = []
    places = _places(body)
    if strict:
        found.extend(
            Problem(COMPILE_ERROR, f"assigned var {name} unused", places.get(name, body[0].loc))
            for name, how in scope.how.items()
            if how == "assigned" and not scope.uses.get(name) and name not in used and not name.startswith("$")
        )
    names = [n for n, how in scope.how.items() if how == "declared" and not n.startswith("$")]
    if names and not found:
        there = {scopes.declared(v) or v for v in used} | set(variables(made))
        found.extend(
            Problem(COMPILE_ERROR, f"declared var {name} unused", places.get(name, body[0].loc))
            for name in sorted(names, key=lambda n: _number(scope.names[n]))
            if scope.names[name] not in there and name not in used
        )
    return found


def _places(body: Body) -> dict[str, Location]:
    """Where each name of a body is declared first."""
    places: dict[str, Location] = {}
    for expr in body:
        for name in declared((expr,)):
            places.setdefault(name, expr.loc)
    return places


def _number(name: str) -> int:
    digits = "".join(c for c in name if c.isdigit())
    return int(digits) if digits else -1
