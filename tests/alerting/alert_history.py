"""A history of alerts, of their causes and of what people do about them, and channels that are told of it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.effects import Decide, ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.removed import ended_by_removal
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import TransferId
from connext_monitor.store.store import Store
from tests.alerting.inhibited import ENDS, pause, stall
from tests.alerting.read_channel import FAILED, LIMITED, LOST, REFUSED, TAKEN, ReadChannel
from tests.world.clocks import ManualClock
from tests.world.kinds import overdue, overdue_id
from tests.world.transfers import ALPHA, BETA, GAMMA

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
NAMES = {ALPHA: "alpha", BETA: "beta", GAMMA: "gamma"}
MODES = {
    "changes": DigestMode.CHANGING_DIGEST,
    "nameless": DigestMode.CHANGING_DIGEST,
    "stays": DigestMode.DIGEST,
    "incidents": DigestMode.INCIDENTS,
    "machines": DigestMode.EACH,
}
CHANNELS = st.sets(st.sampled_from(sorted(MODES)))
# Few sets, which have much in common: one transfer, one of another pathway, a burst, a burst on both pathways.
NUMBERS = st.sampled_from([{1}, {2}, {1, 3, 5, 7, 9}, set(range(10))])
ANSWERS = [TAKEN, TAKEN, TAKEN, TAKEN, LOST, LIMITED, FAILED, REFUSED]
_LEGS = st.tuples(st.sampled_from(["late", "arrives", "escalates"]), NUMBERS)
_ANSWER = st.tuples(st.sampled_from([*ANSWERS, "asks"]), st.sampled_from(sorted(MODES)))
STEPS = st.one_of(
    _LEGS,
    _LEGS,
    st.tuples(st.sampled_from(["pause", "stall"]), CHANNELS),
    st.tuples(st.sampled_from(["unpause", "executes"]), st.none()),
    _ANSWER,
    _ANSWER,
    st.tuples(st.just("deletes"), st.sampled_from(sorted(MODES))),
    st.tuples(st.sampled_from(["silences", "acknowledges"]), NUMBERS),
    st.tuples(st.sampled_from(["silences pause", "silences stall", "hears", "doubts", "restarts"]), st.none()),
    st.tuples(st.just("removes"), st.sampled_from(["alpha", "beta", "gamma"])),
    st.tuples(st.just("routes"), CHANNELS),
    st.tuples(st.just("sets the clock"), st.sampled_from([timedelta(hours=-1), timedelta(hours=1)])),
    st.tuples(st.just("passes"), st.floats(0.0, 90.0)),
)
HISTORIES = st.lists(STEPS, min_size=10, max_size=25)
CAUSES = {"pause": pause, "stall": stall, "unpause": pause, "executes": stall}


def transfer(number: int) -> TransferId:
    return TransferId(number.to_bytes(32))


def leg_id(number: int) -> str:
    return overdue_id(transfer(number), Leg.EXECUTE)


class History:
    """One history of causes and of what is late because of them, and channels that are told of it."""

    def __init__(self, opened: Callable[[], Awaitable[Store]]) -> None:
        """``opened`` opens the database, again after each restart."""
        self._opened = opened
        self.clock = ManualClock(START)
        self.channels = {name: ReadChannel(name, mode, self.clock, name != "nameless") for name, mode in MODES.items()}
        self.goes_to: dict[str, Collection[str]] = defaultdict(lambda: self.legs_go_to)
        """Whom each alert that is a cause is for; all others go to the same."""
        self.legs_go_to: Collection[str] = set(MODES)
        self.due: dict[str, set[str]] = {}
        """Who is to read of each open alert: whom it went to all the time."""
        self.again: set[str] = set()
        """The open alerts that are told once more."""
        self.ended: set[str] = set()
        self.critical: dict[str, float] = {}
        """Since when each is so that has become critical and is open."""
        self.silences: list[tuple[Silence, set[str]]] = []

    async def live(self, steps: list[tuple[str, object]]) -> None:
        self.store = await self._opened()
        for name, value in steps:
            await self._step(name, value)
        for channel in self.channels.values():
            await channel.rest(self.store)

    def is_silenced(self, alert: Alert) -> bool:
        return any(alert.id in ids or alert.kind.name in ids for _, ids in self.silences)

    def route(self, alert: Alert) -> Collection[str]:
        return () if self.is_silenced(alert) else self.goes_to[alert.id]

    async def _step(self, name: str, value: object) -> None:
        self.clock.advance(0.01)
        now = self.clock.now()
        if name in CAUSES:
            await self._cause(CAUSES[name](now), value)
        elif name in {"late", "arrives", "escalates"}:
            assert isinstance(value, set)
            await self._legs(name, value, now)
        elif name == "asks":
            await self.channels[str(value)].ask(self.store)
        elif name in ANSWERS:
            await self.channels[str(value)].take_one(self.store, name)
        elif name == "deletes":
            self.channels[str(value)].delete_last()
        elif isinstance(value, float):
            self.clock.advance(value)
        elif isinstance(value, timedelta):
            self.clock.at += value
        else:
            await self._operator(name, value, now)

    async def _operator(self, name: str, value: object, now: datetime) -> None:
        match name:
            case "silences" | "acknowledges":
                assert isinstance(value, set)
                await self._silence({leg_id(number) for number in value}, now, ack=name == "acknowledges")
            case "silences pause":
                await self._silence({"bridge_paused"}, now)
            case "silences stall":
                await self._silence({"pathway_stalled"}, now)
            case "hears" if self.silences:
                await self._unsilence(now)
            case "doubts":
                await self.store.outbox.doubt_sent()
            case "removes":
                chains = {domain: chain for domain, chain in NAMES.items() if chain != value}
                removed = partial(ended_by_removal, chains=chains)
                ended = set(await self.store.alerts.resolve_decided(removed, now, self.route))
                self.ended |= ended
                self.again -= ended
            case "routes":
                assert isinstance(value, set)
                self.legs_go_to = value
            case "restarts":
                await self.store.close()
                self.store = await self._opened()
                for channel in self.channels.values():
                    channel.restart()
        await self._note_due()

    async def _note_due(self) -> None:
        """An alert that goes to others now is due only to those to whom it went all the time."""
        every_open = await self.store.alerts.every_open()
        for alert in every_open:
            goes_to = set(self.goes_to[alert.id])
            self.due[alert.id] = self.due.get(alert.id, goes_to) & goes_to
        still = {alert.id for alert in every_open}
        self.due = {alert_id: due for alert_id, due in self.due.items() if alert_id in still}
        self.critical = {alert_id: at for alert_id, at in self.critical.items() if alert_id in still}

    async def _silence(self, ids: set[str], now: datetime, *, ack: bool = False) -> None:
        silence = Silence(0, now + timedelta(hours=1), ack=ack)
        self.silences.append((await self.store.silences.make(silence, now), ids))

    async def _unsilence(self, now: datetime) -> None:
        silence, ids = self.silences.pop(0)
        every_open = await self.store.alerts.every_open()
        covered = [alert for alert in every_open if alert.id in ids or alert.kind.name in ids]
        if silence.ack:
            self.again |= {alert.id for alert in covered}
        await self.store.silences.end(silence, {alert.id: self.route(alert) for alert in covered}, now)

    async def _legs(self, name: str, numbers: set[int], now: datetime) -> None:
        if name == "late":
            await self.store.alerts.open_decided([self._decided(number, now) for number in numbers], self.route)
        for number in () if name == "late" else numbers:
            alert_id = leg_id(number)
            if name == "arrives":
                ended = ResolveAlert.of_transfer(EXECUTE_OVERDUE, transfer(number), Resolution.EXECUTED)
                if await self.store.alerts.resolve(ended, now, self.route):
                    self.again.discard(alert_id)
                    self.ended.add(alert_id)
            elif await self.store.alerts.escalate(alert_id, self.route, now):
                self.again.add(alert_id)
                self.critical[alert_id] = self.clock.monotonic()
        await self._note_due()

    def _decided(self, number: int, now: datetime) -> tuple[TransferId, Decide]:
        pathway = (ALPHA if number % 2 else GAMMA, BETA)
        alert = overdue(transfer(number), Leg.EXECUTE, int(now.timestamp()) - 5, now, pathway)
        return transfer(number), lambda _: alert

    async def _cause(self, cause: Alert, channels: object) -> None:
        standing = [alert for alert in await self.store.alerts.every_open() if alert.kind is cause.kind]
        if channels is None and standing:
            await self.store.alerts.resolve(ResolveAlert.of(standing[0], ENDS[cause.kind]), cause.opened_at, self.route)
        elif isinstance(channels, set) and not standing:
            self.goes_to[cause.id] = channels
            await self.store.alerts.open(cause, self.route(cause))
        await self._note_due()

    async def check(self) -> None:
        """Whether each channel reads what it should."""
        every_open = {alert.id: alert for alert in await self.store.alerts.every_open()}
        for name, channel in self.channels.items():
            # A message that cannot change goes on to count what has ended, also where that has opened again since.
            again = self.again | (self.ended if name != "changes" else set())
            lost = {said.alert for said in channel.messages if said.adrift and said.alert}
            lost |= {alert_id for said in channel.messages if said.adrift for alert_id in said.counted}
            again |= channel.twice
            for alert_id, alert in every_open.items():
                telling = [*channel.standing(alert_id), *channel.counting(alert_id)]
                if name in self.due[alert_id] and not self.is_silenced(alert) and alert_id not in lost:
                    assert telling, f"{name} is told nowhere of {alert_id}"
                    since = self.critical.get(alert_id, 0.0)
                    assert channel.rung.get(alert_id, 0.0) >= since, f"{name} did not ring for {alert_id}"
                assert len(telling) <= 1 or alert_id in again, f"{name} is told of {alert_id} more than once"
            alone = {said.alert for said in channel.legible if said.alert}
            assert alone <= every_open.keys(), f"{name} was not told of an end"
            if name == "changes":
                shown = {said.alert for said in channel.legible if said.alert}
                shown |= {alert_id for said in channel.legible for alert_id in said.counted}
                assert shown <= every_open.keys(), f"{name} reads of what is over"
            for said in channel.legible:
                assert said.alert or said.counted & every_open.keys(), f"{name} was not told that all of them ended"
        await self.store.close()
