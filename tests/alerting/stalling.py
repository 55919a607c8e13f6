"""A watch over stalls on a real store, between chains that answer what a test sets."""

from dataclasses import dataclass, field

from connext_monitor.alerting.stall_watch import StallWatch
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.events import Executed
from connext_monitor.core.stalls import StallRule
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import AnsweringChain
from tests.world.clocks import ManualClock
from tests.world.desks import desk_on
from tests.world.recording import commit, seen
from tests.world.two_chains import AT, DESTINATION, NAMES, ORIGIN, START, Sample, covered, durations
from tests.world.waiting import running, until

RULE = StallRule(transfers=3, after=100)
STALLED_AT = START + RULE.after
WAITING = [Sample(nonce, START + nonce) for nonce in range(3)]
EARLIER, LATER = Sample(11, START - 50), Sample(12, START + 20)


def steady() -> AnsweringChain:
    chain = AnsweringChain()
    chain.state.caught_up = True
    return chain


@dataclass
class StallBench:
    """A watch on a real store, between chains that answer what a test sets; it looks when it is told to."""

    store: Store
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT, running=True))
    origin: AnsweringChain = field(default_factory=steady)
    destination: AnsweringChain = field(default_factory=steady)
    now: float = STALLED_AT + 1

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        chains = {ORIGIN: self.origin, DESTINATION: self.destination}
        desk = desk_on(self.store.alerts, "ops", clock=self.clock)
        rules, latest = (lambda *_: RULE), (lambda _: self.now)
        self.watch = StallWatch(desk, chains, NAMES, self.store.stalls, rules, self.clock, latest, every=0.01)
        self.read_past(STALLED_AT)

    def read_past(self, instant: int) -> None:
        """The destination is covered up to the second after that."""
        self.watch.committed(executed=False, progress=[covered(DESTINATION, at=instant + 1)])

    async def record(self, *records: EventRecord) -> None:
        await commit(self.store, seen(*records), durations=durations)
        executed = any(isinstance(record.event, Executed) for record in records)
        self.watch.committed(executed=executed, progress=[])

    async def look(self) -> None:
        """Three whole looks: one may end an alert, one have the chains read again, and one open another."""
        looked = 0

        async def counted() -> object:
            nonlocal looked
            looked += 1
            return await count()

        count = self.store.stalls.waiting_somewhere
        self.store.stalls.waiting_somewhere = counted  # type: ignore[method-assign, assignment]
        async with running(self.watch.run()):
            await until(lambda: looked > 3)
        self.store.stalls.waiting_somewhere = count  # type: ignore[method-assign]

    async def alerts(self) -> list[Alert]:
        """All that were opened, the latest first."""
        return [row.alert for row, _ in await self.store.alerts.listed(None, limit=100)]

    async def endings(self) -> list[Resolution | None]:
        return [alert.resolution for alert in await self.alerts()]


def calls(*samples: Sample) -> list[EventRecord]:
    """Their XCalleds."""
    return [sample.xcalled() for sample in samples]
