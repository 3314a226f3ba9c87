"""Digests: parsed, made and checked."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.analysis.digest import BadDigest, Check, of, parse

ALGORITHMS = ["sha256", "sha384", "sha512"]


@given(st.binary(), st.sampled_from(ALGORITHMS))
def test_what_is_made_is_parsed_and_checked(content: bytes, algorithm: str) -> None:
    digest = of(content, algorithm)
    assert parse(digest) == digest == f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    check = Check(digest)
    for i in range(0, len(content), 7):
        check.add(content[i : i + 7])
    assert check.holds
    assert check.found == digest
    check.add(b"!")
    assert not check.holds


HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        "", HEX, f"sha256:{HEX[1:]}", f"sha256:{HEX}0", f"sha256:{HEX.upper()}", f"SHA256:{HEX}", f"md5:{HEX}",
        f"sha512:{HEX}", f"sha256:{HEX}\n", f" sha256:{HEX}", f"sha256:{HEX}@", f"sha256-{HEX}", None, 7,
        b"sha256:" + b"0" * 64,
        "sha256:" + "٣" * 64,
    ],
)  # fmt: skip
def test_what_is_no_digest(text: object) -> None:
    with pytest.raises(BadDigest) as caught:
        parse(text)
    assert str(caught.value).isprintable()


@given(st.text() | st.binary() | st.none() | st.integers())
def test_anything_is_a_digest_or_a_named_error(text: object) -> None:
    try:
        found = parse(text)
    except BadDigest:
        return
    assert found == text
