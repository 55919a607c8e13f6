"""What an alert says of a simulated execution: as facts that are kept with it, and in words."""

from collections.abc import Mapping

from connext_monitor.core.events import BlockNumber
from connext_monitor.core.execution import SimulatedExecution

_STATE, _BLOCK, _BY_DELEGATE = "state", "block", "by_delegate"
_REVERTS, _RECIPIENT_REVERTS = "reverts", "recipient_reverts"


def simulation_facts(simulated: SimulatedExecution, state: str) -> Mapping[str, str | int]:
    """The facts; ``state`` names that of the transfer, in which it is not to be simulated again."""
    facts: dict[str, str | int] = {_STATE: state, _BLOCK: simulated.block}
    if not simulated.by_relayer:
        facts[_BY_DELEGATE] = 1
    if simulated.reverts is not None:
        facts[_REVERTS] = simulated.reverts
    if simulated.recipient_reverts is not None:
        facts[_RECIPIENT_REVERTS] = simulated.recipient_reverts
    return facts


def simulation_of(facts: Mapping[str, str | int]) -> SimulatedExecution:
    """What `simulation_facts` was given."""
    reverts, recipient_reverts = facts.get(_REVERTS), facts.get(_RECIPIENT_REVERTS)
    return SimulatedExecution(
        block=BlockNumber(int(facts[_BLOCK])),
        by_relayer=_BY_DELEGATE not in facts,
        reverts=None if reverts is None else str(reverts),
        recipient_reverts=None if recipient_reverts is None else str(recipient_reverts),
    )


def is_simulated(facts: Mapping[str, str | int], state: str) -> bool:
    """Whether the facts are about this state of the transfer."""
    return facts.get(_STATE) == state


def simulation_words(facts: Mapping[str, str | int], *, past: bool) -> str:
    """What would come of it, or in the ``past`` would have; strangers' words are quoted as they were kept."""
    words = f"its execution, simulated at block {facts[_BLOCK]}, "
    if _REVERTS in facts:
        return words + f"would {'have reverted' if past else 'revert'}: {facts[_REVERTS]}"
    words += f"would {'have succeeded' if past else 'succeed'}"
    if _BY_DELEGATE in facts:
        words += " for an approved relayer, of which none is known here"
    else:
        words += f": no relayer {'had' if past else 'has'} executed it"
    if _RECIPIENT_REVERTS in facts:
        would = "would have failed" if past else "would fail"
        words += f", although the call to its recipient {would}: {facts[_RECIPIENT_REVERTS]}"
    return words
