"""Groups of alerts, their members, and what a provider's queue holds of them."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from connext_monitor.core.alerts.delivery_action import ActionReason, SendGroup, Wait
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.grouping import GroupRules, next_action
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, RECONCILE_OVERDUE
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import BATCH, RecentOpenings, Topic
from connext_monitor.store.store import Store
from tests.store.grouped import ARRIVED, CALLED, LATER, TOPIC, form, late, look
from tests.world.databases import make_old, open_store, watching
from tests.world.kinds import chain_unobserved, overdue_id
from tests.world.recording import NAMES, NOW, accuse, gone, put, seen
from tests.world.transfers import ALPHA, BETA, info, sighting, xcalled


async def test_openings_wait_by_kind_and_pathway(store: Store) -> None:
    await late(store)
    await store.alerts.open(chain_unobserved("beta", NOW, silent_for=1, waiting=0, why=""), ["ops", "desk"])
    waiting = {queued.topic: (queued.count, queued.oldest, queued.fresh) for queued in (await look(store)).waiting}
    assert waiting == {
        TOPIC: (5, NOW.timestamp(), False),
        Topic(CHAIN_UNOBSERVED): (1, NOW.timestamp(), True),
    }


async def test_openings_wait_as_critical_ones_where_any_of_them_is(store: Store) -> None:
    await put(store, seen(*CALLED[:2]))
    for record in CALLED[:2]:
        assert await accuse(store, record, "ops", leg=Leg.RECONCILE)
    assert [queued.critical for queued in (await look(store)).waiting] == [False]
    assert await store.alerts.escalate(overdue_id(CALLED[1].event.transfer_id, Leg.RECONCILE), lambda _: [], LATER)
    assert [(queued.count, queued.critical) for queued in (await look(store)).waiting] == [(2, True)]


async def test_grouped_openings_no_longer_wait(store: Store) -> None:
    await late(store)
    await form(store)
    queue = await look(store)
    assert queue.waiting == []
    [group] = queue.groups
    assert (group.topic, group.members, group.open, group.message) == (TOPIC, 5, 5, None)
    assert (group.oldest, group.newest, group.formed_at) == (NOW.timestamp(), NOW.timestamp(), LATER.timestamp())


async def test_an_unsent_group_counts_as_one_waiting_message(store: Store) -> None:
    await late(store)
    group_id = await form(store)
    assert [channel.waiting for channel in await store.outbox.channels()] == [1]
    await store.outbox.group_sent(await store.outbox.digest(group_id), Change.OPENED, "m1", LATER)
    assert await store.outbox.channels() == []


async def test_a_group_takes_no_more_alerts_than_asked_for(store: Store) -> None:
    await late(store, CALLED[:2])
    group_id = await form(store)
    await late(store, CALLED[2:])
    await store.outbox.join_group(group_id, TOPIC, 2, LATER)
    queue = await look(store)
    assert (queue.groups[0].members, queue.waiting[0].count) == (4, 1)


async def test_other_providers_openings_are_left_alone(store: Store) -> None:
    await late(store, CALLED, "ops", "desk")
    await form(store)
    assert (await look(store, "desk")).waiting[0].count == 5
    assert (await look(store, "desk")).groups == []


async def test_ends_of_members_are_noted_and_others_are_sent_alone(store: Store) -> None:
    await late(store, CALLED[:2])
    await form(store)
    await late(store, CALLED[2:3])
    opening = await store.outbox.next_delivery("ops")
    assert opening is not None
    await store.outbox.delivery_sent(opening.id, "m1", LATER)
    await put(store, seen(*ARRIVED[:3]))
    queue = await look(store)
    assert queue.member_ends == 2
    assert queue.end is not None
    ending = await store.outbox.delivery(queue.end.delivery_id)
    assert ending is not None
    assert (ending.alert.transfer_id, ending.reference) == (CALLED[2].event.transfer_id, "m1")
    await store.outbox.note_ends("ops", LATER)
    queue = await look(store)
    assert (queue.member_ends, queue.groups[0].open, queue.groups[0].members) == (0, 0, 2)
    assert queue.end is not None


async def test_a_group_is_as_severe_as_the_worst_of_its_open_members(store: Store) -> None:
    topic = Topic(RECONCILE_OVERDUE, (ALPHA, BETA))
    await put(store, seen(*CALLED[:2]))
    for record in CALLED[:2]:
        assert await accuse(store, record, "ops", leg=Leg.RECONCILE)
    await store.outbox.form_group("ops", topic, 0, LATER)
    group_id = (await look(store)).groups[-1].id
    longest, other = (overdue_id(record.event.transfer_id, Leg.RECONCILE) for record in CALLED[:2])
    assert (await store.outbox.digest(group_id)).severity is Severity.WARNING
    assert (await store.outbox.digest(group_id)).oldest.alert.id == longest
    assert await store.alerts.escalate(other, lambda _: [], LATER)
    assert (await store.outbox.digest(group_id)).severity is Severity.CRITICAL


async def test_an_alerts_changes_keep_their_order(store: Store) -> None:
    await late(store)
    group_id = await form(store)
    await put(store, seen(ARRIVED[0]))
    await put(store, gone(ARRIVED[0]))
    await accuse(store, CALLED[0], "ops")
    await put(store, seen(ARRIVED[0]))
    opens = []
    for _ in range(3):
        queue = await look(store)
        opens.append((queue.groups[0].open, len(queue.waiting), queue.member_ends))
        if queue.member_ends:
            await store.outbox.note_ends("ops", LATER)
        else:
            await store.outbox.join_group(group_id, TOPIC, BATCH, LATER)
    queue = await look(store)
    assert opens == [(5, 0, 1), (4, 1, 0), (5, 0, 1)]
    assert (queue.groups[0].members, queue.groups[0].open, queue.member_ends, queue.end) == (5, 4, 0, None)


async def test_an_alert_reopened_before_it_was_sent_is_open_in_its_group(store: Store) -> None:
    await late(store)
    await put(store, seen(ARRIVED[0]))
    await put(store, gone(ARRIVED[0]))
    await accuse(store, CALLED[0], "ops")
    group_id = await form(store)
    await store.outbox.note_ends("ops", LATER)
    assert (await look(store)).groups[0].open == 4
    await store.outbox.join_group(group_id, TOPIC, BATCH, LATER)
    queue = await look(store)
    assert (queue.groups[0].members, queue.groups[0].open, queue.waiting) == (5, 5, [])


async def test_an_end_is_noted_in_each_providers_own_group(store: Store) -> None:
    await late(store, CALLED, "ops", "desk")
    for provider in ("desk", "ops"):
        await store.outbox.form_group(provider, TOPIC, 0, LATER)
    await put(store, seen(*ARRIVED[:2]))
    await store.outbox.note_ends("ops", LATER)
    assert [(await look(store, provider)).groups[0].open for provider in ("ops", "desk")] == [3, 5]


async def test_a_topic_says_whether_a_waiting_opening_is_critical(store: Store) -> None:
    await late(store)
    await store.alerts.open(chain_unobserved("beta", NOW, silent_for=1, waiting=0, why=""), ["ops"])
    assert {queued.topic.kind: queued.critical for queued in (await look(store)).waiting} == {
        EXECUTE_OVERDUE: True,
        CHAIN_UNOBSERVED: False,
    }


async def test_only_openings_sent_singly_count_as_recent(store: Store) -> None:
    await late(store, CALLED[:3])
    for reference, at in (("m1", NOW), ("m2", LATER)):
        opening = await store.outbox.next_delivery("ops")
        assert opening is not None
        await store.outbox.delivery_sent(opening.id, reference, at)
    await form(store)
    assert (await look(store)).recent == {TOPIC: RecentOpenings(2, LATER.timestamp())}
    assert (await look(store, since=LATER.timestamp())).recent == {TOPIC: RecentOpenings(1, LATER.timestamp())}


@pytest.mark.sqlite_only("opens the file again")
async def test_groups_outlive_a_restart(store: Store, file: Path) -> None:
    await late(store)
    await form(store)
    before = await look(store)
    again = await open_store(file, NAMES)
    assert await look(again) == before
    await again.close()


@pytest.mark.parametrize("amount", [0, 2**256 - 1])
async def test_no_amount_that_an_event_may_hold_is_too_much(store: Store, amount: int) -> None:
    params = replace(info(0), normalized_in=amount)
    await late(store, [xcalled(params, sighting(10))])
    await form(store)
    assert (await look(store)).groups[0].members == 1


async def test_openings_of_an_older_version_that_wait_get_their_topic(file: Path) -> None:
    transfer = (
        "INSERT INTO transfers (transfer_id, origin, destination, status, started_at) VALUES (:id, :o, :d, '', 1)"
    )
    alert = (
        "INSERT INTO alerts (id, kind, severity, subject, transfer_id, state, opened_ms, details)"
        " VALUES (:id, :kind, 'critical', '', :about, 'open', 1, '{}')"
    )
    delivery = (
        "INSERT INTO deliveries (alert_id, provider, change, pending, attempts, next_attempt_ms, created_ms)"
        " VALUES (:id, 'ops', 'opened', 1, 0, 0, 1)"
    )
    make_old(file, "0001")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(transfer, {"id": b"\xaa", "o": ALPHA, "d": BETA})
        for kind, about in (("execute_overdue", b"\xaa"), ("chain_unobserved", None)):
            connection.execute(alert, {"id": kind, "kind": kind, "about": about})
            connection.execute(delivery, {"id": kind})
        connection.commit()
    store = await open_store(file, NAMES)
    assert {queued.topic for queued in (await look(store)).waiting} == {TOPIC, Topic(CHAIN_UNOBSERVED)}
    await store.close()


async def test_what_waits_is_found_by_the_indexes_made_for_it(file: Path) -> None:
    # A partial index is used only where the query holds its condition to the letter; else each look reads it all.
    asked: list[str] = []
    store = await open_store(file, NAMES, watching(asked.append))
    await late(store)
    await form(store)
    await put(store, seen(*ARRIVED[:1]))
    asked.clear()
    await look(store)
    await store.outbox.next_delivery("ops")
    await store.close()
    with closing(sqlite3.connect(file)) as connection:
        plans = [
            row[3]
            for statement in asked
            if statement.startswith("SELECT")
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))
        ]
    assert not [plan for plan in plans if plan.startswith("SCAN")]
    used = {plan.split("INDEX ")[1].split()[0] for plan in plans if "INDEX " in plan}
    assert {"deliveries_pending", "deliveries_pending_by_alert", "deliveries_told_alone"} <= used
    assert {"delivery_groups_standing", "group_members_by_alert"} <= used


@pytest.mark.parametrize(("mode", "edits"), [(DigestMode.CHANGING_DIGEST, True), (DigestMode.DIGEST, False)])
async def test_what_another_term_told_is_written_again_where_it_can_change(
    store: Store, mode: DigestMode, edits: bool
) -> None:
    await late(store)
    group_id = await form(store)
    await store.outbox.group_sent(await store.outbox.digest(group_id), Change.OPENED, "m1", LATER)
    rules = GroupRules(wait=1.0, interval=5.0)
    at = LATER.timestamp() + 6.0
    assert isinstance(next_action(await look(store), mode, rules, at), Wait)
    await store.outbox.doubt_sent()
    again = SendGroup(group_id, Change.CHANGED, ActionReason.CHANGED)
    assert (next_action(await look(store), mode, rules, at) == again) is edits
    await store.outbox.group_sent(await store.outbox.digest(group_id), Change.CHANGED, "m1", LATER)
    assert isinstance(next_action(await look(store), mode, rules, at), Wait)


async def test_a_digest_changes_where_as_many_others_are_open_in_it(store: Store) -> None:
    await late(store)
    group_id = await form(store)
    await put(store, seen(ARRIVED[0]))
    await store.outbox.note_ends("ops", LATER)
    await store.outbox.group_sent(await store.outbox.digest(group_id), Change.OPENED, "m1", LATER)
    await put(store, gone(ARRIVED[0]))
    await accuse(store, CALLED[0], "ops")
    await store.outbox.join_group(group_id, TOPIC, BATCH, LATER)
    await put(store, seen(ARRIVED[1]))
    await store.outbox.note_ends("ops", LATER)
    # It still counts four of five; the transfers that it names may be others.
    [group] = (await look(store)).groups
    assert (group.members, group.open) == (5, 4)
    changed = next_action(await look(store), DigestMode.CHANGING_DIGEST, GroupRules(1.0, 5.0), LATER.timestamp() + 6.0)
    assert changed == SendGroup(group_id, Change.CHANGED, ActionReason.CHANGED)
