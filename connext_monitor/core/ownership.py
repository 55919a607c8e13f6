"""Which of several instances on one database owns the work: what each makes of the lease, by its own clock alone.

1. Who owns the work beats: it changes the lease every ``beat_every`` seconds.
2. Who does not looks as often, and may take the lease once it is free, or has stood unchanged for ``takeover_after``
   seconds of its own clock; the database gives it only where it still stands as it was seen.
3. Who gives it back to a named instance leaves it to that one: the others take it as if it were held still.
4. Who owns it sends messages only until `Ownership.until`: that lies so long before anybody may take the lease over
   that a message under way comes to its end too, as it is given no more than ``send_within``.

No two clocks are compared. They count seconds alike, a suspended machine's too (`Clock.elapsed`), from any instant.
"""

from math import inf

from connext_monitor.core.structs import replace, struct

_LOOKS_IN_TAKEOVER = 6
_SENDS_FOR, _SEND_WITHIN = 0.6, 1 / 3
"""Of ``takeover_after``. Together less than all of it: what is sent last has ended before another instance begins."""


@struct(frozen=True, slots=True)
class LeaseTimes:
    """What follows from how long an owner may be silent (seconds)."""

    takeover_after: float

    @property
    def beat_every(self) -> float:
        """Between two beats of the owner, and between two looks of whoever waits."""
        return self.takeover_after / _LOOKS_IN_TAKEOVER

    @property
    def sends_for(self) -> float:
        """After the last beat that is known to count."""
        return self.takeover_after * _SENDS_FOR

    @property
    def send_within(self) -> float:
        """The most that a message may take to send."""
        return self.takeover_after * _SEND_WITHIN


@struct(frozen=True, slots=True)
class Lease:
    """The lease as it stands in the database: the owner's ``token``, None where it is free, and its last beat.

    An owner numbers its beats itself: a database that has lost the last of them does not come back to a pair that was
    seen before. Where it is free, it may be ``offered_to`` an instance.
    """

    token: str | None
    beat: int
    offered_to: str | None = None


@struct(frozen=True, slots=True)
class Instance:
    """An instance as it calls itself; ``config_hash`` stands for what has to be alike in all their configs."""

    name: str
    version: str
    config_hash: str


@struct(frozen=True, slots=True)
class SeenLease:
    """The lease, who holds it or held it last, with which config; and why this version cannot use the schema.

    ``sight_wanted``: its owner asks who sees the chains. ``unseen`` are those for which it was handed over.
    """

    lease: Lease
    holder: str | None
    config_hash: str | None
    wrong_schema: str | None
    sight_wanted: bool = False
    unseen: tuple[str, ...] = ()


@struct(frozen=True, slots=True)
class ListedInstance:
    """An instance as the database knows it; seconds, by the database's own clock.

    ``owns_since`` is Unix time, None where it does not own the work; ``silent_for`` is the time since its last sign of
    life, ``ahead`` by how much its machine's clock was ahead of the database's then (negative: behind). ``sees`` are
    the chains that it saw at its last look, None before the first.
    """

    name: str
    version: str
    owns_since: float | None
    silent_for: float
    ahead: float
    sees: tuple[str, ...] | None = None


@struct(frozen=True, slots=True)
class Candidacy:
    """What an instance that waits for the lease has seen of it; times are its own clock's."""

    seen: Lease | None = None
    unchanged_since: float = inf

    def saw(self, lease: Lease, at: float) -> "Candidacy":
        """After a look, whose answer had come by ``at``: from when it was asked, the owner may have beaten since."""
        return self if lease == self.seen else Candidacy(lease, at)

    def takeable(self, now: float, times: LeaseTimes, name: str) -> Lease | None:
        """The lease as it has to stand for the instance of this name to get it; None where it has to wait on."""
        if self.seen is None:
            return None
        free = self.seen.token is None and self.seen.offered_to in (None, name)
        return self.seen if free or now - self.unchanged_since >= times.takeover_after else None


@struct(frozen=True, slots=True)
class Ownership:
    """The lease in the hands of this instance; ``until`` is its own clock's, before which it sends messages."""

    token: str
    beat: int
    until: float

    @staticmethod
    def taken(token: str, asked_at: float, times: LeaseTimes) -> "Ownership":
        """Once the lease is known to be taken, asked for at this time."""
        return Ownership(token, 0, asked_at + times.sends_for)

    def beaten(self, beat: int, asked_at: float, times: LeaseTimes) -> "Ownership":
        """Once this beat, asked for at this time, is known to count; the next one has a higher number."""
        return replace(self, beat=beat, until=max(self.until, asked_at + times.sends_for))

    def may_send(self, now: float) -> bool:
        """Whether a message may be sent now."""
        return now < self.until
