"""Finding deliveries without an origin by their nonce."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "transfers_without_origin",
        "transfers",
        ["origin", "nonce"],
        sqlite_where=sa.text("xcalled_at IS NULL"),
    )
