"""A PostgreSQL server of this process, and a replica that streams from it: what several instances are run on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from connext_monitor.config import DatabaseUrl
from scripts.postgres_server import OPTIONS, Server, ServerProcess, serving

_REPLICATED = {"wal_level": "replica", "max_wal_senders": "4", "synchronous_commit": "on"}
_WITHIN = 60.0
_LOOKS_EVERY = 0.02
"""Seconds."""
_STREAMS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
_SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
_SENDER = "SELECT min(pid) FROM pg_stat_replication"


class Pair:
    """The primary, and the replica, which only reads until it is promoted."""

    def __init__(self, primary: Server, replica: Server, primary_process: ServerProcess) -> None:
        self.primary = primary
        self.replica = replica
        self._primary_process = primary_process

    def url(self, database: str) -> DatabaseUrl:
        """Names both: whoever connects with it gets the one that takes writes."""
        return DatabaseUrl(f"postgresql://postgres@/{database}?host={self.primary.folder},{self.replica.folder}")

    @property
    def sender(self) -> int:
        """The process of the primary that sends to the replica: while it is stopped, the replica falls behind."""
        return int(self.primary.ask(_SENDER))

    def make_synchronous(self) -> None:
        """From now on a commit counts once the replica has it too. Raises `TimeoutError`."""
        self.primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.run("SELECT pg_reload_conf()")
        _until(lambda: self.primary.ask(_SYNCHRONOUS) == 1, "the replica does not become synchronous")

    def kill_primary(self) -> None:
        """As a machine that loses its power does; what the replica has got by then is what it will have."""
        self.primary.close()
        self._primary_process.kill()

    def promote(self) -> None:
        """Have the replica take writes. Nobody may still write to the other one."""
        self.replica.run("SELECT pg_promote()")


@contextmanager
def replicated(bin_folder: Path, more: Mapping[str, str] | None = None, like: Path | None = None) -> Iterator[Pair]:
    """Both, which run meanwhile; the replica streams, asynchronously. ``more`` and ``like``: see `serving`."""
    settings = {**_REPLICATED, **(more or {})}
    with serving(bin_folder, settings, like) as (primary, primary_process):
        primary.ask("SELECT 1")  # it answers
        replica_process = ServerProcess(bin_folder, {**OPTIONS, **settings})
        replica = Server(replica_process.folder)
        try:
            source = ("-h", str(primary.folder), "-U", "postgres")
            replica_process.make("pg_basebackup", *source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
            replica_process.start()
            _until(lambda: primary.ask(_STREAMS) == 1, "the replica does not stream")
            yield Pair(primary, replica, primary_process)
        finally:
            replica.close()
            replica_process.remove()


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    until = monotonic() + _WITHIN
    while not holds():
        if monotonic() >= until:
            raise TimeoutError(otherwise)
        sleep(_LOOKS_EVERY)
