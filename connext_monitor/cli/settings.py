"""What every command begins with: the config file, and the names that follow from it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from connext_monitor.alerting.providers import check_provider
from connext_monitor.config import Config, load_config, trimmed
from connext_monitor.core.events import DomainId
from connext_monitor.process.running_loop import RunningLoop
from connext_monitor.process.stop_request import StopRequest
from connext_monitor.store.lock import DatabaseInUseError, DatabaseLock, refuse_other_name
from connext_monitor.store.store import Store

DEFAULT_FILE = Path("config.toml")

_ENDS_WITHIN = 2.0
"""Seconds: somebody at a terminal waits for it, and what is half done is seen as such the next time."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


@dataclass(slots=True)
class Settings:
    """What was said before the command; kept as click's context object."""

    file: Path = DEFAULT_FILE


def _keep(context: click.Context, option: click.Parameter, file: Path | None) -> None:
    settings = context.ensure_object(Settings)
    if file is not None:
        from_environment = context.get_parameter_source(option.name or "") is ParameterSource.ENVIRONMENT
        settings.file = Path(trimmed(str(file))) if from_environment else file


def config_option(*, envvar: str | None = None) -> Callable[[F], F]:
    """``--config FILE``, before the command or after it; the one after it counts."""
    return click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        envvar=envvar,
        expose_value=False,
        # An option's own default must not undo what stood before the command.
        callback=_keep,
        is_eager=True,
        help=f"The config file; else $CONNEXT_MONITOR_CONFIG, else {DEFAULT_FILE} here.",
    )


def load() -> Config:
    """The config of the running command. Raises ConfigError."""
    settings = click.get_current_context().ensure_object(Settings)
    return load_config(settings.file, os.environ, check_provider)


def chain_names(config: Config) -> dict[DomainId, str]:
    """The configured chains' names by domain."""
    return {chain.domain_id: chain.name for chain in config.chains.values()}


@asynccontextmanager
async def reading(config: Config) -> AsyncIterator[Store]:
    """The database of the config, to be read. Raises DatabaseError; makes and migrates nothing."""
    refuse_other_name(config.monitor.database)
    store = await Store.open_readonly(config.monitor.database, chain_names(config))
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def writing(config: Config) -> AsyncIterator[Store]:
    """The database of the config, to be written, beside a running monitor or without one. Raises DatabaseError.

    Without one the file is made or brought up to date; the schema under a running monitor is left as it is.
    """
    database, names = config.monitor.database, chain_names(config)
    try:
        with DatabaseLock(database, make=True):
            await (await Store.open(database, names)).close()
    except DatabaseInUseError as error:
        if error.elsewhere:
            # Its log of changes lies beside that other name: who wrote without it would damage the database.
            raise
    # Opened after the lock is gone: a monitor may start meanwhile.
    store = await Store.open(database, names, migrate=False)
    try:
        yield store
    finally:
        await store.close()


class _Stopped(Exception):
    """Somebody asked the command to stop."""


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; SIGINT, SIGTERM and SIGHUP cancel it, and KeyboardInterrupt is raised."""
    stop = StopRequest(code=1, within=_ENDS_WITHIN)
    try:
        with stop.on_signals(), asyncio.Runner(loop_factory=RunningLoop) as runner:
            return runner.run(_unless_stopped(stop, work))
    except _Stopped:
        raise KeyboardInterrupt from None


async def _unless_stopped(stop: StopRequest, work: Coroutine[Any, Any, T]) -> T:
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        stopping.cancel()
        return working.result()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    raise _Stopped
