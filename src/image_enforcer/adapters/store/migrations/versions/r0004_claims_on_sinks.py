"""Who writes to a sink, so that two workers never do at once."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade() -> None:
    """Every sink is anybody's at first."""
    for name in ("lease_owner", "lease_token"):
        op.add_column("notes", sa.Column(name, sa.Text))
    op.add_column("notes", sa.Column("lease_until", sa.BigInteger))
