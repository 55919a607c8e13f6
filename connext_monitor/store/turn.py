"""Whose writes a server commits: what every transaction that writes begins with there.

All of them lock one row, so that they take turns, whichever instance they are of. An owner's term moves that row on
with each write, where it stands as the term left it: it does not once another term has begun, nor where the server has
lost what was committed. Guests (a command line beside a running monitor) lock it and leave it as it is.
"""

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Select, Update, select, update

from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.store.connection import Answer, Connection
from connext_monitor.store.errors import TermOverError
from connext_monitor.store.lease_tables import ONLY_ROW, turn
from connext_monitor.store.prepared import Prepared, parameter

_DEPOSED = "the work is no longer this instance's, or the database has lost what it wrote"
_LOST = "the connection to the database server was lost"


def _lock() -> Select[tuple[int]]:
    return select(turn.c.n).where(turn.c.id == ONLY_ROW).with_for_update()


def _move() -> Update:
    stands = (turn.c.id == ONLY_ROW, turn.c.token == parameter("mine"), turn.c.n == parameter("left_at"))
    return update(turn).where(*stands).values(n=turn.c.n + 1)


_LOCK, _MOVE = Prepared(_lock), Prepared(_move)


class WriteTurn(Protocol):
    """What the transactions of one writer begin and end with."""

    def begin(self, connection: Connection) -> None:
        """Have the server wait for the turn and take it; it lasts until the transaction ends. Raises TermOverError."""

    def hold(self) -> None:
        """Before the commit is sent: make sure that the turn was taken. Raises TermOverError."""

    def committed(self) -> None:
        """The server has said that it has committed the transaction."""

    def lost(self) -> None:
        """The connection was lost, maybe with a commit of which nobody knows what came."""


class GuestTurn:
    """Of whoever writes beside the owner."""

    def begin(self, connection: Connection) -> None:
        """See `WriteTurn`."""
        _LOCK.execute(connection)

    def hold(self) -> None:
        """Where it could not be locked, the transaction has failed."""

    def committed(self) -> None:
        """Nothing follows."""

    def lost(self) -> None:
        """The next write makes another connection."""


class TermTurn:
    """Of an owner's term; ``n`` is where the row stands at its begin.

    Once it is over, it stays so; ``on_over`` hears why, on the writer's thread.
    """

    def __init__(self, token: str, n: int, on_over: Callable[[str], None]) -> None:
        self._token = token
        self._n = n
        self._on_over = on_over
        self._over: DatabaseTrouble | None = None
        self._moved: Answer | None = None

    def begin(self, connection: Connection) -> None:
        """See `WriteTurn`. What came of it is looked at before the commit, by when it has come with other answers."""
        self._refuse()
        self._moved = _MOVE.asked(connection, mine=self._token, left_at=self._n)

    def hold(self) -> None:
        """See `WriteTurn`."""
        if self._moved is None or self._moved.rowcount == 0:
            self._end(DatabaseTrouble(TroubleKind.DEPOSED, _DEPOSED))
        self._refuse()

    def _refuse(self) -> None:
        if self._over is not None:
            raise TermOverError(self._over)

    def committed(self) -> None:
        """See `WriteTurn`."""
        self._n += 1

    def lost(self) -> None:
        """See `WriteTurn`: what is in memory may differ from what is stored, so the term is over."""
        self._end(DatabaseTrouble(TroubleKind.SERVER, _LOST))

    def _end(self, why: DatabaseTrouble) -> None:
        if self._over is None:
            self._over = why
            self._on_over(why.words)
