"""This instance among those that share its database: waits for the work, and keeps it while it owns it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable
from connext_monitor.core.handover import Handover
from connext_monitor.core.operator_error import OperatorError
from connext_monitor.core.ownership import Candidacy, Instance, Lease, LeaseTimes, Ownership, SeenLease

_LOGGED_EVERY = 60.0
_RELEASED_WITHIN = 1.5

log = structlog.get_logger()


class LeaseStore(Protocol):
    """The lease in the database. Everything raises StoreUnavailable where that cannot be used."""

    async def look(self, me: Instance, now_ms: int | None) -> SeenLease:
        """See it, and with ``now_ms`` say that this instance is there, by its clock (Unix ms)."""

    async def take(self, me: Instance, token: str, seen: Lease) -> int | None:
        """Take it where it stands as it was seen; where the turn of writers stands, None where it was not taken."""

    async def beat(self, me: Instance, token: str, number: int, now_ms: int) -> bool:
        """Say that its owner is alive; False where the term of this token is over."""

    async def release(self, token: str) -> None:
        """Give it back, if it is held with this token."""

    async def hand_over(self, token: str, handover: Handover) -> None:
        """Give it back for this instance to take, if it is held with this token."""

    async def leave(self, me: Instance) -> None:
        """Say that this instance is there no more."""


class RefusedError(OperatorError):
    """This instance must not work on the database; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The lease as it was taken: its token, where the turn of writers stands, and who held it before.

    ``unseen`` are the chains for which that one handed it over.
    """

    token: str
    turn: int
    held_before_by: str | None
    unseen: tuple[str, ...] = ()


class Member:
    """An instance; ``new_token`` makes what nobody else's term is known by.

    It looks every ``look_every`` seconds at least: what was given back is not to lie about.
    """

    def __init__(
        self,
        me: Instance,
        store: LeaseStore,
        times: LeaseTimes,
        clock: Clock,
        look_every: float,
        new_token: Callable[[], str],
    ) -> None:
        self.me = me
        self.times = times
        self.trouble: DatabaseTrouble | None = None
        """What kept it from seeing or keeping the lease at the last try."""
        self.ownership: Ownership | None = None
        self._store = store
        self._clock = clock
        self._look_every = min(times.beat_every, look_every)
        self._new_token = new_token
        self._candidacy = Candidacy()
        self._seen: SeenLease | None = None
        self._others: Lease | None = None
        """The lease in the hands of an instance whose config differs, as it was seen first."""
        self._asked_with: str | None = None
        self._logged_at: float | None = None
        self._said_at: float | None = None
        self.handover: Handover | None = None
        """To whom the work is to be given back."""

    def may_send(self) -> bool:
        """Whether a message may be sent now."""
        return self.ownership is not None and self.ownership.may_send(self._clock.elapsed())

    @property
    def sight_wanted(self) -> bool:
        """Whether the owner asked at the last look who sees the chains."""
        return self._seen is not None and self._seen.sight_wanted

    def why_unowned(self) -> str | None:
        """Why the work may be nobody's at the moment, in words; None while its owner shows that it is alive."""
        if self.trouble is not None:
            return self.trouble.words
        if self._seen is None:
            return "it is not known yet which instance owns the work"
        if self._seen.lease.token is None:
            offered_to = self._seen.lease.offered_to
            return "no instance owns the work" + (f", which has been offered to {offered_to}" if offered_to else "")
        silent_for = self._clock.elapsed() - self._candidacy.unchanged_since
        if silent_for >= self.times.takeover_after / 2:
            return f"{self._seen.holder}, which owns the work, has been silent for {silent_for:.0f} s"
        return None

    async def wait_for_work(self) -> Taken:
        """Look at the lease until this instance has taken it. Raises RefusedError."""
        self._candidacy = Candidacy()
        while True:
            try:
                taken = await self._look_and_take()
            except StoreUnavailable as error:
                self._fails(error.trouble)
            else:
                self.trouble = None
                if taken is not None:
                    return taken
            await asyncio.sleep(self._look_every)

    async def keep_work(self, taken: Taken) -> str:
        """Beat until the term is over; why it is."""
        number = 0
        while True:
            await asyncio.sleep(self.times.beat_every)
            number += 1
            asked_at = self._clock.elapsed()
            try:
                mine = await self._store.beat(self.me, taken.token, number, self._now_ms())
            except StoreUnavailable as error:
                self._fails(error.trouble)
                continue
            self.trouble = None
            if not mine:
                return "another instance has taken the work over"
            if self.ownership is not None:
                self.ownership = self.ownership.beaten(number, asked_at, self.times)

    async def give_back(self, taken: Taken) -> None:
        """Send nothing from now on, and let another instance begin at once; where that fails, it waits for its time.

        The ``handover``, if there is one, says which.
        """
        self.ownership = None
        handover, self.handover = self.handover, None
        try:
            async with asyncio.timeout(_RELEASED_WITHIN):
                if handover is not None:
                    await self._store.hand_over(taken.token, handover)
                else:
                    await self._store.release(taken.token)
        except (StoreUnavailable, TimeoutError):
            log.warning("lease.not_given_back", others_begin_after_seconds=self.times.takeover_after)

    async def leave(self) -> None:
        """Be counted among the instances no more; what was asked for last may have been given meanwhile."""
        try:
            async with asyncio.timeout(_RELEASED_WITHIN):
                if self._asked_with is not None:
                    await self._store.release(self._asked_with)
                await self._store.leave(self.me)
        except (StoreUnavailable, TimeoutError):
            return

    async def _look_and_take(self) -> Taken | None:
        seen = await self._look()
        if seen.wrong_schema is not None:
            raise RefusedError(f"the database {seen.wrong_schema}")
        self._candidacy = self._candidacy.saw(seen.lease, self._clock.elapsed())
        self._refuse_other_config(seen)
        takeable = self._candidacy.takeable(self._clock.elapsed(), self.times, self.me.name)
        if takeable is None:
            return None
        token, asked_at = self._new_token(), self._clock.elapsed()
        self._asked_with = token
        turn = await self._store.take(self.me, token, takeable)
        if turn is None:
            return None
        self.ownership = Ownership.taken(token, asked_at, self.times)
        return Taken(token, turn, seen.holder, seen.unseen)

    async def _look(self) -> SeenLease:
        """What has not changed is not said more often than an owner beats; what could not be said is tried again."""
        now = self._clock.elapsed()
        is_due = self._said_at is None or now - self._said_at >= self.times.beat_every
        if is_due:
            self._said_at = None
        self._seen = await self._store.look(self.me, self._now_ms() if is_due else None)
        if is_due:
            self._said_at = now
        return self._seen

    def _refuse_other_config(self, seen: SeenLease) -> None:
        """Where the owner is alive, which shows by its beats, and its config differs."""
        if seen.lease.token is None or seen.config_hash == self.me.config_hash:
            self._others = None
        elif self._others is None or self._others.token != seen.lease.token:
            self._others = seen.lease
        elif self._others != seen.lease:
            self._refuse(
                f"the config differs from that of {seen.holder}, which owns the work on this database: chains, "
                "deadlines, routers and channels must be the same, or each takeover would change what is late; make "
                "the files alike, or stop that instance first"
            )

    def _refuse(self, words: str) -> NoReturn:
        raise RefusedError(words)

    def _fails(self, trouble: DatabaseTrouble) -> None:
        began = self.trouble is None
        self.trouble = trouble
        now = self._clock.monotonic()
        if began or self._logged_at is None or now - self._logged_at >= _LOGGED_EVERY:
            self._logged_at = now
            log.warning("lease.out_of_reach", reason=trouble.words, cure=trouble.cure)

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)
