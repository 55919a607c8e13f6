"""When a router that somebody answers for is silent, by what was executed, what is covered, and what it has.

It is silent where it executed nothing for a while up to an instant that every destination of its is covered past, and
others executed transfers that were sent meanwhile, and that it could have filled.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from connext_monitor.core.events import Address, DomainId, Pathway, Timestamp
from connext_monitor.core.structs import struct

LocalAsset = tuple[DomainId, Address]
"""A chain, and a local asset there."""


@struct(frozen=True, slots=True)
class LastExecution:
    """When transfers on a pathway were last executed by these routers; by none on the slow path."""

    pathway: Pathway
    routers: tuple[Address, ...]
    at: Timestamp


@struct(frozen=True, slots=True)
class FilledByOthers:
    """A transfer that was executed without a router: what it would have had to front, in base units."""

    destination: DomainId
    asset: Address
    amount: int
    slow: bool
    executed_at: Timestamp


class SilenceRuling(Enum):
    """What is to be said of a router."""

    FILLING = "it has executed something lately"
    NOT_WATCHED_LONG_ENOUGH = "not all of that time was watched"
    NOTHING_TO_FILL = "too few transfers were executed without it"
    SILENT = "it executed nothing while others did"


def last_fill(executions: Sequence[LastExecution], router: Address) -> Timestamp | None:
    """When the router executed something last; None where nothing of it is known."""
    return max((execution.at for execution in executions if router in execution.routers), default=None)


def fillable(transfers: Sequence[FilledByOthers], balances: Mapping[LocalAsset, int]) -> list[FilledByOthers]:
    """Those that a router with these balances could have filled.

    A message without funds has nothing to front. What a router has now stands for what it had: where it has not got as
    much of the local asset as a transfer moves, that transfer is not held against it.
    """
    return [
        transfer
        for transfer in transfers
        if 0 < transfer.amount <= balances.get((transfer.destination, transfer.asset), 0)
    ]


def rule_silence(
    last: Timestamp | None,
    quiet_since: Timestamp,
    watched_since: Timestamp | None,
    by_others: int,
    least: int,
) -> SilenceRuling:
    """What is to be said where all is covered up to ``silent_after`` after ``quiet_since``; by the first that fits.

    ``by_others`` are the transfers that others executed meanwhile, ``least`` how many it takes.
    """
    if last is not None and last > quiet_since:
        return SilenceRuling.FILLING
    if watched_since is None or watched_since > quiet_since:
        return SilenceRuling.NOT_WATCHED_LONG_ENOUGH
    return SilenceRuling.SILENT if by_others >= least else SilenceRuling.NOTHING_TO_FILL
