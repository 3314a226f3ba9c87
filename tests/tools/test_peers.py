"""The builds of the peers: kept outside the tree, done once, and never an error where they cannot be had."""

import sys
from pathlib import Path

import pytest

from tools import peers

GO = """#!{python}
import os, sys
if sys.argv[1:3] == ["env", "GOVERSION"]:
    print("{version}")
elif sys.argv[1] == "build":
    if {fails}:
        sys.exit("no required module provides package x")
    with open("{count}", "a") as count:
        count.write("built\\n")
    with open(sys.argv[sys.argv.index("-o") + 1], "w") as binary:
        binary.write(open("go.mod").read())
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Go, apt-get or a cache; what stands in `bin` can be run."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def install_go(machine: Path, version: str = "go1.26.8", fails: bool = False) -> Path:
    """Installs a Go that writes its go.mod as the binary; the file that counts builds."""
    go = machine / "bin" / "go"
    count = machine / "builds"
    go.write_text(GO.format(python=sys.executable, version=version, fails=fails, count=count), encoding="utf-8")
    go.chmod(0o755)
    return count


def test_without_go_the_reason_is_said(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(peers.Unavailable, match="Go is not installed"):
        peers.build("opa")
    with pytest.raises(peers.Unavailable, match="neither etcd nor apt-get"):
        peers.find("etcd")
    assert peers.main(["build"]) == 0
    said = capsys.readouterr().out
    assert said.count("not available") == 7


@pytest.mark.parametrize(("version", "reason"), [("go1.19.8", "Go 1.26 or newer"), ("devel", "not understood")])
def test_a_go_that_will_not_do(machine: Path, version: str, reason: str) -> None:
    install_go(machine, version)
    with pytest.raises(peers.Unavailable, match=reason):
        peers.build("opa")


def test_built_once_and_found_again(machine: Path) -> None:
    count = install_go(machine)
    with pytest.raises(peers.Unavailable, match="is not built"):
        peers.find("opa")
    binary = peers.build("opa")
    assert binary == peers.build("opa") == peers.find("opa")
    assert binary == machine / "cache/image-enforcer/peers/opa-1.22.2-go1.26.8/opa"
    assert "require github.com/open-policy-agent/opa v1.22.2" in binary.read_text(encoding="utf-8")
    assert count.read_text(encoding="utf-8") == "built\n"


def test_another_go_builds_anew(machine: Path) -> None:
    install_go(machine)
    first = peers.build("opa")
    install_go(machine, "go1.27.0")
    assert peers.build("opa") != first


def test_a_failed_build_is_remembered_and_tried_again(machine: Path) -> None:
    install_go(machine, fails=True)
    with pytest.raises(peers.Unavailable, match="no required module provides package x"):
        peers.build("opa")
    with pytest.raises(peers.Unavailable, match="no required module"):
        peers.find("opa")
    install_go(machine)
    assert peers.build("opa").is_file()
    assert peers.find("opa").is_file()


def test_kubernetes_replaces_every_staging_module(machine: Path) -> None:
    install_go(machine)
    text = peers.build("kube-apiserver").read_text(encoding="utf-8")
    assert "require k8s.io/kubernetes v1.37.2" in text
    assert text.count(" => ") == len(peers.STAGING) == 31
    assert "\tk8s.io/api => k8s.io/api v0.37.2\n" in text


def test_an_installed_etcd_is_taken(machine: Path) -> None:
    etcd = machine / "bin" / "etcd"
    etcd.write_text("#!/bin/sh\n", encoding="utf-8")
    etcd.chmod(0o755)
    assert peers.build("etcd") == etcd


@pytest.mark.parametrize("arguments", [[], ["bild"], ["build", "nosuch"]])
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert peers.main(arguments) == 2
    assert "tools/peers.py build" in capsys.readouterr().err


def test_nothing_is_left_in_the_tree(machine: Path, root: Path) -> None:
    install_go(machine)
    before = set(root.iterdir())
    peers.build("opa")
    assert set(root.iterdir()) == before
