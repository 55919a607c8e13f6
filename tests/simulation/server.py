"""A simulated database server, on which all instances work by the monitor's own protocol of lease and turn.

The database lies in memory, and outlives the processes. A transaction passes at one instant, as everywhere in a
simulation; what befalls the server and the way to it shows when one begins, or in that a commit is not heard of.
"""

import sqlite3
from collections.abc import Sequence
from typing import Protocol

from tests.simulation.loop import Time
from tests.simulation.sharing import Cut, Failover
from tests.simulation.story import EPOCH, lasts
from tests.simulation.trace import Ending, Interval, Life
from tests.world.databases import made_by_first_run

_WITHOUT_LOG = b"\x01\x01"
"""What stands in a database's header in place of the file's: one in memory has no write-ahead log."""
_VERSIONS = slice(18, 20)
_DAY, _UNIX_EPOCH = 86_400.0, 2_440_587.5


class Client(Protocol):
    """One process's way to it."""

    instance: int
    asked_to_stop: bool


class SimulatedServer:
    """The server; it notes whose lease is taken, kept and given back, and who writes without it."""

    def __init__(self, time: Time, cuts: Sequence[Cut]) -> None:
        self.now = time.read
        self.down = False
        self.connections = 0
        """Goes up when all of them are closed."""
        self.beats: list[tuple[int, float]] = []
        self.trespasses: list[tuple[int, float]] = []
        self.rewound: list[Interval] = []
        """Of what was committed when it has lost all."""
        self._cuts = cuts
        self._unheard: set[Cut] = {cut for cut in cuts if cut.unheard}
        self._terms: list[Life] = []
        self._owner: _Owner | None = None
        self._moved_since = False
        """Whether anything was written since the copy was made."""
        self._misled: _Owner | None = None
        """An owner that knows of what is lost."""
        first = bytearray(made_by_first_run())
        first[_VERSIONS] = _WITHOUT_LOG
        self._copy = bytes(first)
        self._copied_at = 0.0
        self.database = self._loaded()
        self._lease = self._standing_lease()

    # The way to it

    def cut_of(self, instance: int) -> Cut | None:
        """What keeps an instance from it."""
        now = self.now()
        return next((cut for cut in self._cuts if cut.instance == instance and lasts(cut, now)), None)

    def may_go_unheard(self, cut: Cut) -> bool:
        """Whether what is to be written now is written though nobody hears of it; once for each cut."""
        if cut not in self._unheard:
            return False
        self._unheard.remove(cut)
        return True

    # What befalls it

    def copy(self) -> None:
        """Have another server know what it has until now, and no more."""
        self._copy, self._copied_at = self.database.serialize(), self.now()
        self._moved_since = False

    def fail(self, failover: Failover) -> float:
        """Go back to the copy; from when on what was committed is lost."""
        self.database.close()
        self.database = self._loaded()
        if not failover.unnoticed:
            self.down = True
            self.connections += 1
        self._lease = self._standing_lease()
        if self._owner is not None and self._owner.token != self._lease[0]:
            self._end(Ending.KILLED)
        self._misled = self._owner if self._moved_since else None
        self.rewound.append(Interval(self._copied_at, self.now()))
        return self._copied_at

    def rise(self) -> None:
        """Be back."""
        self.down = False

    # The lease

    def terms(self) -> tuple[Life, ...]:
        """Who owned the work when: from the commit by which each took it until it was lost, or given back."""
        owner = self._owner
        last = () if owner is None else (Life(owner.link.instance, Interval(owner.since, self.now()), Ending.NONE),)
        return (*self._terms, *last)

    def wrote_lease(self, link: Client) -> None:
        """A process has written the lease, unless what it would have changed was another's by then."""
        stands = self._standing_lease()
        if stands == self._lease:
            return
        self._lease = stands
        token, _, handed_over = stands
        owner, now = self._owner, self.now()
        if owner is not None and token == owner.token:
            self.beats.append((link.instance, now))
            return
        if owner is not None:
            self._end(Ending.STOPPED if token is None and (handed_over or link.asked_to_stop) else Ending.KILLED)
        if token is not None:
            self._owner = _Owner(token, link, now)
            self.beats.append((link.instance, now))

    def moved_turn(self, link: Client) -> None:
        """A process has committed something by the turn of writers."""
        self._moved_since = True
        if self._owner is None or self._owner.link is not link or self._owner is self._misled:
            self.trespasses.append((link.instance, self.now()))

    def died(self, link: Client) -> None:
        """A process is gone."""
        if self._owner is not None and self._owner.link is link:
            self._end(Ending.KILLED)

    def _end(self, ending: Ending) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            self._terms.append(Life(owner.link.instance, Interval(owner.since, self.now()), ending))

    def _standing_lease(self) -> tuple[str | None, int, bool]:
        """Whose it is, by the token, how often its owner has shown itself, and whether it was left to somebody."""
        ((token, beat, offered_to),) = self.database.execute("SELECT token, beat, offered_to FROM lease WHERE id = 1")
        return token, beat, offered_to is not None

    def _loaded(self) -> sqlite3.Connection:
        loaded = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        loaded.deserialize(self._copy)
        loaded.execute("PRAGMA foreign_keys=ON").close()
        loaded.create_function("julianday", 1, lambda _: (EPOCH + self.now()) / _DAY + _UNIX_EPOCH)
        loaded.create_function("pg_logical_emit_message", 3, lambda *_: None)
        return loaded


class _Owner:
    def __init__(self, token: str, link: Client, since: float) -> None:
        self.token = token
        self.link = link
        self.since = since
