"""What tests of grouping take for a channel's queue is told the same as the real queue, on a real store."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connext_monitor.alerting.digest_queue import DigestQueue
from connext_monitor.alerting.notice import DigestProvider
from connext_monitor.alerting.outgoing_message import Idle, OutgoingAlert
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import TransferId
from connext_monitor.core.holds import NOTHING_HELD
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.queue import Topic
from connext_monitor.store.executor import Inline
from connext_monitor.store.store import Store
from tests.world.channel_fold import ChannelFold, ChannelMessage
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.examples import examples
from tests.world.kinds import chain_unobserved, overdue
from tests.world.transfers import ALPHA, BETA

RULES = GroupRules(wait=2.0, interval=60.0)
START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
LATE, BLIND = Topic(EXECUTE_OVERDUE, (ALPHA, BETA)), Topic(CHAIN_UNOBSERVED)
TOPICS = {"late": LATE, "blind": BLIND}
ENDS = {EXECUTE_OVERDUE: Resolution.EXECUTED, CHAIN_UNOBSERVED: Resolution.OBSERVED}


def to_ops(_: Alert) -> Collection[str]:
    return ["ops"]


@dataclass(slots=True)
class RealChannel:
    """A channel that takes all that its queue gives, from a real store; alerts have numbers, as in `ChannelFold`."""

    digest_mode: DigestMode
    store: Store
    clock: ManualClock
    name: str = "ops"
    opened: list[Alert] = field(default_factory=list)
    messages: list[ChannelMessage] = field(default_factory=list)

    async def open(self, topic: Topic, count: int) -> None:
        now, first = self.clock.now(), len(self.opened)
        for number in range(first, first + count):
            transfer_id = TransferId(number.to_bytes(32))
            late = overdue(transfer_id, Leg.EXECUTE, int(now.timestamp()), now, (ALPHA, BETA))
            blind = chain_unobserved(f"chain{number}", now, silent_for=0, waiting=0, why="")
            self.opened.append(late if topic == LATE else blind)
            assert await self.store.alerts.open(self.opened[-1], to_ops(late))

    async def end(self, number: int) -> None:
        alert = self.opened[number]
        ended = ResolveAlert.of(alert, ENDS[alert.kind])
        assert await self.store.alerts.resolve(ended, self.clock.now(), to_ops)

    async def run(self) -> float | None:
        """As `ChannelFold.run`."""
        provider = cast("DigestProvider", self)
        queue = DigestQueue(self.store.outbox, provider, ChainLabels({}), RULES, self.clock)
        while not isinstance(message := await queue.next(NOTHING_HELD), Idle):
            now = self.clock.now()
            if isinstance(message, OutgoingAlert):
                alert, change = message.delivery.alert, message.delivery.change
                number = next(number for number, opened in enumerate(self.opened) if opened.id == alert.id)
                topic = LATE if alert.kind is EXECUTE_OVERDUE else BLIND
                still_open = int(change is Change.OPENED)
                said = ChannelMessage(now.timestamp(), topic, change, alert=number, open=still_open)
            else:
                digest, change = message.digest, message.change
                counts = {"group": digest.group_id - 1, "members": digest.members, "open": digest.open}
                said = ChannelMessage(now.timestamp(), digest.topic, change, **counts)
            self.messages.append(said)
            await message.sent("m" if self.digest_mode is DigestMode.CHANGING_DIGEST else None, now)
        return message.until


@dataclass(slots=True)
class Both:
    """The fold and the real channel, to which the same happens."""

    fold: ChannelFold
    real: RealChannel
    standing: list[int] = field(default_factory=list)

    async def happen(self, topic: Topic, opening: int, ending: float) -> None:
        await self.real.open(topic, opening)
        for _ in range(opening):
            self.standing.append(len(self.fold.opened))
            self.fold.open(self.standing[-1], topic)
        ended = self.standing[: round(len(self.standing) * ending)]
        self.standing = self.standing[len(ended) :]
        for number in ended:
            self.fold.end(number)
            await self.real.end(number)

    async def run(self) -> float | None:
        """Tell both what is due; they are told the same, and what comes next is due at the same time."""
        until = self.fold.run()
        assert await self.real.run() == until
        assert self.real.messages == self.fold.messages
        return until

    def advance(self, seconds: float) -> None:
        self.fold.now += seconds
        self.real.clock.advance(seconds)


Moment = tuple[float, str, int, float]
MOMENTS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.25, 1.0, 2.5, 61.0]),  # seconds until then: whole milliseconds, and exact as floats
        st.sampled_from(sorted(TOPICS)),
        st.sampled_from([0, 1, 1, 2, 3, 8]),  # open
        st.sampled_from([0.0, 0.0, 0.25, 1.0]),  # share of the open ones that end
    ),
    max_size=10,
)


@settings(examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([DigestMode.DIGEST, DigestMode.CHANGING_DIGEST]), MOMENTS)
# An end that came before an opening that waits; openings, and groups, of two topics that came at once.
@example(DigestMode.DIGEST, [(0.0, "blind", 3, 0.0)])
@example(DigestMode.DIGEST, [(0.0, "late", 2, 0.0), (0.0, "blind", 2, 0.0)])
@example(
    DigestMode.DIGEST,
    [
        (0.0, "late", 2, 0.0),
        (2.5, "blind", 2, 0.0),
        (0.25, "late", 2, 0.0),
        (0.0, "blind", 2, 0.0),
        (2.5, "blind", 0, 0.0),
    ],
)
# Ends of a group's members that are noted together.
@example(DigestMode.CHANGING_DIGEST, [(0.0, "late", 8, 0.0), (2.5, "late", 0, 0.25), (0.25, "late", 0, 0.25)])
# More than join a group in one transaction.
@example(DigestMode.CHANGING_DIGEST, [(0.0, "late", 520, 0.0), (2.5, "late", 8, 1.0), (1.0, "late", 1, 0.0)])
async def test_what_a_channel_is_told_is_what_the_fold_says(
    tmp_path_factory: pytest.TempPathFactory, mode: DigestMode, stream: list[Moment]
) -> None:
    store = await open_store(tmp_path_factory.mktemp("channel") / "monitor.db", {}, Inline)
    both = Both(ChannelFold(mode, RULES, START.timestamp()), RealChannel(mode, store, ManualClock(START)))
    until: float | None = None
    for apart, topic, opening, ending in [*stream, (0.0, "late", 0, 1.0)]:
        both.advance(apart)
        await both.happen(TOPICS[topic], opening, ending)
        until = await both.run()
    while until is not None:
        both.advance(until - both.fold.now)
        until = await both.run()
    await store.close()
