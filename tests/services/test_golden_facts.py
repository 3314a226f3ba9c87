"""What policies see, as files: facts go from a store through a copy into ``input.images``, and come out as they did.

A file that differs is a change that policies meet. Where it is meant, ``GOLDEN=write`` writes the files anew; the page
docs/reference/facts.md is then to be read again too.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.facts import replica_file
from image_enforcer.adapters.facts.local import LocalFacts
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.manifest import Manifest, Platform
from image_enforcer.domain.report import Gap, Package, Severity
from image_enforcer.domain.watched import Trouble
from image_enforcer.services.gather import Ages, gather
from tests.contract.contents import NOON, failure, finding, image, index, legacy, result
from tests.contract.store.steps import NGINX, claim_scans, look_at, look_more

FILES = Path(__file__).parent / "golden"
ONE, TWO, GAPPY, BROKEN, UNSEEN = (image(name, ["base", name]) for name in ("one", "two", "gappy", "broken", "unseen"))
STATEMENT = image("statement")
BOTH = index(ONE, TWO, attestations=[STATEMENT], name="both")
TAGS: dict[str, Manifest] = {
    "one": ONE, "both": BOTH, "gappy": GAPPY, "broken": BROKEN, "unseen": UNSEEN, "old": legacy(),
    "chart": image("chart", config_type="application/vnd.cncf.helm.config.v1+json"),
}  # fmt: skip
AMD64 = (Platform(os="linux", architecture="arch0"),)
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "image": ("nginx:one", {}),
    "index": ("nginx:both", {}),
    "index-of-one-platform": ("nginx:both", {"nodes": AMD64}),
    "digest": (f"docker.io/library/nginx@{ONE.digest}", {}),
    "digest-not-held": (f"evil.example/library/nginx@{ONE.digest}", {}),
    "gaps": ("nginx:gappy", {}),
    "unscannable": ("nginx:broken", {}),
    "not-scanned": ("nginx:unseen", {}),
    "legacy": ("nginx:old", {}),
    "chart": ("nginx:chart", {}),
    "trouble": ("nginx:hidden", {}),
    "unknown-tag": ("nginx:none", {}),
    "stale": ("nginx:one", {"ages": Ages(most=60, copy=3600)}),
    "no-reference": ("NGINX:one", {}),
}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFacts]:
    """A copy of a store in which there is one of everything."""
    folder = tmp_path_factory.mktemp("golden")
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    store.watch([NGINX], NOON)
    look_more(store, NGINX, TAGS, ONE, TWO, STATEMENT)
    hidden = Trouble(code="not-authorised", text="the registry wants other credentials", at=NOON)
    look_at(store, NGINX, TAGS, troubles={"hidden": hidden})
    found = {
        ONE.digest: [
            finding("CVE-1", links=("https://example.org/CVE-1",)),
            finding("CVE-2", Severity.LOW, fixed_in=""),
        ],
        TWO.digest: [finding("CVE-3", Severity.CRITICAL, package="curl")],
    }
    for work in claim_scans(store):
        digest = work.manifest.digest
        done = result(work, *found.get(digest, []))
        if digest == GAPPY.digest:
            assert done.report is not None
            gap = Gap(code="no-distribution", text="no distribution was recognised")
            done = replace(done, report=replace(done.report, gaps=(gap,)))
        if digest == TWO.digest:
            assert done.report is not None
            odd = Package(
                name="bsdutils", version="1:2.38.1-5", source="util-linux", source_version="2.38.1-5",
                namespace="debian:12", version_format="dpkg",
            )  # fmt: skip
            packages = (*done.report.packages, odd)
            done = replace(done, report=replace(done.report, scanner="clair-v4", packages=packages))
        if digest == BROKEN.digest:
            done = failure(work, final=True)
        if digest != UNSEEN.digest:
            store.record_scan(work, done)
    replica_file.make(folder / "new.db", [store.changes(0, 10_000)], NOON)
    replica_file.install(folder / "new.db", folder / "facts.db")
    store.close()
    copy = LocalFacts(folder / "facts.db")
    yield copy
    copy.close()


def seen(facts: LocalFacts, case: str) -> Any:
    name, more = CASES[case]
    return gather([name], facts, NOON + timedelta(seconds=90), **more)[name]


@pytest.mark.parametrize("case", CASES)
def test_what_policies_see_is_what_they_saw(facts: LocalFacts, case: str) -> None:
    found = json.dumps(seen(facts, case), indent=2) + "\n"
    path = FILES / f"{case}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_every_file_has_its_case() -> None:
    assert {path.stem for path in FILES.glob("*.json")} == CASES.keys()
