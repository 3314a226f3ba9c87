"""Where images stand: every kind, every place, true lines; and whatever is no manifest is said to be none."""

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from image_enforcer.analysis.manifests import MAX_IMAGES, PODS, Flaw, Workload, WrittenReview, read


def nested(kind: str, pod: dict[str, Any]) -> dict[str, Any]:
    """An object of a kind around the Pod's metadata and spec."""
    inner = pod
    for step in reversed(PODS[kind]):
        inner = {step: inner}
    return {"apiVersion": "v1", "kind": kind, **inner, "metadata": {"name": "web", **inner.get("metadata", {})}}


SPEC = {
    "initContainers": [{"name": "i", "image": "shop/init:1"}],
    "containers": [{"name": "c", "image": "shop/web:1"}, {"image": "shop/side:1"}],
    "ephemeralContainers": [{"name": "e", "image": "shop/debug:1"}],
    "volumes": [{"name": "v", "image": {"reference": "shop/files:1"}}, {"name": "w", "emptyDir": {}}],
}


def found(text: str) -> list[Workload | WrittenReview | Flaw]:
    return read(text).found


def flaws(text: str) -> list[str]:
    items = found(text)
    assert all(isinstance(item, Flaw) for item in items), items
    return [item.text for item in items if isinstance(item, Flaw)]


@pytest.mark.parametrize("kind", PODS)
@pytest.mark.parametrize("dump", [json.dumps, yaml.safe_dump])
def test_every_kind_and_every_place(kind: str, dump: Any) -> None:
    (item,) = found(dump(nested(kind, {"spec": SPEC})))
    assert isinstance(item, Workload)
    assert item.resource == f"{kind}/web"
    path = ".".join((*PODS[kind], "spec"))
    assert [(use.image, use.path, use.role, use.name) for use in item.uses] == [
        ("shop/web:1", f"{path}.containers[0].image", "container", "c"),
        ("shop/side:1", f"{path}.containers[1].image", "container", "containers[1]"),
        ("shop/init:1", f"{path}.initContainers[0].image", "init container", "i"),
        ("shop/debug:1", f"{path}.ephemeralContainers[0].image", "ephemeral container", "e"),
        ("shop/files:1", f"{path}.volumes[0].image.reference", "volume", "v"),
    ]


def test_lines_of_the_image_keys() -> None:
    text = """\
# a comment
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
spec:
  containers:
  - name: a
    image: >-
      shop/a:1
  - {name: b,
     image: shop/b:1}
  - &c
    name: c
    image: shop/c:1
  - *c
---
kind: Pod
metadata: {generateName: job-}
spec: {containers: [{image: "shop/d:1"}]}
"""
    first, second = found(text)
    assert isinstance(first, Workload)
    assert isinstance(second, Workload)
    assert [use.line for use in first.uses] == [10, 13, 16, 16]
    assert (first.namespace, first.document, first.line) == ("shop", 1, 2)
    assert (second.resource, second.namespace, second.document, second.uses[0].line) == ("Pod/job-", "", 2, 21)


def test_annotations_that_the_api_server_would_send() -> None:
    metadata = {"annotations": {"a.image-policy.k8s.io/ticket": "7", "other": "x"}}
    (item,) = found(json.dumps(nested("Deployment", {"metadata": metadata, "spec": SPEC})))
    assert isinstance(item, Workload)
    assert item.annotations == {"a.image-policy.k8s.io/ticket": "7"}


def test_lists_and_lists_of_lists() -> None:
    pod = nested("Pod", {"spec": SPEC})
    bare = {key: value for key, value in pod.items() if key != "kind"}
    text = json.dumps(
        {
            "kind": "List",
            "items": [pod, {"kind": "PodList", "items": [bare]}, {"kind": "ConfigMap"}, {"kind": "ConfigMap"}],
        }
    )
    contents = read(text)
    assert [type(item) for item in contents.found] == [Workload, Workload]
    assert contents.others == {"ConfigMap": 2}


