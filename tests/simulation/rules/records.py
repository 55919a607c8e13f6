"""The records at rest: after a quiet end they are what the chains say (promises 1 to 4 and 8)."""

from collections.abc import Iterator
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import covers, meets
from tests.simulation.rules.inbox import GROUPED_WITHIN, Inbox
from tests.simulation.rules.weather import Case
from tests.simulation.trace import ChainRecord, Interval, Sighting, TransferRecord
from tests.simulation.truth import ChainTruth, Standing, TransferTruth, standing

RECORDED_WITHIN = 60.0
"""Seconds after which what a chain says must be recorded, at rest, once what is final has been looked at."""
_RULE = "records are the truth"


def records(case: Case) -> Iterator[Finding]:
    """All that differs at the end; nothing is said of a run that does not end quietly."""
    if not ends_quietly(case):
        return
    starts = {chain.name: chain.start for chain in case.trace.chains}
    recorded = {record.transfer_id: record for record in case.trace.transfers}
    for transfer in case.truth.transfers:
        record = recorded.pop(transfer.transfer_id, None)
        if record is None and _may_be_pruned(case, transfer):
            continue
        yield from _transfer(case, transfer, record, starts)
    for record in recorded.values():
        yield Finding(case.end, Wrong.DIFFERS, _RULE, record.transfer_id, "is recorded, and never was")
    for chain in case.trace.chains:
        yield from _chain(case, chain)
        yield from _unreadable(case, chain)
    yield from _waiting(case)


def ends_quietly(case: Case) -> bool:
    """Whether nothing was wrong for so long that all that stands must be recorded."""
    resting = Interval(rests_from(case), case.end)
    return case.truth.quiet_from <= resting.begin and covers(case.well, resting)


def rests_from(case: Case) -> float:
    """What has stood from then on must be recorded at the end."""
    return case.end - case.finality_noted_within - RECORDED_WITHIN


def _transfer(
    case: Case, transfer: TransferTruth, record: TransferRecord | None, starts: dict[str, int]
) -> Iterator[Finding]:
    legs = {
        "xcalled": (transfer.origin, transfer.xcalled, record.xcalled if record else None),
        "executed": (transfer.destination, transfer.executed, record.executed if record else None),
        "reconciled": (transfer.destination, transfer.reconciled, record.reconciled if record else None),
    }
    for name, (domain, events, recorded) in legs.items():
        chain = case.truth.by_domain.get(domain)
        if chain is None:
            continue
        may_miss = chain.name in case.lost or (
            name != "xcalled" and _nobody_asks(case, transfer, chain, events, starts)
        )
        words = _difference(case.end, rests_from(case), events, recorded, starts.get(chain.name, 0), may_miss=may_miss)
        if words:
            yield Finding(case.end, Wrong.DIFFERS, _RULE, transfer.transfer_id, f"{name} {words}")
    if record is not None and record.status != _status(record):
        words = f"its status is {record.status}, by its events {_status(record)}"
        yield Finding(case.end, Wrong.DIFFERS, _RULE, transfer.transfer_id, words)


def _nobody_asks(
    case: Case, transfer: TransferTruth, chain: ChainTruth, events: tuple[Standing, ...], starts: dict[str, int]
) -> bool:
    """Whether all endpoints hid a leg once it had come, and no call that is watched stands for which it is due.

    Only of a leg that is due the contract is asked; what else was hidden as its block was read stays so (promise 5).
    """
    if not any(meets(chain.hiding, Interval(event.during.begin, case.end)) for event in events):
        return False
    origin = case.truth.by_domain.get(transfer.origin)
    called = standing(transfer.xcalled, case.end)
    return origin is None or called is None or called.where.block_number < starts.get(origin.name, 0)


def _may_be_pruned(case: Case, transfer: TransferTruth) -> bool:
    """Whether it has been complete for as long as what is settled is kept."""
    if not (transfer.xcalled and transfer.executed and transfer.reconciled):
        return False
    complete = max(events[0].during.begin for events in (transfer.xcalled, transfer.executed, transfer.reconciled))
    return complete + case.truth.keep < case.end


