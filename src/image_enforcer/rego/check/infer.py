"""Types: placeholder interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import TYPE_ERROR, Location, Problem
from ..syntax.nodes import Body, Term
from ..types import ANY, FunctionType, Type
from .documents import RuleTree


class TypeEnv:
    """What is known of types."""

    def __init__(self, tree: RuleTree) -> None:
        self.tree = tree


def term_type(env: TypeEnv | None, term: Term) -> Type | None:
    return ANY


def argument_problem(loc: Location, name: str, message: str, have: Sequence[Type | None], want: FunctionType) -> Problem:
    return Problem(TYPE_ERROR, f"{name}: {message}", loc)


def check_rule_types(env: TypeEnv, tree: RuleTree, original: Mapping[str, str]) -> list[Problem]:
    return []


def check_query_types(env: TypeEnv, body: Body, original: Mapping[str, str]) -> list[Problem]:
    return []
