"""What the turn costs a commit: ``python -m scripts.bench.turn_cost [--commits N]``.

On a PostgreSQL server of its own, one row is written in each transaction: without a turn, with that of a guest (a
command beside a monitor), which locks a row, and with that of an instance that owns the work, which moves it on. By
turns, fifty commits at a time. Wall clock, and what a processor worked for: of the program, and of the server's process
for its connection.
"""

import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import mean, median, quantiles

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.ownership import Instance, Lease
from connext_monitor.store import lease
from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.engine import engine_of, server_of
from connext_monitor.store.turn import GuestTurn, TermTurn, WriteTurn
from scripts.postgres_server import DURABLE, programs, running

_AT_A_TIME = 50
_TABLE = "CREATE TABLE bench (n bigserial PRIMARY KEY, said text)"
_WRITE = "INSERT INTO bench (said) VALUES ('something of the usual length of what is said')"
_BACKEND = "SELECT pg_backend_pid()"


class NoTurn:
    """Whoever comes writes."""

    def begin(self, connection: Connection) -> None:
        """See `WriteTurn`."""

    def hold(self) -> None:
        """See `WriteTurn`."""

    def committed(self) -> None:
        """See `WriteTurn`."""

    def lost(self) -> None:
        """See `WriteTurn`."""


@dataclass(slots=True)
class Commits:
    """Those of one turn: ms of wall clock each, and ms of CPU for all of a batch, by the program and by the server."""

    connection: Connection
    backend: int
    wall: list[float] = field(default_factory=list)
    program: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    def make(self, count: int) -> None:
        """So many more."""
        worked, served = time.thread_time(), _worked(self.backend)
        for _ in range(count):
            at = time.perf_counter()
            transact(self.connection, lambda it: it.run(_WRITE))
            self.wall.append((time.perf_counter() - at) * 1e3)
        self.program.append((time.thread_time() - worked) * 1e3 / count)
        self.server.append((_worked(self.backend) - served) * 1e3 / count)


def _worked(pid: int) -> float:
    """Seconds that a processor worked for a process."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def measure(url: DatabaseUrl, count: int) -> dict[str, Commits]:
    """Of each turn, so many commits."""
    engine = engine_of(url)
    setting_up = engine.writer()
    engine.prepare(setting_up, migrate=True)
    transact(setting_up, lambda it: it.run(_TABLE))
    setting_up.close()
    turns: dict[str, WriteTurn] = {"none": NoTurn(), "a guest's": GuestTurn(), "an owner's": _owners(url)}
    commits = {name: _commits(url, turn) for name, turn in turns.items()}
    for _ in range(1 + ceil(count / _AT_A_TIME)):
        for of_turn in commits.values():
            of_turn.make(_AT_A_TIME)
    for of_turn in commits.values():
        of_turn.connection.close()
    return commits


def _owners(url: DatabaseUrl) -> TermTurn:
    connection: Connection = server_of(url).lease()
    me = Instance("bench", "1", "same")
    n = transact(connection, lambda it: lease.take(it, me, "token", Lease(None, 0)))
    connection.close()
    if n is None:
        raise SystemExit("The lease of a new database is not free.")
    return TermTurn("token", n, print)


def _commits(url: DatabaseUrl, turn: WriteTurn) -> Commits:
    connection = server_of(url, turn).writer()
    backend = transact(connection, lambda it: it.run(_BACKEND).fetchone()[0])
    return Commits(connection, backend)


def rows(commits: dict[str, Commits]) -> Iterator[str]:
    """The table; the first batch of each is left out."""
    yield f"{'ms a commit':14}{'wall p50':>10}{'wall p99':>10}{'CPU here':>10}{'CPU server':>12}"
    for name, of_turn in commits.items():
        wall = quantiles(of_turn.wall[_AT_A_TIME:], n=100)
        yield (
            f"{name:14}{median(of_turn.wall[_AT_A_TIME:]):10.3f}{wall[98]:10.3f}"
            f"{mean(of_turn.program[1:]):10.3f}{mean(of_turn.server[1:]):12.3f}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.turn_cost", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--commits", type=int, default=2000, help="with each turn (default: %(default)s)")
    options = parser.parse_args(arguments)
    installed = programs()
    if installed is None:
        raise SystemExit("PostgreSQL is not installed; scripts/postgres installs it")
    with running(installed, DURABLE) as server, server.empty_database() as url:
        print("\n".join(rows(measure(url, options.commits))))


if __name__ == "__main__":
    main()
