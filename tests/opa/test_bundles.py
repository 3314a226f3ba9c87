"""Bundles: what counts in them, what their manifests bound, and archives that are none."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from image_enforcer.opa.bundles import BundleError, load_bundles, read_bundle

FILES = {
    "x/y/p.rego": "package x.y\np if data.x.k\n",
    "x/data.json": '{"k": true}',
    "z/data.yaml": "a: 1\n",
    "z/other.json": '{"no": 1}',
    "README.md": "text",
}


def folder(root: Path, files: Mapping[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(root)


def packed(path: Path, files: Mapping[str, str]) -> str:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(text.encode())
            archive.addfile(about, io.BytesIO(text.encode()))
    return str(path)


def test_a_directory_and_an_archive_hold_the_same(tmp_path: Path) -> None:
    one = read_bundle(folder(tmp_path / "b", FILES))
    two = read_bundle(packed(tmp_path / "b.tar.gz", FILES))
    assert one.documents == two.documents == {"x": {"k": True}, "z": {"a": 1}}
    assert [*one.modules] == [str(tmp_path / "b/x/y/p.rego")]
    assert [*two.modules] == ["x/y/p.rego"]
    assert [d.steps for d in two.data_files] == [("x",), ("z",)]


def test_links_are_no_part_of_it(tmp_path: Path) -> None:
    made = folder(tmp_path / "b", FILES)
    (tmp_path / "b/link.rego").symlink_to("x/y/p.rego")
    assert [*read_bundle(made).modules] == [f"{made}/x/y/p.rego"]


def test_manifest(tmp_path: Path) -> None:
    manifest = {"revision": "r1", "roots": ["/x/", "z"], "metadata": {"a": 1}, "rego_version": 0,
                "file_rego_versions": {"*/p.rego": 1}}  # fmt: skip
    found = read_bundle(
        folder(tmp_path, {**FILES, ".manifest": json.dumps(manifest), "x/q.rego": "package x.q\nq { 1 == 1 }"})
    )
    assert (found.manifest.revision, found.manifest.roots) == ("r1", ("x", "z"))
    assert sorted(m.version for m in found.modules.values()) == [0, 1]


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        ('{"roots": ["q"]}', "manifest roots [q] do not permit 'package x.y' in module "),
        ('{"roots": ["x"]}', "manifest roots [x] do not permit data at path '/z'"),
        ('{"roots": ["x", "x/y", "z"]}', "manifest has overlapped roots: 'x' and 'x/y'"),
        ('{"roots": ["x"', "bundle load failed on manifest decode: unexpected EOF"),
        ("[]", "bundle load failed on manifest decode: it is no object"),
        ('{"roots": 1}', "bundle load failed on manifest decode: roots are no list of texts"),
        ('{"rego_version": 7}', "manifest has unknown rego-version 7"),
        ("[" * 100_000, "bundle load failed on manifest decode: "),
    ],
)
def test_manifests_that_do_not_fit(tmp_path: Path, manifest: str, text: str) -> None:
    with pytest.raises(BundleError) as e:
        read_bundle(folder(tmp_path, {**FILES, ".manifest": manifest}))
    assert e.value.plain().startswith(f"bundle {tmp_path}: {text}")


def test_what_is_in_each_other_s_way(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", FILES), folder(tmp_path / "b", {"w/data.json": "{}"})
    with pytest.raises(BundleError, match="specify empty root paths"):
        load_bundles([a, b])
    folder(tmp_path / "a", {".manifest": '{"roots": ["x", "z"]}'})
    folder(tmp_path / "b", {".manifest": '{"roots": ["w"]}'})
    assert load_bundles([a, b]).documents == {"x": {"k": True}, "z": {"a": 1}, "w": {}}
    folder(tmp_path / "b", {".manifest": '{"roots": ["w", "x/q"]}'})
    with pytest.raises(BundleError, match="root x overlaps with x/q"):
        load_bundles([a, b])
    with pytest.raises(BundleError, match="failed to insert data file from path x"):
        read_bundle(folder(tmp_path / "c", {"data.json": '{"x": 1}', "x/data.json": '{"y": 1}'}))
    with pytest.raises(BundleError, match="root value must be object"):
        read_bundle(folder(tmp_path / "d", {"data.json": "[1]"}))


def test_policies_that_do_not_parse(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"1 error occurred: .*/a.rego:2: rego_parse_error: unexpected eof token"):
        read_bundle(folder(tmp_path, {"a.rego": "package a\np if {"}))


@pytest.mark.parametrize(
    "content",
    [b"x\n", gzip.compress(b"no archive"), gzip.compress(b"\0" * 700)[:20]],
    ids=["a text", "a packed text", "torn"],
)
def test_archives_that_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_bytes(content)
    with pytest.raises(BundleError, match="bundle read failed: archive read failed: "):
        read_bundle(str(path))


def test_names_in_archives_lead_nowhere(tmp_path: Path) -> None:
    found = read_bundle(packed(tmp_path / "b.tar.gz", {"../../p.rego": "package p", "/etc/data.json": "{}"}))
    assert [*found.modules] == ["../../p.rego"]
    assert not (tmp_path.parent / "p.rego").exists()


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r'error reading ".*/nope": stat .*/nope: no such file or directory'):
        read_bundle(str(tmp_path / "nope"))
