"""One engine in a process of its own: loads, decides every review bytes to bytes, prints what it took as JSON.

python -m benchmarks.worker ENGINE POLICY DATA REVIEWS SECONDS      ENGINE: ours, regopy
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ENTRY = "data.io.k8s.image_policy.verify"
Decide = Callable[[bytes], bytes]


def ours(policy: str, data: bytes) -> tuple[Decide, Callable[[], None]]:
    """Our engine: limits on; what a decision remembers belongs to the data alone."""
    from image_enforcer import rego

    query = rego.compile_modules({"policy.rego": policy}).prepare(ENTRY)
    document = rego.from_json(data)
    snapshot = rego.Snapshot(document)
    limits = rego.Limits(seconds=1.0)

    def decide(review: bytes) -> bytes:
        return rego.to_json(query.value(input=rego.from_json(review), data=snapshot, limits=limits)).encode()

    def change() -> None:
        nonlocal snapshot
        assert isinstance(document, dict)
        snapshot = rego.Snapshot(dict(document))

    return decide, change


def regopy(policy: str, data: bytes) -> tuple[Decide, Callable[[], None]]:
    """rego-cpp's Python binding, from a bundle built beforehand: the fastest way it offers."""
    import regopy as peer

    interpreter = peer.Interpreter()
    interpreter.add_module("policy.rego", policy)
    interpreter.add_data_json(data.decode())
    bundle = interpreter.build(ENTRY, [])

    def decide(review: bytes) -> bytes:
        interpreter.set_input_term(review.decode())
        return str(interpreter.query_bundle(bundle)).encode()

    return decide, lambda: None


def main(arguments: Sequence[str]) -> int:
    """Runs one engine; see the module's text."""
    engine, policy, data, reviews, seconds = arguments
    began = time.perf_counter()
    decide, change = {"ours": ours, "regopy": regopy}[engine](
        Path(policy).read_text(encoding="utf-8"), Path(data).read_bytes()
    )
    load = time.perf_counter() - began
    lines = Path(reviews).read_bytes().splitlines()
    # compiled on first use; what is timed as the first decision is one after a change of the data
    decide(lines[0])
    change()
    began = time.perf_counter()
    decide(lines[0])
    first = time.perf_counter() - began
    decisions = allowed = 0
    began = time.perf_counter()
    until = began + float(seconds)
    for line in lines:
        answer = decide(line)
        decisions += 1
        allowed += b'"allowed":true' in answer.replace(b" ", b"")
        if time.perf_counter() > until:
            break
    spent = time.perf_counter() - began
    figures = {
        "decisions": decisions,
        "allowed": allowed,
        "us": spent / decisions * 1e6,
        "first_us": first * 1e6,
        "load_s": load,
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
