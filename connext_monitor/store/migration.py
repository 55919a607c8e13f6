"""Changing the schema. Slow to load: only where `schema_revision` says that there is something to change."""

import time
from typing import Any

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from connext_monitor.store.connection import Connection
from connext_monitor.store.schema_revision import MIGRATIONS, NEWEST

log = structlog.get_logger()


def scripts() -> Config:
    """Where the migrations are, as Alembic wants to be told."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the schema up to a revision, within the connection's transaction. Raises the driver's errors."""
    shared = create_engine(**connection.alchemy, creator=lambda: _Shared(connection.driver), poolclass=StaticPool)
    if connection.before is not None:
        before = connection.before
        event.listen(shared, "before_cursor_execute", lambda *statement: before(statement[2]))
    config = scripts()
    try:
        with shared.connect() as config.attributes["connection"]:
            command.upgrade(config, to)
    except DBAPIError as error:
        if error.orig is None:
            raise
        raise error.orig from error


def upgrade_old(connection: Connection, revision: str) -> None:
    """The same for a file that an earlier version has filled: in words, as a large one takes minutes."""
    log.info("database.updating", schema=revision, to=NEWEST)
    started = time.monotonic()
    upgrade(connection)
    log.info("database.updated", schema=NEWEST, seconds=round(time.monotonic() - started, 1))


class _Shared:
    """The driver's connection, for whom its transaction is somebody else's to end."""

    def __init__(self, driver: Any) -> None:  # noqa: ANN401 - of either engine
        self._driver = driver

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        return getattr(self._driver, name)

    def commit(self) -> None:
        """Nothing is committed before the rest of the transaction."""

    def rollback(self) -> None:
        """What fails is raised, and ends the transaction where it was begun."""

    def close(self) -> None:
        """It goes on being used."""
