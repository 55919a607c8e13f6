"""A channel whose messages are kept as they say things, fed by the real queue of what it is to be told."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import select

from connext_monitor.alerting.alert_queue import AlertQueue
from connext_monitor.alerting.digest_queue import DigestQueue
from connext_monitor.alerting.notice import DigestProvider
from connext_monitor.alerting.outgoing_message import Idle, OutgoingAlert, OutgoingDigest, OutgoingMessage
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.delivery import Change, FailureCause, Outcome, Refused, Sent, TryLater
from connext_monitor.core.holds import Holds
from connext_monitor.core.labels import ChainLabels
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import group_members
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock

_RULES = GroupRules(wait=2.0, interval=60.0)
_MOST = 1000
_SELECT_OPEN = Prepared(
    lambda: select(group_members.c.alert_id).where(
        group_members.c.group_id == parameter("of_group"), group_members.c.open
    )
)
TAKEN, LOST = "takes", "loses"
LIMITED, FAILED, REFUSED = "limits", "fails", "refuses"
OUTCOMES: dict[str, Outcome] = {
    LOST: TryLater("", cause=FailureCause.TIMED_OUT),
    LIMITED: TryLater("", after=5.0, cause=FailureCause.RATE_LIMITED),
    FAILED: TryLater("", cause=FailureCause.SERVER_ERROR),
    REFUSED: Refused(""),
}
"""How a channel answers where it does not say that it took a message; of one whose answer is lost, it did."""


@dataclass(slots=True, eq=False)
class Said:
    """A message as it stands: about one ``alert``, or about none; ``counted`` are the alerts that it counts as open.

    To readers these are a number: ``counts`` is how many it counts, and how many as open.

    Nobody can change one that is ``adrift``: the answer that named it was lost, or people have deleted it.
    """

    alert: str | None
    open: bool = True
    counted: frozenset[str] = frozenset()
    adrift: bool = False
    named: bool = False
    counts: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class ReadChannel:
    """One channel of this mode; what it is called in references is the number of its message."""

    name: str
    digest_mode: DigestMode
    clock: ManualClock
    names: bool = True
    """Whether it says what it calls its messages, if a channel of this mode can."""
    messages: list[Said] = field(default_factory=list)
    groups: dict[int, list[Said]] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    """The alerts of which it may have been told twice, as an answer of its was lost."""
    rung: dict[str, float] = field(default_factory=dict)
    """As of when, by a clock that is never set, the last message about each alert was that rang: new, or a digest."""
    _attempted: dict[str, Said] = field(default_factory=dict)
    _under_way: tuple[OutgoingMessage, frozenset[str]] | None = None
    _asked_at: float = 0.0
    _holds: Holds = field(default_factory=Holds)
    _queue: AlertQueue | DigestQueue | None = None

    def restart(self) -> None:
        """Another program sends to it from now on: nothing is under way."""
        self._under_way, self._holds = None, Holds()
        self._queue = None

    async def ask(self, store: Store) -> float | None:
        """Have the next message under way; where there is none, until when to wait for one (Unix seconds, 0 for ever).

        What it says does not change any more, whatever becomes of the alerts.
        """
        if self._under_way is not None:
            return None
        if self._queue is None:
            self._queue = self._opened_queue(store)
        now = self.clock.now().timestamp()
        message = await self._queue.next(self._holds.at(now, now))
        if isinstance(message, Idle):
            return message.until or 0.0
        counted: frozenset[str] = frozenset()
        if isinstance(message, OutgoingDigest):
            counted = await self._open_members(store, message.digest.group_id)
        self._under_way, self._asked_at = (message, counted), self.clock.monotonic()
        return None

    def _opened_queue(self, store: Store) -> AlertQueue | DigestQueue:
        provider = cast("DigestProvider", self)
        if self.digest_mode is DigestMode.EACH:
            return AlertQueue(store.outbox, provider, ChainLabels({}), self.clock)
        return DigestQueue(store.outbox, provider, ChainLabels({}), _RULES, self.clock)

    async def take_one(self, store: Store, how: str = TAKEN) -> float | None:
        """Answer ``how`` to the message under way, or else the next; where there is none, see `ask`."""
        until = await self.ask(store)
        if self._under_way is None:
            return until
        (message, counted), self._under_way = self._under_way, None
        said = self._read(message, counted, lost=how == LOST) if how in {TAKEN, LOST} else None
        assert self._queue is not None
        if said is not None and how == LOST:
            self.twice |= said.counted | ({said.alert} if said.alert else set())
        if how in OUTCOMES:
            self._queue.settled(OUTCOMES[how])
            await self._postpone(message, OUTCOMES[how])
            return None
        assert said is not None
        said.named |= self._names(message)
        reference = str(self.messages.index(said)) if said.named else None
        self._queue.settled(Sent(reference))
        await message.sent(reference, self.clock.now())
        self._holds.taken(message.attempt)
        return None

    async def _postpone(self, message: OutgoingMessage, outcome: Outcome) -> None:
        now = self.clock.now().timestamp()
        if isinstance(outcome, TryLater):
            wait = self._holds.failed(message.attempt, outcome, now, 0.5)
        else:
            wait = self._holds.refused(message.attempt, "", now, 0.5)
        await message.postponed(message.attempt.attempts + 1, now + wait, "")

    async def rest(self, store: Store) -> None:
        """Take all there is, however long it takes."""
        for _ in range(_MOST):
            until = await self.take_one(store)
            if until == 0.0:
                await self._count_again(store)
                return
            if until is not None:
                self.clock.advance(max(0.001, until - self.clock.now().timestamp()))
        raise AssertionError("there is no end of what it is told")

    async def _count_again(self, store: Store) -> None:
        """What counts as many as there are tells of those that there are: others may be among them than before."""
        for group_id, (*_, said) in self.groups.items():
            digest = await store.outbox.digest(group_id)
            if said.counts == (digest.members, digest.open):
                said.counted = await self._open_members(store, group_id)

    def delete_last(self) -> None:
        """Somebody deletes its last message."""
        if self.messages:
            self.messages[-1].adrift = True

    @property
    def legible(self) -> list[Said]:
        """The messages that stand, that say that something is open, and that can be changed."""
        return [said for said in self.messages if said.open and not said.adrift]

    def standing(self, alert_id: str) -> list[Said]:
        """The messages about this alert that nobody has been told the end of."""
        return [said for said in self.legible if said.alert == alert_id]

    def counting(self, alert_id: str) -> list[Said]:
        """The messages that stand and count this alert among others."""
        return [said for said in self.legible if alert_id in said.counted]

    async def _open_members(self, store: Store, group_id: int) -> frozenset[str]:
        ids = await store.database.read(lambda connection: _SELECT_OPEN.column(connection, of_group=group_id))
        return frozenset(ids)

    def _names(self, message: OutgoingMessage) -> bool:
        """Whether it says what it calls a message."""
        of_one = isinstance(message, OutgoingAlert)
        can = {DigestMode.CHANGING_DIGEST: True, DigestMode.INCIDENTS: of_one}
        return self.names and can.get(self.digest_mode, False)

    def _read(self, message: OutgoingMessage, counted: frozenset[str], *, lost: bool) -> Said:
        if isinstance(message, OutgoingAlert):
            return self._alert(message, lost=lost)
        assert isinstance(message, OutgoingDigest)
        return self._group(message, counted, lost=lost)

    def _alert(self, message: OutgoingAlert, *, lost: bool) -> Said:
        alert, reference = message.delivery.alert, message.delivery.reference
        if message.delivery.change is Change.OPENED:
            self._ring({alert.id})
            return self._posted(message, Said(alert.id), lost=lost)
        if reference is not None:
            ended = [self.messages[int(reference)]]
        else:
            # Where messages have names, an end without one is a message of its own, and ends none that has a name.
            ended = [said for said in self.messages if said.open and said.alert == alert.id and not said.named]
        assert ended or lost_before(message), "told of the end of what it was not told of"
        for said in ended:
            said.open = False
        return ended[-1] if ended else Said(alert.id, open=False)

    def _group(self, message: OutgoingDigest, counted: frozenset[str], *, lost: bool) -> Said:
        digest = message.digest
        said = Said(None) if digest.reference is None else self.messages[int(digest.reference)]
        assert said.open or lost_before(message), "a message that is over says again that something is open"
        if digest.reference is None or said.adrift:
            said = self._posted(message, Said(said.alert), lost=lost)
            self._ring(counted)
        elif digest.because is None and digest.topic.escalated:
            self._ring(counted - said.counted)
        of_group = self.groups.setdefault(digest.group_id, [])
        of_group.append(said)
        said.open, said.counted, said.counts = True, counted, (digest.members, digest.open)
        if message.change is Change.RESOLVED:
            for earlier in of_group:
                earlier.open = False
        return said

    def _ring(self, alert_ids: Collection[str]) -> None:
        self.rung |= dict.fromkeys(alert_ids, self._asked_at)

    def _posted(self, message: OutgoingMessage, said: Said, *, lost: bool) -> Said:
        if self.digest_mode is DigestMode.INCIDENTS and message.attempt.key in self._attempted:
            # An incident has a key of its own.
            return self._attempted[message.attempt.key]
        self.messages.append(said)
        if lost:
            self._attempted[message.attempt.key] = said
            said.adrift = self.digest_mode is DigestMode.CHANGING_DIGEST and self.names
        return said


def lost_before(message: OutgoingMessage) -> bool:
    """Whether the channel may have taken it before."""
    return message.attempt.attempts > 0
