"""What a group says, and what is kept of its message."""

from dataclasses import replace

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import GroupMessage, Retry
from connext_monitor.store.store import Store
from tests.store.grouped import ARRIVED, CALLED, LATER, form, late, look
from tests.world.kinds import chain_unobserved
from tests.world.recording import NOW, accuse, gone, put, seen
from tests.world.transfers import executed, info, sighting, xcalled


async def test_a_digest_counts_and_names_the_longest_overdue_and_the_largest(store: Store) -> None:
    amounts = [3, 2**255, 1, 10**30, 10**18, 7]
    called = []
    for nonce, amount in enumerate(amounts):
        params = replace(info(nonce), normalized_in=amount)
        called.append(xcalled(params, sighting(10 + nonce)))
    await late(store, called)
    group_id = await form(store)
    await put(store, seen(executed(replace(info(3), normalized_in=10**30), sighting(30))))
    await store.outbox.note_ends("ops", LATER)
    digest = await store.outbox.digest(group_id)
    assert (digest.members, digest.open, dict(digest.endings)) == (6, 5, {"executed": 1})
    named = [member.transfer.transfer.info for member in digest.largest if member.transfer]
    shown = [digest.oldest.transfer.transfer.info, *named] if digest.oldest.transfer else []
    assert [params.normalized_in for params in shown if params] == [3, 2**255, 10**18, 7]


async def test_a_digest_of_what_has_ended_names_the_worst_that_were(store: Store) -> None:
    await late(store)
    group_id = await form(store)
    await put(store, seen(*ARRIVED[:4]), gone(CALLED[4]))
    await store.outbox.note_ends("ops", LATER)
    digest = await store.outbox.digest(group_id)
    assert (digest.open, dict(digest.endings)) == (0, {"executed": 4, "reorged": 1})
    assert len(digest.largest) == 3


async def test_a_sent_digest_is_kept_with_its_reference(store: Store) -> None:
    await late(store)
    group_id = await form(store)
    await store.outbox.group_sent(await store.outbox.digest(group_id), Change.OPENED, "m1", LATER)
    [group] = (await look(store)).groups
    assert (group.message, group.opened_with, group.editable) == (GroupMessage(LATER.timestamp(), 5, 5), 5, True)
    assert (await store.outbox.digest(group_id)).reference == "m1"


async def test_a_group_is_over_once_its_end_was_sent(store: Store) -> None:
    await late(store)
    group_id = await form(store)
    await put(store, seen(*ARRIVED))
    await store.outbox.note_ends("ops", LATER)
    await store.outbox.group_sent(await store.outbox.digest(group_id), Change.RESOLVED, None, LATER)
    assert (await look(store)).groups == []


async def test_an_alert_reopened_after_its_group_ended_has_no_group(store: Store) -> None:
    await late(store)
    group_id = await form(store)
    await put(store, seen(*ARRIVED))
    await store.outbox.note_ends("ops", LATER)
    await store.outbox.group_sent(await store.outbox.digest(group_id), Change.RESOLVED, None, LATER)
    await put(store, gone(ARRIVED[0]))
    await accuse(store, CALLED[0], "ops")
    assert (await look(store)).waiting[0].count == 1


async def test_a_postponed_group_says_how_often_it_was_tried(store: Store) -> None:
    await late(store)
    group_id = await form(store)
    await store.outbox.group_postponed(group_id, 2, 1234.5, "it is busy")
    [group] = (await look(store)).groups
    assert group.attempts == 2
    assert (await store.outbox.digest(group_id)).attempts == 2


async def test_an_opening_that_was_tried_goes_on_by_itself_and_joins_nothing(store: Store) -> None:
    await late(store)
    tried = await store.outbox.next_delivery("ops")
    assert tried is not None
    await store.outbox.delivery_postponed(tried.id, 2, 1234.5, "too long")
    queue = await look(store)
    assert queue.retries == [Retry(tried.id, Change.OPENED, NOW.timestamp())]
    assert [topic.count for topic in queue.waiting] == [4]
    await form(store)
    queue = await look(store)
    assert [group.members for group in queue.groups] == [4]
    assert [retry.delivery_id for retry in queue.retries] == [tried.id]


async def test_an_end_that_was_tried_lets_the_next_one_be_told(store: Store) -> None:
    unseen = [chain_unobserved(name, NOW, silent_for=1, waiting=0, why="") for name in ("alpha", "beta")]
    for alert in unseen:
        await store.alerts.open(alert, ["ops"])
        opening = await store.outbox.next_delivery("ops")
        assert opening is not None
        await store.outbox.delivery_sent(opening.id, "m1", NOW)
    for alert in unseen:
        await store.alerts.resolve(ResolveAlert.of(alert, Resolution.OBSERVED), LATER)
    first = (await look(store)).end
    assert first is not None
    await store.outbox.delivery_postponed(first.delivery_id, 1, 1234.5, "too long")
    queue = await look(store)
    assert [retry.change for retry in queue.retries] == [Change.RESOLVED]
    assert queue.end is not None
    assert queue.end.delivery_id != first.delivery_id
