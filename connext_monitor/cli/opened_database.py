"""The database of the config, opened for a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from connext_monitor.config import Config
from connext_monitor.core.events import DomainId
from connext_monitor.store.database import Database
from connext_monitor.store.errors import DatabaseInUseError
from connext_monitor.store.lock import refuse_other_name

if TYPE_CHECKING:
    from connext_monitor.store.store import Store


def chain_names(config: Config) -> dict[DomainId, str]:
    """The configured chains' names by domain."""
    return {chain.domain_id: chain.name for chain in config.chains.values()}


@asynccontextmanager
async def reading_database(config: Config) -> AsyncIterator[Database]:
    """The database of the config, to be read by functions over a connection: what else the store can do is not loaded.

    Raises DatabaseError; makes and migrates nothing.
    """
    refuse_other_name(config.monitor.database)
    database = await Database.open_readonly(config.monitor.database)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def reading(config: Config) -> AsyncIterator["Store"]:
    """The same as a store."""
    from connext_monitor.store.store import Store  # noqa: PLC0415 - not every command loads all that it can do

    async with reading_database(config) as database:
        yield Store(database, chain_names(config))


@asynccontextmanager
async def writing(config: Config) -> AsyncIterator["Store"]:
    """The database of the config, to be written, beside a running monitor or without one. Raises DatabaseError.

    Without one a file is made or brought up to date; under a running monitor, or on a server, the schema is left alone.
    """
    from connext_monitor.store.monitor_lock import lock_of  # noqa: PLC0415 - as above
    from connext_monitor.store.store import Store  # noqa: PLC0415

    database, names = config.monitor.database, chain_names(config)
    try:
        if isinstance(database, Path):
            with lock_of(database):
                await (await Store.open(database, names)).close()
    except DatabaseInUseError as error:
        if error.elsewhere:
            # Its log of changes lies beside that other name: writing without it would damage the database.
            raise
    # Opened after the lock is gone: a monitor may start meanwhile.
    store = await Store.open(database, names, migrate=False)
    try:
        yield store
    finally:
        await store.close()
