"""What is known of why a leg is late: facts about its transfer, its pathway and its chains, never a guess."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from decimal import Context, Decimal
from enum import StrEnum

from connext_monitor.core.alerts.simulated_execution import is_simulated, simulation_facts, simulation_words
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId
from connext_monitor.core.execution import SimulatedExecution
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.side_events import CalldataExecuted, RelayerFeeIncreased, SideEvent, SlippageUpdated
from connext_monitor.core.structs import replace, struct
from connext_monitor.core.token import plain_number
from connext_monitor.core.transfer import Transfer

_EXACT = Context(prec=100)


class CauseKind(StrEnum):
    """The causes that can be known, in the order in which messages name them."""

    PAUSED = "paused"
    CALLDATA_FAILED = "calldata_failed"
    AWAITS_EXECUTION = "awaits_execution"
    EXECUTION_SIMULATED = "execution_simulated"
    RECONCILE_PENDING = "reconcile_pending"
    NO_ROUTER_BID = "no_router_bid"
    FEE_INCREASED = "fee_increased"
    SLIPPAGE_UPDATED = "slippage_updated"
    CHAIN_UNOBSERVED = "chain_unobserved"


OF_A_PATHWAY = frozenset({CauseKind.PAUSED, CauseKind.NO_ROUTER_BID, CauseKind.CHAIN_UNOBSERVED})
"""Those that hold for every transfer of the same pathway."""


@struct(frozen=True, slots=True)
class Cause:
    """A known cause with its facts; ``past`` where it held while the leg was late and no longer does."""

    kind: CauseKind
    facts: Mapping[str, str | int] = field(default_factory=dict)
    past: bool = False


@struct(frozen=True, slots=True)
class Findings:
    """The causes that were found, and the kinds of cause that could be checked."""

    causes: tuple[Cause, ...] = ()
    looked_for: frozenset[CauseKind] = frozenset()

    def __add__(self, other: "Findings") -> "Findings":
        return Findings(self.causes + other.causes, self.looked_for | other.looked_for)


@struct(frozen=True, slots=True)
class RouterBids:
    """What routers have done lately on one pathway.

    ``without`` counts the transfers of the last ``lately`` seconds that no router executed although they were due or
    took the slow path, ``by_routers`` those that a router executed or may have.
    """

    lately: int
    without: int
    by_routers: int


def merged(before: Iterable[Cause], findings: Findings) -> tuple[Cause, ...]:
    """The causes after another look: what no longer holds is past; what could not be looked for stays as it was."""
    causes = {cause.kind: replace(cause, past=cause.past or cause.kind in findings.looked_for) for cause in before} | {
        cause.kind: cause for cause in findings.causes
    }
    return tuple(causes[kind] for kind in CauseKind if kind in causes)


def of_transfer(transfer: Transfer, leg: Leg) -> Findings:
    """What the transfer's own events say: what the leg waits for."""
    if transfer.executed is not None:
        kinds: tuple[CauseKind, ...] = ()
    elif transfer.reconciled is None:
        kinds = (CauseKind.RECONCILE_PENDING,)
    else:
        kinds = (CauseKind.AWAITS_EXECUTION,) if leg is Leg.EXECUTE else ()
    looked_for = frozenset({CauseKind.RECONCILE_PENDING, CauseKind.AWAITS_EXECUTION})
    return Findings(tuple(map(Cause, kinds)), looked_for)


def of_pause(domain: DomainId, *, paused: bool) -> Findings:
    """What a destination's ``paused()`` says."""
    causes = (Cause(CauseKind.PAUSED, {"domain": domain}),) if paused else ()
    return Findings(causes, frozenset({CauseKind.PAUSED}))


def of_bids(bids: RouterBids) -> Findings:
    """What the routers' silence says; one transfer alone says nothing about its pathway."""
    silent = bids.by_routers == 0 and bids.without > 1
    causes = (Cause(CauseKind.NO_ROUTER_BID, {"transfers": bids.without, "lately": bids.lately}),) if silent else ()
    return Findings(causes, frozenset({CauseKind.NO_ROUTER_BID}))


def of_sight(unobserved: Collection[DomainId]) -> Findings:
    """What it means that some of the transfer's chains are out of sight; of two the first is named."""
    causes = tuple(Cause(CauseKind.CHAIN_UNOBSERVED, {"domain": domain}) for domain in sorted(unobserved)[:1])
    return Findings(causes, frozenset({CauseKind.CHAIN_UNOBSERVED}))


