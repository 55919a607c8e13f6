"""A connection to a PostgreSQL server. Only loaded where the database is one: the driver is an extra.

What every transaction begins and ends with is said here, in one place each.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import psycopg
from psycopg import errors
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import StrBinaryDumper, StrDumperUnknown

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.connection import COMMIT, POSTGRESQL, Answer, Connection
from connext_monitor.store.postgres_arrays import ServerArray
from connext_monitor.store.postgres_dialect import as_driver_wants
from connext_monitor.store.postgres_pipeline import Pipeline
from connext_monitor.store.postgres_waiting import WaitingConnection
from connext_monitor.store.server_limits import USUAL_LIMITS, ServerLimits
from connext_monitor.store.turn import WriteTurn

_OPTIONS = {"jit": "off", "lock_timeout": "250ms", "statement_timeout": "60s"}
"""What each connection sets for itself.

A lock is asked for again and again (`transact_patiently`), so that a stop need not wait for it.
"""
_DURABLE = "SELECT set_config(name, 'on', false) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'"
"""How many replicas have a commit too is the server's to say."""
_FAST = "SET synchronous_commit = off"
_KEEPALIVES = {
    "keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000,
}  # fmt: skip
_READ = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",)
_WRITE = ("BEGIN ISOLATION LEVEL READ COMMITTED",)
_LEASE = (*_WRITE, "SET LOCAL statement_timeout = '5s'")
_MIGRATE = (
    *_WRITE,
    "SET LOCAL lock_timeout = '60s'",
    "SET LOCAL statement_timeout = 0",
    # Until the end of the transaction. The number is any; it is of this database alone.
    "SELECT pg_advisory_xact_lock(4310021)",
)
PASSING = (errors.LockNotAvailable, errors.SerializationFailure, errors.DeadlockDetected)
"""What somebody else's lock brings, for a moment."""


class LostError(psycopg.OperationalError):  # type: ignore[misc]
    """The server did not commit what it was asked to."""


