"""Packed objects are the plain objects with the same members, to everything that reads or changes them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.opa import trees
from image_enforcer.opa.errors import OpaError
from image_enforcer.rego import packed
from image_enforcer.rego.json_text import LARGE_DOCUMENT, as_written, from_json, packed_from_json, to_json
from image_enforcer.rego.packed import GONE, Branch, Packed, branched, whole
from image_enforcer.rego.values import equal

KEYS = st.sampled_from(["a", "b", "c", "0", "1", "-", "ü", "", "a/b", "system"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2, allow_nan=False) | KEYS
DOCUMENTS = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, DOCUMENTS, max_size=5)


def both(document: Any) -> tuple[Any, Any]:
    """A document plain, and with everything packed that can be."""
    text = json.dumps(document)
    return from_json(text), packed_from_json(text, least=1)


def test_only_large_documents_are_packed() -> None:
    text = json.dumps({"layers": {f"layer {i}": {"number": i} for i in range(100)}})
    assert type(packed_from_json(text)) is dict
    large = json.dumps(
        {"few": {"a": 1}, "layers": {str(i): {"text": "x" * 1000} for i in range(LARGE_DOCUMENT // 1000)}}
    )
    found = packed_from_json(large)
    assert type(found) is Branch
    assert type(found["few"]) is dict
    assert type(found["layers"]) is Packed
    assert whole(found) == from_json(large)


@given(OBJECTS)
def test_reads_as_the_plain_object(document: Any) -> None:
    plain, packed = both(document)
    assert equal(plain, packed)
    assert equal(packed, plain)
    assert to_json(packed) == to_json(plain)
    assert to_json(packed, 2) == to_json(plain, 2)
    assert len(packed) == len(plain)
    assert sorted(packed) == sorted(plain)
    for k in (*plain, "missing", 1, None):
        assert (k in packed) == (k in plain)
        assert equal(whole(packed.get(k, "none")), plain.get(k, "none"))
    assert {k: whole(v) for k, v in packed.items()} == plain
    assert equal(whole(packed), plain)
    assert to_json(packed) == to_json(plain)


@pytest.mark.parametrize(
    "text",
    ['{"a":1.50,"b":-0,"c":1e3,"d":123456789012345678901234567890,"e":1.0}',
     '{"a":{"x":1},"a":{"y":2}}', '{"\\u0061":1,"\\ud83d\\ude00":"\\ud83d\\ude00"}', '{"a":"\\ud800"}', '{"\\ud800":1}',
     ' {"a" : [ 1 , {"b":{ }} ] } ', "[]", "[{}]", "1", '"a"', "{}"],
)  # fmt: skip
def test_texts_that_are_more_than_one_spelling(text: str) -> None:
    assert to_json(packed_from_json(text, least=1)) == to_json(from_json(text))


@pytest.mark.parametrize(
    "text",
    ['{"a":1', '{"a":{"b":tru}}', '{"a":{"b":1,}}', '{"a":{"b":01}}', '{"a" 1}', '{"a":{"b":"\\x"}}', '{"a":1}}', "",
     '{"a":{"b":[1,2}}', '{"a":{"b":1e999999}}', '{"a":{1:2}}', '{"a":{"b":"\n"}}', '{"a":' * 600 + "1" + "}" * 600],
)  # fmt: skip
def test_what_is_wrong_is_said_at_once_and_in_the_same_words(text: str) -> None:
    with pytest.raises(ValueError) as plain:
        from_json(text)
    with pytest.raises(ValueError) as found:
        packed_from_json(text, least=1)
    assert str(found.value) == str(plain.value)


PATHS = st.lists(KEYS | st.sampled_from(["x", "2"]), min_size=0, max_size=4).map(tuple)
OPERATIONS = st.lists(st.tuples(st.sampled_from(["add", "replace", "remove", "parents"]), PATHS, DOCUMENTS), max_size=8)


def outcome(root: Any, operation: str, path: tuple[str, ...], value: Any) -> tuple[Any, str]:
    """The tree after an operation, or before it and why it failed."""
    try:
        match operation:
            case "add":
                return trees.added(root, path, value), ""
            case "replace":
                return trees.replaced(root, path, value), ""
            case "remove":
                return trees.removed(root, path), ""
        return trees.with_parents(root, path), ""
    except OpaError as error:
        return root, f"{type(error).__name__} {error}"


@given(OBJECTS, OPERATIONS, st.sampled_from([1, 2, 1000]), st.sampled_from([1, 2, 4096]))
@settings(max_examples=300)
def test_writes_come_to_the_same(
    document: Any, operations: list[tuple[str, tuple[str, ...], Any]], changes: int, many: int
) -> None:
    plain, some = both(document)
    some = branched(dict(some.items()) if isinstance(some, Packed) else some)
    before = to_json(plain)
    first = some
    limits = packed.MOST_CHANGES, trees.MANY
    packed.MOST_CHANGES, trees.MANY = changes, many  # type: ignore[misc]  # small ones are met in small trees
    try:
        for operation, path, value in operations:
            value_plain, value_packed = both({"v": value})
            plain, why = outcome(plain, operation, path, value_plain["v"])
            some, why_packed = outcome(some, operation, path, value_packed["v"])
            assert why_packed == why
            assert to_json(some) == to_json(plain)
            assert equal(whole(some), plain)
            assert trees.exists(some, path) == trees.exists(plain, path)
            assert trees.occupied(some, path) == trees.occupied(plain, path)
    finally:
        packed.MOST_CHANGES, trees.MANY = limits  # type: ignore[misc]
    assert to_json(first) == before


def test_every_object_above_a_packed_one_is_a_branch() -> None:
    root = trees.added({"a": {"b": {}}}, ("a", "b", "c"), packed_from_json('{"x":{"y":1}}', least=1))
    assert type(root) is type(root["a"]) is type(root["a"]["b"]) is Branch
    assert whole(root) == {"a": {"b": {"c": {"x": {"y": 1}}}}}


def test_a_write_shares_what_it_does_not_change() -> None:
    packed_object = packed_from_json(json.dumps({str(i): {"n": i} for i in range(100)}), least=1)
    assert isinstance(packed_object, Packed)
    after = packed_object.changed({"7": "seven", "8": GONE, "new": 1})
    assert len(packed_object) == len(after) == 100
    assert packed_object["7"] == packed_object["7"]
    assert after["7"] == "seven"
    assert "8" not in after
    assert "8" in packed_object
    with pytest.raises(KeyError):
        after["8"]
    assert after.members is packed_object.members


def test_what_is_decoded_is_bounded() -> None:
    packed_object = packed_from_json(json.dumps({str(i): {"n": "x" * 1000} for i in range(100)}), least=1)
    assert isinstance(packed_object, Packed)
    members = packed_object.members
    members.room = members.left = 5_000
    for _ in range(2):
        for k in packed_object:
            assert whole(packed_object[k]) == {"n": "x" * 1000}
            assert len(members.recent) + len(members.old) < 12


POLICY = """package p
import data.d
count_ := count(data.d)
all_ := data.d
one := data.d[input.k]
deep := data.d[input.k][input.l]
keys contains k if some k, _ in data.d
pairs contains [k, v] if some k, v in data.d
values contains v if some v in data.d
scan contains [k, l] if data.d[k][l]
inner contains [x, y] if data.d[x][y] == input.v
objects := [k | some k; is_object(data.d[k])]
default_ := object.get(data.d, input.k, "none")
at := object.get(data.d, [input.k, input.l], "none")
names := object.keys(data.d)
joined := object.union(data.d, {"a": {"new": 1}})
has if input.v in data.d
has_key if input.k, input.v in data.d
every_ if every k, v in data.d { k != "c"; v != 3 }
walked := [[path, value] | walk(data.d, [path, value])]
same if data.d == data.e
order := data.d < data.e
text := json.marshal(data.d)
removed := json.remove(data.d, ["/a"])
filtered := json.filter(data.d, ["a/b", "c"])
patched := json.patch(data.d, [{"op": "add", "path": "/new", "value": 1}])
type_ := type_name(data.d)
in_set := {data.d, data.e}
as_key := {data.d: 1}
printed := sprintf("%v", [data.d])
sorted_ := sort([data.d, data.e])
held := {"x": data.d, "y": [data.e]}
fn(x) := x.a
called := fn(data.d)
other := x if x := all_ with data.d.a as 1
hidden := x if x := all_ with data.d as {"z": data.e}
below := x if x := data.d[input.k] with data.d.a as {"w": 1}
grafted := x if x := data.d.a.b with data.d.a.b as 7
unrelated := x if x := data.d[input.k] with data.f as 1
equalled if data.d.a == {"b": input.v}
took := x if {"a": x} = data.d
else_ := data.d.a.b
num := data.d[0]
array_ := [v | v := data.d[_]]
"""


@cache
def compiled() -> rego.Query:
    return rego.compile_modules({"p.rego": POLICY}).prepare("data.p")


@cache
def compiled_whole() -> rego.Query:
    return rego.compile_modules({"q.rego": "package d.q\nr := 1"}).prepare("x = data; y = data[k]; z = data.d[l]")


compiled()  # before hypothesis looks at how deep calls may nest, which compiling changes
compiled_whole()


@given(OBJECTS, OBJECTS, KEYS, KEYS, DOCUMENTS)
@settings(max_examples=150)
def test_policies_cannot_tell(d: Any, e: Any, k: str, l: str, v: Any) -> None:  # noqa: E741
    query = compiled()
    given_input = from_json(json.dumps({"k": k, "l": l, "v": v}))
    documents = {"d": d, "e": e, "f": {}}
    plain, some = both(documents)
    wanted = query.run(input=given_input, data=plain)
    assert query.run(input=given_input, data=some) == wanted
    assert query.run(input=given_input, data=branched({**some})) == wanted
    assert compiled_whole().run(data=some) == compiled_whole().run(data=plain)
    partly = packed_from_json(json.dumps(documents), least=30)
    assert query.run(input=given_input, data=partly) == wanted


def test_packed_data_is_remembered_as_other_data_is() -> None:
    query = rego.compile_modules({"p.rego": "package p\nn := count([1 | data.d[_]])"}).prepare("data.p.n")
    snapshot = rego.Snapshot(packed_from_json('{"d":{"a":{"b":1},"c":{"b":2}}}', least=1))
    assert not snapshot.lazy
    assert query.value(data=snapshot) == 2
    assert query.value(data=snapshot) == 2


def test_encoders_write_it_as_the_plain_object() -> None:
    plain, some = both({"b": {"x": [1, {"y": 1.5}]}, "a": {}})
    encode = msgspec.json.Encoder(enc_hook=as_written, order="deterministic").encode
    assert encode(some) == encode(plain)
    assert encode(branched(dict(some.items()))) == encode(plain)


def test_what_is_passed_over_again_and_again_is_made_plain() -> None:
    query = rego.compile_modules({"p.rego": "package p\nn := [k | data.d[k].b == input.b]"}).prepare("data.p.n")
    some = packed_from_json('{"d":{"a":{"b":1},"c":{"b":2}}}', least=1)
    later = trees.added(some, ("d", "e"), {"b": 2})
    texts = [type(v) for v in some["d"].entries().values()]
    assert query.value(input={"b": 2}, data=later) == ["c", "e"]
    assert [type(v) for v in some["d"].entries().values()] == texts
    assert query.value(input={"b": 2}, data=later) == ["c", "e"]
    assert [type(v) for v in some["d"].entries().values()] == [dict, dict]
    assert query.value(input={"b": 2}, data=some) == ["c"]
    assert to_json(later) == '{"d":{"a":{"b":1},"c":{"b":2},"e":{"b":2}}}'


def test_a_snapshot_finds_packed_objects_below_plain_ones() -> None:
    query = rego.compile_modules({}).prepare("x = count(data.a.b.c); y = data.a.b; z = is_object(data.a)")
    held = {"a": {"b": {"c": packed_from_json('{"d":{"e":1}}', least=1)}, "f": {"g": 1}}}
    snapshot = rego.Snapshot(held)
    assert type(snapshot.root) is Branch
    assert not snapshot.lazy
    assert query.run(data=snapshot)[0].bindings == {"x": 1, "y": {"c": {"d": {"e": 1}}}, "z": True}
