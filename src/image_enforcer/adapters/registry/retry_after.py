"""What servers say of when to come back, and of how often they may be asked.

Sources: RFC 9110 §10.2.3 (``Retry-After``: seconds or a date); Docker Hub's ``ratelimit-limit: 100;w=21600``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

MOST: Final = 24 * 3600.0
_SECONDS: Final = re.compile(r"\s*(\d{1,9})\s*", re.ASCII)
_QUOTA: Final = re.compile(r"\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?", re.ASCII)


def seconds(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks to wait; None where it does not say. A date counts from the answer's own."""
    told = headers.get("Retry-After", "")
    found = _SECONDS.fullmatch(told)
    if found is not None:
        return min(MOST, float(found[1]))
    try:
        until = parsedate_to_datetime(told)
        since = parsedate_to_datetime(headers.get("Date", ""))
        return min(MOST, max(0.0, (until - since).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None


def quota(headers: Mapping[str, str]) -> tuple[int, int, float] | None:
    """How many requests are left, of how many, in how many seconds; None where an answer does not say."""
    limit = _QUOTA.match(headers.get("RateLimit-Limit", ""))
    left = _QUOTA.match(headers.get("RateLimit-Remaining", ""))
    if limit is None or left is None:
        return None
    return int(left[1]), int(limit[1]), float(limit[2] or 3600)
