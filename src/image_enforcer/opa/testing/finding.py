"""Which rules are tests, in the order in which they are run: by file, then as they stand in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...rego import Policy
from ...rego.check.test_rules import PREFIX, SKIPPED, name_of_test
from ...rego.syntax.nodes import Ref, Rule, Scalar, Term, Var
from ...rego.syntax.printer import term_text


@dataclass(frozen=True, slots=True)
class UnitTest:
    """A rule that is a test. ``package`` and ``name`` are told, ``query`` asks for it."""

    rule: Rule
    package: str
    name: str
    query: str
    skipped: bool = False
    cases: bool = False
    """Whether it is a table of cases, each told apart."""


class BadPattern(Exception):
    """A regular expression that is none."""


def find_tests(policy: Policy, pattern: str = "") -> list[UnitTest]:
    """The tests of a policy that was compiled for tests; those whose full name the pattern finds something in.

    Raises :class:`BadPattern`.
    """
    wanted = _compiled(pattern) if pattern else None
    return [t for t in _tests(policy) if wanted is None or wanted.search(t.query)]


def _compiled(pattern: str) -> Any:
    from ...rego.builtins.regex import compiled
    from ...rego.errors import BuiltinError

    try:
        return compiled(pattern)
    except BuiltinError as e:
        raise BadPattern(str(e)) from None


def _tests(policy: Policy) -> Iterator[UnitTest]:
    for module in policy.compiled.values():
        package = module.package.path
        for rule in module.rules:
            name, size = name_of_test(rule.head)
            if not name.startswith((PREFIX, SKIPPED)):
                continue
            terms = rule.head.ref.terms[:size]
            yield UnitTest(
                rule,
                term_text(package),
                term_text(Ref(terms)) if size > 1 else name,
                term_text(Ref((*package.terms, *_steps(terms)))),
                name.startswith(SKIPPED),
                _has_cases(rule),
            )


def _steps(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    return tuple(Scalar(t.name, t.loc) if isinstance(t, Var) else t for t in terms)


def _has_cases(rule: Rule) -> bool:
    """Whether a rule gives an object whose keys it finds out."""
    if rule.head.args is not None or rule.head.value is None:
        return False
    return any(not isinstance(t, Scalar) for t in rule.head.ref.terms[1:])