class PostgresConnection(Connection):
    """As `Connection`; statements have a ``?`` for each value. Opened anew where it was lost."""

    engine: ClassVar[str] = POSTGRESQL
    alchemy: ClassVar[Mapping[str, Any]] = {"url": "postgresql+psycopg://", "use_native_hstore": False}
    error: ClassVar[type[Exception]] = psycopg.Error

    def __init__(
        self,
        url: DatabaseUrl,
        begin: Sequence[str],
        turn: WriteTurn | None = None,
        durability: str = _DURABLE,
        *,
        limits: ServerLimits = USUAL_LIMITS,
        answers_within: float | None = None,
        pipelined: bool = True,
    ) -> None:
        super().__init__(str(url), begin[0], ())
        self._url = url
        self._begins = begin
        self._turn = turn
        self._durability = durability
        self._limits = limits
        self._answers_within = limits.answer if answers_within is None else answers_within
        self._pipelined = pipelined
        self._server: psycopg.Connection[Any] | None = None
        self._pipeline: Pipeline | None = None

    @property
    def driver(self) -> psycopg.Connection[Any]:
        """The driver's own connection, for what cannot be asked for otherwise."""
        if self._server is None:
            raise RuntimeError("no transaction has begun")
        return self._server

    def run(self, sql: str, values: Sequence[object] = ()) -> Answer:
        """Run one statement."""
        if self.before is not None:
            self.before(sql)
        if self._pipeline is not None:
            return self._pipeline.send(as_driver_wants(sql), values)
        cursor: Answer = self.driver.cursor(binary=True).execute(as_driver_wants(sql), values)
        return cursor

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement with each of these rows of values."""
        if self.before is not None:
            self.before(sql)
        # Not by the driver's executemany: after that, the server has no limit for a transaction that stands still.
        for row in rows:
            if self._pipeline is not None:
                self._pipeline.send(as_driver_wants(sql), row)
            else:
                self.driver.cursor(binary=True).execute(as_driver_wants(sql), row)

    def connect(self) -> None:
        """Have a connection to the server."""
        if self._server is None:
            self._server = self._connect()
            self._pipeline = Pipeline(self._server) if self._pipelined else None

    def begin(self) -> None:
        """Begin a transaction; one that writes waits for its turn."""
        self.connect()
        for statement in self._begins:
            self.run(statement)
        if self._turn is not None:
            self._turn.begin(self)

    def commit(self) -> None:
        """End it; all that it changed is on the server's disk."""
        if self._turn is not None:
            self._turn.hold()
        if self.before is not None:
            self.before(COMMIT)
        # Of a transaction in which a statement failed, a server says ROLLBACK and no error.
        commit = self.driver.execute(COMMIT) if self._pipeline is None else self._pipeline.send(COMMIT)
        if commit.statusmessage != COMMIT:
            raise LostError("the server rolled the transaction back")
        if self._turn is not None:
            self._turn.committed()

    def rollback(self) -> None:
        """End it, if it has not ended by itself, without a trace."""
        if self._server is None:
            return
        try:
            if self._pipeline is not None:
                self._pipeline.forget()
            self._server.rollback()
            lost = self._server.closed
        except psycopg.Error:
            lost = True
        if lost:
            self.close()  # the server rolls back what a connection leaves behind
            if self._turn is not None:
                self._turn.lost()

    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name."""
        return self.run("SELECT to_regclass(?) IS NOT NULL", (name,)).fetchone()[0] is True

    def is_locked(self, error: Exception) -> bool:
        """Whether an error says only that somebody else held a lock for too long."""
        return isinstance(error, PASSING)

    def close(self) -> None:
        """Let go of the server."""
        server, self._server = self._server, None
        pipeline, self._pipeline = self._pipeline, None
        if server is not None:
            with suppress(psycopg.Error):
                server.close()
        if pipeline is not None:
            pipeline.close()

    def _connect(self) -> WaitingConnection:
        made: WaitingConnection = WaitingConnection.connect(
            self._url.get_secret_value(),
            autocommit=True,
            connect_timeout=self._limits.connect,
            target_session_attrs="read-write",
            application_name="connext-monitor",
            client_encoding="UTF8",
            **_KEEPALIVES,
        )
        try:
            # Not as options of the connection's start, which pgbouncer refuses.
            idle = {"idle_in_transaction_session_timeout": f"{self._limits.idle_in_transaction:g}s"}
            made.execute("; ".join(f"SET {name} = '{value}'" for name, value in (_OPTIONS | idle).items()))
            made.execute(self._durability)
        except BaseException:
            made.close()
            raise
        made.answers_within = self._answers_within
        # A number of any size is sent as one of 64 bits: by its own size, 32767 + 1 would be out of range.
        for of_numbers in (Int8Dumper, Int8BinaryDumper):
            made.adapters.register_dumper(int, of_numbers)
        for of_text in (_WithoutNulBinary, _WithoutNul):
            made.adapters.register_dumper(str, of_text)
        made.adapters.register_dumper(ServerArray, _ArrayDumper)
        return made


class _ArrayDumper(Dumper):  # type: ignore[misc]
    """Each type of elements has one of its own, which the driver looks up by its key."""

    format = Format.BINARY

    def get_key(self, obj: ServerArray, format: PyFormat) -> Any:  # noqa: A002, ARG002, ANN401 - the driver's
        return (self.cls, obj.of.array_oid)

    def upgrade(self, obj: ServerArray, format: PyFormat) -> "_ArrayDumper":  # noqa: A002, ARG002 - the driver's
        made = _ArrayDumper(self.cls)
        made.oid = obj.of.array_oid
        return made

    def dump(self, obj: ServerArray) -> bytes:
        return obj.packed()


class _WithoutNul(StrDumperUnknown):  # type: ignore[misc]
    """The server keeps no text with a NUL in it; strangers may send one."""

    def dump(self, obj: str) -> Any:  # noqa: ANN401 - the driver's
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


class _WithoutNulBinary(StrBinaryDumper):  # type: ignore[misc]
    def dump(self, obj: str) -> Any:  # noqa: ANN401 - the driver's
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def postgres_writer(
    url: DatabaseUrl, turn: WriteTurn, limits: ServerLimits = USUAL_LIMITS, *, fast: bool = False
) -> PostgresConnection:
    """For writing; its transactions begin by taking the turn of writers.

    ``fast``: a crash of the server may take back the last commits, and damages nothing.
    """
    return PostgresConnection(url, _WRITE, turn, _FAST if fast else _DURABLE, limits=limits)


def postgres_reader(url: DatabaseUrl, limits: ServerLimits = USUAL_LIMITS) -> PostgresConnection:
    """For reading beside writers; each of its transactions sees one state."""
    return PostgresConnection(url, _READ, limits=limits)


def postgres_lease(url: DatabaseUrl, limits: ServerLimits = USUAL_LIMITS) -> PostgresConnection:
    """For small changes that nobody waits for long, and that take no turn."""
    return PostgresConnection(url, _LEASE, limits=limits, answers_within=limits.lease_answer)


def postgres_migrator(url: DatabaseUrl, limits: ServerLimits = USUAL_LIMITS) -> PostgresConnection:
    """For changing the schema, also where there is none yet; nobody else does meanwhile."""
    # SQLAlchemy asks for answers as the driver gives them.
    return PostgresConnection(url, _MIGRATE, limits=limits, answers_within=limits.migration_answer, pipelined=False)
