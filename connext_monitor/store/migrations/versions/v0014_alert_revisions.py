"""In which order alerts changed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Number the alerts in the order in which they were first opened."""
    op.add_column("alerts", sa.Column("revision", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.execute(sa.text("UPDATE alerts SET revision = row"))
    op.create_index("alerts_by_revision", "alerts", ["revision"])
