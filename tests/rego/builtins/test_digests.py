"""Digests: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'crypto.sha256("a")': '"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"',
    'crypto.md5("a")': '"0cc175b9c0f1b6a831c399e269772661"',
    'crypto.hmac.sha512("a", "k")': (
        '"82e0c15e0d62ab17984bea225bf7d28ad54f343dd6520c283c3a2cd43852a2f79c349cc9b7583317399ee38d722489'
        'b45a942667e55bc38c42a5bb203c0900c7"'
    ),
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]
