"""The transactions that the rest of the program runs, by what they are about: a table of contents of this package.

What each does is said where it is written, as a function over a connection.
"""

from connext_monitor.store import (
    address_search,
    alert_log,
    alert_rows,
    alerts,
    backfills,
    blocks,
    bridge_events,
    causes,
    chains,
    channels,
    deadlines,
    debts,
    deliveries,
    glance,
    groups,
    in_flight,
    kept_counts,
    kept_spans,
    late_legs,
    lease,
    metrics,
    outbox,
    owed,
    queues,
    replay,
    reports,
    revisions,
    router_books,
    router_fills,
    silences,
    stalls,
    statistics,
    tokens,
    transfers,
    unjudged,
    views,
)
from connext_monitor.store.anchors import newest_first
from connext_monitor.store.nonces import hole, known
from connext_monitor.store.suspects import suspected, without_origin
from connext_monitor.store.transaction import Noun, reads, reads_with_names, writes


class Transfers(Noun):
    """Transfers as they stand, and as they are shown."""

    by_id = reads(transfers.by_id)
    listed = reads_with_names(views.listed)
    unfinished = reads_with_names(views.unfinished)
    by_id_or_tx = reads_with_names(views.by_id_or_tx)
    shown = reads_with_names(views.by_ids)
    of_address = reads(address_search.page)
    count_by_status = reads(glance.count_in_flight)
    count_pending = reads(in_flight.by_pathway)
    without_origin = reads(without_origin)


class Suspects(Noun):
    """Deliveries whose origin has not been seen, and what tells whether it is still to come."""

    suspects = reads(suspected)
    nonces = reads(known)
    coverage = reads(glance.coverage)
    by_id = reads(transfers.by_id)


class Deadlines(Noun):
    """The legs that have not arrived."""

    recompute = writes(deadlines.recompute)
    coverage = reads(glance.coverage)
    awaited = reads(deadlines.awaited)
    late_and_awaited = reads(late_legs.late_and_awaited)
    transfers_by_id = reads(transfers.by_ids)
    resolved_since = reads(alert_rows.resolved_since)


class Stalls(Noun):
    """The pathways on which nothing is executed while transfers wait."""

    waiting_somewhere = reads(stalls.waiting_somewhere)
    waits = reads(stalls.waits)
    transfers_by_id = reads(transfers.by_ids)
    open_decided = writes(stalls.open_decided)


class UnjudgedLegs(Noun):
    """The legs that are past due and about which nobody has been told."""

    count = reads(unjudged.count)
    coverage = reads(glance.coverage)
    first = reads(unjudged.first)


class Alerts(Noun):
    """Alerts, from their opening to their end, and what the channels were told of them."""

    open = writes(alerts.open_one)
    open_decided = writes(alerts.open_decided)
    change_details = writes(alerts.change_details)
    escalate = writes(alerts.escalate)
    resolve = writes(alerts.resolve_one)
    resolve_decided = writes(alerts.resolve_decided)
    open_of_kinds = reads(glance.open_of_kinds)
    every_open = reads(alert_rows.every_open)
    worst_open = reads(alert_log.worst_open)
    count_open = reads(glance.count_open)
    open_by_topic = reads(alert_log.open_by_topic)
    of_transfer = reads(alert_rows.of_transfer)
    listed = reads_with_names(views.listed_alerts)
    newest = reads(revisions.newest_revision)
    changed = reads(alert_log.changed)
    count_inhibited = reads(alert_log.count_inhibited)
    delivery_records = reads(alert_log.delivery_records)


class Causes(Noun):
    """Why legs are late."""

    change = writes(causes.change)
    bids = reads(causes.bids)
    last_callers = reads(causes.last_callers)


class Outbox(Noun):
    """What the channels are still to be told, alone or in groups, and how the channels are."""

    next_deliveries = reads_with_names(outbox.next_deliveries)
    next_delivery = reads_with_names(outbox.next_delivery)
    newest_critical = reads(deliveries.newest_critical)
    delivery = reads_with_names(outbox.delivery)
    delivery_sent = writes(deliveries.sent)
    delivery_postponed = writes(deliveries.postponed)
    channel_state = writes(channels.save_channel)
    channel_health = reads(channels.channel_health)
    channels = reads(glance.channel_rows)
    queue = reads(queues.queue)
    form_group = writes(groups.form)
    join_group = writes(groups.join)
    note_ends = writes(groups.note_ends)
    digest = reads_with_names(outbox.digest)
    group_sent = writes(groups.sent)
    group_postponed = writes(groups.postponed)
    doubt_sent = writes(groups.doubt_sent)


class Chains(Noun):
    """How far each chain has been read, and what of it."""

    coverage = reads(glance.coverage)
    anchors = reads(newest_first)
    backfilled = reads(backfills.read)
    nonces = reads(known)
    nonce_hole = reads(hole)
    stored = reads(blocks.stored)
    malformed_counts = reads(glance.malformed_counts)
    malformed_since = reads(chains.malformed_since)


class RouterFills(Noun):
    """What was executed with routers, and without them."""

    last_by_routers = reads(router_fills.last_by_routers)
    last_until = reads(router_fills.last_until)
    by_others = reads(router_fills.by_others)


class Instances(Noun):
    """The instances that share the database, and which of them owns the work."""

    listed = reads(lease.listed)


class Bridge(Noun):
    """What the bridge says besides its transfers."""

    listed = reads(bridge_events.listed)
    balances_after = reads(router_books.balances_after)
    books_of_routers = reads(router_books.of_routers)
    router_books = reads(router_books.page)


class Tokens(Noun):
    """How tokens call themselves."""

    every = reads(tokens.every)
    keep = writes(tokens.keep)


class Silences(Noun):
    """Silences, until their end has been dealt with."""

    standing = reads(silences.standing)
    open_alerts = reads(alert_rows.every_open)
    make = writes(silences.made)
    cut_short = writes(silences.cut_short)
    redate = writes(silences.redate)
    end = writes(silences.end)


class Reports(Noun):
    """Reports on statistics, and whom they are still to be told."""

    last = reads(reports.last)
    begin = writes(reports.begin)
    add = writes(reports.add)
    next_report = reads(reports.next_report)
    report_sent = writes(reports.report_sent)
    report_postponed = writes(reports.report_postponed)


class Statistics(Noun):
    """Numbers over many transfers."""

    over = reads(statistics.over)
    router_fills = reads(statistics.router_fills)
    not_kept = reads(kept_counts.not_kept)
    keep = writes(kept_counts.keep)
    spans_not_kept = reads(kept_spans.not_kept)
    keep_span = writes(kept_spans.keep_span)
    fronted_not_read = reads(owed.not_read)
    read_fronted = writes(owed.read_events)
    debts_not_added_up = reads(debts.not_added_up)
    add_up_debts = writes(debts.add_up)
    replay = reads(replay.judge)
    measure = reads(metrics.look)
