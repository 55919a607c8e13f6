"""How long until another instance works: ``python -m scripts.bench.takeover [--rounds N] [--takeover-after SECONDS]``.

Two processes of the program on a PostgreSQL server of its own and two local chains with a block a second, with nothing
on the bridge. The one that owns the work is killed (kill -9), or asked to stop (SIGTERM), and started again once the
other one works. Measured from the signal: until the lease is taken, until the whole monitor runs, and until every chain
is caught up (``/readyz``).
"""

import asyncio
import json
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from scripts.devnet.config_file import Deadlines, config_toml, table
from scripts.devnet.instance import Instance, free_port
from scripts.postgres_server import DURABLE, Server, programs, running

_PATIENCE = 600.0
_LOOKS_EVERY = 0.02
"""Seconds."""
_ACTS = ("kill -9", "clean stop")
_TAKEN, _RUNS, _STANDS_BY = "work.taken", "monitor.started", "instance.stands_by"
"""Events of the log."""
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'connext-monitor'"


@dataclass(frozen=True, slots=True)
class Takeover:
    """Seconds from the signal to each of these."""

    taken: float
    runs: float
    caught_up: float


class Watched:
    """An instance, and when it logged what in its present life."""

    def __init__(self, name: str, config: Path, listen: str) -> None:
        self.instance = Instance(name, config, listen, self._note)
        self._logged: dict[str, float] = {}
        self._life: asyncio.Task[int] | None = None

    def start(self) -> None:
        """Begin a life."""
        self._logged.clear()
        self._life = asyncio.create_task(self.instance.run())

    async def ended(self) -> None:
        """The end of this life."""
        if self._life is not None:
            await asyncio.wait({self._life})

    async def close(self) -> None:
        """Stop it, if it runs."""
        if self._life is not None:
            self._life.cancel()
        await self.ended()

    async def at(self, event: str) -> float:
        """When it logged this first, once it has (monotonic seconds). Raises `SystemExit` where it ends instead."""
        async with asyncio.timeout(_PATIENCE):
            while event not in self._logged:
                if self._life is None or self._life.done():
                    raise SystemExit(f"{self.instance.name} ended before it logged {event}.")
                await asyncio.sleep(_LOOKS_EVERY)
        return self._logged[event]

    async def caught_up(self) -> float:
        """When it says so (monotonic seconds)."""
        async with asyncio.timeout(_PATIENCE):
            while not await self.instance.ask("/readyz"):  # noqa: ASYNC110 - it is elsewhere
                await asyncio.sleep(_LOOKS_EVERY)
        return time.monotonic()

    def _note(self, line: str) -> None:
        if line.startswith("{"):
            self._logged.setdefault(json.loads(line)["event"], time.monotonic())


async def measure(options: Namespace, server: Server, url: DatabaseUrl) -> dict[str, list[Takeover]]:
    """Every round of each act."""
    takeovers: dict[str, list[Takeover]] = {act: [] for act in _ACTS}
    async with Devnet.start() as devnet, watched(devnet, url, options.takeover_after) as pair:
        owner, other = pair
        owner.start()
        await owner.at(_RUNS)
        await owner.caught_up()
        alone = server.ask(_CONNECTIONS)
        other.start()
        await other.at(_STANDS_BY)
        both = server.ask(_CONNECTIONS)
        print(f"connections at rest: the owner {alone}, one that stands by {both - alone}", file=sys.stderr, flush=True)
        for number in range(options.rounds):
            for act, of_act in takeovers.items():
                of_act.append(await _taken_over(owner, other, act))
                print(f"round {number + 1}, {act}: {of_act[-1]}", file=sys.stderr, flush=True)
                owner, other = other, owner
                other.start()
                await other.at(_STANDS_BY)
    return takeovers


async def _taken_over(owner: Watched, other: Watched, act: str) -> Takeover:
    began = time.monotonic()
    if act == _ACTS[0]:
        owner.instance.kill()
    else:
        owner.instance.ask_to_stop()
    taken, runs = await other.at(_TAKEN), await other.at(_RUNS)
    caught_up = await other.caught_up()
    await owner.ended()
    return Takeover(taken - began, runs - began, caught_up - began)


@asynccontextmanager
async def watched(devnet: Devnet, url: DatabaseUrl, takeover_after: float) -> AsyncIterator[tuple[Watched, Watched]]:
    """Two instances that are not started yet; stopped in the end."""
    with tempfile.TemporaryDirectory() as folder:
        left, right = (_made(name, Path(folder), devnet, url, takeover_after) for name in ("left", "right"))
        try:
            yield left, right
        finally:
            await asyncio.gather(left.close(), right.close())


def _made(name: str, folder: Path, devnet: Devnet, url: DatabaseUrl, takeover_after: float) -> Watched:
    config, listen = folder / f"{name}.toml", f"127.0.0.1:{free_port()}"
    cluster = table("cluster", name=name, takeover_after=f"PT{takeover_after:g}S")
    database = url.get_secret_value()
    config.write_text(
        config_toml(devnet.chains, Deadlines(), cluster, database=database, listen=listen, log_format="json"),
        encoding="utf-8",
    )
    return Watched(name, config, listen)


def rows(takeovers: dict[str, list[Takeover]]) -> Iterator[str]:
    """The table: of each the median and the most."""
    yield f"{'':14}{'rounds':>8}{'lease taken':>18}{'monitor runs':>18}{'caught up':>18}"
    for act, of_act in takeovers.items():
        times = [[each.taken for each in of_act], [each.runs for each in of_act], [each.caught_up for each in of_act]]
        cells = "".join(f"{f'{median(of):.2f} ({max(of):.2f}) s':>18}" for of in times)
        yield f"{act:14}{len(of_act):>8}{cells}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.takeover", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each act (default: %(default)s)")
    parser.add_argument("--takeover-after", type=float, default=30.0, help="in the config (default: %(default)g s)")
    options = parser.parse_args(arguments)
    installed = programs()
    if installed is None:
        raise SystemExit("PostgreSQL is not installed; scripts/postgres installs it")
    with running(installed, DURABLE) as server, server.empty_database() as url:
        takeovers = asyncio.run(measure(options, server, url))
    print(f"takeover_after {options.takeover_after:g} s; medians, and the most in brackets")
    print("\n".join(rows(takeovers)))


if __name__ == "__main__":
    main()
