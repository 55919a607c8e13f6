"""How long a server's answers are waited for. Only loaded where there is one: the driver is an extra.

A server bounds its own statements; one that has stopped altogether, or is gone without a word, ends nothing. Where the
machine itself is gone, the system notices (`tcp_user_timeout`); where only the server's processes stand still, nobody
but whoever waits can.
"""

from collections.abc import Generator
from typing import Any

import psycopg
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready, Wait

Waits = Generator[Wait, Ready, Any]
_LOOK_EVERY = 0.5
_BEGINS_WITHIN = 10.0
"""Seconds for what a connection is set up with."""


class SilentServerError(psycopg.OperationalError):  # type: ignore[misc]
    """Nothing came from the server for so long that its connection was given up."""


class WaitingConnection(psycopg.Connection[Any]):  # type: ignore[misc]
    """The driver's connection; who waits for an answer also sends what is left to send, and does not wait for ever.

    psycopg 3.3.9 does neither: with more than the socket takes at once, it waits for the answer to what the server has
    not got.
    """

    answers_within = _BEGINS_WITHIN
    """Seconds for which the server may be silent while an answer is waited for: then the connection is closed."""

    def wait(self, gen: Waits, *_interval: float, **others: Any) -> Any:  # noqa: ANN401 - the driver's
        """See `psycopg.Connection`."""
        try:
            return super().wait(sending(self.pgconn, gen, self.answers_within), **{**others, "interval": _LOOK_EVERY})
        except SilentServerError:
            self.close()
            raise


def sending(connection: PGconn, waiting: Waits, answers_within: float) -> Waits:
    """As ``waiting``, which learns nothing of what is sent meanwhile.

    The time is counted by looks that found nothing: while this program stands still, the server is not silent.
    """
    looks_left = most = max(1, round(answers_within / _LOOK_EVERY))
    try:
        waits_for = next(waiting)
        while True:
            sends_too = waits_for == Wait.R and bool(connection.flush())
            ready = yield Wait.RW if sends_too else waits_for
            looks_left = most if ready else looks_left - 1
            if looks_left <= 0:
                raise SilentServerError(f"nothing came from it for {answers_within:g} s")
            if not sends_too:
                waits_for = waiting.send(ready)
            elif ready & Ready.R:
                waits_for = waiting.send(Ready.R)
    except StopIteration as ended:
        return ended.value
