"""Runs the benchmarks and prints their tables: python -m benchmarks [--quick] [decisions] [serving]."""

import argparse
import sys

from benchmarks import decisions, serving


def main() -> int:
    """The command line; 1 when engines disagree about a verdict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ours beside its peers, in one run.")
    parser.add_argument("what", nargs="*", choices=["decisions", "serving", []], help="which tables; both by default")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: does everything run?")
    options = parser.parse_args()
    what = options.what or ["decisions", "serving"]
    agreed = True
    if "decisions" in what:
        sizes, rounds, seconds = ([0, 1_000], 1, 1.0) if options.quick else ([0, 1_000, 10_000, 100_000], 3, 8.0)
        agreed = decisions.run(sizes, rounds, seconds)
    if "serving" in what:
        sizes, rounds, seconds = ([0], 1, 2.0) if options.quick else ([0, 10_000, 100_000], 3, 5.0)
        serving.run(sizes, rounds, seconds)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
