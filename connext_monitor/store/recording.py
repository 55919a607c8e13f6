"""The transaction of promise 1: what is read for the decision upon a batch, and how it is carried out."""

from collections.abc import Callable
from datetime import datetime

from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.alerts.table import ENDED_BY_READING
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes
from connext_monitor.store import (
    alerts,
    anchors,
    backfills,
    blocks,
    bridge_events,
    chains,
    glance,
    mismatches,
    nonces,
    retention,
    router_books,
    transfer_changes,
)
from connext_monitor.store.connection import Connection
from connext_monitor.store.transfer_changes import Known


def record(
    connection: Connection,
    batch: Batch,
    decide: Callable[[PriorState], Changes],
    route: Route,
    at: datetime,
) -> tuple[Changes, list[str]]:
    """Events, transfers, checkpoints, and the alerts that open or end: all of a batch, or nothing.

    ``decide`` gets the prior state of what the batch touches, and ``route`` names the providers of an alert that
    opens. Both run within the transaction, on the writer's thread: they must be pure.
    Returns what was decided and the ids of the alerts that opened or ended. Raises RecordedMeanwhile, CoverageMoved.
    """
    chains.refuse_overtaking(connection, batch.progress)
    blocks.refuse_unknown(connection, batch)
    known = transfer_changes.known(connection, batch.transfer_ids, batch.gone_blocks)
    changes = decide(prior_state(connection, batch, known))
    return changes, save(connection, batch, changes, known, route, at)


def prior_state(connection: Connection, batch: Batch, known: Known) -> PriorState:
    """All that is stored of what the batch touches, ``known`` its transfers."""
    gone = batch.gone_blocks
    reads_chains = any(chain.whole for chain in batch.progress) or bool(batch.history)
    return PriorState(
        known.transfers,
        known.reads_events(connection),
        pruned=retention.pruned_among(connection, known.unknown),
        false_deliveries=mismatches.touched(connection, gone),
        chain_alerts=glance.open_of_kinds(connection, ENDED_BY_READING) if reads_chains else (),
        bridge=bridge_events.touched(connection, batch),
        history={read.domain: backfills.read(connection, read.domain) for read in batch.history},
    )


def save(connection: Connection, batch: Batch, changes: Changes, known: Known, route: Route, at: datetime) -> list[str]:
    """Carry out what was decided upon a batch; the ids of the alerts that this opened or ended."""
    transfer_changes.save(connection, changes, known)
    nonces.forget(connection, changes.removed)
    mismatches.save(connection, changes.false_deliveries)
    bridge_events.save(connection, changes.bridge)
    router_books.save(connection, changes.books)
    chains.keep_malformed(connection, batch.unreadable, at)
    for chain in batch.progress:
        _save_progress(connection, chain)
    for read in batch.history:
        backfills.add(connection, read.domain, read.blocks)
    resolved = alerts.resolve_all(connection, changes.ended, at, route)
    opened = alerts.open_all(connection, [(effect.alert, route(effect.alert)) for effect in changes.opened])
    return [*resolved, *(alert.id for alert in opened)]


def _save_progress(connection: Connection, chain: ChainProgress) -> None:
    chains.save_coverage(connection, chain.domain, chain.coverage)
    if chain.first_nonce is not None:
        nonces.save_first(connection, chain.domain, chain.first_nonce)
    if chain.replaced is not None:
        anchors.forget_above(connection, chain.domain, chain.coverage.checkpoint)
    if chain.unread is not None:
        # The checkpoint never goes back to before the first block watched.
        anchors.forget_above(connection, chain.domain, BlockNumber(-1))
    if chain.anchor is not None:
        anchors.keep(connection, chain.domain, chain.anchor)
    if chain.next_nonce is not None:
        nonces.save_next(connection, chain.domain, chain.next_nonce)
