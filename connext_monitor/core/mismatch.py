"""Deliveries that are not those of their transfer: an Executed whose parameters belong to another id, or to nobody.

A transfer's id is the hash of its parameters. An Executed whose parameters hash to its id has those of XCalled, which
hash to it too; one whose do not, or that paid a different recipient from the one they name, no honest diamond emits.
"""

from enum import StrEnum

from connext_monitor.core.decoding import BrokenIntegrity
from connext_monitor.core.events import Executed, TransferEvent


class Mismatch(StrEnum):
    """What is wrong with a delivery."""

    PARAMS = BrokenIntegrity.PARAMS_HASH.value
    RECIPIENT = "the recipient among the topics is not the one in params"


def mismatch(event: TransferEvent, broken: BrokenIntegrity | None) -> Mismatch | None:
    """What is wrong with ``event`` as a delivery; ``broken`` is what `broken_integrity` says of it.

    An XCalled that does not hash is not a delivery: it is its endpoint's fault or its chain's, and pays nobody.
    """
    if not isinstance(event, Executed):
        return None
    if broken is not None:
        return Mismatch.PARAMS
    return Mismatch.RECIPIENT if event.to != event.params.to else None
