"""The policy's own parser of references agrees with the enforcer's, over plausible and implausible strings."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.analysis import reference

DIGEST = "sha256:" + "0f1e2d3c" * 8
WORDS = st.sampled_from(
    ["a", "web", "a.b", "a_b", "a__b", "a--b", "A", "Web", "-a", "a-", "a.", "", "localhost", "0f1e2d3c" * 8]
)
HOSTS = st.sampled_from(
    [
        "docker.io",
        "index.docker.io",
        "registry.example",
        "Registry.Example",
        "localhost",
        "HUB",
        "10.0.0.1",
        "-x.y",
        "x..y",
        "my_host.example",
        "[::1]",
        "[fe80::1%eth0]",
    ]
)
PORTS = st.sampled_from(["", "", ":5000", ":", ":x", ":99999"])
TAGS = st.sampled_from(
    ["", "", ":1", ":1.4.2", ":latest", ":V1_2", ":", ":-1", ":.1", ":" + "a" * 128, ":" + "a" * 129, ":1:2"]
)
DIGESTS = st.sampled_from(
    ["", "", f"@{DIGEST}", "@", "@sha256:0f", f"@{DIGEST.upper()}"]
    + [f"@{name}:" + "a" * length for name, length in (("sha384", 96), ("sha512", 128), ("md5", 32))]
)


@st.composite
def images(draw: st.DrawFn) -> str:
    """Strings that are references, or nearly."""
    parts = draw(st.lists(WORDS, min_size=1, max_size=4))
    host = draw(HOSTS) + draw(PORTS) + "/" if draw(st.booleans()) else ""
    return host + "/".join(parts) + draw(TAGS) + draw(DIGESTS)


@pytest.fixture(scope="module")
def references(policy: rego.Policy) -> rego.Query:
    """What the policy makes of the images of a review."""
    return policy.prepare("data.io.k8s.image_policy.references")


def wanted(image: str) -> dict[str, object]:
    """What the enforcer makes of an image, in the policy's shape; empty where it does not parse."""
    try:
        found = reference.parse(image)
    except reference.BadReference:
        return {}
    return {image: (found.registry, found.repository, found.digest or "", found.digest is None and (found.tag or ""))}


def found(references: rego.Query, image: str) -> dict[str, object]:
    """What the policy makes of it, in the same shape: a digest wins, no tag means latest."""
    document = references.value(input={"spec": {"containers": [{"image": image}]}}, data={})
    assert isinstance(document, dict)
    return {
        key: (
            value["registry"],
            value["repository"],
            value["digest"],
            not value["digest"] and (value["tag"] or "latest"),
        )
        for key, value in document.items()
    }


@given(image=images() | st.text(max_size=40) | st.text(alphabet="aA0.-_:/@[]", max_size=24))
@example(image="a" * 247)
@example(image="a" * 248)
@example(image="docker.io/" + "a" * 300)
@example(image="registry.example/" + "a" * 255)
@example(image="a:1\n")
@example(image="[::1]:5000/a")
@example(image="my_host.example/a")
@example(image="a.b_c/d/e:1")
def test_both_parsers_agree(references: rego.Query, image: str) -> None:
    assert found(references, image) == wanted(image)
