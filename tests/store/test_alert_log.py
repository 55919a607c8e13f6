from datetime import timedelta
from functools import partial

from sqlalchemy import update

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change
from connext_monitor.core.delivery_records import DeliveryStatus
from connext_monitor.core.queue import Topic
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import deliveries
from connext_monitor.store.store import Store
from tests.world.kinds import chain_unobserved
from tests.world.recording import NOW, accuse, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled

SENT = xcalled(info(1), sighting(10))
OTHER = xcalled(info(2), sighting(11))
CHAIN = chain_unobserved("alpha", NOW, silent_for=1, waiting=0, why="it hangs")


async def test_every_change_of_an_alert_is_found_in_its_order(store: Store) -> None:
    log = store.alerts
    await put(store, seen(SENT))
    assert await log.newest() == 0
    opened = await accuse(store, SENT, "ops")
    assert opened is not None
    await store.alerts.open(CHAIN, [])
    assert [row.alert.id for row in await log.changed(0, limit=9)] == [opened.id, CHAIN.id]
    seen_up_to = await log.newest()
    await store.alerts.escalate(opened.id, lambda _alert: ["ops"], NOW)
    assert [row.alert for row in await log.changed(seen_up_to, limit=9)] == [opened.escalated(NOW)]
    seen_up_to = await log.newest()
    await store.alerts.resolve(ResolveAlert.of(CHAIN, Resolution.OBSERVED), NOW)
    await put(store, seen(executed(info(1), sighting(20))))
    assert [row.alert.resolution for row in await log.changed(seen_up_to, limit=9)] == ["observed", "executed"]
    assert len(await log.changed(seen_up_to, limit=1)) == 1


async def test_a_reopened_alert_counts_as_changed(store: Store) -> None:
    log = store.alerts
    await store.alerts.open(CHAIN, [])
    await store.alerts.resolve(ResolveAlert.of(CHAIN, Resolution.OBSERVED), NOW)
    seen_up_to = await log.newest()
    await store.alerts.open(CHAIN, [])
    assert [row.alert.id for row in await log.changed(seen_up_to, limit=9)] == [CHAIN.id]


_GIVEN_UP = Prepared(
    lambda: update(deliveries).where(deliveries.c.id == parameter("of")).values(pending=False, reason="too long")
)
"""As versions wrote it that gave a message up."""


async def test_news_wait_are_tried_again_and_are_told_or_refused(store: Store) -> None:
    log, later = store.alerts, NOW + timedelta(seconds=30)
    await store.alerts.open(CHAIN, ["desk", "ops", "pager"])
    assert {record.state for record in (await log.delivery_records([CHAIN.id]))[CHAIN.id]} == {DeliveryStatus.WAITING}
    by_name = {name: await store.outbox.next_delivery(name) for name in ("desk", "ops", "pager")}
    for name, delivery in by_name.items():
        assert delivery is not None
        if name == "desk":
            await store.outbox.delivery_sent(delivery.id, "m1", NOW)
        elif name == "ops":
            await store.outbox.delivery_postponed(delivery.id, 2, later.timestamp(), "answered 503")
        else:
            await store.database.write(partial(_GIVEN_UP.execute, of=delivery.id))
    desk, ops, pager = (await log.delivery_records([CHAIN.id]))[CHAIN.id]
    assert (desk.provider, desk.change, desk.state, desk.done_at) == ("desk", Change.OPENED, DeliveryStatus.TAKEN, NOW)
    assert (ops.state, ops.attempts, ops.next_attempt_at, ops.reason) == (
        DeliveryStatus.WAITING, 2, later, "answered 503",
    )  # fmt: skip
    assert (pager.state, pager.reason) == (DeliveryStatus.REFUSED, "too long")


async def test_what_a_digest_tells_waits_for_the_digest(store: Store) -> None:
    log = store.alerts
    await put(store, seen(SENT))
    alert = await accuse(store, SENT, "ops")
    assert alert is not None
    topic = Topic(alert.kind, (ALPHA, BETA))
    await store.outbox.form_group("ops", topic, 0, NOW)
    (waiting,) = (await log.delivery_records([alert.id]))[alert.id]
    assert (waiting.in_digest, waiting.state, waiting.done_at) == (True, DeliveryStatus.WAITING, None)
    digest = await store.outbox.digest(1)
    await store.outbox.group_sent(digest, Change.OPENED, "m1", NOW + timedelta(seconds=2))
    (record,) = (await log.delivery_records([alert.id]))[alert.id]
    assert (record.state, record.done_at) == (DeliveryStatus.TAKEN, NOW + timedelta(seconds=2))


async def test_open_alerts_are_counted_by_what_they_are_about(store: Store) -> None:
    await put(store, seen(SENT, OTHER))
    for record in (SENT, OTHER):
        await accuse(store, record)
    await store.alerts.open(CHAIN, [])
    counted = {(count.pathway, count.subject): count for count in await store.alerts.open_by_topic()}
    overdue = counted[(ALPHA, BETA), None]
    assert (overdue.count, overdue.severity, overdue.since) == (2, Severity.CRITICAL, NOW)
    assert counted[None, "alpha"].count == 1


async def test_what_is_owed_is_counted_by_pathway_with_the_oldest(store: Store) -> None:
    back = xcalled(info(3, BETA, ALPHA), sighting(12))
    await put(store, seen(SENT, OTHER, back, executed(info(1), sighting(20))))
    there, home = await store.transfers.count_pending()
    assert (there.origin, there.executions, there.reconciliations) == (ALPHA, 1, 2)
    assert there.oldest_execution == OTHER.sighting.block.timestamp
    assert there.oldest_reconciliation == SENT.sighting.block.timestamp
    assert (home.executions, home.reconciliations) == (1, 1)
