"""The alert manager: everything arrives, in order, at least once, and nobody waits for another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import cast

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from connext_monitor.alerting.manager import AlertManager
from connext_monitor.alerting.notice import AlertNotice, Provider
from connext_monitor.alerting.outgoing_message import GroupStore
from connext_monitor.alerting.providers.base import ProviderContext
from connext_monitor.alerting.providers.discord import DiscordConfig, DiscordProvider, DiscordUrl
from connext_monitor.alerting.providers.webhook import WebhookConfig, WebhookProvider
from connext_monitor.clock import Clock, SystemClock
from connext_monitor.config import SecretUrl
from connext_monitor.core.alert import AlertState, chain_unobserved
from connext_monitor.core.delivery import Change, ChannelState, Outcome, Sent
from connext_monitor.core.grouping import DigestMode, GroupRules
from tests.alerting.memory_store import HealthNotes, MemoryStore
from tests.alerting.vendors import Discord, Receiver, Seen
from tests.world.alerts import LABELS, NOW, OPENED, RESOLVED, transfer_alert
from tests.world.clocks import ManualClock
from tests.world.waiting import running, until

RULES = GroupRules(2.0, 60.0)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def manager_of(
    store: MemoryStore, *providers: Provider, health: HealthNotes | None = None, clock: Clock | None = None
) -> AlertManager:
    """A manager of channels that are told each alert by itself: it asks the store for no groups."""
    heard = health or HealthNotes()
    return AlertManager(cast("GroupStore", store), providers, LABELS, RULES, heard, clock or SystemClock())


@asynccontextmanager
async def managed(store: MemoryStore, *providers: Provider, clock: Clock | None = None) -> AsyncIterator[AlertManager]:
    manager = manager_of(store, *providers, clock=clock)
    async with running(manager.run()):
        yield manager


def hook(receiver: Receiver, name: str = "machines") -> WebhookProvider:
    config = WebhookConfig(type="webhook", url=SecretUrl(receiver.url))
    return WebhookProvider(name, config, ProviderContext(LABELS, SystemClock()))


def ids(receiver: Receiver) -> list[str]:
    return [body["data"]["alert"]["id"] for body in receiver.taken]


class Unwell:
    """A provider with a bug: it raises for some alerts."""

    digest_mode = DigestMode.EACH

    def __init__(self, name: str, is_fatal: Callable[[AlertNotice], bool]) -> None:
        self.name = name
        self.is_fatal = is_fatal
        self.told: list[str] = []
        self.closed = False

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        if self.is_fatal(notice):
            raise KeyError("https://hooks.example/s3cret")
        self.told.append(notice.alert.id)
        return Sent(reference)

    async def aclose(self) -> None:
        self.closed = True


class Brittle(Receiver):
    """A receiver that fails on one alert, and not by saying that it is to blame."""

    def __init__(self, poison: str) -> None:
        super().__init__()
        self.poison = poison

    def answer(self, seen: Seen) -> web.Response:
        if seen.json["data"]["alert"]["id"] == self.poison:
            return web.Response(status=500)
        return super().answer(seen)


# --- what is heard of a channel ---


async def test_every_answer_of_a_channel_is_heard(store: MemoryStore, receiver: Receiver) -> None:
    health = HealthNotes()
    for number in range(3):
        store.add(transfer_alert(number), Change.OPENED, "machines")
    receiver.plan(204)
    receiver.plan(503)
    receiver.plan(204)
    receiver.plan(410)
    async with running(manager_of(store, hook(receiver), health=health).run()):
        await until(lambda: len(health.heard) == 4)
    unavailable, gone = "answered 503 Service Unavailable", "answered 410 Gone"
    assert health.heard == [
        ("machines", None, False),
        ("machines", unavailable, False),
        ("machines", None, False),
        ("machines", gone, True),
    ]


# --- what arrives ---


async def test_what_was_stored_before_the_start_is_sent(store: MemoryStore, receiver: Receiver) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    assert ids(receiver) == [OPENED.id]


async def test_deliveries_go_out_in_the_order_of_their_ids(store: MemoryStore, receiver: Receiver) -> None:
    alerts = [transfer_alert(number) for number in range(20)]
    for alert in alerts:
        store.add(alert, Change.OPENED, "machines")
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    assert ids(receiver) == [alert.id for alert in alerts]


async def test_a_wake_brings_new_work_out_at_once(store: MemoryStore, receiver: Receiver) -> None:
    async with managed(store, hook(receiver)) as manager:
        store.add(OPENED, Change.OPENED, "machines")
        manager.wake(["machines", "a provider that is not there"])
        await until(lambda: receiver.taken)


async def test_an_alert_is_told_as_it_is_when_it_is_told(store: MemoryStore, receiver: Receiver) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    receiver.plan(503)
    async with managed(store, hook(receiver)):
        await until(lambda: store.rows[1].reason)
        store.change(RESOLVED)
        await until(lambda: not store.pending)
    assert receiver.taken[0]["data"]["alert"]["state"] == AlertState.RESOLVED


async def test_the_channels_health_is_written_when_it_changes_and_only_then(
    store: MemoryStore, receiver: Receiver
) -> None:
    for number in range(4):
        store.add(transfer_alert(number), Change.OPENED, "machines")
    receiver.plan(204)
    receiver.plan(204)
    receiver.plan(503)
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    assert [(state, reason) for _, state, reason in store.states] == [
        (ChannelState.OK, None),
        (ChannelState.FAILING, "answered 503 Service Unavailable"),
        (ChannelState.OK, None),
    ]


# --- what fails ---


async def test_a_failed_try_is_stored_with_its_count_and_with_what_the_channel_asked(
    store: MemoryStore, receiver: Receiver
) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    receiver.plan(429, b"", {"Retry-After": "900"})
    async with managed(store, hook(receiver), clock=ManualClock(NOW, running=True)):
        await until(lambda: store.rows[1].reason)
    (pending,) = store.pending
    assert (pending.attempts, pending.next_attempt_at) == (1, NOW.timestamp() + 900)


async def test_new_work_does_not_overtake_what_waits(store: MemoryStore, receiver: Receiver) -> None:
    first, second = transfer_alert(1), transfer_alert(2)
    store.add(first, Change.OPENED, "machines")
    receiver.plan(503)
    async with managed(store, hook(receiver)) as manager:
        await until(lambda: store.rows[1].reason)
        store.add(second, Change.OPENED, "machines")
        manager.wake()
        await until(lambda: not store.pending)
    assert ids(receiver) == [first.id, second.id]


async def test_a_wait_ends_when_the_at_comes_however_it_got_there(store: MemoryStore, receiver: Receiver) -> None:
    clock = ManualClock(NOW, running=True)
    store.add(OPENED, Change.OPENED, "machines")
    receiver.plan(429, b"", {"Retry-After": "3600"})
    async with managed(store, hook(receiver), clock=clock):
        await until(lambda: store.rows[1].reason)
        clock.at += timedelta(hours=1)
        await until(lambda: not store.pending)


async def test_what_a_channel_refuses_stays_pending_and_the_next_goes_out(
    store: MemoryStore, receiver: Receiver
) -> None:
    health = HealthNotes()
    first, second = transfer_alert(1), transfer_alert(2)
    for alert in (first, second):
        store.add(alert, Change.OPENED, "machines")
    receiver.plan(400)
    receiver.plan(400)
    async with running(manager_of(store, hook(receiver), health=health).run()):
        await until(lambda: not store.pending)
    assert ids(receiver) == [second.id, first.id]
    refused = "answered 400 Bad Request"
    still = f"does not take one message, though it takes others: {refused}"
    assert health.heard == [("machines", refused, False), ("machines", still, False), ("machines", None, False)]
    assert [(state, reason) for _, state, reason in store.states] == [
        (ChannelState.FAILING, refused), (ChannelState.FAILING, still), (ChannelState.OK, None),
    ]  # fmt: skip


async def test_an_alert_s_end_waits_for_its_opening_while_others_pass(store: MemoryStore, receiver: Receiver) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    store.add(OPENED, Change.RESOLVED, "machines")
    store.add(transfer_alert(2), Change.OPENED, "machines")
    for _ in range(2):
        receiver.plan(400)
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    said = [(body["type"], body["data"]["alert"]["id"]) for body in receiver.taken]
    other = ("alert.opened", transfer_alert(2).id)
    assert said == [other, ("alert.opened", OPENED.id), ("alert.resolved", OPENED.id)]


async def test_a_message_that_breaks_its_receiver_does_not_hold_up_the_others(store: MemoryStore) -> None:
    poison = transfer_alert(1)
    for number in range(1, 4):
        store.add(transfer_alert(number), Change.OPENED, "machines")
    async with Brittle(poison.id) as receiver:
        async with managed(store, hook(receiver)):
            await until(lambda: len(receiver.taken) == 2, seconds=30)
        assert ids(receiver) == [transfer_alert(2).id, transfer_alert(3).id]
    assert [one.alert.id for one in store.pending] == [poison.id]


async def test_a_new_critical_alert_cuts_a_long_wait_short(store: MemoryStore, receiver: Receiver) -> None:
    clock = ManualClock(NOW - timedelta(hours=1), running=True)
    # More than are read at once: the critical alert stands far behind them.
    for number in range(120):
        mild = chain_unobserved(f"chain {number}", NOW, silent_for=1, waiting=0, why="-")
        store.add(mild, Change.OPENED, "machines")
    receiver.plan(429, b"", {"Retry-After": "315360000"})
    async with managed(store, hook(receiver), clock=clock) as manager:
        await until(lambda: store.rows[1].reason)
        clock.at += timedelta(minutes=2)
        manager.wake()
        await asyncio.sleep(0.1)
        assert len(receiver.seen) == 1
        store.add(transfer_alert(2), Change.OPENED, "machines")
        manager.wake()
        await until(lambda: not store.pending, seconds=30)
    assert ids(receiver) == [row.delivery.alert.id for row in store.rows.values()]


async def test_a_channel_that_asks_for_ten_years_is_tried_within_an_hour_and_that_is_said(
    store: MemoryStore, receiver: Receiver
) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    receiver.plan(429, b"", {"Retry-After": "315360000"})
    async with managed(store, hook(receiver), clock=ManualClock(NOW, running=True)):
        await until(lambda: store.rows[1].reason)
    (pending,) = store.pending
    assert pending.next_attempt_at == NOW.timestamp() + 3600
    assert store.states[-1][2] == (
        "answered 429 Too Many Requests and asks to wait until 2036-02-27 12:00:00 UTC; "
        "it is tried within an hour all the same"
    )


async def test_a_dead_channel_is_left_alone_and_its_deliveries_stay_pending(
    store: MemoryStore, receiver: Receiver
) -> None:
    for number in range(3):
        store.add(transfer_alert(number), Change.OPENED, "machines")
    receiver.plan(410)
    with capture_logs() as logs:
        async with managed(store, hook(receiver)) as manager:
            await until(lambda: store.states)
            manager.wake()
            await asyncio.sleep(0)
    assert store.states == [("machines", ChannelState.DEAD, "answered 410 Gone")]
    assert len(store.pending) == 3
    assert len(receiver.seen) == 1
    assert [entry["log_level"] for entry in logs if entry["event"] == "channel.dead"] == ["error"]


async def test_a_dead_channel_is_tried_again_after_a_restart(store: MemoryStore, receiver: Receiver) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    receiver.plan(410)
    async with managed(store, hook(receiver)):
        await until(lambda: store.states)
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    assert store.states[-1] == ("machines", ChannelState.OK, None)


async def test_the_manager_goes_on_when_every_channel_is_dead(store: MemoryStore, receiver: Receiver) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    receiver.plan(410)
    manager = manager_of(store, hook(receiver))
    async with running(manager.run()) as run:
        await until(lambda: store.states)
        await asyncio.wait({run}, timeout=0.1)
        assert not run.done()


async def test_neither_a_dead_nor_a_slow_channel_delays_another(store: MemoryStore) -> None:
    async with AsyncExitStack() as stack:
        dead, slow, well = [await stack.enter_async_context(Receiver()) for _ in range(3)]
        dead.plan(410)
        slow.plan(204).until = released = asyncio.Event()
        for number in range(5):
            store.add(transfer_alert(number), Change.OPENED, "dead", "slow", "well")
        async with managed(store, hook(dead, "dead"), hook(slow, "slow"), hook(well, "well")):
            await until(lambda: len(well.taken) == 5 and slow.asked.is_set() and dead.asked.is_set())
            assert slow.taken == []
            released.set()
            await until(lambda: len(slow.taken) == 4)


async def test_a_bug_in_one_provider_stops_neither_it_nor_the_others(store: MemoryStore, receiver: Receiver) -> None:
    failures = iter([True])
    unwell = Unwell("unwell", lambda _: next(failures, False))
    store.add(OPENED, Change.OPENED, "unwell", "machines")
    async with managed(store, unwell, hook(receiver)):
        await until(lambda: not store.pending)
    assert unwell.told == [OPENED.id]
    assert ids(receiver) == [OPENED.id]
    assert store.rows[1].delivery.attempts == 1


async def test_what_our_own_code_cannot_write_does_not_block_what_comes_after(store: MemoryStore) -> None:
    poison, good = transfer_alert(1), transfer_alert(2)
    unwell = Unwell("unwell", lambda notice: notice.alert.id == poison.id)
    for alert in (poison, good):
        store.add(alert, Change.OPENED, "unwell")
    with capture_logs() as logs:
        async with managed(store, unwell):
            await until(lambda: unwell.told)
    assert unwell.told == [good.id]
    assert store.rows[1].reason == "connext-monitor itself failed on it (KeyError)"
    assert [one.alert.id for one in store.pending] == [poison.id]
    assert "s3cret" not in repr(logs)


async def test_a_store_that_fails_after_the_send_is_asked_again_and_nothing_is_sent_twice(
    store: MemoryStore, receiver: Receiver
) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    store.failing = 2
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    assert len(receiver.seen) == 1


# --- stopping ---


async def test_what_the_channel_took_while_we_were_being_stopped_is_recorded(
    store: MemoryStore, receiver: Receiver
) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    planned = receiver.plan(204)
    planned.until = asyncio.Event()
    manager = manager_of(store, hook(receiver))
    run = asyncio.create_task(manager.run())
    await until(receiver.asked.is_set)
    run.cancel()
    asyncio.get_running_loop().call_later(0.1, planned.until.set)
    with pytest.raises(asyncio.CancelledError):
        await run
    assert store.pending == []
    assert len(receiver.seen) == 1


async def test_a_record_under_way_is_finished_when_we_are_stopped(receiver: Receiver) -> None:
    store = SlowStore()
    store.add(OPENED, Change.OPENED, "machines")
    manager = manager_of(store, hook(receiver))
    run = asyncio.create_task(manager.run())
    await until(store.writing.is_set)
    run.cancel()
    asyncio.get_running_loop().call_later(0.1, store.released.set)
    with pytest.raises(asyncio.CancelledError):
        await run
    assert store.pending == []


async def test_a_send_that_does_not_end_is_cut_off_and_stays_pending(store: MemoryStore, receiver: Receiver) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    receiver.plan(204).until = released = asyncio.Event()
    async with asyncio.timeout(4.5):
        async with managed(store, hook(receiver)):
            await until(receiver.asked.is_set)
    released.set()
    assert [one.id for one in store.pending] == [1]


async def test_a_wait_for_the_next_try_does_not_hold_up_a_stop(store: MemoryStore, receiver: Receiver) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    receiver.plan(429, b"", {"Retry-After": "3600"})
    async with asyncio.timeout(4.5):
        async with managed(store, hook(receiver)):
            await until(lambda: store.rows[1].reason)


async def test_after_a_crash_between_send_and_record_the_repetition_has_the_same_id(
    store: MemoryStore, receiver: Receiver
) -> None:
    store.add(OPENED, Change.OPENED, "machines")
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    store.rows[1].sent_at = None
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    first, second = (one.headers["webhook-id"] for one in receiver.seen)
    assert first == second


async def test_a_second_opening_of_the_same_alert_has_an_id_of_its_own(store: MemoryStore, receiver: Receiver) -> None:
    for _ in range(2):
        store.add(OPENED, Change.OPENED, "machines")
    async with managed(store, hook(receiver)):
        await until(lambda: not store.pending)
    first, second = (one.headers["webhook-id"] for one in receiver.seen)
    assert first != second


async def test_the_providers_are_closed_at_the_end(store: MemoryStore) -> None:
    unwell = Unwell("unwell", lambda _: False)
    async with managed(store, unwell):
        await asyncio.sleep(0)
    assert unwell.closed


class SlowStore(MemoryStore):
    """A store whose record of a send takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.writing = asyncio.Event()
        self.released = asyncio.Event()

    async def delivery_sent(self, delivery_id: int, reference: str | None, at: datetime) -> None:
        self.writing.set()
        await self.released.wait()
        await super().delivery_sent(delivery_id, reference, at)


class OneByOne(DiscordProvider):
    """Discord, told each alert by itself: a channel of that kind whose messages can be changed."""

    digest_mode = DigestMode.EACH


async def test_an_end_that_was_queued_before_its_opening_was_sent_still_changes_its_message(store: MemoryStore) -> None:
    async with Discord() as discord:
        config = DiscordConfig(type="discord", webhook_url=DiscordUrl(discord.url))
        store.add(OPENED, Change.OPENED, "ops")
        store.add(RESOLVED, Change.RESOLVED, "ops")
        async with managed(store, OneByOne("ops", config, ProviderContext(LABELS, SystemClock()))):
            await until(lambda: not store.pending)
        assert [one.method for one in discord.seen] == ["POST", "PATCH"]
