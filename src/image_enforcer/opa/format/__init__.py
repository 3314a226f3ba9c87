"""Policies laid out as ``opa fmt`` lays them out: line breaks and comments are kept, all else is settled.

Only text comes in and goes out; files belong to whoever calls.
"""

from .source import Conversion, Unformatted, check_result, format_text, lost_comments
from .style import BOTH, V0, V1, Target

__all__ = ["BOTH", "V0", "V1", "Conversion", "Target", "Unformatted", "check_result", "format_text", "lost_comments"]
