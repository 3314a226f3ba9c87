"""What sync says when something fails, goes on failing, and is there again."""

import io
import json
from datetime import UTC, datetime

from image_enforcer.cli.sync_lines import Lines
from image_enforcer.domain.watched import Trouble

OUTAGE = Trouble(code="store-unreachable", text="nobody is there", at=datetime(2026, 1, 1, tzinfo=UTC))


def test_each_outage_is_told_once_and_so_is_its_end() -> None:
    out = io.StringIO()
    lines = Lines(out, "json")
    lines.recovered("store")
    for _ in range(2):
        lines.failed("store", OUTAGE)
        lines.failed("store", OUTAGE)
        lines.recovered("store")
        lines.recovered("store")
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["event"], line["about"]) for line in told] == [("failed", "store"), ("recovered", "store")] * 2
