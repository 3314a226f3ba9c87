"""Policies laid out as ``opa fmt`` lays them out: line breaks and comments are kept, all else is settled.

Where OPA's layout would mean something else, lose comments or have another layout, it is one that does not.

Only text comes in and goes out; files belong to whoever calls.
"""

from .source import Conversion, LaidOut, Unformatted, changed_rules, lay_out, lost_comments
from .style import BOTH, V0, V1, Target

__all__ = [
    "BOTH", "V0", "V1", "Conversion", "LaidOut", "Target", "Unformatted", "changed_rules", "lay_out", "lost_comments",
]  # fmt: skip
