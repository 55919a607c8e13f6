"""``move``: the whole database, from a file to a PostgreSQL server or back."""

import asyncio
import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import click
from pydantic_core import PydanticCustomError

from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.output import print_json, print_line, say
from connext_monitor.cli.settings import load
from connext_monitor.config import Config, ConfigError, DatabaseUrl
from connext_monitor.config.models import MonitorConfig
from connext_monitor.config.table import parse_table
from connext_monitor.config.variables import Variables
from connext_monitor.core.documents.command_line import MovedDatabase
from connext_monitor.store.connection import Connection
from connext_monitor.store.engine import Engine, engine_of
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.moving import Move

_HAS_PASSWORD = re.compile(r"postgres(?:ql)?://[^@/?#$]*:[^@$]+@|[?&]password=[^$]", re.IGNORECASE)


def move_database(to: str, *, as_json: bool) -> None:
    """Copy the config's database to another place, and print how much it was. Raises DatabaseError."""
    config = load()
    source, destination = config.monitor.database, _destination(to, config)
    counts = complete(_move(source, destination))
    if as_json:
        of = [counts[table] for table in ("transfers", "events", "alerts")]
        print_json(MovedDatabase(str(source), str(destination), sum(counts.values()), *of))
        return
    print_line(f"Moved {source} to {destination}: {sum(counts.values()):,} rows, all of them compared")
    say("name it in monitor.database, and start the monitor; the old one is left as it was")


def _destination(to: str, config: Config) -> Path | DatabaseUrl:
    if _HAS_PASSWORD.search(to):
        words = "has a password, which others on this machine can read in the list of processes"
        raise click.BadParameter(f"{words}; write --to '${{DATABASE_URL}}', and set that variable", param_hint="--to")
    variables = Variables(os.environ)
    filled = variables.fill(to, ("--to",))
    if variables.problems:
        raise ConfigError(config.file, variables.problems)
    try:
        table = parse_table(MonitorConfig, {"database": filled}, ("--to",), file=config.file)
    except PydanticCustomError as error:
        raise click.BadParameter(error.message(), param_hint="--to") from None
    destination = table.database
    if isinstance(destination, Path) == isinstance(config.monitor.database, Path):
        words = "moves from a file to a server or back; files are copied by backup, servers by pg_dump"
        raise click.BadParameter(words, param_hint="--to")
    return destination


async def _move(source: Path | DatabaseUrl, destination: Path | DatabaseUrl) -> dict[str, int]:
    stopped = threading.Event()
    try:
        return await asyncio.to_thread(_moved, source, destination, stopped)
    finally:
        stopped.set()


def _moved(source: Path | DatabaseUrl, destination: Path | DatabaseUrl, stopped: threading.Event) -> dict[str, int]:
    with ExitStack() as stack:
        for database in (source, destination):
            if isinstance(database, Path):
                stack.enter_context(DatabaseLock(database, make=database is destination))
        engines = engine_of(source), engine_of(destination)
        read = stack.enter_context(closing(engines[0].reader()))
        write = stack.enter_context(closing(engines[1].writer()))
        with _in_words(engines[0], read), _in_words(engines[1], write):
            return Move(*engines, lambda table, rows: say(f"{table}: {rows:,} rows"), stopped.is_set).run(read, write)


@contextmanager
def _in_words(engine: Engine, connection: Connection) -> Iterator[None]:
    """Raise DatabaseError for errors of the connection."""
    try:
        yield
    except connection.error as error:
        trouble = engine.trouble_of(error)
        raise (DatabaseError(f"{trouble.words}. {trouble.cure}") if trouble else engine.unreadable(error)) from error
