"""References: the tables of distribution/reference, and what holds for every string whatever."""

from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer.analysis import reference
from image_enforcer.analysis.reference import BadReference
from image_enforcer.domain.reference import ImageReference

HEX: Final = "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a"
SHA256: Final = "sha256:" + HEX
SHA384: Final = "sha384:" + "f" * 96
SHA512: Final = "sha512:" + "f" * 128
LONG: Final = "thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev"

NORMALISED: Final = [
    # Names without a host are Docker Hub's, single ones below library/.
    ("nginx", "docker.io/library/nginx:latest"),
    ("docker/docker", "docker.io/docker/docker:latest"),
    ("library/debian", "docker.io/library/debian:latest"),
    ("docker.io/debian", "docker.io/library/debian:latest"),
    ("docker.io/library/debian", "docker.io/library/debian:latest"),
    ("docker.io/docker/docker", "docker.io/docker/docker:latest"),
    ("index.docker.io/debian", "docker.io/library/debian:latest"),
    ("index.docker.io/library/debian", "docker.io/library/debian:latest"),
    ("index.docker.io/docker/docker", "docker.io/docker/docker:latest"),
    ("a/b/c/d", "docker.io/a/b/c/d:latest"),
    # The first of several parts is a host where it holds a dot or colon, is localhost, or has an upper-case letter.
    ("localhost/library", "localhost/library:latest"),
    ("localhost:5000/library/debian", "localhost:5000/library/debian:latest"),
    ("localhost", "docker.io/library/localhost:latest"),
    ("127.0.0.1:5000/docker/docker", "127.0.0.1:5000/docker/docker:latest"),
    ("127.0.0.1:5000/debian", "127.0.0.1:5000/debian:latest"),
    ("192.168.1.1/repo", "192.168.1.1/repo:latest"),
    ("192.168.1.1:8/debian", "192.168.1.1:8/debian:latest"),
    ("test:5000/repo", "test:5000/repo:latest"),
    ("Docker/docker", "Docker/docker:latest"),
    ("DOCKER/docker", "DOCKER/docker:latest"),
    ("Docker.IO/docker", "Docker.IO/docker:latest"),
    ("docker.io:443/debian", "docker.io:443/debian:latest"),
    ("evil.example/library/nginx", "evil.example/library/nginx:latest"),
    ("docker.io.evil.example/nginx", "docker.io.evil.example/nginx:latest"),
    ("b.gcr.io/test.example.com/my-app:test.example.com", "b.gcr.io/test.example.com/my-app:test.example.com"),
    ("sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com/bar/baz/quux:some-long-tag"),
    ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com"),
    ("a--b.c/d", "a--b.c/d:latest"),
    ("a:1/2", "a:1/2:latest"),
    # Without a slash there is no host, and what follows a colon is a tag.
    ("test.com:tag", "docker.io/library/test.com:tag"),
    ("test.com:5000", "docker.io/library/test.com:5000"),
    ("192.168.0.1", "docker.io/library/192.168.0.1:latest"),
    ("192.168.0.1:80", "docker.io/library/192.168.0.1:80"),
    ("foo_bar.com:8080", "docker.io/library/foo_bar.com:8080"),
    ("foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080"),
    # IPv6 hosts.
    ("[fc00::1]:5000/docker", "[fc00::1]:5000/docker:latest"),
    ("[fc00:1:2:3:4:5:6:7]:5000/library/debian", "[fc00:1:2:3:4:5:6:7]:5000/library/debian:latest"),
    ("[2001:db8::1]/repo", "[2001:db8::1]/repo:latest"),
    ("[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000/repo:tag"),
    ("[2001:db8::]:5000/repo", "[2001:db8::]:5000/repo:latest"),
    (f"[2001:db8::1]:5000/repo:tag@{SHA256}", f"[2001:db8::1]:5000/repo@{SHA256}"),
    ("[::1]:5000/repo", "[::1]:5000/repo:latest"),
    # Parts of a path.
    (LONG, f"docker.io/library/{LONG}:latest"),
    ("docker-rules/docker", "docker.io/docker-rules/docker:latest"),
    ("docker---rules/docker", "docker.io/docker---rules/docker:latest"),
    ("dock__er/docker", "docker.io/dock__er/docker:latest"),
    ("d/docker", "docker.io/d/docker:latest"),
    ("a/dock.er", "docker.io/a/dock.er:latest"),
    (f"docker.io/{HEX}", f"docker.io/library/{HEX}:latest"),
    (f"{HEX}:1", f"docker.io/library/{HEX}:1"),
    (f"a/{HEX}", f"docker.io/a/{HEX}:latest"),
    # Tags and digests: a digest wins, and no tag is made up beside one.
    ("lowercase:Uppercase", "docker.io/library/lowercase:Uppercase"),
    ("a:_", "docker.io/library/a:_"),
    ("a:" + "t" * 128, "docker.io/library/a:" + "t" * 128),
    (f"busybox@{SHA256}", f"docker.io/library/busybox@{SHA256}"),
    (f"busybox:1.0@{SHA256}", f"docker.io/library/busybox@{SHA256}"),
    (f"gcr.io/google_containers/busybox:latest@{SHA256}", f"gcr.io/google_containers/busybox@{SHA256}"),
    (f"a@{SHA384}", f"docker.io/library/a@{SHA384}"),
    (f"xn--7o8h.com/myimage:xn--7o8h.com@{SHA512}", f"xn--7o8h.com/myimage@{SHA512}"),
    # Lengths: 255 characters of path, library/ with it and the host without.
    ("a/" * 127 + "a:tag-puts-this-over-max", "docker.io/" + "a/" * 127 + "a:tag-puts-this-over-max"),
    ("example.com/" + "a" * 255, "example.com/" + "a" * 255 + ":latest"),
    ("a" * 247, "docker.io/library/" + "a" * 247 + ":latest"),
    ("a" * 5000 + ".example/a", "a" * 5000 + ".example/a:latest"),
]
REFUSED: Final = [
    "", " ", "/", ":", "@", ":justtag", f"@{SHA256}", ":5000/repo:5050",
    "https://github.com/docker/docker", "docker/Docker", "Uppercase:tag", "test:5000/Uppercase/lowercase:tag",
    "docker.io/docker/Docker", "-docker", "-docker/docker", "-docker.io/docker/docker", "docker///docker",
    "docker.io/docker///docker", "docker/", "/docker", "docker.io/", "docker.io//a", "a//b",
    "[fc00::1]", "[fc00::1]:5000", "[2001:db8::1]:tag", "fc00::1:5000/debian", "[fe80::1%eth0]:5000/debian",
    "[fe80::1%@invalidzone]:5000/debian", "[2001:db8:3:4::192.0.2.33]:5000/debian", "[]/a", "[::1/a", "::1]/a",
    "[::1]x/a", "docker.io/[::1]/a",
    HEX,
    "docker-/docker", "docker_/docker", "-docker-/docker", "____/____", "_docker/_docker", "docker/_docker",
    "docker/docker_", "dock___er/docker", "dock..er/docker", "dock_.er/docker", "dock-.er/docker", "docker./docker",
    ".docker/docker", "a/b..c", "a/b-", "a/b.-c", "a/_", "aa/asdf$$^/aa", "foo.-x/a", "foo-.x/a", "x.y-/a",
    "test:/a", "test:port/a", "test:5000:5000/a", "test.com:-1/a", "a:b/c",
    "repo@sha256:" + "f" * 34, "validname@invaliddigest:" + "f" * 128, "a@md5:" + "f" * 32, "a@", f"a@{SHA256.upper()}",
    f"a@{SHA256}0", f"a@{SHA256}@{SHA256}", f"a@{SHA256}:1", f"a@{HEX}", "a@sha256:", f"a@sha512:{HEX}", f"a:@{SHA256}",
    "a:", "a:-1", "a:.1", "a:1:2", "a:" + "t" * 129, "a:ü", "a:1 ", " a:1", "a:1\n", "a\n", "\na", "a\x00",
    "a b", "a\tb", "ngïnx", "ａ", "a:１", "²/a", "\u202ea", "\ud800", "\u212a/a", "\u017f/a", "a.\u017f/a",
    "a/" * 128 + "a:tag", "a" * 248, "docker.io/" + "a" * 248, "example.com/" + "a" * 256,
]  # fmt: skip


