"""A file that any earlier version left is opened by this one, and says the same as it did."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.cause import Cause, CauseKind
from connext_monitor.core.alerts.kinds.chain_unobserved import UnobservedDetails
from connext_monitor.core.alerts.kinds.deep_reorg import DeepReorgDetails
from connext_monitor.core.alerts.kinds.overdue import OverdueDetails
from connext_monitor.core.alerts.kinds.phantom_delivery import PhantomDetails
from connext_monitor.core.alerts.kinds.provider_failing import ProviderFailingDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.coverage import BlockRange, Coverage, Nonces
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.core.events import Address, BlockNumber, BlockRef, Hash32, Timestamp, TransferId
from connext_monitor.core.queue import Topic
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.stats import Window
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import Status
from connext_monitor.store import schema_revision
from connext_monitor.store.store import Store
from tests.world import old_database as old
from tests.world.databases import awaited_in
from tests.world.migrated import SHAPES, open_migrated
from tests.world.recording import put, seen
from tests.world.two_chains import ASSET, AT, DESTINATION, ORIGIN, ROUTER, Sample

ONE_DAY = 86_400


@pytest.fixture(params=SHAPES)
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def opened(revision: str, file: Path) -> AsyncIterator[Store]:
    """A file of that revision, opened by today's code."""
    store = await open_migrated(file, revision)
    yield store
    await store.close()


def kept_since(first: str) -> pytest.MarkDecorator:
    """For what earlier versions did not keep."""
    return pytest.mark.parametrize("revision", [known for known in SHAPES if known >= first])


@pytest.mark.parametrize("revision", schema_revision.KNOWN)
async def test_the_schema_is_brought_up_to_date_and_the_file_is_sound(opened: Store, file: Path) -> None:
    assert await opened.database.read(schema_revision.current) == schema_revision.NEWEST
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_transfers_are_those_of_the_old_version(opened: Store) -> None:
    views = await opened.transfers.listed(TransferFilter(), limit=10)
    transfers = {view.transfer.transfer_id: view.transfer for view in views}
    assert {transfer_id: transfer.status for transfer_id, transfer in transfers.items()} == {
        old.DONE: Status.COMPLETED_FAST,
        old.LATE: Status.XCALLED,
        old.ARRIVED_LATE: Status.EXECUTED,
        old.UNDER_WAY: Status.XCALLED,
        old.PHANTOM: Status.UNKNOWN,
    }
    done = transfers[TransferId(old.DONE)]
    assert (done.amount, done.asset, done.routers) == (old.AMOUNT, ASSET, (ROUTER, old.SECOND_ROUTER))
    assert [sighting and sighting.block.timestamp - old.AT for sighting in (done.xcalled, done.executed)] == [0, 60]


async def test_routers_are_counted_of_what_was_executed_before(opened: Store) -> None:
    stats = (await opened.statistics.over(Window(old.AT - ONE_DAY, old.AT + ONE_DAY))).stats
    assert {router.router: router.fills for router in stats.routers} == {ROUTER: 2, old.SECOND_ROUTER: 1}


async def test_deadlines_stand_as_they_were(opened: Store) -> None:
    execute = [leg for leg in await awaited_in(opened) if leg.leg is Leg.EXECUTE]
    assert [(leg.transfer_id, leg.due_at) for leg in execute] == [
        (old.LATE, old.AT + 300),
        (old.UNDER_WAY, old.AT + 900),
    ]
    reconcile = {leg.transfer_id: leg.due_at for leg in await awaited_in(opened) if leg.leg is Leg.RECONCILE}
    assert reconcile == dict.fromkeys((old.LATE, old.ARRIVED_LATE, old.UNDER_WAY), old.AT + 10_800)


async def test_alerts_keep_their_details_and_how_they_ended(opened: Store, revision: str) -> None:
    rows = await opened.alerts.listed(None, limit=10)
    alerts = {row.alert.kind.name: row.alert for row, _ in rows if row.alert.id != old.ARRIVED_ALERT}
    details = {
        "execute_overdue": OverdueDetails(due_at=old.AT + 300),
        "chain_unobserved": UnobservedDetails(silent_for=120, waiting=3, why="no endpoint answers"),
        "deep_reorg": DeepReorgDetails(block=950, checkpoint=960),
        "phantom_delivery": PhantomDetails(origin=ORIGIN, destination=DESTINATION, nonce="9", holder=old.HOLDER),
        "provider_failing": ProviderFailingDetails(reason="answered 503"),
    }
    known_then = [kind for kind in details if old.KINDS_SINCE[kind] <= revision]
    assert {kind: alert.details for kind, alert in alerts.items()} == {kind: details[kind] for kind in known_then}
    assert {alert.state for alert in alerts.values()} == {AlertState.OPEN}
    ended = next(row.alert for row, _ in rows if row.alert.id == old.ARRIVED_ALERT)
    assert (ended.state, ended.resolution) == (AlertState.RESOLVED, Resolution.EXECUTED)
    assert ended.resolved_at == AT + timedelta(seconds=391)


