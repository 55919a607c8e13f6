"""Because of which other alert one is late; groups of such, and what is told anew."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the columns, and an index of what is late because of something."""
    op.add_column("alerts", sa.Column("inhibited_by", sa.Text(), nullable=True))
    op.create_index("alerts_by_cause", "alerts", ["inhibited_by"], sqlite_where=sa.text("inhibited_by IS NOT NULL"))
    op.add_column("deliveries", sa.Column("anew", sa.Boolean(), nullable=True))
    op.add_column("delivery_groups", sa.Column("cause_id", sa.Text(), nullable=True))