@pytest.mark.parametrize(("image", "wanted"), NORMALISED)
def test_normalised(image: str, wanted: str) -> None:
    assert str(reference.parse(image)) == wanted


@pytest.mark.parametrize("image", REFUSED, ids=ascii)
def test_refused(image: str) -> None:
    with pytest.raises(BadReference) as caught:
        reference.parse(image)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker.io", True), ("localhost:5000", True), ("[::1]:5000", True), ("[::1]", True), ("10.0.0.1", True),
        ("Registry.corp", True), ("", False), ("a:", False), ("a:555555", False), ("a/b", False), ("a\0b", False),
        ("a%00b", False), ("[::1", False), ("[:1]", False), ("a" * 64, False), ("a..b", False), ("a\n", False),
    ],
)  # fmt: skip
def test_names_of_registries(text: str, expected: bool) -> None:
    assert reference.is_registry(text) is expected


@pytest.mark.parametrize("image", ["my_host.example/a", "my_host.example/a/b:1", "a.b_c/d", "a_b.c/d@" + SHA256])
def test_what_only_could_be_a_host_is_no_part_of_a_path(image: str) -> None:
    """Elsewhere such a name has no host at all, and it is anybody's guess who would be asked for it."""
    with pytest.raises(BadReference, match="host"):
        reference.parse(image)