def test_a_review_is_kept_as_it_is_written() -> None:
    (item,) = found("kind: ImageReview\nspec:\n  containers:\n  - image: a\n  - {x: 1.50,\n     image: b}\n  - 5\n")
    assert item == WrittenReview(
        text='{"kind":"ImageReview","spec":{"containers":[{"image":"a"},{"x":1.50,"image":"b"},5]}}',
        lines=(4, 6, 7), document=1, line=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "not an object"),
        ("hello", "not an object"),
        ("5", "not an object"),
        ("a: 1", "an object without a kind"),
        ("Kind: Pod", "an object without a kind"),
        ("kind: 5", "an object without a kind"),
        ("kind: pod", "did you mean 'Pod'?"),
        ("kind: imagereview", "did you mean 'ImageReview'?"),
        ("kind: Pod", "it has no spec"),
        ("{kind: Pod, spec: {}}", "it has no containers"),
        ("{kind: Pod, spec: []}", "spec is not an object"),
        ("{kind: Pod, spec: {containers: []}}", "it has no containers"),
        ("{kind: Pod, spec: {containers: {}}}", "containers is an object, not a list"),
        ("{kind: Pod, spec: {containers: web}}", "containers is a string, not a list"),
        ("{kind: Pod, spec: {containers: [web]}}", "spec.containers[0] is a string, not an object"),
        ("{kind: Pod, spec: {containers: [~]}}", "spec.containers[0] is null, not an object"),
        ("{kind: Pod, spec: {containers: [{}]}}", "spec.containers[0] has no image"),
        ("{kind: Pod, spec: {containers: [{image: ~}]}}", "spec.containers[0] has no image"),
        ("{kind: Pod, spec: {containers: [{image: ''}]}}", "spec.containers[0].image is empty"),
        ("{kind: Pod, spec: {containers: [{image: 5}]}}", "spec.containers[0].image is a number, not a string"),
        ("{kind: Pod, spec: {containers: [{image: true}]}}", "spec.containers[0].image is a boolean, not a string"),
        ("{kind: Pod, spec: {containers: [{image: [a]}]}}", "spec.containers[0].image is a list, not a string"),
        ("{kind: Pod, spec: {containers: [{image: a, name: 5}]}}", "name is a number, not a string"),
        ("{kind: Pod, spec: {initContainers: {}}}", "initContainers is an object"),
        ("{kind: Pod, spec: {volumes: [{image: {}}]}}", "spec.volumes[0].image has no reference"),
        ("{kind: Pod, spec: {volumes: [{image: a}]}}", "spec.volumes[0].image is a string, not an object"),
        ("{kind: Pod, spec: {volumes: [a]}}", "spec.volumes[0] is a string"),
        ("{kind: Pod, spec: {volumes: {}}}", "volumes is an object"),
        ("{kind: Pod, metadata: [], spec: {}}", "metadata is not an object"),
        ("{kind: Pod, metadata: {namespace: 5}, spec: {}}", "namespace is a number"),
        ("{kind: Pod, metadata: {annotations: {x.image-policy.k8s.io/a: 5}}, spec: {}}", "is a number, not a string"),
        ("{kind: Deployment, spec: {template: ~}}", "it has no spec.template"),
        ("{kind: Deployment, spec: ~}", "it has no spec"),
        ("{kind: Deployment, spec: {template: {spec: 5}}}", "spec.template.spec is not an object"),
        ("{kind: CronJob, spec: {jobTemplate: {spec: {}}}}", "it has no spec.jobTemplate.spec.template"),
        ("{kind: List, items: {}}", "its items are not a list"),
        ("{kind: List}", "its items are not a list"),
        ("{kind: PodList, items: ~}", "its items are not a list"),
        ("{kind: List, items: [5]}", "not an object"),
        ("{kind: List, items: [{a: 1}]}", "an object without a kind"),
    ],
)
def test_what_is_no_manifest_says_so(text: str, words: str) -> None:
    (said,) = flaws(text)
    assert words in said


def test_all_that_is_wrong_in_one_object_is_said_and_the_object_is_not_judged() -> None:
    text = "kind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - image: good\n  - image: 5\n  - {}\n"
    items = found(text)
    assert [(item.resource, item.line) for item in items if isinstance(item, Flaw)] == [("Pod/web", 6), ("Pod/web", 7)]
    assert len(items) == 2


def test_lists_of_lists_and_images_are_bounded() -> None:
    deep = "l0: &l0 {kind: List, items: [x]}\n"
    deep += "".join(f"l{i}: &l{i} {{kind: List, items: [*l{i - 1}]}}\n" for i in range(1, 12))
    assert any("deeper than 8" in said for said in flaws(deep + "kind: List\nitems: [*l11]\n"))
    wide = "p: &p {kind: Pod, spec: {containers: [" + "{image: a}, " * 1000 + "]}}\n"
    items = found(wide + "kind: List\nitems: [" + "*p, " * (MAX_IMAGES // 1000 + 5) + "]\n")
    assert isinstance(items[-1], Flaw)
    assert "more than" in items[-1].text


NUMBER = re.compile(r"[-+]?(?:0[xob][0-9a-fA-F_]+|(?:\.[0-9_]+|[0-9_]+(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?)", re.ASCII)
images = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
container = st.fixed_dictionaries({"image": images}, optional={"name": st.text("abc", min_size=1)})
containers = st.lists(container, min_size=1, max_size=4)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(PODS)), containers, containers, st.lists(images, max_size=2)),
        min_size=1, max_size=4,
    ),
    st.sampled_from(["json", "quoted", "plain"]),
)  # fmt: skip
def test_no_image_is_lost(objects: list[tuple[str, Any, Any, list[str]]], form: str) -> None:
    documents, expected = [], []
    for kind, main, first, volumes in objects:
        spec = {"containers": main, "initContainers": first, "volumes": [{"image": {"reference": v}} for v in volumes]}
        documents.append(nested(kind, {"spec": spec}))
        expected += [c["image"] for c in main] + [c["image"] for c in first] + volumes
    if form == "json":
        text = json.dumps({"kind": "List", "items": documents})
    else:
        # What PyYAML leaves plain, since it was no number in YAML 1.1, may be one to Kubernetes, as 0E0 is.
        assume(form == "quoted" or not any(NUMBER.fullmatch(image) for image in expected))
        style = '"' if form == "quoted" else None
        text = "---\n".join(yaml.safe_dump(d, allow_unicode=True, default_style=style) for d in documents)
    items = found(text)
    assert [use.image for item in items if isinstance(item, Workload) for use in item.uses] == expected


@given(st.text(st.sampled_from("kind: PodList\n-items[]{}\"'spec,containers&*<"), max_size=80))
def test_any_text_is_something_or_empty(text: str) -> None:
    for item in found(text):
        assert item.line >= 1
        assert item.document >= 1
