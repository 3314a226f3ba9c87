"""By which a reader proves that a revision which it has was this store's."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """None has one yet: the newest one gets its stamp where the tables are brought up to date."""
    op.create_table(
        "revisions",
        sa.Column("revision", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("revision", name="revisions_pkey"),
    )
