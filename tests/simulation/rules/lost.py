"""What stays recorded where history was lost: of blocks that no endpoint has any more nobody sees others instead."""

from dataclasses import replace
from math import inf

from tests.simulation.rules.weather import Case
from tests.simulation.trace import Interval
from tests.simulation.truth import ChainTruth, Standing, Truth


def remembered(case: Case) -> Truth:
    """The truth, where events that were seen in blocks that were lost stand on, whatever a reorg did meanwhile.

    An event stays recorded until a different block is seen at its height (promise 3).
    """
    lost = {chain.domain: since for chain in case.truth.chains if (since := _unseen_since(case, chain)) < inf}
    if not lost:
        return case.truth
    starts = {case.truth.by_name[record.name].domain: record.start for record in case.trace.chains}

    def lasting(domain: int, events: tuple[Standing, ...]) -> tuple[Standing, ...]:
        return tuple(_lasting(event, lost.get(domain, inf), starts.get(domain, 0)) for event in events)

    transfers = tuple(
        replace(
            transfer,
            xcalled=lasting(transfer.origin, transfer.xcalled),
            executed=lasting(transfer.destination, transfer.executed),
            reconciled=lasting(transfer.destination, transfer.reconciled),
            forged=lasting(transfer.destination, transfer.forged),
        )
        for transfer in case.truth.transfers
    )
    return replace(case.truth, transfers=transfers)


def _lasting(event: Standing, since: float, start: int) -> Standing:
    """The event; it stands for good if it was seen, and then its block was lost and replaced, in whichever order."""
    if event.where.block_number >= start or not event.during.begin < since < event.during.end:
        return event
    return Standing(Interval(event.during.begin, inf), event.where)


def _unseen_since(case: Case, chain: ChainTruth) -> float:
    """When the monitor last saw a chain before it said that its history is lost; infinite where it did not."""
    instants = []
    for opening in case.openings("monitor_started_blind"):
        if opening.subject == chain.name:
            ends = [up.end for up in case.trace.up if up.end <= opening.at]
            troubles = [trouble.begin for trouble in chain.troubled if opening.at in trouble]
            instants.append(min([*ends[-1:], *troubles], default=opening.at))
    return max(instants, default=inf)
