"""What is open about chains that are removed from the config."""

from functools import partial

from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.removed import ended_by_removal
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Executed
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.store.store import Store
from tests.world.alerts import LABELS
from tests.world.kinds import backup_failed, deep_reorg, delivery_mismatch, overdue, phantom_delivery
from tests.world.recording import NAMES, NOW
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled

ID = xcalled(info(), sighting(10)).event.transfer_id
TO_BETA = overdue(ID, Leg.EXECUTE, 1, NOW, (ALPHA, BETA))
PHANTOM = phantom_delivery(ID, NOW, (ALPHA, BETA), nonce=1, holder=None)
REORG = deep_reorg("alpha", NOW, block=5, checkpoint=4)


async def left(store: Store, *chains: int) -> list[str]:
    """Open one of each; those that are still open once only these chains are configured."""
    for alert in (TO_BETA, PHANTOM, REORG):
        await store.alerts.open(alert, ["ops"])
    kept = {domain: NAMES[domain] for domain in NAMES if domain in chains}
    await store.alerts.resolve_decided(partial(ended_by_removal, chains=kept), NOW)
    return [alert.id for alert in await store.alerts.every_open()]


async def test_nothing_ends_while_its_chains_are_configured(store: Store) -> None:
    assert await left(store, ALPHA, BETA) == [TO_BETA.id, PHANTOM.id, REORG.id]


async def test_without_its_origin_a_late_leg_can_still_arrive(store: Store) -> None:
    assert await left(store, BETA) == [TO_BETA.id]


async def test_a_false_delivery_may_name_an_origin_that_nobody_watches(store: Store) -> None:
    forged = executed(info(origin=DomainId(404)), sighting(20))
    assert isinstance(forged.event, Executed)
    mismatch = delivery_mismatch(BETA, forged.event, forged.sighting, Mismatch.PARAMS, NOW)
    await store.alerts.open(mismatch, ["ops"])
    assert await left(store, BETA) == [mismatch.id, TO_BETA.id]


async def test_without_its_destination_nothing_of_a_transfer_stays_open(store: Store) -> None:
    assert await left(store, ALPHA) == [REORG.id]


async def test_providers_that_were_alerted_get_the_end_as_unwatched(store: Store) -> None:
    await left(store, ALPHA)
    rows = await store.alerts.listed(AlertState.RESOLVED, limit=9)
    assert {row.alert.resolution for row, _ in rows} == {"removed"}
    assert all("removed from the config" in text_of(row.alert) for row, _ in rows)


def text_of(alert: Alert) -> str:
    return compose(alert, None, LABELS).text


async def test_backups_taken_out_of_the_config_are_not_a_chain(store: Store) -> None:
    failed = backup_failed("copy", NOW, reason="the disk is full")
    await store.alerts.open(failed, ["ops"])
    await store.alerts.resolve(ResolveAlert.of(failed, Resolution.REMOVED), NOW)
    ((row, _),) = await store.alerts.listed(AlertState.RESOLVED, limit=9)
    assert "Chain" not in compose(row.alert, None, LABELS).title
