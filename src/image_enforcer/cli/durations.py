"""Lengths of time on the command line, which are written as in settings files."""

from ..settings.durations import LONGEST, seconds

__all__ = ["LONGEST", "seconds"]
