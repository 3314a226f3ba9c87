"""Reading reviews: every document is a review that can be judged, or a refusal that helps."""

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer.analysis import review
from image_enforcer.domain.review import Cause, ImageUse, Refusal, Review

SENT: dict[str, Any] = {
    "kind": "ImageReview",
    "apiVersion": "imagepolicy.k8s.io/v1alpha1",
    "metadata": {},
    "spec": {
        "containers": [{"image": "registry.example/a:1"}, {"image": "nginx"}, {"image": "nginx"}],
        "annotations": {"a.image-policy.k8s.io/break-glass": "TICKET-1"},
        "namespace": "default",
    },
    "status": {"allowed": False},
}


def changed(**parts: Any) -> dict[str, Any]:
    """The review with other parts; those that name a part of its spec change it there."""
    document = copy.deepcopy(SENT)
    for name, value in parts.items():
        place = document["spec"] if name in (*review.UNJUDGED, "containers", "annotations", "namespace") else document
        place[name] = value
    return document


def refused(document: Any) -> Refusal:
    found = review.read(document)
    assert isinstance(found, Refusal)
    return found


def test_what_the_api_server_sends() -> None:
    found = review.read(SENT)
    assert found == Review(
        namespace="default",
        uses=(
            ImageUse(image="registry.example/a:1", place="spec.containers[0].image"),
            ImageUse(image="nginx", place="spec.containers[1].image"),
            ImageUse(image="nginx", place="spec.containers[2].image"),
        ),
        document=SENT,
    )


def test_the_policy_sees_all_that_was_sent() -> None:
    document = changed(unheard={"of": [1]}, metadata={"name": "x"})
    document["spec"]["more"] = [{"image": "init"}]
    document["spec"]["containers"][0]["name"] = "web"
    before = copy.deepcopy(document)
    found = review.read(document)
    assert isinstance(found, Review)
    assert found.document is document
    assert document == before
    assert "init" not in [use.image for use in found.uses]


@pytest.mark.parametrize(
    "document",
    [
        {"spec": {"containers": [{"image": "a"}]}},
        changed(metadata=None),
        changed(status=None),
        changed(status={"allowed": True}),
        changed(annotations=None),
        changed(annotations={}),
        changed(containers=[{"image": "not a reference"}]),
        changed(containers=[{"image": "a"}] * review.MAX_IMAGES),
        changed(containers=[{"image": "a" * review.MAX_IMAGE}]),
        changed(namespace="n" * review.MAX_NAMESPACE),
    ],
)
def test_reviews(document: Any) -> None:
    assert isinstance(review.read(document), Review)


@pytest.mark.parametrize("namespace", [None, ""])
def test_no_namespace(namespace: Any) -> None:
    found = review.read(changed(namespace=namespace))
    assert isinstance(found, Review)
    assert found.namespace == ""


@pytest.mark.parametrize("document", [None, True, 1, "x", [], [SENT], [[]]])
def test_no_object(document: Any) -> None:
    assert refused(document).cause is Cause.BAD_REVIEW


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (changed(kind="Pod"), "'Pod'"),
        (changed(kind=None), "of no known kind"),
        (changed(kind=7), "of no known kind"),
        (changed(apiVersion="imagepolicy.k8s.io/v1"), "'imagepolicy.k8s.io/v1'"),
        (changed(apiVersion=["imagepolicy.k8s.io/v1alpha1"]), "of no known kind"),
        (changed(kind="imagereview"), "'imagereview'"),
        (changed(kind="\u202e\x00" + "k" * 1000), r"'\u202e\u0000kkk"),
        ({"kind": "ImageReview"}, "no spec"),
        (changed(spec=None), "no spec"),
        (changed(spec=[]), "no spec"),
        (changed(metadata=7), "metadata"),
        (changed(metadata=[]), "metadata"),
        (changed(status="allowed"), "status"),
        (changed(status=True), "status"),
        (changed(containers="nginx"), "containers"),
        (changed(containers={"a": {"image": "nginx"}}), "containers"),
        (changed(containers=7), "containers"),
        (changed(containers=[{"image": "a"}] * (review.MAX_IMAGES + 1)), "1000"),
        (changed(containers=[{"image": "a"}, {"image": "a" * (review.MAX_IMAGE + 1)}]), "spec.containers[1]"),
        (changed(initContainers=[{"image": "a"}]), "spec.initContainers"),
        (changed(ephemeralContainers=[{"image": "a"}]), "spec.ephemeralContainers"),
        (changed(volumes=[{"image": {"reference": "a"}}]), "spec.volumes"),
        (changed(namespace=7), "namespace"),
        (changed(namespace=["default"]), "namespace"),
        (changed(namespace=False), "namespace"),
        (changed(namespace="n" * (review.MAX_NAMESPACE + 1)), "namespace"),
        (changed(annotations=[]), "annotations"),
        (changed(annotations="x"), "annotations"),
        (changed(annotations={"a": 1}), "annotations"),
        (changed(annotations={"a": "b", "c": None}), "annotations"),
        (changed(annotations={"a": {"b": "c"}}), "annotations"),
    ],
)
def test_not_what_the_contract_says(document: Any, said: str) -> None:
    found = refused(document)
    assert found.cause is Cause.BAD_REVIEW
    assert said in str(found)


@pytest.mark.parametrize(
    ("containers", "place"),
    [
        (None, "spec.containers"),
        ([], "spec.containers"),
        ([{}], "spec.containers[0]"),
        ([None], "spec.containers[0]"),
        (["nginx"], "spec.containers[0]"),
        ([[]], "spec.containers[0]"),
        ([{"image": "a"}, {"image": ""}], "spec.containers[1]"),
        ([{"image": "a"}, {"image": None}], "spec.containers[1]"),
        ([{"image": ["a"]}], "spec.containers[0]"),
        ([{"image": 7}], "spec.containers[0]"),
        ([{"image": True}], "spec.containers[0]"),
        ([{"Image": "a"}], "spec.containers[0]"),
    ],
)
def test_no_image(containers: Any, place: str) -> None:
    found = refused(changed(containers=containers))
    assert found.cause is Cause.NO_IMAGES
    assert place in str(found)


def test_no_containers_at_all() -> None:
    assert refused({"spec": {"namespace": "default"}}).cause is Cause.NO_IMAGES


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@st.composite
def nearly(draw: st.DrawFn) -> Any:
    """A review in which one thing is something else, or missing."""
    document = copy.deepcopy(SENT)
    place: Any = document
    while True:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            place = inner
            continue
        if draw(st.booleans()):
            place[key] = draw(JSON)
        else:
            del place[key]
        return document


@given(
    document=JSON
    | nearly()
    | st.fixed_dictionaries({"spec": JSON})
    | st.fixed_dictionaries({"spec": st.fixed_dictionaries({"containers": JSON})})
)
@example(document={"spec": {"containers": [{"image": "\ud800"}]}})
def test_every_document_is_answered(document: Any) -> None:
    before = json.dumps(document)
    found = review.read(document)
    assert json.dumps(document) == before
    if isinstance(found, Refusal):
        assert found.text
        assert found.remedy
        assert found.cause in (Cause.BAD_REVIEW, Cause.NO_IMAGES)
        assert len(str(found)) < 1000
    else:
        containers = document["spec"]["containers"]
        assert [use.image for use in found.uses] == [container["image"] for container in containers]
        assert 0 < len(found.uses) <= review.MAX_IMAGES
        assert found.namespace == (document["spec"].get("namespace") or "")
