"""Late transfers whose alerts wait for a provider, and groups of them."""

from collections.abc import Sequence
from datetime import timedelta

from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import Queue, Topic
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.store import Store
from tests.world.recording import NOW, accuse, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled

TOPIC = Topic(EXECUTE_OVERDUE, (ALPHA, BETA))
CALLED = [xcalled(info(nonce), sighting(10 + nonce)) for nonce in range(5)]
ARRIVED = [executed(info(nonce), sighting(30 + nonce)) for nonce in range(5)]
LATER = NOW + timedelta(seconds=1)


async def late(store: Store, called: Sequence[EventRecord] = CALLED, *providers: str) -> None:
    """Record the transfers, and call their execution overdue."""
    await put(store, seen(*called))
    for record in called:
        assert await accuse(store, record, *(providers or ("ops",)))


async def look(store: Store, provider: str = "ops", since: float = 0.0) -> Queue:
    return await store.outbox.queue(provider, since)


async def form(store: Store) -> int:
    await store.outbox.form_group("ops", TOPIC, 0, LATER)
    return (await look(store)).groups[-1].id


async def counted(store: Store) -> None:
    """Let the channel be told of the cause, and of its group."""
    [first] = [queued for queued in await store.outbox.next_deliveries("ops", 9) if not queued.alert.inhibited_by]
    await store.outbox.delivery_sent(first.id, "m1", NOW)
    [waiting] = (await look(store)).waiting
    await store.outbox.form_group("ops", waiting.topic, 0, LATER, cause=waiting.cause)
    [group] = (await look(store)).groups
    digest = await store.outbox.digest(group.id)
    await store.outbox.group_sent(digest, Change.CHANGED, digest.reference, LATER)
