"""How large a database on a server grows, and its log: ``python -m scripts.bench.server_size [--events N]``.

A made-up history is recorded in commits of 2,000 logs, and then single logs, each with a commit of its own, on a
PostgreSQL server of its own, which writes its log as one does by default. Printed are the bytes that a transfer takes
with its events and indexes, and those of the write-ahead log, which is what a replica is sent.
"""

import asyncio
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.connection import transact
from connext_monitor.store.engine import server_of
from scripts.bench.engines.recorded import LIVE, LOGS_PER_BLOCK
from scripts.bench.engines.work import recorded
from scripts.bench.made_up_bridge import Bridge
from scripts.postgres_server import DURABLE, Server, programs, running

_WRITTEN = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
_SIZE = "SELECT pg_database_size(current_database())"
_TRANSFERS = "SELECT count(*) FROM transfers"
_BLOCKS = 20
"""With 100 logs each, in a commit of the history."""
_FEWEST = 3
"""Logs of the history before single ones."""


def _asked(url: DatabaseUrl, question: str) -> int:
    reader = server_of(url).reader()
    answer = int(transact(reader, lambda it: it.run(question).fetchone()[0]))
    reader.close()
    return answer


def figures(server: Server, events: int, single: int) -> Iterator[str]:
    """One line each."""
    with server.database() as url:
        size, written = _asked(url, _SIZE), server.ask(_WRITTEN)
        asyncio.run(recorded(url, Bridge(events, LOGS_PER_BLOCK), _BLOCKS, single))
        log, grown, transfers = server.ask(_WRITTEN) - written, _asked(url, _SIZE) - size, _asked(url, _TRANSFERS)
        yield f"an empty database               {size:12,} bytes"
        yield f"a transfer with {events / transfers:.2f} events     {grown / transfers:12,.0f} bytes"
        yield f"log of an event of a history    {log / (events + single):12,.0f} bytes"
    with server.database() as url:
        written = server.ask(_WRITTEN)
        asyncio.run(recorded(url, Bridge(_FEWEST, LOGS_PER_BLOCK), _BLOCKS, single))
        log = server.ask(_WRITTEN) - written
        yield f"log of an event by itself       {log / (_FEWEST + single):12,.0f} bytes"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.server_size", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=60_000, help="logs of the history (default: %(default)s)")
    parser.add_argument("--single", type=int, default=LIVE, help="logs with a commit each (default: %(default)s)")
    options = parser.parse_args(arguments)
    installed = programs()
    if installed is None:
        raise SystemExit("PostgreSQL is not installed; scripts/postgres installs it")
    settings = {**DURABLE, "wal_level": "replica"}
    with running(installed, settings) as server:
        for line in figures(server, options.events, options.single):
            print(line, flush=True)


if __name__ == "__main__":
    main()
