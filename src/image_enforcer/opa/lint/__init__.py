"""Finding image policies that fail open: patterns in rules by which images slip through that were meant to be refused.

Rules stand in :mod:`.catalog` as data, with what they find, why, and what to do; a module each for the families of
them finds the places.
"""

from .catalog import RULES
from .findings import SEVERITIES, Finding, Rule
from .run import lint

__all__ = ["RULES", "SEVERITIES", "Finding", "Rule", "lint"]
