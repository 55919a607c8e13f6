"""What is said of the bridge itself: that it is paused, and who has changed it (`docs/api.md`, kinds of alert)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, covers, meets, minus, union
from tests.simulation.rules.overdue import lately, reorg_seen_within
from tests.simulation.rules.weather import ALWAYS, SETTLES, Case, must_be_open, must_be_over, opened_during, openings
from tests.simulation.trace import AlertChange, Interval, State
from tests.simulation.truth import BridgeTransaction, ChainTruth

PAUSED, CHANGED = "bridge_paused", "bridge_changed"

CRITICAL = frozenset(
    {"DiamondCut", "OwnershipTransferred", "AssignRoleAdmin", "AssignRoleRouter", "AssignRoleWatcher", "RevokeRole"}
)
WARNING = frozenset(
    {
        "SequencerAdded",
        "SequencerRemoved",
        "RelayerAdded",
        "RelayerRemoved",
        "RemoteAdded",
        "XAppConnectionManagerSet",
        "RouterAllowlistRemoved",
    }
)

SAID_WITHIN = 60.0
"""Seconds from when a block is covered until what its events say is told of, or that they are gone."""
A_DAY = 86_400.0
NOTED_WITHIN = 3600.0 + SAID_WITHIN
"""Seconds after a day until an alert has ended: simulated monitors look once an hour."""


def pauses(case: Case) -> Iterator[Finding]:
    """A paused bridge is told of while its contract says so at a covered block, and no other is."""
    for chain in case.truth.chains:
        changes = case.changes.get((PAUSED, chain.name), ())
        for opening in openings(changes):
            seen = lately(case, opening.at, chain.domain)
            known = Interval(min(seen.begin, opening.at - SETTLES) - case.covered_every, opening.at)
            if not meets(chain.paused, known):
                yield Finding(opening.at, Wrong.FALSE, "only paused bridges", chain.name, "it was not paused")
        args = (case, PAUSED, chain.name)
        calm, within = case.calm((chain.domain,)), _read_within(case, chain)
        heard_of = union(i for i in chain.paused if not meets(chain.mangling, Interval(i.begin, i.begin + within)))
        untold = minus(heard_of, case.open(PAUSED, chain.name))
        yield from must_be_open(*args, untold, calm, within, "paused bridges are told of")
        going = minus(ALWAYS, chain.paused)
        heard = minus(going, union(i for i in going if meets(chain.mangling, Interval(i.begin, i.begin + within))))
        yield from must_be_over(*args, heard, calm, within, "an alert ends with its reason")
        yield from _wrong_ends(case, chain, changes, calm)


def _read_within(case: Case, chain: ChainTruth) -> float:
    """Seconds from a block, or a reorg, until what stands in the chain's blocks is known and told."""
    return case.covered_every + reorg_seen_within(chain) + SAID_WITHIN


def _wrong_ends(case: Case, chain: ChainTruth, changes: Sequence[AlertChange], calm: Intervals) -> Iterator[Finding]:
    """It was unpaused if an Unpaused says so; it was taken back if its Paused is gone."""
    paused, unpaused = _of(case, chain, "Paused"), _of(case, chain, "Unpaused")
    since = 0.0
    for change in changes:
        if change.state is State.OPEN:
            since = change.at
            continue
        before = Interval(since - _read_within(case, chain), change.at)
        if change.resolution == "reorged":
            right = any(s.during.end <= change.at for tx in paused for s in tx.standing)
        else:
            stood = any(meets((s.during,), before) for tx in unpaused for s in tx.standing)
            right = stood or not covers(calm, before)
        if not right:
            words = f"{PAUSED} ended as {change.resolution}"
            yield Finding(change.at, Wrong.FALSE, "an alert ends with its reason", chain.name, words)


def _of(case: Case, chain: ChainTruth, says: str) -> list[BridgeTransaction]:
    return [tx for tx in case.truth.bridge if tx.domain == chain.domain and says in tx.says]


# Changes


