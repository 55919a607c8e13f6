"""Small worlds and runs made by hand, for the tests of the oracle: two chains, one channel, nothing wrong."""

from dataclasses import replace
from math import inf

from tests.simulation.trace import (
    AlertChange,
    ChainRecord,
    Ending,
    Interval,
    Life,
    Message,
    Sighting,
    State,
    Trace,
    TransferRecord,
)
from tests.simulation.truth import Block, ChainTruth, ChannelTruth, Standing, TransferTruth, Truth

EPOCH = 1_700_000_000.0
BLOCK_TIME = 10
SECONDS = 4000.0
ALPHA, BETA = 1001, 1002


def block_hash(number: int, fork: str = "") -> str:
    """The hash of the block at this height; ``fork`` names another one there."""
    return f"0x{number:060x}{fork.encode().hex():0>4}"


def stands(at: float, until: float = inf, fork: str = "") -> Standing:
    """An event in the first block from ``at`` on."""
    number = -int(-at // BLOCK_TIME)
    since = float(number * BLOCK_TIME)
    where = Sighting(number, block_hash(number, fork), f"0x{number:064x}", int(EPOCH + since))
    return Standing(Interval(since, until), where)


def chain(name: str, domain: int, seconds: float) -> ChainTruth:
    """A chain with a block each ``BLOCK_TIME``, seen as soon as it is stamped, and sound endpoints."""
    numbers = range(int(seconds // BLOCK_TIME) + 1)
    blocks = tuple(Block(n, block_hash(n), int(EPOCH + n * BLOCK_TIME), float(n * BLOCK_TIME)) for n in numbers)
    final = tuple((block.since, block.number - 5) for block in blocks if block.number > 5)
    return ChainTruth(name=name, domain=domain, block_time=BLOCK_TIME, final_depth=5, blocks=blocks, final=final)


def transfer(
    number: int = 1,
    *,
    sent: Standing | None = None,
    executed: Standing | None = None,
    reconciled: Standing | None = None,
    forged: Standing | None = None,
) -> TransferTruth:
    """A transfer from alpha to beta, whose events stand there."""
    return TransferTruth(
        transfer_id=f"0x{number:064x}",
        origin=ALPHA,
        destination=BETA,
        nonce=number,
        xcalled=(sent,) if sent else (),
        executed=(executed,) if executed else (),
        reconciled=(reconciled,) if reconciled else (),
        forged=(forged,) if forged else (),
    )


def world(*transfers: TransferTruth, seconds: float = SECONDS) -> Truth:
    """Two chains and a webhook, without faults; legs are due after 300 and 1,800 s."""
    return Truth(
        seconds=seconds,
        epoch=EPOCH,
        execute_deadline=300,
        reconcile_deadline=1800,
        unobserved_after=120.0,
        chains=(chain("alpha", ALPHA, seconds), chain("beta", BETA, seconds)),
        transfers=transfers,
        channels=(ChannelTruth(name="hook"),),
    )


def opened(at: float, kind: str, subject: str) -> AlertChange:
    """An alert opens, as serious as most."""
    alert_id, severity = f"{kind}:{subject}", "critical" if kind == "execute_overdue" else "warning"
    return AlertChange(at=at, alert_id=alert_id, kind=kind, subject=subject, severity=severity, state=State.OPEN)


def ended(opening: AlertChange, at: float, resolution: str) -> AlertChange:
    """It ends."""
    return replace(opening, at=at, state=State.RESOLVED, resolution=resolution)


def run(*alerts: AlertChange, seconds: float = SECONDS) -> Trace:
    """A run with these changes of alerts, by a monitor that was up all the while."""
    chains = tuple(
        ChainRecord(name=name, start=0, checkpoint=0, covered=0, first_nonce=0, contiguous=0)
        for name in ("alpha", "beta")
    )
    return Trace(seconds=seconds, epoch=EPOCH, lives=lives((0.0, seconds)), alerts=alerts, chains=chains)


def lives(*during: tuple[float, float], ending: Ending = Ending.KILLED) -> tuple[Life, ...]:
    """The processes of the only instance; all but the last one ended so."""
    return tuple(Life(0, Interval(*each), Ending.NONE if each == during[-1] else ending) for each in during)


def delivered(trace: Trace, *, after: float = 1.0) -> Trace:
    """The run with what the webhook is told of its alerts: each change once, so many seconds later."""
    messages = tuple(
        Message(
            at=change.at + after,
            channel="hook",
            message_id=str(number),
            edit=False,
            kind=change.kind,
            state=change.state,
            key=str(number),
            subject=change.subject,
            alert_id=change.alert_id,
        )
        for number, change in enumerate(trace.alerts)
    )
    return replace(trace, messages=messages)


def recorded(truth: Truth, trace: Trace) -> Trace:
    """The run with all that is true stored at its end."""
    chains = []
    for chain, record in zip(truth.chains, trace.chains, strict=True):
        nonces = [transfer.nonce for transfer in truth.transfers if transfer.origin == chain.domain]
        final, head = chain.final[-1][1], chain.blocks[-1].number
        chains.append(replace(record, checkpoint=final, covered=head, contiguous=max(nonces, default=-1) + 1))
    return replace(trace, chains=tuple(chains), transfers=tuple(map(_record, truth.transfers)))


def _record(transfer: TransferTruth) -> TransferRecord:
    xcalled, executed, reconciled = (
        next((event.where for event in events if event.during.end == inf), None)
        for events in (transfer.xcalled, transfer.executed, transfer.reconciled)
    )
    done = "CompletedFast" if executed and reconciled else "Executed" if executed else "Reconciled"
    status = "Unknown" if xcalled is None else done if executed or reconciled else "XCalled"
    return TransferRecord(
        transfer_id=transfer.transfer_id,
        status=status,
        origin=transfer.origin,
        destination=transfer.destination,
        nonce=transfer.nonce,
        xcalled=xcalled,
        executed=executed,
        reconciled=reconciled,
    )
