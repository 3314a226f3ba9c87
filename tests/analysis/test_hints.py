"""Notifications of registries, as their documentation and recordings have them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.analysis.hints import MAX_BODY, BadHint, repositories

OCI = "application/vnd.oci.image.manifest.v1+json"


def event(action: str = "push", kind: str = OCI, path: Any = "team/app", agent: str = "skopeo/1.9") -> dict[str, Any]:
    target = {"mediaType": kind, "repository": path, "tag": "1"}
    return {"action": action, "target": target, "request": {"useragent": agent}}


def read(document: Any) -> tuple[str, ...]:
    return repositories(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"events": [event()]}, ("team/app",)),
        ({"events": [event(), event(), event(path="b")]}, ("team/app", "b")),
        ({"events": [event(action="delete", kind="")]}, ("team/app",)),
        ({"events": [event(kind="application/vnd.docker.distribution.manifest.list.v2+json")]}, ("team/app",)),
        ({"events": [event(kind="application/vnd.oci.image.index.v1+json")]}, ("team/app",)),
        ({"events": [event(action="pull")]}, ()),
        ({"events": [event(kind="application/octet-stream")]}, ()),
        ({"events": [event(agent="image-enforcer/0.1.0")]}, ()),
        ({"events": []}, ()),
        ({"type": "PUSH_ARTIFACT", "event_data": {"repository": {"repo_full_name": "p/r"}}}, ("p/r",)),
        ({"type": "SCANNING_COMPLETED", "event_data": {"repository": {"repo_full_name": "p/r"}}}, ()),
        (
            {"specversion": "1.0", "type": "harbor.artifact.pushed", "data": {"repository": {"repo_full_name": "p/r"}}},
            ("p/r",),
        ),
        ({"repository": "ns/r", "docker_url": "quay.io/ns/r", "updated_tags": ["latest"]}, ("ns/r",)),
        ({"push_data": {"tag": "1"}, "repository": {"repo_name": "u/r"}}, ("u/r",)),
    ],
)
def test_what_is_named(document: Any, paths: tuple[str, ...]) -> None:
    assert read(document) == paths


@pytest.mark.parametrize("path", ["../x", "A/b", "", "a//b", "a:b", "a" * 256, 3, None, "a/b\n"])
def test_what_can_be_no_repository_is_left_out(path: Any) -> None:
    assert read({"events": [event(path=path)]}) == ()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b"{}", b'{"events": 3}', b'{"a": ' * 100_000, b"\xff", b" " * (MAX_BODY + 1)]
)
def test_what_no_registry_sends(body: bytes) -> None:
    with pytest.raises(BadHint):
        repositories(body)


NAMES = st.sampled_from(["events", "action", "target", "repository", "type", "event_data", "push_data", "updated_tags"])
DOCUMENTS = st.recursive(
    st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)
)


@given(st.binary() | DOCUMENTS.map(lambda value: json.dumps(value).encode()))
def test_nothing_else_is_raised(body: bytes) -> None:
    try:
        found = repositories(body)
    except BadHint:
        return
    assert all(map(len, found))
