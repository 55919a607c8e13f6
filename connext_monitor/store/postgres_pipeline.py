"""Statements that a server is sent without waiting for the answer to each.

An answer is waited for where somebody asks for it, or for the commit: the server works while the next rows are made up,
and a transaction of a dozen statements takes three round trips. Behind an event loop that is busy, each of them costs a
thread up to five milliseconds more, until it has the interpreter again.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import psycopg

from connext_monitor.store.connection import Answer

_FAILING_SYNCS = 4


class Pipeline:
    """The statements of one connection, from now on until it is closed."""

    def __init__(self, server: psycopg.Connection[Any]) -> None:
        self._server = server
        self._context = server.pipeline()
        self._pipeline = self._context.__enter__()
        self._under_way = False

    def send(self, sql: str, values: Sequence[object] = ()) -> "PipelinedAnswer":
        """Send a statement. Raises what is known to have failed before it."""
        self._under_way = True
        cursor = self._server.cursor(binary=True).execute(sql, values)
        # Who stands still from now on is idle in a transaction, which a server ends after a while; without this, it
        # would be in the midst of a pipeline, for which there is no limit. The driver can only say it and wait.
        self._server.pgconn.pipeline_sync()
        self._pipeline.result_queue.append(None)
        return PipelinedAnswer(self, cursor)

    def arrive(self) -> None:
        """Wait for the answers to all that was sent. Raises what failed first."""
        if self._under_way:
            self._under_way = False
            self._pipeline.sync()

    def close(self) -> None:
        """Let go of the connection, which is closed."""
        with suppress(psycopg.Error):
            self._context.__exit__(None, None, None)

    def forget(self) -> None:
        """Wait for them, whatever they are: the transaction has failed."""
        self._under_way = False
        for _ in range(_FAILING_SYNCS):
            try:
                self._pipeline.sync()
            except psycopg.Error:
                if self._server.closed:
                    return
            else:
                return


class PipelinedAnswer:
    """See `Answer`; it is waited for when something of it is asked."""

    __slots__ = ("_cursor", "_pipeline")

    def __init__(self, pipeline: Pipeline, cursor: psycopg.Cursor[Any]) -> None:
        self._pipeline = pipeline
        self._cursor = cursor

    @property
    def arrived(self) -> Answer:
        """The driver's."""
        self._pipeline.arrive()
        answer: Answer = self._cursor
        return answer

    @property
    def statusmessage(self) -> str | None:
        """The server's word for what it did."""
        self._pipeline.arrive()
        words: str | None = self._cursor.statusmessage
        return words

    @property
    def description(self) -> Any:  # noqa: ANN401 - the driver's
        """See `Answer`."""
        return self.arrived.description

    @property
    def rowcount(self) -> int:
        """See `Answer`."""
        return self.arrived.rowcount

    def fetchone(self) -> Any:  # noqa: ANN401 - whatever the row holds
        """See `Answer`."""
        return self.arrived.fetchone()

    def fetchmany(self, size: int = 0) -> list[Any]:
        """See `Answer`."""
        return self.arrived.fetchmany(size)

    def fetchall(self) -> list[Any]:
        """See `Answer`."""
        return self.arrived.fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.arrived)
