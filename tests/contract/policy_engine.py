"""What every policy engine does, as one suite: each adapter's tests derive from it and say how to start one.

``POLICY`` is what the engine has loaded; a fake that evaluates nothing gives the answers that it would have.
"""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

from image_enforcer.ports.policy import (
    Answered,
    Exceeded,
    Failed,
    Outcome,
    PolicyEngine,
    Revision,
    Undefined,
    Unreachable,
)
from image_enforcer.rego import RegoError, from_json, to_json

PACKAGE = "contract"
POLICY = """package contract

verify := {"kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "status": {"allowed": true}}

echo := input

no := false

nothing := null

never if input.never

two := 1 if input.spec

two := 2 if input.spec

collection := {3, "b", 1, null, {2}}

keys := {[1, "<a>"]: 1, true: 2, null: 3, 1.50: 4, {"b", "a"}: 5, {"k": 1}: 6, 1: 7, "1": 8, {}: 9}

text := "ünï <&> 画像 \\u2028 😀 \\u0000"

large := numbers.range(1, 100000)

endless := count([1 | r := numbers.range(1, 20000); some a in r; some b in r; a * b == -1])

sometimes := endless if input.endless

sometimes := 1 if not input.endless
"""
KEYS = {"1": 8, "1.50": 4, '["a","b"]': 5, '[1,"\\u003ca\\u003e"]': 1, "null": 3, "true": 2, '{"k":1}': 6, "{}": 9}
TEXT = "ünï <&> 画像 \u2028 😀 \x00"
NUMBERS = "[0,-1,12345678901234567890123456789,0.1,1.10,1e3,1E-7,123456789.123456789123456789,9007199254740993]"
REVIEW = {
    "kind": "ImageReview",
    "apiVersion": "imagepolicy.k8s.io/v1alpha1",
    "metadata": {},
    "spec": {"containers": [{"image": "nginx:1"}], "namespace": "production"},
    "status": {"allowed": False},
}


class Engines(Protocol):
    """Gives an engine whose entry point is a rule of ``POLICY``; ``seconds`` is its own limit."""

    def __call__(self, rule: str, seconds: float = 30.0) -> PolicyEngine: ...


@contextmanager
def closing() -> Iterator[list[Any]]:
    """A list of engines; those that hold connections close them in the end."""
    engines: list[Any] = []
    try:
        yield engines
    finally:
        for engine in engines:
            if hasattr(engine, "close"):
                engine.close()


def encode(document: Any) -> bytes:
    """A document as JSON, as the adapter to OPA wants it."""
    try:
        return to_json(document).encode()
    except RegoError as e:
        raise ValueError(str(e)) from None


def ask(engine: PolicyEngine, document: Any = REVIEW, seconds: float | None = None) -> Outcome:
    """The outcome alone."""
    return engine.decide(document, seconds)[0]


class PolicyEngineContract:
    """Derive from it with a fixture ``engines``."""

    def test_an_answer(self, engines: Engines) -> None:
        assert ask(engines("verify")) == Answered(
            {"kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "status": {"allowed": True}}
        )

    def test_false_and_null_are_answers(self, engines: Engines) -> None:
        found = ask(engines("no"))
        assert isinstance(found, Answered)
        assert found.value is False
        assert ask(engines("nothing")) == Answered(None)

    def test_undefined_for_the_input(self, engines: Engines) -> None:
        found = ask(engines("never"))
        assert isinstance(found, Undefined)
        assert "contract.never" in found.text
        assert not found.no_policy

    def test_no_policy_defines_it(self, engines: Engines) -> None:
        found = ask(engines("nowhere"))
        assert isinstance(found, Undefined)
        assert "contract.nowhere" in found.text
        assert found.no_policy

    def test_an_error_of_the_policy(self, engines: Engines) -> None:
        found = ask(engines("two"))
        assert isinstance(found, Failed)
        assert "eval_conflict_error" in found.text

    def test_its_own_limit(self, engines: Engines) -> None:
        found = ask(engines("endless", seconds=0.2))
        assert isinstance(found, Exceeded)
        assert found.time
        assert found.text

    def test_a_question_may_shorten_the_limit(self, engines: Engines) -> None:
        found = ask(engines("endless", seconds=2.0), seconds=0.2)
        assert isinstance(found, Exceeded)
        assert found.time

    def test_a_question_never_lengthens_the_limit(self, engines: Engines) -> None:
        assert isinstance(ask(engines("endless", seconds=0.2), seconds=3600.0), Exceeded)

    def test_after_trouble_it_answers_as_before(self, engines: Engines) -> None:
        engine = engines("sometimes")
        for _ in range(2):
            assert isinstance(ask(engine, {"endless": True}, seconds=0.2), Exceeded)
            assert ask(engine, {}) == Answered(1)

    def test_sets_are_arrays(self, engines: Engines) -> None:
        found = ask(engines("collection"))
        assert isinstance(found, Answered)
        assert type(found.value) is list
        assert to_json(found.value) == '[null,1,3,"b",[2]]'

    def test_keys_are_json_text(self, engines: Engines) -> None:
        assert ask(engines("keys")) == Answered(KEYS)

    def test_text_of_any_kind(self, engines: Engines) -> None:
        assert ask(engines("text")) == Answered(TEXT)
        document = {TEXT: [TEXT]}
        assert ask(engines("echo"), document) == Answered(document)

    def test_numbers_come_back_as_they_were_sent(self, engines: Engines) -> None:
        found = ask(engines("echo"), {"numbers": from_json(NUMBERS)})
        assert isinstance(found, Answered)
        assert to_json(found.value) == f'{{"numbers":{NUMBERS}}}'

    def test_large_answers(self, engines: Engines) -> None:
        assert ask(engines("large")) == Answered(list(range(1, 100_001)))

    @pytest.mark.parametrize("document", [None, True, 7, "x", [], {}, [[]], {"spec": None}, {"": ""}])
    def test_documents_that_are_no_reviews(self, engines: Engines, document: Any) -> None:
        assert ask(engines("echo"), document) == Answered(document)

    def test_deep_documents(self, engines: Engines) -> None:
        document = from_json("[" * 500 + "]" * 500)
        found = ask(engines("echo"), document)
        assert isinstance(found, Answered | Failed | Exceeded)
        assert not isinstance(found, Answered) or found.value == document

    def test_a_document_is_left_as_it_was(self, engines: Engines) -> None:
        document = from_json(to_json(REVIEW))
        ask(engines("echo"), document)
        assert document == REVIEW

    def test_what_an_answer_rests_on(self, engines: Engines) -> None:
        engine = engines("echo")
        before = engine.revision()
        assert isinstance(before, Revision)
        assert before.policy
        assert before.data
        assert [engine.decide(REVIEW)[1] for _ in range(3)] == [before] * 3

    def test_ready_and_reload(self, engines: Engines) -> None:
        engine = engines("echo")
        assert engine.ready() == ""
        assert engine.reload() == ""
        assert engine.ready() == ""
        assert ask(engine) == Answered(REVIEW)

    def test_eight_threads_at_once(self, engines: Engines) -> None:
        engine = engines("echo")
        documents = [{"number": i, "ballast": "x" * random.Random(i).randrange(20_000)} for i in range(200)]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda document: ask(engine, document), documents)) == [
                Answered(document) for document in documents
            ]

    def test_every_outcome_has_a_text(self, engines: Engines) -> None:
        for rule in ("never", "nowhere", "two"):
            found = ask(engines(rule))
            assert isinstance(found, Undefined | Failed | Exceeded | Unreachable)
            assert found.text
