"""Whatever opens and ends in whatever order: what is open is to be read somewhere, and once (promises 6, 7 and 11)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.effects import Decide, ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import TransferId
from connext_monitor.store.executor import Inline
from connext_monitor.store.store import Store
from tests.alerting.inhibited import ENDS, pause, stall
from tests.alerting.read_channel import ReadChannel
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.examples import examples
from tests.world.kinds import overdue, overdue_id
from tests.world.transfers import ALPHA, BETA, GAMMA

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MODES = {"changes": DigestMode.CHANGING_DIGEST, "stays": DigestMode.DIGEST, "incidents": DigestMode.INCIDENTS}
CHANNELS = st.sets(st.sampled_from(sorted(MODES)))
# Few sets, which have much in common: one transfer, one of another pathway, a burst, a burst on both pathways.
NUMBERS = st.sampled_from([{1}, {2}, {1, 3, 5, 7, 9}, set(range(10))])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["late", "arrives", "escalates"]), NUMBERS),
    st.tuples(st.sampled_from(["late", "arrives", "escalates"]), NUMBERS),
    st.tuples(st.sampled_from(["pause", "stall"]), CHANNELS),
    st.tuples(st.sampled_from(["unpause", "executes"]), st.none()),
    st.tuples(st.just("takes"), st.sampled_from(sorted(MODES))),
    st.tuples(st.just("passes"), st.floats(0.0, 90.0)),
    st.tuples(st.just("restarts"), st.none()),
)
CAUSES = {"pause": pause, "stall": stall, "unpause": pause, "executes": stall}


def transfer(number: int) -> TransferId:
    return TransferId(number.to_bytes(32))


class Run:
    """One history of causes and of what is late because of them, and three channels that are told of it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.clock = ManualClock(START)
        self.channels = {name: ReadChannel(name, mode, self.clock) for name, mode in MODES.items()}
        self.goes_to: dict[str, Collection[str]] = defaultdict(lambda: MODES)
        self.escalated: set[str] = set()
        self.ended: set[str] = set()

    async def live(self, steps: list[tuple[str, object]]) -> None:
        self.store = await self._opened()
        for name, value in steps:
            await self._step(name, value)
        await self._rest()

    async def _rest(self) -> None:
        for channel in self.channels.values():
            await channel.rest(self.store)

    async def _opened(self) -> Store:
        return await open_store(self.file, {ALPHA: "alpha", BETA: "beta", GAMMA: "gamma"}, Inline)

    def route(self, alert: Alert) -> Collection[str]:
        return self.goes_to[alert.id]

    async def _step(self, name: str, value: object) -> None:
        self.clock.advance(0.01)
        now = self.clock.now()
        if name in CAUSES:
            await self._cause(CAUSES[name](now), value)
        elif isinstance(value, set):
            await self._alerts(name, value, now)
        elif name == "takes":
            await self.channels[str(value)].take_one(self.store)
        elif isinstance(value, float):
            self.clock.advance(value)
        else:
            await self.store.close()
            self.store = await self._opened()

    async def _alerts(self, name: str, numbers: set[int], now: datetime) -> None:
        if name == "late":
            await self.store.alerts.open_decided([self._decided(number, now) for number in numbers], self.route)
        for number in () if name == "late" else numbers:
            alert_id = overdue_id(transfer(number), Leg.EXECUTE)
            if name == "arrives":
                ended = ResolveAlert.of_transfer(EXECUTE_OVERDUE, transfer(number), Resolution.EXECUTED)
                if await self.store.alerts.resolve(ended, now, self.route):
                    self.escalated.discard(alert_id)
                    self.ended.add(alert_id)
            elif await self.store.alerts.escalate(alert_id, self.route, now):
                self.escalated.add(alert_id)

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
            await self.store.alerts.open(cause, channels)


@settings(examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=10, max_size=25))
# Before anybody is told: one of a burst becomes critical, ends, and is late again; or that, and its second end.
@example([("late", {1, 3, 5, 7, 9}), ("escalates", {1}), ("arrives", {1, 3, 5, 7, 9}), ("late", {1})])
@example([("late", set(range(10))), ("escalates", {2}), ("arrives", {2}), ("late", {2}), ("arrives", {2})])
# The same beside a cause: both ends are those of a group's member, and the first waits for the second.
@example([("late", {1}), ("escalates", {1}), ("pause", {"stays"}), ("arrives", {1}), ("late", {1}), ("arrives", {1})])
# And where the group was formed between the two.
@example(
    [("late", {1}), ("arrives", {1}), ("late", {1}), ("pause", {"stays"}), *[("takes", "stays")] * 2, ("arrives", {1})]
)
# The end of what has a message of its own, for having become critical, waits to be counted when the cause ends.
@example(
    [("pause", {"stays"}), ("late", {2}), ("takes", "stays"), ("escalates", {2}), ("arrives", {2}), ("takes", "stays"),
     ("unpause", None)]
)  # fmt: skip
async def test_at_rest_each_open_alert_is_to_be_read_in_one_message(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]]
) -> None:
    run = Run(tmp_path_factory.mktemp("run") / "monitor.db")
    await run.live(steps)
    every_open = {alert.id: alert for alert in await run.store.alerts.every_open()}
    for name, channel in run.channels.items():
        # A message that cannot change goes on to count what has ended, also where that has opened again since.
        again = run.escalated | (run.ended if channel.digest_mode is not DigestMode.CHANGING_DIGEST else set())
        for alert_id in every_open:
            if name in run.goes_to[alert_id]:
                said = [*channel.standing(alert_id), *channel.counting(alert_id)]
                assert said, f"{name} is told nowhere of {alert_id}"
                assert len(said) == 1 or alert_id in again, f"{name} is told of {alert_id} more than once"
        alone = {said.alert for said in channel.messages if said.open and said.alert}
        assert alone <= every_open.keys(), f"{name} was not told of an end"
        if channel.digest_mode is DigestMode.CHANGING_DIGEST:
            shown = {said.alert for said in channel.messages if said.open and said.alert}
            shown |= {alert_id for said in channel.messages if said.open for alert_id in said.counted}
            assert shown <= every_open.keys(), f"{name} reads of what is over"
    await run.store.close()