def of_side_events(events: Iterable[SideEvent], transfer: Transfer) -> Findings:
    """What was done about the transfer besides its legs; ``events`` in the order of their chain.

    These are past as soon as they are there, and stay true: nothing is looked for that could end.
    """
    causes: dict[CauseKind, Cause] = {}
    raised = [event for event in events if isinstance(event, RelayerFeeIncreased)]
    if raised:
        facts: dict[str, str | int] = {"times": len(raised)}
        if not any(any(event.asset) for event in raised):
            facts["wei"] = str(sum(event.increase for event in raised))
        causes[CauseKind.FEE_INCREASED] = Cause(CauseKind.FEE_INCREASED, facts)
    for event in events:
        match event:
            case SlippageUpdated(slippage):
                before = {"before": str(transfer.info.slippage)} if transfer.info else {}
                causes[CauseKind.SLIPPAGE_UPDATED] = Cause(
                    CauseKind.SLIPPAGE_UPDATED, {"slippage": str(slippage), **before}
                )
            case CalldataExecuted(success=False):
                causes[CauseKind.CALLDATA_FAILED] = Cause(CauseKind.CALLDATA_FAILED)
            case _:
                pass
    return Findings(tuple(causes.values()))


def state_to_simulate(transfer: Transfer, known: Iterable[Cause]) -> str | None:
    """The state in which a transfer's execution is to be simulated; None where it has been, or nothing is to be.

    Only what is reconciled can be executed without a router's signature. Another slippage makes another state.
    """
    if transfer.reconciled is None or transfer.executed is not None:
        return None
    facts = {cause.kind: cause.facts for cause in known}
    slippage = facts.get(CauseKind.SLIPPAGE_UPDATED, {}).get("slippage", "")
    state = f"{transfer.reconciled.block.hash.hex()[:16]} {slippage}"
    return None if is_simulated(facts.get(CauseKind.EXECUTION_SIMULATED, {}), state) else state


def of_simulation(simulated: SimulatedExecution, state: str) -> Findings:
    """What a simulated execution says, about a state that `state_to_simulate` gave."""
    facts = simulation_facts(simulated, state)
    return Findings((Cause(CauseKind.EXECUTION_SIMULATED, facts),), frozenset({CauseKind.EXECUTION_SIMULATED}))


def known_words(causes: Iterable[Cause], labels: ChainLabels, *, ended: bool) -> str:
    """``Known of the cause: …`` as a sentence; empty where nothing is. ``ended``: the leg is no longer late."""
    words = [_words(cause, labels, past=cause.past or ended) for cause in causes]
    return f"Known of the cause: {'; '.join(words)}." if words else ""


def _words(cause: Cause, labels: ChainLabels, *, past: bool) -> str:
    if cause.kind is CauseKind.EXECUTION_SIMULATED:
        return simulation_words(cause.facts, past=past)
    template = _TIMELESS[cause.kind] if cause.kind in _TIMELESS else _NOW_AND_PAST[cause.kind][past]
    return template.format_map(_words_of(cause.facts, labels))


# Nothing in these is a stranger's text: chains are called as the config calls them, all else is numbers.
_TIMELESS: Mapping[CauseKind, str] = {
    CauseKind.CALLDATA_FAILED: "the call to its recipient failed, which keeps routers from executing a transfer",
    CauseKind.NO_ROUTER_BID: (
        "no router executed any transfer sent on this pathway in the {hours} h before "
        "({transfers} of them were late or took the slow path)"
    ),
    CauseKind.FEE_INCREASED: "its relayer fee was raised {often}{coins} after it was sent",
    CauseKind.SLIPPAGE_UPDATED: "its slippage was changed{before} to {slippage}",
}
_NOW_AND_PAST: Mapping[CauseKind, tuple[str, str]] = {
    CauseKind.PAUSED: (
        "the bridge on {chain} is paused and executes nothing",
        "the bridge on {chain} was paused and executed nothing",
    ),
    CauseKind.AWAITS_EXECUTION: (
        "it has been reconciled, so its execution needs a relayer and no router",
        "it had been reconciled, so its execution needed a relayer and no router",
    ),
    CauseKind.RECONCILE_PENDING: (
        "no router has fronted the funds, and the slow path waits for its reconciliation",
        "no router had fronted the funds, and the slow path waited for its reconciliation",
    ),
    CauseKind.CHAIN_UNOBSERVED: ("{chain} is not observed", "{chain} was not observed"),
}


def _words_of(facts: Mapping[str, str | int], labels: ChainLabels) -> dict[str, str]:
    """The facts as the templates name them."""
    words = {name: str(fact) for name, fact in facts.items()}
    if "domain" in facts:
        words["chain"] = labels.display_name(DomainId(int(facts["domain"])))
    if "lately" in facts:
        words["hours"] = str(round(int(facts["lately"]) / 3600))
    if "times" in facts:
        words["often"] = "once" if facts["times"] == 1 else f"{facts['times']} times"
        coins = plain_number(Decimal(str(facts["wei"])).scaleb(-18, _EXACT)) if "wei" in facts else ""
        words["coins"] = f" by {coins} of the origin chain's native coin" if coins else ""
    if "slippage" in facts:
        words["slippage"] = _percent(facts["slippage"])
        words["before"] = f" from {_percent(facts['before'])}" if "before" in facts else ""
    return words


def _percent(basis_points: str | int) -> str:
    return f"{plain_number(Decimal(basis_points).scaleb(-2, _EXACT))} %"
