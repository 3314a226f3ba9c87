"""Which scanner's word counts."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """None does yet: the next worker says which."""
    for name in ("used", "settled"):
        op.add_column("scanners", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
