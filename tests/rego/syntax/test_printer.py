"""Printing: what is printed reads as the same term."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from image_enforcer.rego.check.visit import walk
from image_enforcer.rego.syntax import parse_query
from image_enforcer.rego.syntax.nodes import Array, Call, CallExpr, Object, Ref, Scalar, Set, Term, Var
from image_enforcer.rego.syntax.printer import body_text, source_text, term_text
from image_enforcer.rego.values import Num

words = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).map(lambda w: "v_" + w)
texts = st.text(st.characters(categories=["L", "N", "P", "S"], include_characters=' \n\t"\\'), max_size=12)
"""As in OPA, characters that cannot be seen are printed as Go writes them, which is not how Rego reads them."""
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    texts,
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000).map(
        lambda d: Num(str(d))
    ),
).map(Scalar)
variables = words.map(Var)
operators = st.sampled_from(["plus", "minus", "mul", "div", "rem", "lt", "gte", "equal", "neq", "and"])


def composites(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    steps = st.lists(st.one_of(inner, texts.map(Scalar)), min_size=1, max_size=3)
    items = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(
        items.map(Array),
        st.lists(inner, max_size=1).map(lambda one: Set(tuple(one))),
        # A key that is written again is one key, and printed once. (Where a list is told to be unique, and has to be
        # drawn again, the library writes down how it was made: too much for terms within terms.)
        st.lists(st.tuples(inner, inner), max_size=3).map(
            lambda pairs: Object(tuple({term_text(pair[0]): pair for pair in pairs}.values()))
        ),
        st.builds(lambda head, rest: Ref((head, *rest)), variables, steps),
        st.builds(lambda name, a, b: Call(Ref((Var(name),)), (a, b)), operators, inner, inner),
        st.builds(lambda name, args: Call(Ref((name,)), args), variables, items),
    )


terms = st.recursive(st.one_of(scalars, variables), composites, max_leaves=12)


def _shown_otherwise(ref: Ref) -> bool:
    """Whether a step is not shown as it is written: OPA shows strings without escapes, and puts keys in order."""
    raw = any(isinstance(t, Scalar) and isinstance(t.value, str) and set(t.value) & set('"\\\n\t') for t in ref.path)
    return raw or any(isinstance(x, Object) and len(x.pairs) > 1 for t in ref.path for x in walk(t))


def read(text: str) -> Term:
    (expr,) = parse_query(f"x = {text}")
    assert isinstance(expr.terms, CallExpr)
    return expr.terms.args[1]


@given(terms)
def test_source_text_reads_as_the_same_term(term: Term) -> None:
    assume(not any(isinstance(x, Ref) and _shown_otherwise(x) for x in walk(term)))
    assert read(term_text(term, infix=True)) == term


@pytest.mark.parametrize(
    ("text", "shown"), [("{k, k}", "{k}"), ("{1, k, 1}", "{1, k}"), ('{"a": 1, "b": 2, "a": 3}', '{"a": 3, "b": 2}')]
)
def test_what_is_written_twice_is_printed_once(text: str, shown: str) -> None:
    assert term_text(read(text)) == shown


@given(terms)
def test_printing_what_was_read_changes_nothing(term: Term) -> None:
    assume(not any(isinstance(x, Ref) and _shown_otherwise(x) for x in walk(term)))
    once = term_text(term)
    assert term_text(read(once)) == once


@pytest.mark.parametrize(
    "text",
    [
        "[x | x := input.a[_]; not x > 1]", "{k: v | some k, v in input}", "{x | every y in x { y }}",
        "a.b[c].d(1)[2]", '$"a {b} \\{c} {1 + 2}"', "x in {1, 2}", "f(x, y) with input as {1: 2}",
    ],
)  # fmt: skip
def test_source_of_expressions_reads_as_the_same(text: str) -> None:
    (expr,) = parse_query(text)
    (again,) = parse_query(source_text(expr))
    assert body_text((again,)) == body_text((expr,))
