"""The first tables: repositories and their tags, manifests, scans, what is published."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Make them in an empty database."""
    _state()
    _watching()
    _scanning()


def _state() -> None:
    _table(
        "meta", _number("id", key=True), _text("epoch"), _large("revision"), _large("floor"),
    )  # fmt: skip
    _table(
        "entries", _text("kind", key=True), _text("key", key=True), _bytes("value", null=True), _large("revision"),
        _large("gone_at", null=True),
    )  # fmt: skip
    _indexes("entries", ["revision"], ["gone_at"])
    _table("notes", _text("reader", key=True), _text("position"))


def _watching() -> None:
    _table(
        "repositories", sa.Column("id", sa.Integer, primary_key=True), _text("registry"), _text("path"),
        _large("next_look"), _large("looked_at", null=True), _number("failures"), *_trouble(), *_lease(),
        sa.UniqueConstraint("registry", "path", name="repositories_registry_key"),
    )  # fmt: skip
    _indexes("repositories", ["next_look"])
    _table(
        "tags", _number("repository", key=True), _text("name", key=True), _text("digest", null=True),
        _large("since", null=True), _large("seen_at", null=True), *_trouble(),
        _refers("tags", "repository", "repositories.id"),
    )  # fmt: skip
    _indexes("tags", ["digest"])
    _table(
        "manifests", _text("digest", key=True), _text("media_type"), _text("kind"), _bytes("content"),
        _truth("runnable"), _truth("reached"), _truth("runs"), _large("unreached_since", null=True),
    )  # fmt: skip
    _indexes("manifests", ["unreached_since"])
    _table(
        "children", _text("parent", key=True), _number("position", key=True), _text("digest"), _text("media_type"),
        _large("size"), _text("os", null=True), _text("architecture", null=True), _text("variant", null=True),
        _text("os_version", null=True), _text("artifact_type"), _truth("runs"),
        _refers("children", "parent", "manifests.digest"),
    )  # fmt: skip
    _indexes("children", ["digest"])
    _table(
        "layers", _text("manifest", key=True), _number("position", key=True), _text("digest"), _text("media_type"),
        _large("size"), _refers("layers", "manifest", "manifests.digest"),
    )  # fmt: skip
    _indexes("layers", ["digest"])
    _table(
        "homes", _number("repository", key=True), _text("digest", key=True),
        _refers("homes", "repository", "repositories.id"),
    )  # fmt: skip
    _indexes("homes", ["digest"])


def _scanning() -> None:
    _table("scanners", _text("name", key=True))
    _table(
        "scans", _text("digest", key=True), _text("scanner", key=True), _truth("wanted"), _text("version"),
        _text("indexed"), _text("state"), _large("since", null=True), _large("confirmed_at", null=True),
        _large("published_at", null=True), _bytes("report", null=True), _number("attempts"), _large("next_at"),
        *_trouble(), *_lease(), _refers("scans", "digest", "manifests.digest"),
    )  # fmt: skip
    _indexes("scans", ["scanner", "wanted", "next_at", "digest"], ["scanner", "wanted", "version", "digest"])
    _table(
        "findings", _text("digest", key=True), _text("scanner", key=True), _number("position", key=True),
        _text("vulnerability"), _number("severity"), _text("package"), _text("version"), _text("namespace"),
        _text("layer"), _text("fixed_in"),
        sa.ForeignKeyConstraint(
            ["digest", "scanner"], ["scans.digest", "scans.scanner"], name="findings_digest_fkey", ondelete="CASCADE"
        ),
    )  # fmt: skip
    _indexes("findings", ["vulnerability"], ["package"])
    _table("parts", _text("hash", key=True), _bytes("content"))
    _table(
        "layer_parts", _text("layer", key=True), _text("image", key=True), _text("scanner", key=True), _text("hash"),
        _truth("published"), _large("recorded"), _refers("layer_parts", "image", "manifests.digest"),
        sa.ForeignKeyConstraint(["hash"], ["parts.hash"], name="layer_parts_hash_fkey"),
    )  # fmt: skip
    _indexes("layer_parts", ["layer", "published", "hash", "recorded"], ["image"], ["hash"])


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    keys = [part.name for part in parts if isinstance(part, sa.Column) and part.primary_key]
    op.create_table(name, *parts, sa.PrimaryKeyConstraint(*keys, name=f"{name}_pkey"))


def _indexes(table: str, *columns: list[str]) -> None:
    for names in columns:
        op.create_index(f"{table}_{'_'.join(names)}_idx", table, names)


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"{table}_{column}_fkey", ondelete="CASCADE")


def _column(name: str, kind: Any, key: bool, null: bool) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=key, nullable=null, autoincrement=False)


def _text(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return _column(name, sa.Text, key, null)


def _number(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return _column(name, sa.Integer, key, null)


def _large(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return _column(name, sa.BigInteger, key, null)


def _truth(name: str) -> sa.Column[Any]:
    return _column(name, sa.Boolean, key=False, null=False)


def _bytes(name: str, *, null: bool = False) -> sa.Column[Any]:
    return _column(name, sa.LargeBinary, key=False, null=null)


def _trouble() -> list[sa.Column[Any]]:
    return [_text("trouble_code", null=True), _text("trouble_text", null=True), _large("trouble_at", null=True)]


def _lease() -> list[sa.Column[Any]]:
    texts = [_text("lease_owner", null=True), _text("lease_token", null=True)]
    return [*texts, _large("lease_until", null=True), _large("hinted", null=True)]
