"""Changing the schema. Slow to load: only where `schema_revision` says that there is something to change."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from connext_monitor.store.schema_revision import MIGRATIONS


def scripts() -> Config:
    """Where the migrations are, as Alembic wants to be told."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the schema up to a revision, within the connection's transaction."""
    config = scripts()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
