"""Ours beside its peers, in one run, as ratios. `python -m benchmarks --help` says what can be chosen."""