def test_parts() -> None:
    assert reference.parse(f"Registry.example:5000/shop/web:1.4@{SHA256}") == ImageReference(
        registry="Registry.example:5000", repository="shop/web", tag=None, digest=SHA256
    )
    assert reference.parse("redis:7") == ImageReference(registry="docker.io", repository="library/redis", tag="7")


PARTS = st.sampled_from([
    "a", "web", "a.b", "a_b", "a__b", "a--b", "a-.b", "A", "localhost", "docker.io", "index.docker.io",
    "registry.example", "Reg.Example", "10.0.0.1", "[::1]", "x_y.z", ":", ":5000", ":1", ":1.4-rc_2", "/",
    "//", "@", "@sha256:", "-", ".", "_", "library",
    f"@{SHA256}", f"@{SHA512}", HEX, "\n", "é",
])  # fmt: skip
STRINGS = (
    st.text(max_size=60) | st.text(alphabet="aAz09.-_:/@[]", max_size=40) | st.lists(PARTS, max_size=8).map("".join)
)


@given(image=STRINGS)
@example(image=f"[::1]:5000/a:1@{SHA256}")
@example(image="x_y.z/a")
def test_parsing_what_was_parsed_changes_nothing(image: str) -> None:
    try:
        found = reference.parse(image)
    except BadReference:
        return
    assert reference.parse(str(found)) == found
    assert (found.tag is None) == (found.digest is not None)
    assert found.registry
    assert len(found.repository) <= reference.MAX_PATH
    assert found.repository == found.repository.lower()
    # Nothing is made up: the registry is the one written or Docker Hub's, and the rest stands in what was written.
    assert found.registry == "docker.io" or image.startswith(f"{found.registry}/")
    assert found.repository.removeprefix("library/") in image
    assert found.digest is None or image.endswith(f"@{found.digest}")


@pytest.mark.parametrize(
    "image",
    [
        piece * (1_000_000 // len(piece)) + end
        for piece in ("a", "-", "a-", "a.", "a_", "a__", "a/", "A", "[", ":", "@", "a:", "::", "a--", "0.", "é")
        for end in ("", "!", "/a!", "@sha256:")
    ],
    ids=lambda image: ascii(f"{image[:4]}..{image[-9:]}"),
)
def test_hostile_strings_cost_no_more_than_their_length(image: str) -> None:
    """A million characters each: with a grammar that tries again for every character, this would not end."""
    for text in (image, f"registry.example/{image}", f"a/{image}", f"a:{image}", f"a@{image}"):
        try:
            found = reference.parse(text)
        except BadReference:
            continue
        assert len(found.repository) <= reference.MAX_PATH
