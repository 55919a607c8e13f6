"""A PostgreSQL server of this process, in a temporary folder, with any number of databases."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.engine import engine_of

_STARTS_WITHIN = 60.0
_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "listen_addresses": "",
}
PASSWORD = "pass-S3CR3T-word"  # noqa: S105
"""It is in every URL, and is to be seen nowhere."""
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "autovacuum": "on",
}
"""For `running`: as a server is run where data matters."""
_TEMPLATE = "migrated"
_SET_DEATH_SIGNAL = 1


def programs() -> Path | None:
    """Where the server's programs are, if it is installed: the newest."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: -int(it.parent.name)):
        if (folder / "initdb").exists():
            return folder
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


class Server:
    """A server of this process; its databases are made from one that `connext_monitor` has migrated."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def url(self, database: str) -> DatabaseUrl:
        """For whoever connects; no password is asked for: only this user reaches the socket's folder."""
        return DatabaseUrl(f"postgresql://postgres:{PASSWORD}@/{database}?host={self.folder}")

    @contextmanager
    def database(self) -> Iterator[DatabaseUrl]:
        """The URL of a new database with the newest schema, dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._template}{self._strategy}")
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    @contextmanager
    def empty_database(self, options: str = "") -> Iterator[DatabaseUrl]:
        """The URL of a new database without anything in it, dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} {options}")
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        """A database, if it is there, whoever is connected to it."""
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @contextmanager
    def refusing(self, url: DatabaseUrl) -> Iterator[None]:
        """Whoever is connected to the database is thrown out, and nobody is let in, meanwhile."""
        name = url.get_secret_value().partition("@/")[2].partition("?")[0]
        self._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
            yield
        finally:
            self._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    @cached_property
    def _template(self) -> str:
        self._run(f"CREATE DATABASE {_TEMPLATE}")
        engine = engine_of(self.url(_TEMPLATE))
        writer = engine.writer()
        engine.prepare(writer, migrate=True)
        writer.close()
        return _TEMPLATE

    @cached_property
    def _strategy(self) -> str:
        # Copied file by file, which takes a server half the processor time of what has been usual since version 15.
        return " STRATEGY FILE_COPY" if self._connection.info.server_version >= 150_000 else ""

    @cached_property
    def _connection(self) -> Any:  # noqa: ANN401 - the driver's
        import psycopg  # noqa: PLC0415 - an extra

        until = monotonic() + _STARTS_WITHIN
        while True:
            try:
                return psycopg.connect(self.url("postgres").get_secret_value(), autocommit=True)
            except psycopg.OperationalError:
                if monotonic() >= until:
                    raise
                sleep(0.02)

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)

    def close(self) -> None:
        """Let go of it."""
        if "_connection" in self.__dict__:
            self._connection.close()


@contextmanager
def running(bin_folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server that runs meanwhile; it refuses to run as root, and is then another user's. ``more`` are settings."""
    folder = Path(tempfile.mkdtemp(prefix="connext-monitor-postgres."))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    data = folder / "data"
    made = [
        str(bin_folder / "initdb"),
        "-D",
        str(data),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-N",
        "--locale=C",
        "-E",
        "UTF8",
    ]
    subprocess.run(made, cwd=folder, check=True, stdout=subprocess.DEVNULL, **user)
    options = [
        f"--{name}={value}" for name, value in {**_OPTIONS, **(more or {}), "unix_socket_directories": folder}.items()
    ]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [bin_folder / "postgres", "-D", data, *options],
        cwd=folder,
        stdout=log,
        stderr=log,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - before there are threads
        **user,
    )
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()
        process.send_signal(signal.SIGQUIT)
        process.wait(_STARTS_WITHIN)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent() -> None:
    """Where a test's process is killed, its server goes too."""
    if hasattr(ctypes.CDLL(None), "prctl"):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGQUIT)