async def test_causes_are_read_where_they_were_known(opened: Store, revision: str) -> None:
    [alert] = await opened.alerts.of_transfer(TransferId(old.LATE))
    assert alert.causes == ((Cause(CauseKind.FEE_INCREASED, {"times": 1}),) if revision >= "0008" else ())


async def test_old_alerts_are_numbered_before_whatever_changes_next(opened: Store, revision: str) -> None:
    kinds_then = [kind for kind, first in old.KINDS_SINCE.items() if first <= revision]
    assert await opened.alerts.newest() == len(kinds_then) + 1  # two of them are about executions


async def test_what_waits_is_sent_in_its_order_and_edits_its_message(opened: Store) -> None:
    to_ops = await opened.outbox.next_deliveries("ops", 10)
    assert [(queued.alert.id, queued.change, queued.reference) for queued in to_ops] == [
        (old.ARRIVED_ALERT, Change.RESOLVED, "message-2"),
        (old.UNOBSERVED_ALERT, Change.OPENED, None),
    ]
    [to_desk] = await opened.outbox.next_deliveries("desk", 10)
    assert (to_desk.alert.id, to_desk.attempts, to_desk.next_attempt_at) == (old.LATE_ALERT, 2, old.NOW)
    assert to_desk.transfer is not None


async def test_what_waits_is_grouped_by_its_topic(opened: Store) -> None:
    queue = await opened.outbox.queue("ops", 0.0)
    assert [(str(waiting.topic), waiting.count) for waiting in queue.waiting] == [("chain_unobserved", 1)]
    assert queue.end is not None
    assert [retry.change for retry in (await opened.outbox.queue("desk", 0.0)).retries] == [Change.OPENED]


async def test_channels_are_known_as_they_were(opened: Store) -> None:
    channels = {channel.provider: channel.state for channel in await opened.outbox.channels()}
    assert channels["desk"] is ChannelState.FAILING


async def test_chains_go_on_from_where_they_were_read_to(opened: Store) -> None:
    covered = BlockRef(BlockNumber(1390), Hash32(b"\x77" * 32), Timestamp(old.AT + 390))
    assert await opened.chains.coverage(ORIGIN) == Coverage(BlockNumber(900), BlockNumber(1380), covered)
    assert await opened.chains.nonces(ORIGIN) == Nonces(0, 3, 4)
    assert await opened.chains.malformed_counts() == {DESTINATION: 1}


async def test_a_leg_that_arrives_ends_the_old_alert_in_its_message(opened: Store) -> None:
    _, ended = await put(opened, seen(Sample(1).executed(395)))
    assert ended == [old.LATE_ALERT]
    to_ops = await opened.outbox.next_deliveries("ops", 10)
    assert [(queued.change, queued.reference) for queued in to_ops if queued.alert.id == old.LATE_ALERT] == [
        (Change.RESOLVED, "message-1")
    ]


# What only later versions kept


@kept_since("0003")
async def test_a_digest_goes_on_as_the_message_it_was(opened: Store) -> None:
    [group] = (await opened.outbox.queue("pager", 0.0)).groups
    assert (group.topic, group.members, group.open, group.editable) == (Topic.parse(old.TOPIC), 2, 1, True)
    digest = await opened.outbox.digest(group.id)
    assert (digest.reference, digest.oldest.alert.id) == ("digest-1", old.LATE_ALERT)


@kept_since("0004")
async def test_anchors_and_what_was_backfilled_are_kept(opened: Store) -> None:
    assert await opened.chains.anchors(ORIGIN) == [(1380, b"\x66" * 32)]
    assert await opened.chains.backfilled(ORIGIN) == [BlockRange(BlockNumber(100), BlockNumber(899))]


@kept_since("0006")
async def test_silences_still_hold(opened: Store) -> None:
    [silence] = await opened.silences.standing()
    assert (silence.kind and silence.kind.name, silence.origin) == ("execute_overdue", "here")
    assert silence.until == datetime.fromtimestamp(old.NOW + 3600, UTC)


@kept_since("0007")
async def test_tokens_keep_their_symbols(opened: Store) -> None:
    assert await opened.tokens.every() == {(ORIGIN, Address(ASSET)): Token("USDC", 6)}


@kept_since("0013")
async def test_what_was_pruned_does_not_come_back(opened: Store) -> None:
    await put(opened, seen(Sample(5).executed()))
    assert await opened.transfers.by_id(TransferId(old.PRUNED)) is None
    assert await opened.reports.last(old.NOW) == old.AT