def _difference(
    end: float,
    rests_from: float,
    events: tuple[Standing, ...],
    recorded: Sighting | None,
    start: int,
    *,
    may_miss: bool,
) -> str | None:
    """How a record of an event differs from where it stands at the end, or lately stood."""
    now = next((event for event in events if event.during.end == inf or event.during.end > end), None)
    if recorded is not None:
        lately = [event.where for event in events if event.during.end > rests_from]
        return None if recorded in lately else "is recorded where it does not stand"
    if now is None or now.during.begin > rests_from or may_miss or now.where.block_number < start:
        return None
    return "is not recorded"


def _status(record: TransferRecord) -> str:
    """What the API's document calls it, as far as its events say; the path is as recorded."""
    if record.xcalled is None:
        return "Unknown"
    if record.executed and record.reconciled:
        return record.status if record.status.startswith("Completed") else "Completed…"
    return "Executed" if record.executed else "Reconciled" if record.reconciled else "XCalled"


def _chain(case: Case, record: ChainRecord) -> Iterator[Finding]:
    """It is covered up to where its head was a while ago, and no nonce up to there is missing."""
    chain = case.truth.by_name[record.name]
    head = next((block for at, block in reversed(chain.heads) if at <= rests_from(case)), None)
    if head is None:
        return
    if record.covered is None or record.covered < head.number:
        words = f"is covered up to {record.covered}, and has had block {head.number} for long"
        yield Finding(case.end, Wrong.DIFFERS, _RULE, record.name, words)
    # What comes after a log that cannot be decoded is not final until one can.
    doubted = any(i.begin < case.end and i.end > rests_from(case) for i in chain.undecodable)
    final = max((height for at, height in chain.final if at <= rests_from(case)), default=0)
    if record.checkpoint < final and not doubted:
        words = f"is final up to {record.checkpoint} here, and up to {final} there"
        yield Finding(case.end, Wrong.DIFFERS, _RULE, record.name, words)
    last = max((t.nonce for t in case.truth.transfers if t.origin == chain.domain and t.xcalled), default=None)
    if last is not None and record.contiguous is not None and record.contiguous > last + 1:
        words = f"its nonces are proven up to {record.contiguous}, and none above {last} was ever given"
        yield Finding(case.end, Wrong.DIFFERS, _RULE, record.name, words)
    nonces = [
        transfer.nonce
        for transfer in case.truth.transfers
        if transfer.origin == chain.domain
        for called in transfer.xcalled
        if called.during.end == inf and called.during.begin <= rests_from(case)
    ]
    if nonces and record.name not in case.lost and (record.contiguous is None or record.contiguous <= max(nonces)):
        words = f"its nonces are proven up to {record.contiguous}, and {max(nonces)} was given long ago"
        yield Finding(case.end, Wrong.DIFFERS, _RULE, record.name, words)


def _unreadable(case: Case, record: ChainRecord) -> Iterator[Finding]:
    """A log that nobody can decode is kept (promise 9), for as long as what is settled is."""
    since = rests_from(case)
    for log in case.truth.by_name[record.name].unreadable:
        stands = log.during.end == inf and log.during.begin <= since
        due = record.name not in case.lost and log.where.block_number >= record.start
        if (
            stands
            and due
            and log.during.begin + case.truth.keep > case.end
            and log.where.tx_hash not in case.trace.unreadable
        ):
            words = f"a log of block {log.where.block_number} that cannot be decoded is not kept"
            yield Finding(case.end, Wrong.DIFFERS, _RULE, record.name, words)


def _waiting(case: Case) -> Iterator[Finding]:
    """Nothing is left to be told to a channel that has long been well, but what has just happened."""
    inboxes = {channel.name: Inbox(case, channel) for channel in case.truth.channels}
    for channel, alert_id in case.trace.waiting:
        inbox = inboxes[channel]
        calm = covers(inbox.calm, Interval(case.end - GROUPED_WITHIN, case.end))
        turns = inbox.alerts.get(alert_id, [])
        if calm and turns and turns[-1].at < case.end - GROUPED_WITHIN:
            yield Finding(case.end, Wrong.MISSED, "everything is told", alert_id, f"still waits for {channel}")
