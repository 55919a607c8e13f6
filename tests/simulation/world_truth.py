"""The truth of a simulated run, as its story and its ledgers have it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import inf
from typing import Protocol

from tests.simulation.facts import ChainFacts, Event, Fact
from tests.simulation.intervals import Intervals, both, longer, meets, union
from tests.simulation.routers import BASE_UNITS, LOCAL_ASSET, delivered
from tests.simulation.story import EPOCH, ChainTraits, Channel, EndpointFault, Story
from tests.simulation.trace import Interval, Sighting
from tests.simulation.troubles import ChannelTrouble, EndpointTrouble
from tests.simulation.truth import (
    BalanceTruth,
    Block,
    BridgeTransaction,
    ChainTruth,
    ChannelTruth,
    RouterTruth,
    Standing,
    TransferTruth,
    Truth,
)

_BLINDING = frozenset(
    {
        EndpointTrouble.DISCONNECT,
        EndpointTrouble.HANG,
        EndpointTrouble.REFUSE,
        EndpointTrouble.REFUSE_LOGS,
    }
)
"""With these an endpoint lets nobody cover a block."""
_MUTE = frozenset({EndpointTrouble.MUTE, EndpointTrouble.MUTE_LOGS})
_OF_NO_TRANSFER = frozenset({Event.UNREADABLE, Event.BESIDE})
_BLURRING = _BLINDING | {
    EndpointTrouble.UNEVEN,
    EndpointTrouble.OTHER_CHAIN,
    EndpointTrouble.MALFORMED,
    EndpointTrouble.MALFORMED_LOGS,
    EndpointTrouble.RATE_LIMIT,
}
"""With these it may let nobody: its answers contradict each other, or cannot be read, or too few of them come."""


def chain_name(domain: int) -> str:
    """What the config calls a chain."""
    return f"chain-{domain}"


def truth_of(story: Story, facts: Mapping[int, ChainFacts]) -> Truth:
    """The truth of a whole run."""
    return Truth(
        seconds=story.seconds,
        epoch=EPOCH,
        execute_deadline=story.deadlines.execute,
        reconcile_deadline=story.deadlines.reconcile,
        unobserved_after=story.deadlines.unobserved_after,
        chains=tuple(_chain(story, traits, facts[traits.domain]) for traits in story.chains),
        transfers=tuple(_transfers(story, facts.values())),
        channels=tuple(_channel(story, channel) for channel in story.channels),
        bridge=tuple(_transactions(facts.values())),
        balances=tuple(_balances(story, facts)),
        routers=tuple(_routers(story, facts)),
        clock_wrong=union(_lasting(step) for step in story.clock_steps),
        quiet_from=story.quiet_from,
        keep=inf if story.keep is None else story.keep,
    )


class _Lasting(Protocol):
    @property
    def at(self) -> float: ...

    @property
    def seconds(self) -> float: ...


def _lasting(element: _Lasting) -> Interval:
    return Interval(element.at, element.at + element.seconds)


def _chain(story: Story, traits: ChainTraits, facts: ChainFacts) -> ChainTruth:
    domain = traits.domain
    faults = [fault for fault in story.endpoint_faults if fault.domain == domain]
    stalls = [_lasting(stall) for stall in story.stalls if stall.domain == domain]
    # No stamp is below its parent's: those that were too high go on until the time has reached them.
    errors = [
        Interval(error.at, error.at + error.seconds + max(0.0, error.by))
        for error in story.stamp_errors
        if error.domain == domain
    ]
    return ChainTruth(
        name=chain_name(domain),
        domain=domain,
        block_time=traits.block_time,
        final_depth=traits.final_depth,
        polled_every=0.0 if all(endpoint.pushes for endpoint in traits.endpoints) else traits.block_time,
        blocks=tuple(Block(b.number, b.hash, b.timestamp, b.since, b.until, b.paused) for b in facts.blocks),
        final=tuple(facts.final),
        unreadable=(unreadable := _standings(facts.facts, Event.UNREADABLE, honest=None)),
        undecodable=(undecodable := both(_newest(unreadable, facts.facts), _nobody_else(story, traits, faults))),
        troubled=union([*map(_lasting, faults), *stalls, *errors]),
        blind=union([*_on_all(traits, faults, _BLINDING), *stalls]),
        blurred=_on_all(traits, faults, _BLURRING),
        unseen=union([*_on_all(traits, faults, _BLURRING | {EndpointTrouble.SLOW}), *stalls, *undecodable]),
        lags=_behind(traits, faults, EndpointTrouble.LAG),
        uneven=_behind(traits, faults, EndpointTrouble.UNEVEN),
        mangling=union(_lasting(fault) for fault in faults if fault.trouble is EndpointTrouble.MALFORMED_LOGS),
        unheard=union(_lasting(fault) for fault in faults if fault.trouble in _MUTE),
        hiding=union(_lasting(fault) for fault in faults if fault.trouble is EndpointTrouble.HIDE_LEGS),
        all_final=union(
            _lasting(fault) for fault in faults if traits.tagged and fault.trouble is EndpointTrouble.FINAL_HIGH
        ),
        pruned=(pruned := _on_all(traits, faults, frozenset({EndpointTrouble.PRUNE}))),
        remembered=tuple((during, _remembered(faults, during)) for during in pruned),
        ailing=union([*(_lasting(f) for f in faults if f.trouble is not EndpointTrouble.PRUNE), *stalls, *errors]),
    )


def _behind(
    traits: ChainTraits, faults: Iterable[EndpointFault], trouble: EndpointTrouble
) -> tuple[tuple[Interval, float], ...]:
    return tuple((_lasting(f), f.amount * traits.block_time) for f in faults if f.trouble is trouble)


def _balances(story: Story, facts: Mapping[int, ChainFacts]) -> Iterable[BalanceTruth]:
    for router in story.routers:
        for chain in story.chains:
            blocks = facts[chain.domain].blocks
            yield BalanceTruth(
                subject=f"{router.name}/{chain_name(chain.domain)}/0x{LOCAL_ASSET}",
                domain=chain.domain,
                low_after=frozenset(b.hash for b in blocks if b.tokens[router.number] < router.minimum),
            )


def _routers(story: Story, facts: Mapping[int, ChainFacts]) -> Iterable[RouterTruth]:
    for router in (router for router in story.routers if router.silent_after):
        yield RouterTruth(
            name=router.name,
            number=router.number,
            silent_after=router.silent_after,
            silent_transfers=router.silent_transfers,
            has={b.hash: b.tokens[router.number] * BASE_UNITS for chain in facts.values() for b in chain.blocks},
        )


def _newest(unreadable: Iterable[Standing], facts: Iterable[Fact]) -> Intervals:
    """When the newest log was one of these."""
    readable = sorted(f.since for f in facts if f.event not in _OF_NO_TRANSFER and f.since < f.until)
    return union(
        Interval(begin, min(log.during.end, next((since for since in readable if since > begin), inf)))
        for log in unreadable
        for begin in (log.during.begin,)
    )


def _nobody_else(story: Story, traits: ChainTraits, faults: Iterable[EndpointFault]) -> Intervals:
    """When a log of one endpoint could not be looked for at another; it is looked for with each cover."""
    if len(traits.endpoints) == 1:
        return (Interval(-inf, inf),)
    return longer(union(map(_lasting, faults)), story.deadlines.unobserved_after)


def _remembered(faults: Iterable[EndpointFault], during: Interval) -> float:
    """How many blocks below the head an endpoint that prunes has at most."""
    return max(f.amount for f in faults if f.trouble is EndpointTrouble.PRUNE and meets((_lasting(f),), during))


def _on_all(traits: ChainTraits, faults: Iterable[EndpointFault], troubles: frozenset[EndpointTrouble]) -> Intervals:
    """When every endpoint has one of these troubles."""
    common: Intervals = (Interval(-inf, inf),)
    for index in range(len(traits.endpoints)):
        common = both(common, union(_lasting(f) for f in faults if f.endpoint == index and f.trouble in troubles))
    return common


def _transfers(story: Story, chains: Iterable[ChainFacts]) -> Iterable[TransferTruth]:
    by_id: dict[str, list[Fact]] = defaultdict(list)
    for chain in chains:
        for fact in (fact for fact in chain.facts if fact.event not in _OF_NO_TRANSFER):
            by_id[fact.transfer_id].append(fact)
    for transfer_id, facts in by_id.items():
        first = facts[0]
        transfer = story.transfers[first.transfer]
        yield TransferTruth(
            transfer_id=transfer_id,
            origin=first.origin,
            destination=first.destination,
            nonce=first.nonce,
            xcalled=_standings(facts, Event.XCALLED, honest=None),
            executed=_standings(facts, Event.EXECUTED, honest=True),
            reconciled=_standings(facts, Event.RECONCILED, honest=None),
            forged=_standings(facts, Event.EXECUTED, honest=False),
            delivered=delivered(transfer.amount, fast=transfer.fast),
            router=transfer.router if transfer.fast else None,
        )


def _transactions(chains: Iterable[ChainFacts]) -> Iterable[BridgeTransaction]:
    """What diamonds say besides transfers; all of a transaction stands in the same block."""
    for chain in chains:
        by_hash: dict[str, dict[str, list[Fact]]] = defaultdict(lambda: defaultdict(list))
        for fact in (fact for fact in chain.facts if fact.event is Event.BESIDE):
            by_hash[fact.tx_hash][fact.block_hash].append(fact)
        for tx_hash, by_block in by_hash.items():
            standing = _standings((facts[0] for facts in by_block.values()), Event.BESIDE, honest=None)
            says = tuple(str(fact.says) for fact in next(iter(by_block.values())))
            yield BridgeTransaction(domain=chain.domain, tx_hash=tx_hash, says=says, standing=standing)


def _standings(facts: Iterable[Fact], event: Event, *, honest: bool | None) -> tuple[Standing, ...]:
    those = (f for f in facts if f.event is event and (honest is None or f.honest is honest) and f.since < f.until)
    return tuple(
        Standing(Interval(f.since, f.until), Sighting(f.block_number, f.block_hash, f.tx_hash, f.timestamp))
        for f in sorted(those, key=lambda fact: fact.since)
    )


def _channel(story: Story, channel: Channel) -> ChannelTruth:
    faults = [fault for fault in story.channel_faults if fault.channel == channel.name]

    def during(*troubles: ChannelTrouble) -> Intervals:
        return union(_lasting(fault) for fault in faults if fault.trouble in troubles)

    return ChannelTruth(
        name=channel.name,
        troubled=during(*(set(ChannelTrouble) - {ChannelTrouble.SLOW})),
        lossy=during(ChannelTrouble.LOSE_ANSWER),
        slow=during(ChannelTrouble.SLOW),
        refusing=during(ChannelTrouble.REFUSE),
        limited=during(ChannelTrouble.LIMIT),
        digests=channel.type != "webhook",
        edits=channel.type == "discord",
    )
