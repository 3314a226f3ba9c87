"""What the columns of the store hold: moments and words, the same in every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
WIDEST: Final = 255
"""Characters of a word that stands in an index: PostgreSQL takes no more than some 2,700 bytes there."""


def clean(text: str) -> str:
    """The text without what PostgreSQL or UTF-8 cannot hold: NUL and halves of surrogate pairs become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def narrow(text: str) -> str:
    """A word for an index: cut where it is longer than anything honest."""
    return clean(text)[:WIDEST]


class Moment(TypeDecorator[datetime]):
    """A time in UTC as microseconds since 1970: exact, and in the same order as the numbers."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """To the database. A time without a zone is a mistake of the caller and raises TypeError."""
        return None if value is None else (value - EPOCH) // _TICK

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Words(TypeDecorator[str]):
    """Text from outside, cleaned on its way in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else clean(value)