def bridge_changes(case: Case) -> Iterator[Finding]:
    """A transaction that changes who may do what is told of once, for a day at most, and nothing else is."""
    alerts: dict[tuple[str, str], list[AlertChange]] = defaultdict(list)
    for change in case.trace.alerts:
        if change.kind == CHANGED:
            alerts[change.subject, change.alert_id].append(change)
    known = {(case.truth.by_domain[tx.domain].name, tx.tx_hash): tx for tx in case.truth.bridge}
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (name, alert_id), of_one in alerts.items():
        tx_hash = next((tx for of_chain, tx in known if of_chain == name and tx in alert_id), "")
        ids[name, tx_hash].add(alert_id)
        yield from _false(case, known.get((name, tx_hash)), of_one)
    for (name, tx_hash), several in ids.items():
        if len(several) > 1:
            yield Finding(case.end, Wrong.TWICE, "one alert for a transaction", name, f"{len(several)} for {tx_hash}")
    for (name, tx_hash), tx in known.items():
        if _severity(tx) is not None:
            of_tx = [change for alert_id in sorted(ids[name, tx_hash]) for change in alerts[name, alert_id]]
            yield from _must(case, case.truth.by_name[name], tx, of_tx)


def _severity(tx: BridgeTransaction) -> str | None:
    """How serious what it says is; None if it changes nothing of who may do what."""
    says = set(tx.says)
    return "critical" if says & CRITICAL else "warning" if says & WARNING else None


def _false(case: Case, tx: BridgeTransaction | None, changes: Sequence[AlertChange]) -> Iterator[Finding]:
    for opening in openings(changes):
        if tx is None or _severity(tx) is None:
            yield Finding(opening.at, Wrong.FALSE, "only changes", opening.subject, f"{opening.alert_id}: no change")
        elif not meets([s.during for s in tx.standing], lately(case, opening.at, tx.domain)):
            words = f"{tx.tx_hash} does not stand"
            yield Finding(opening.at, Wrong.FALSE, "only changes", opening.subject, words)
        elif opening.severity != _severity(tx):
            words = f"{tx.tx_hash} is {opening.severity}"
            yield Finding(opening.at, Wrong.FALSE, "an alert says what is", opening.subject, words)
    since = 0.0
    for change in changes:
        if change.state is State.OPEN:
            since = change.at
        elif change.resolution == "noted" and change.at - since < A_DAY and not case.truth.clock_wrong:
            words = f"noted after {change.at - since:.0f} s"
            yield Finding(change.at, Wrong.FALSE, "an alert ends with its reason", change.subject, words)
        elif change.resolution == "reorged" and tx and not any(s.during.end <= change.at for s in tx.standing):
            words = f"ended as reorged, and {tx.tx_hash} stands"
            yield Finding(change.at, Wrong.FALSE, "an alert ends with its reason", change.subject, words)


def _must(case: Case, chain: ChainTruth, tx: BridgeTransaction, changes: Sequence[AlertChange]) -> Iterator[Finding]:
    start = next((record.start for record in case.trace.chains if record.name == chain.name), 0)
    calm, within = case.calm((chain.domain,)), _read_within(case, chain)
    was_open = opened_during(changes)
    noted = [Interval(change.at, inf) for change in changes if change.resolution == "noted"]
    readable = [
        s.during
        for s in tx.standing
        if s.where.block_number >= start
        and not meets(chain.mangling, Interval(s.during.begin, s.during.begin + within))
    ]
    args = (case, CHANGED, chain.name)
    if chain.name not in case.lost:
        said = union([*was_open, *noted])
        untold = minus(union(readable), said)
        yield from must_be_open(*args, untold, calm, within, "changes are told of", said)
    gone = minus(ALWAYS, union(s.during for s in tx.standing))
    yield from must_be_over(*args, gone, calm, within, "what was taken back is not told of", was_open)
    old = union(Interval(i.begin + A_DAY, inf) for i in was_open)
    yield from must_be_over(*args, old, case.well, NOTED_WITHIN, "an alert ends with its reason", was_open)
