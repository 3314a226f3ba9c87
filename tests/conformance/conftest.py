"""Figures of conformance runs in the summary, from whichever worker they come."""

from __future__ import annotations

import pytest


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each set of cases; with ``-v`` a line for each category too."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") != "call":
                continue
            for name, text in report.user_properties:
                if name == "figures" or (name == "category" and terminalreporter.verbosity > 0):
                    terminalreporter.write_line(text)
