"""What waits for a far-off try is tried soon after a start, and nothing else is touched."""

from pathlib import Path

from connext_monitor.core.queue import Topic
from tests.alerting.samples import NOW, OPENED, UNOBSERVED
from tests.databases import open_store

SOON = NOW.timestamp() + 60


async def test_what_waits_longer_is_tried_by_then_and_what_waits_shorter_keeps_its_time(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "monitor.db", {})
    for alert, until in ((OPENED, SOON + 3000), (UNOBSERVED, SOON - 50)):
        await store.open_alert(alert, ["ops" if alert is OPENED else "desk"])
        found = await store.outbox.next_delivery("ops" if alert is OPENED else "desk")
        assert found is not None
        await store.outbox.delivery_postponed(found.id, 9, until, "answered 503 Service Unavailable")
    await store.outbox.hasten(SOON)
    ops, desk = await store.outbox.next_delivery("ops"), await store.outbox.next_delivery("desk")
    assert ops is not None
    assert desk is not None
    assert (ops.next_attempt_at, ops.attempts) == (SOON, 9)
    assert desk.next_attempt_at == SOON - 50
    await store.close()


async def test_a_groups_message_is_hastened_too(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "monitor.db", {})
    await store.open_alert(UNOBSERVED, ["ops"])
    await store.outbox.form_group("ops", Topic(UNOBSERVED.kind), 0, NOW)
    (group,) = (await store.outbox.queue("ops", 0.0)).groups
    await store.outbox.group_postponed(group.id, 9, SOON + 3000, "answered 503 Service Unavailable")
    await store.outbox.hasten(SOON)
    (group,) = (await store.outbox.queue("ops", 0.0)).groups
    assert group.next_attempt_at == SOON
    await store.close()
