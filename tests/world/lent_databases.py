"""Databases of a server which are lent to one test after the other: to empty one costs a fifth of a new one.

Whoever gets one finds what a new one has: no rows but those of the migrations, no statistics, each sequence at its
beginning. One in which anything but rows was altered, or that somebody is still connected to, is not lent again.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep
from typing import Any

import psycopg

from connext_monitor.config import DatabaseUrl
from scripts.postgres_server import Server

_LEFT_WITHIN = 1.0
"""Seconds: a server's end of a connection goes a moment after ours."""
_FILLED = """
SELECT oid::regclass::text, pg_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
_SMALL = 256 * 1024
"""Bytes of a table: to truncate it costs more than to delete so much, and what is deleted still takes its room."""
_SEQUENCES = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_HEARD = """
CREATE FUNCTION tell_of_change() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY altered; END $$;
CREATE EVENT TRIGGER altered ON ddl_command_end EXECUTE FUNCTION tell_of_change();
LISTEN altered
"""


class LentDatabases:
    """Of one server, while entered."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free: list[_Database] = []

    @contextmanager
    def database(self) -> Iterator[DatabaseUrl]:
        """The URL of one with the newest schema, nobody else's meanwhile."""
        database = self._free.pop() if self._free else _Database(self._server)
        with ExitStack() as unless_emptied:
            unless_emptied.callback(database.drop)
            yield self._server.url(database.name)
            if database.empty():
                unless_emptied.pop_all()
                self._free.append(database)

    def close(self) -> None:
        """Let go of them all."""
        for database in self._free:
            database.drop()
        self._free.clear()


class _Database:
    """A database, and what it held when it was new."""

    def __init__(self, server: Server) -> None:
        self.name = server.new_name()
        self._server = server
        server.make(self.name)
        self._connection = self._connected()
        self._rows = {table: self._read(table) for table, _ in self._filled()}
        self._connection.execute(_HEARD)

    def empty(self) -> bool:
        """Make it as it was; whether that can be done."""
        try:
            if not self._is_left():
                return False
            self._empty()
        except psycopg.OperationalError:  # so it is where a test ended all connections, and so ours
            return False
        return next(self._connection.notifies(timeout=0), None) is None

    def drop(self) -> None:
        """Whoever is connected to it."""
        self._connection.close()
        self._server.drop(self.name)

    def _connected(self) -> "psycopg.Connection[Any]":
        url = self._server.url(self.name).get_secret_value()
        # Without foreign keys' and other triggers; whoever holds a lock for long is not waited for.
        options = "-c session_replication_role=replica -c lock_timeout=10s"
        return psycopg.connect(url, autocommit=True, options=options)

    def _is_left(self) -> bool:
        until = monotonic() + _LEFT_WITHIN
        while self._connection.execute(_OTHERS).fetchone() != (0,):
            if monotonic() >= until:
                return False
            sleep(0.005)
        return True

    def _empty(self) -> None:
        with self._connection.transaction():
            for table, size in self._filled():
                self._connection.execute(f"DELETE FROM {table}" if size < _SMALL else f"TRUNCATE {table} CASCADE")  # noqa: S608
            for table, rows in self._rows.items():
                with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)
            self._connection.execute(_SEQUENCES)

    def _filled(self) -> list[tuple[str, int]]:
        """The tables that have pages, and how large they are, in bytes."""
        return [(table, size) for table, size in self._connection.execute(_FILLED)]

    def _read(self, table: str) -> bytes:
        with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as copy:
            return b"".join(bytes(piece) for piece in copy)
