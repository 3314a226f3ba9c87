"""Runs the benchmarks and prints their tables: python -m benchmarks [--quick] [TABLE…]; --help names them."""

import argparse
import sys
from collections.abc import Callable, Mapping

from benchmarks import decisions, gathering, idioms, rules, serving, starts


def _decisions(quick: bool) -> bool:
    sizes, rounds, seconds = ([0, 1_000], 1, 0.5) if quick else ([0, 1_000, 10_000, 100_000], 3, 4.0)
    return decisions.run(sizes, rounds, seconds)


def _idioms(quick: bool) -> bool:
    return idioms.run(1, 0.02) if quick else idioms.run(5, 0.1)


def _rules(quick: bool) -> bool:
    return rules.run(1, 0.2, large=2_000) if quick else rules.run(3, 1.0, large=10_000)


def _starts(quick: bool) -> bool:
    starts.run(3 if quick else 20)
    return True


def _serving(quick: bool) -> bool:
    sizes, rounds, seconds = ([0], 1, 2.0) if quick else ([0, 10_000, 100_000], 3, 5.0)
    serving.run(sizes, rounds, seconds)
    return True


def _gathering(quick: bool) -> bool:
    if quick:
        gathering.run([100, 1_000], 20, 3, 5)
    else:
        gathering.run([100, 100_000], 300, 100, 100)
    return True


TABLES: Mapping[str, Callable[[bool], bool]] = {
    "decisions": _decisions, "idioms": _idioms, "rules": _rules, "starts": _starts, "serving": _serving,
    "gathering": _gathering,
}  # fmt: skip


def main() -> int:
    """The command line; 1 when engines disagree about an answer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ours beside its peers, in one run.")
    parser.add_argument("what", nargs="*", help=f"which tables, of {', '.join(TABLES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: does everything run?")
    options = parser.parse_args()
    unknown = [what for what in options.what if what not in TABLES]
    if unknown:
        parser.error(f"there is no table {unknown[0]!r}; there are {', '.join(TABLES)}")
    agreed = [TABLES[what](options.quick) for what in options.what or TABLES]
    return 0 if all(agreed) else 1


if __name__ == "__main__":
    sys.exit(main())
