"""What an alert says, once for all channels: plain words, values and links. How it is written is the channel's matter.

Strings in here may come from strangers; each provider defuses them for its channel.
"""

from collections.abc import Callable, Mapping

from connext_monitor.core.alert import ABOUT_CHAINS, Alert, AlertKind, AlertState, unjudged_of
from connext_monitor.core.cause import known_words
from connext_monitor.core.deadline import Leg, sighting_of
from connext_monitor.core.facts import (
    Field,
    Instant,
    Link,
    Message,
    amount_of,
    duration_words,
    links_of,
    party_fields,
    routers_of,
)
from connext_monitor.core.false_delivery import false_delivery
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Transfer
from connext_monitor.core.unjudged import Unjudged, backlog_words

__all__ = ["Field", "Instant", "Link", "Message", "amount_of", "compose", "duration_words"]


def compose(alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> Message:
    """The message for an alert as it is now; ``transfer`` where it is about one."""
    if alert.resolution == "removed" and (alert.transfer_id is not None or alert.kind in ABOUT_CHAINS):
        return _removed(alert, transfer, labels)
    match alert.kind:
        case AlertKind.EXECUTE_OVERDUE:
            return _overdue(alert, transfer, labels, Leg.EXECUTE)
        case AlertKind.RECONCILE_OVERDUE:
            return _overdue(alert, transfer, labels, Leg.RECONCILE)
        case AlertKind.PHANTOM_DELIVERY | AlertKind.DELIVERY_MISMATCH:
            return false_delivery(alert, transfer, labels)
        case _:
            return _ABOUT_NAMES[alert.kind](alert)


def _removed(alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> Message:
    """The end of an alert whose chain is no longer in the config: what becomes of it cannot be seen from here."""
    if alert.transfer_id is None:
        title, fields = f"Chain {alert.subject} is no longer configured", [Field("Chain", alert.subject)]
    else:
        where = " → ".join(map(labels.display_name, alert.pathway)) if alert.pathway else "a transfer"
        title = f"No longer watched: {where}"
        fields = party_fields(transfer, labels) if transfer else [Field("Transfer", alert.subject)]
    text = "The chain has been taken out of the config: what becomes of this is not said here any more."
    links = links_of(transfer, labels) if transfer else ()
    return Message(title, text, alert.severity, resolved=True, fields=tuple(fields), links=links)


_OWED = {
    Leg.EXECUTE: ("Execution", "the recipient has not received the funds"),
    Leg.RECONCILE: ("Reconciliation", "the routers have not got their funds back"),
}


def _overdue(alert: Alert, transfer: Transfer | None, labels: ChainLabels, leg: Leg) -> Message:
    what, owed = _OWED[leg]
    due_at = int(alert.details["due_at"])
    resolved = alert.state is AlertState.RESOLVED
    where = (
        f"{labels.display_name(transfer.origin)} → {labels.display_name(transfer.destination)}"
        if transfer
        else "a transfer"
    )
    fields = _facts(transfer, due_at, leg, labels) if transfer else (Field("Transfer", alert.subject),)
    links = links_of(transfer, labels) if transfer else ()
    if not resolved:
        title = f"{what} {'overdue' if alert.escalated_at is None else 'still overdue'}: {where}"
        since = alert.escalated_at or alert.opened_at.timestamp()
        text = f"Due {duration_words(since - due_at)} before this alert, and {owed}."
        text = _with_causes(text, alert, labels)
    elif alert.resolution == "reorged":
        title = f"{what} alert withdrawn: {where}"
        text = "A reorg took the transfer's XCalled from its origin: nothing is owed any more."
    else:
        title = f"{what} arrived late: {where}"
        text = _with_causes(_arrived(transfer, leg, due_at), alert, labels)
    return Message(title, text, alert.severity, resolved, fields, links)


def _with_causes(text: str, alert: Alert, labels: ChainLabels) -> str:
    known = known_words(alert.causes, labels, ended=alert.state is AlertState.RESOLVED)
    return f"{text} {known}" if known else text


def _arrived(transfer: Transfer | None, leg: Leg, due_at: int) -> str:
    sighting = sighting_of(transfer, leg) if transfer else None
    if sighting is None:
        return "The leg has arrived."
    late = sighting.block.timestamp - due_at
    # A block stamped before the deadline can come into sight after it, when a reorg moved the leg.
    return f"Arrived {duration_words(late)} after it was due." if late > 0 else "Arrived in time after all."


def _facts(transfer: Transfer, due_at: int, leg: Leg, labels: ChainLabels) -> tuple[Field, ...]:
    facts = party_fields(transfer, labels)
    if transfer.xcalled is not None:
        facts.append(Field("Sent", Instant(transfer.xcalled.block.timestamp)))
    facts.append(Field("Due", Instant(due_at)))
    arrived = sighting_of(transfer, leg)
    if arrived is not None:
        facts.append(Field("Arrived", Instant(arrived.block.timestamp)))
    if transfer.routers:
        facts.append(routers_of(transfer))
    return tuple(facts)


def _deep_reorg(alert: Alert) -> Message:
    resolved = alert.state is AlertState.RESOLVED
    block, checkpoint = alert.details["block"], alert.details["checkpoint"]
    fields = (
        Field("Chain", alert.subject),
        Field("Replaced block", str(block)),
        Field("Read again after", str(checkpoint)),
    )
    if resolved:
        title = f"Covered again after a deep reorg: {alert.subject}"
        text = "Every block after the reorg has been read again; what it took back is no longer counted."
    else:
        title = f"Reorg below finality: {alert.subject}"
        text = (
            f"Block {block} counted as final and another block stands in its place. Everything after block "
            f"{checkpoint} is being read again. Transfers that were reported as settled may not be."
        )
    return Message(title, text, alert.severity, resolved, fields)


def _unobserved(alert: Alert) -> Message:
    unjudged = unjudged_of(alert)
    if unjudged is not None:
        return _unjudged(alert, unjudged)
    silent = duration_words(int(alert.details["silent_for"]))
    waiting = int(alert.details["waiting"])
    if alert.state is AlertState.RESOLVED:
        judged = {0: "No deadline waited for it.", 1: "The deadline that waited for it is judged now."}.get(
            waiting, f"The {waiting:,} deadlines that waited for it are judged now."
        )
        return Message(
            f"Chain {alert.subject} is observed again",
            f"New blocks are being covered. {judged}",
            alert.severity,
            resolved=True,
        )
    held = {0: "No deadline waits for it.", 1: "1 deadline waits for it."}.get(
        waiting, f"{waiting:,} deadlines wait for it."
    )
    return Message(
        f"Chain {alert.subject} is not observed",
        f"No new block of it has been covered for {silent} ({alert.details['why']}). "
        f"Nothing can be said about transfers to it meanwhile. {held}",
        alert.severity,
        resolved=False,
    )


def _unjudged(alert: Alert, unjudged: Unjudged) -> Message:
    backlog = backlog_words(unjudged)
    if alert.state is AlertState.RESOLVED:
        return Message(
            f"Transfers can be judged again: {alert.subject}",
            f"What waited ({backlog}) has been judged, or is no longer owed.",
            alert.severity,
            resolved=True,
        )
    first = "It has" if unjudged.legs + unjudged.deliveries == 1 else "The first of them has"
    return Message(
        f"Transfers cannot be judged: {alert.subject}",
        f"{backlog} cannot be judged: {unjudged.hindrance.words}. {first} waited for "
        f"{duration_words(unjudged.waited_for)}, and nothing can be said about it meanwhile.",
        alert.severity,
        resolved=False,
    )


def _started_blind(alert: Alert) -> Message:
    first, last = int(alert.details["first"]), int(alert.details["last"])
    resolved = alert.state is AlertState.RESOLVED
    fields = (Field("Chain", alert.subject), Field("Blocks", f"{first} to {last} ({last - first + 1:,})"))
    if resolved:
        title = f"The past that was missing has been read: {alert.subject}"
        text = "A backfill has read every block of it."
    else:
        title = f"Started without part of the past: {alert.subject}"
        text = (
            f"No endpoint of it has blocks {first} to {last} any more, and the watch goes on after them. "
            "Transfers that began in them are not known here; legs that arrived in them are found when they are due. "
            f'With an endpoint that has the whole history, "connext-monitor backfill --chain {alert.subject} '
            f'--from {first} --to {last}" reads them.'
        )
    return Message(title, text, alert.severity, resolved, fields)


def _provider_failing(alert: Alert) -> Message:
    if alert.state is AlertState.RESOLVED:
        removed = alert.resolution == "removed"
        return Message(
            f"Alert provider {alert.subject} is {'no longer configured' if removed else 'taking alerts again'}",
            "It is told nothing any more." if removed else "What waited for it is being delivered.",
            alert.severity,
            resolved=True,
        )
    if alert.details["dead"]:
        title = f"Alert provider {alert.subject} refuses for good"
        cure = "Correct its address or key in the config and restart; its alerts wait in the database until then."
    else:
        title = f"Alert provider {alert.subject} is failing"
        cure = "It is tried again, at least once an hour; its alerts wait in the database."
    return Message(title, f"It {alert.details['reason']}. {cure}", alert.severity, resolved=False)


_BACKUPS = {
    "copy": (
        "Backup failed",
        "The database was not copied",
        "Backups are made again",
        "A verified copy has been made.",
    ),
    "upload": (
        "Backup not uploaded",
        "A copy of the database was made here and has not left this machine",
        "Backups are uploaded again",
        "The newest copy lies where it should.",
    ),
}


def _backup_failed(alert: Alert) -> Message:
    title, text, mended, well = _BACKUPS.get(alert.subject, _BACKUPS["copy"])
    if alert.resolution == "removed":
        mended, well = "Backups are no longer configured", "Nothing is said about them any more."
    if alert.state is AlertState.RESOLVED:
        return Message(mended, well, alert.severity, resolved=True)
    cure = "It is tried again and again; the monitor itself goes on."
    return Message(title, f"{text}: {alert.details['reason']}. {cure}", alert.severity, resolved=False)


def _database_failing(alert: Alert) -> Message:
    reason, since = alert.details["reason"], int(alert.details["since"])
    fields = (Field("Since", Instant(since)),)
    if alert.state is AlertState.RESOLVED:
        lasted = duration_words((alert.resolved_at or alert.opened_at).timestamp() - since)
        text = f"It could not be used for {lasted} ({reason}). "
        if alert.details["final"]:
            text += (
                "The monitor runs on the database that is at its path now: what came since that was last written is "
                "being read; an empty database begins anew."
            )
        else:
            text += "What was not recorded meanwhile is being read again."
        return Message("The monitor's database works again", text, alert.severity, resolved=True, fields=fields)
    later = "" if alert.details["final"] else " Nothing is lost: what happens meanwhile is read then."
    if not alert.details.get("started", 1):
        title = "The monitor cannot start"
        watched = "Nobody watches the bridge until the monitor is started again."
        text = f"It cannot open its database. {_sentence(reason)} {watched} {alert.details['cure']}{later}"
    elif alert.details["final"]:
        title = "The monitor has lost its database, and ends"
        text = f"{_sentence(reason)} {alert.details['cure']}"
    else:
        title = "The monitor's database fails"
        text = (
            f"{_sentence(reason)} Nothing new is recorded and no other alert is told until it works again. "
            f"{alert.details['cure']}{later}"
        )
    return Message(title, text, alert.severity, resolved=False, fields=fields)


def _sentence(words: str | int) -> str:
    text = str(words)
    return f"{text[:1].upper()}{text[1:]}."


_ABOUT_NAMES: Mapping[AlertKind, Callable[[Alert], Message]] = {
    AlertKind.CHAIN_UNOBSERVED: _unobserved,
    AlertKind.DEEP_REORG: _deep_reorg,
    AlertKind.PROVIDER_FAILING: _provider_failing,
    AlertKind.BACKUP_FAILED: _backup_failed,
    AlertKind.DATABASE_FAILING: _database_failing,
    AlertKind.MONITOR_STARTED_BLIND: _started_blind,
}
"""What is said of those that are about a chain or a channel."""
