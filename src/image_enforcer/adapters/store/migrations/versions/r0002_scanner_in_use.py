"""Which scanner's word counts, and how many gaps reports have."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """None does yet: the next worker says which. Gaps are counted when a report is asked for again."""
    for name in ("used", "settled"):
        op.add_column("scanners", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("scans", sa.Column("gaps", sa.Integer))
