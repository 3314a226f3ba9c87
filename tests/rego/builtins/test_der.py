"""DER as Go's certificate parser reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins import der
from image_enforcer.rego.builtins.asn1_structures import Asn1Fault, Part, read
from image_enforcer.rego.builtins.der import Bits, Reader


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("020100", 0),
        ("0201ff", -1),
        ("02020080", 128),
        ("0202007f", None),
        ("0202ffff", None),
        ("0200", None),
        ("02", None),
    ],
)
def test_integers(data: str, value: int | None) -> None:
    assert Reader(bytes.fromhex(data)).integer() == value


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        ("048180" + "00" * 128, True), ("047f" + "00" * 127, True), ("04817f" + "00" * 127, False),
        ("04820080" + "00" * 128, False), ("0480", False), ("048501", False), ("0402ff", False), ("1f0100", False),
    ],
)  # fmt: skip
def test_lengths_are_the_shortest(data: str, whole: bool) -> None:
    assert (Reader(bytes.fromhex(data)).any() is not None) is whole


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("06032a0304", (1, 2, 3, 4)), ("0603550403", (2, 5, 4, 3)), ("06028837", (2, 999)), ("060180", None),
        ("06032a8001", None), ("06072a8fffffffff7f", None), ("0600", None), ("06062affffffff7f", None),
    ],
)  # fmt: skip
def test_object_identifiers(data: str, parts: tuple[int, ...] | None) -> None:
    assert Reader(bytes.fromhex(data)).object_id() == parts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("200101000000Z", "2020-01-01T00:00:00Z"), ("2001010000Z", "2020-01-01T00:00:00Z"),
        ("490101000000Z", "2049-01-01T00:00:00Z"), ("500101000000Z", "1950-01-01T00:00:00Z"),
        ("200101000000+0130", "2020-01-01T00:00:00+01:30"), ("200101000000+0000", None), ("200230000000Z", None),
        ("200101240000Z", None), ("200101000000", None),
    ],
)  # fmt: skip
def test_short_times(text: str, shown: str | None) -> None:
    found = der.utc_time(text.encode())
    assert (found and found.text) == shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("19700101000000Z", 0), ("00000101000000Z", -62167219200), ("20240229235959+0100", 1709247599)],
)
def test_long_times(text: str, seconds: int) -> None:
    found = der.generalized_time(text.encode())
    assert found is not None
    assert found.ns == seconds * 1_000_000_000


def test_bits() -> None:
    bits = Reader(bytes.fromhex("030204f0")).bits()
    assert bits == Bits(b"\xf0", 4)
    assert bits.aligned() == b"\x0f"
    assert [bits.at(i) for i in (0, 3, 4, 9)] == [True, True, False, False]
    assert Reader(bytes.fromhex("030204f8")).bits() is None
    assert Reader(bytes.fromhex("030108")).bits() is None


@given(st.binary(max_size=60))
def test_any_bytes_end(data: bytes) -> None:
    for read_one in (Reader.any, Reader.integer, Reader.object_id, Reader.bits, Reader.time, Reader.boolean):
        read_one(Reader(data))


PAIR = Part(
    "struct", "pair", (Part("int"), Part("octets", optional=True), Part("oid", explicit=True, optional=True, tag=1))
)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("", "asn1: syntax error: sequence truncated"),
        ("30", "asn1: syntax error: truncated tag or length"),
        ("3003020101", None),
        ("30030401", "asn1: syntax error: data truncated"),
        ("3003040100", "asn1: structure error: tags don't match (2 vs {class:0 tag:4 length:1 isCompound:false})"),
        ("3080", "asn1: syntax error: indefinite length found (not DER)"),
        ("30810100", "asn1: structure error: non-minimal length"),
        ("3004020200ff", None),
        ("300402020001", "asn1: structure error: integer not minimally-encoded"),
        ("300a020101a10506032a0304", None),
        ("3005020101a100", "asn1: structure error: explicit tag has no child"),
        ("3007020101a1000500", "asn1: structure error: zero length explicit tag was not an asn1.Flag"),
    ],
)
def test_structures(data: str, fault: str | None) -> None:
    if fault is None:
        read(bytes.fromhex(data), PAIR)
    else:
        with pytest.raises(Asn1Fault) as caught:
            read(bytes.fromhex(data), PAIR)
        assert str(caught.value).startswith(fault)


@given(st.binary(max_size=60))
def test_structures_of_any_bytes(data: bytes) -> None:
    anything = Part("sequence", parts=(Part("struct", "s", (Part("any"), Part("raw", optional=True))),))
    for part in (PAIR, anything):
        try:
            read(data, part)
        except Asn1Fault as fault:
            text = str(fault)
            assert text.startswith(("asn1: ", "invalid BMPString", "parsing time"))
