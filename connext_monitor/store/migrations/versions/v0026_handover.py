"""To whom the work is handed over, and which instance sees which chains."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("lease", sa.Column("offered_to", sa.Text(), nullable=True))
    op.add_column("lease", sa.Column("unseen", sa.Text(), nullable=True))
    op.add_column("lease", sa.Column("handed_over_ms", sa.BigInteger(), nullable=True))
    op.add_column("lease", sa.Column("sight_wanted", sa.Boolean(), nullable=True))
    op.add_column("instances", sa.Column("heads", sa.Text(), nullable=True))
    op.add_column("instances", sa.Column("looked_ms", sa.BigInteger(), nullable=True))
