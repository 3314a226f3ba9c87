"""The tables, for both databases. What is published is in ``entries``; everything else is what it is made from."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from .columns import Moment, Words

REVISION: Final = "0004"
"""The newest migration, after which these are the tables."""

METADATA: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def _trouble() -> tuple[Column[Any], ...]:
    return (Column("trouble_code", Words), Column("trouble_text", Words), Column("trouble_at", Moment))


def _lease() -> tuple[Column[Any], ...]:
    """Who has a row, until when; ``hinted`` is when somebody said meanwhile that it is due again."""
    return (
        Column("lease_owner", Words),
        Column("lease_token", Text),
        Column("lease_until", Moment),
        Column("hinted", Moment),
    )


meta: Final = Table(
    "meta",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False),
)
"""One row, held by whoever changes what is published. ``floor``: no pruned entry was newer."""

revisions: Final = Table(
    "revisions",
    METADATA,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("stamp", Text, nullable=False),
)
"""The last revisions, each with a word drawn at random: a store that was put back to an older copy of itself goes on
with the same numbers and with other words."""

repositories: Final = Table(
    "repositories",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("registry", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("next_look", Moment, nullable=False),
    Column("looked_at", Moment),
    Column("failures", Integer, nullable=False),
    *_trouble(),
    *_lease(),
    UniqueConstraint("registry", "path"),
    Index(None, "next_look"),
)

tags: Final = Table(
    "tags",
    METADATA,
    Column("repository", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("digest", Text),
    Column("since", Moment),
    Column("seen_at", Moment),
    *_trouble(),
    Index(None, "digest"),
)
"""``digest`` is null where a tag exists that could never be resolved."""

manifests: Final = Table(
    "manifests",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("media_type", Words, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("runnable", Boolean, nullable=False),
    Column("reached", Boolean, nullable=False),
    Column("runs", Boolean, nullable=False),
    Column("unreached_since", Moment),
    Index(None, "unreached_since"),
)
"""``reached``: from some tag, directly or through indexes. ``runs``: also by a way on which no platform is unknown."""

children: Final = Table(
    "children",
    METADATA,
    Column("parent", ForeignKey("manifests.digest", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("media_type", Words, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("os", Words),
    Column("architecture", Words),
    Column("variant", Words),
    Column("os_version", Words),
    Column("artifact_type", Words, nullable=False),
    Column("runs", Boolean, nullable=False),
    Index(None, "digest"),
)
"""What indexes list. ``runs`` is false under an unknown platform, where attestations stand."""

layers: Final = Table(
    "layers",
    METADATA,
    Column("manifest", ForeignKey("manifests.digest", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("media_type", Words, nullable=False),
    Column("size", BigInteger, nullable=False),
    Index(None, "digest"),
)

homes: Final = Table(
    "homes",
    METADATA,
    Column("repository", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Index(None, "digest"),
)
"""Which repository's tags reach a digest, whether or not its manifest is stored."""

scanners: Final = Table(
    "scanners",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("used", Boolean, nullable=False, server_default=false()),
    Column("settled", Boolean, nullable=False, server_default=false()),
)
"""Those that ever asked for work: each has a row in ``scans`` for every image that could be scanned.

``used``: the one whose word counts. ``settled``: all that is published goes by that.
"""

scans: Final = Table(
    "scans",
    METADATA,
    Column("digest", ForeignKey("manifests.digest", ondelete="CASCADE"), primary_key=True),
    Column("scanner", Text, primary_key=True),
    Column("wanted", Boolean, nullable=False),
    Column("version", Text, nullable=False),
    Column("indexed", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", Moment),
    Column("confirmed_at", Moment),
    Column("published_at", Moment),
    Column("report", LargeBinary),
    Column("gaps", Integer),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    *_trouble(),
    *_lease(),
    Index(None, "scanner", "wanted", "next_at", "digest"),
    Index(None, "scanner", "wanted", "version", "digest"),
)
"""``version`` tried last, ``indexed`` is the version that knows the layers, ``state`` is empty until there is one.

``gaps`` is how many the report has; null also where it was made before they were counted.
"""

findings: Final = Table(
    "findings",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("scanner", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("vulnerability", Words, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("package", Words, nullable=False),
    Column("version", Words, nullable=False),
    Column("namespace", Words, nullable=False),
    Column("layer", Words, nullable=False),
    Column("fixed_in", Words, nullable=False),
    ForeignKeyConstraint(["digest", "scanner"], ["scans.digest", "scans.scanner"], ondelete="CASCADE"),
    Index(None, "vulnerability"),
    Index(None, "package"),
)
"""The last report's findings, to be asked for by vulnerability or package."""

parts: Final = Table(
    "parts",
    METADATA,
    Column("hash", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""What reports say about a layer, each text once."""

layer_parts: Final = Table(
    "layer_parts",
    METADATA,
    Column("layer", Text, primary_key=True),
    Column("image", ForeignKey("manifests.digest", ondelete="CASCADE"), primary_key=True),
    Column("scanner", Text, primary_key=True),
    Column("hash", ForeignKey("parts.hash"), nullable=False),
    Column("published", Boolean, nullable=False),
    Column("recorded", BigInteger, nullable=False),
    Index(None, "layer", "published", "hash", "recorded"),
    Index(None, "image"),
    Index(None, "hash"),
)
"""Which text an image's report brought for a layer, and with which revision. ``published``: the image is reached."""

entries: Final = Table(
    "entries",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary),
    Column("revision", BigInteger, nullable=False),
    Column("gone_at", Moment),
    Index(None, "revision"),
    Index(None, "gone_at"),
)
"""The published facts. ``value`` is null, and ``gone_at`` set, where there is none any more."""

notes: Final = Table(
    "notes",
    METADATA,
    Column("reader", Text, primary_key=True),
    Column("position", Words, nullable=False),
    Column("lease_owner", Words),
    Column("lease_token", Text),
    Column("lease_until", Moment),
)
"""How far readers have come. Those that are sinks are somebody's while they are written to."""
