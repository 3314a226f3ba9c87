"""What several threads are the first to do at once."""

import json
import subprocess
import sys

import pytest

from image_enforcer.adapters.store import scan_rows
from tests.contract.contents import finding, image, report

FIRST = """
import json, sys, threading
from datetime import UTC, datetime
from types import SimpleNamespace
from image_enforcer.adapters.store import scan_rows
from image_enforcer.analysis import facts, manifest
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import OCI_MANIFEST

sys.setswitchinterval(1e-6)
told = json.load(sys.stdin)
content, tag = told["content"].encode(), json.dumps({"digest": told["digest"]}).encode()
row = SimpleNamespace(report=bytes.fromhex(told["report"]), confirmed_at=datetime.now(UTC))
start = threading.Barrier(16)

def work():
    start.wait()
    for _ in range(50):
        manifest.parse(content, OCI_MANIFEST, told["digest"])
        scan_rows.read(row)
        facts.read(Kind.TAG, tag)

threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""


@pytest.mark.parametrize("time", range(4))
def test_threads_that_are_the_first_to_decode_a_kind_of_document_crash_nothing(time: int) -> None:
    """The decoding library crashes where two threads are the first to use a type: decoders are made at import."""
    known = image("a", [str(number) for number in range(30)])
    findings = [finding(f"CVE-{number}") for number in range(200)]
    told = {
        "content": known.content.decode(), "digest": known.digest,
        "report": scan_rows.write(report(known.digest, *findings)).hex(),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", FIRST], input=json.dumps(told), capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
