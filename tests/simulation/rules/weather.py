"""When all was well, what was open when, and by when something that must be had to be: what all rules are made of."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, after, both, meets, minus, union
from tests.simulation.trace import Acted, AlertChange, Interval, State, Trace
from tests.simulation.truth import ChainTruth, Truth

SETTLES = 120.0
"""Seconds after the last trouble until the monitor works as if there had been none: endpoints that failed are tried
again within half a minute, the past is read, and what came due meanwhile is judged within another one. In 118 stories
that were drawn for it (77 simulated days) all was well after 60 seconds, and once not after 40."""

TOUCHES_WITHIN = 120.0
"""Seconds around a silence in which it may matter to what is told of an alert."""

ALWAYS: Intervals = (Interval(-inf, inf),)


@dataclass(frozen=True)
class Case:
    """One run: what was true and what the monitor did."""

    truth: Truth
    trace: Trace

    @cached_property
    def running(self) -> Intervals:
        """When the monitor ran, its host did not stand still, and its disk took what was written."""
        return minus(minus(union(self.trace.up), union(self.trace.suspended)), union(self.trace.disk_failing))

    @cached_property
    def well(self) -> Intervals:
        """When it ran and its clock was right."""
        return minus(self.running, self.truth.clock_wrong)

    @cached_property
    def each_well(self) -> tuple[Interval, ...]:
        """The same for each process, or each owner's term, by itself; not while it was cut off from its database."""
        sharing = self.trace.sharing
        away = () if sharing is None else sharing.cut_off
        return tuple(
            well
            for life in self.trace.working
            for well in minus(both((life.during,), self.well), union(cut for of, cut in away if of == life.instance))
        )

    def calm(self, domains: Iterable[int], settles: float = SETTLES) -> Intervals:
        """When the monitor and these chains have been well for ``settles`` seconds."""
        of = (tuple(domains), settles)
        if of not in self._calm:
            self._calm[of] = self._when_calm(*of)
        return self._calm[of]

    @cached_property
    def _calm(self) -> dict[tuple[tuple[int, ...], float], Intervals]:
        """What `calm` was asked for: rules ask it of every transfer, and there are few pathways."""
        return {}

    def _when_calm(self, domains: Iterable[int], settles: float) -> Intervals:
        well = self.well
        for domain in domains:
            chain = self.truth.by_domain.get(domain)
            well = minus(well, chain.troubled) if chain else well
        return after(well, settles)

    def unshown(self, chain: ChainTruth) -> Intervals:
        """When no endpoint of a chain showed some legs, of which the contract told.

        All hid them, or none had the old blocks in which they had come, of which the monitor was never shown anything.
        """
        return union([*chain.hiding, *(chain.pruned if chain.name in self.lost else ())])

    @cached_property
    def lost(self) -> frozenset[str]:
        """The chains of which the monitor said that it had lost history."""
        return frozenset(opening.subject for opening in self.openings("monitor_started_blind"))

    @property
    def covered_every(self) -> float:
        """Seconds between two covers at rest, at most: there are two in ``unobserved_after``."""
        return self.truth.unobserved_after / 2

    @property
    def finality_noted_within(self) -> float:
        """Seconds until a block that is final counts as such.

        What is final is looked at every 300 s, with the next cover; where there is one endpoint, with every second one.
        """
        return max(540.0, 2 * self.covered_every + 90.0)

    @cached_property
    def changes(self) -> dict[tuple[str, str], list[AlertChange]]:
        """The changes of all alerts of a kind about a subject."""
        changes: dict[tuple[str, str], list[AlertChange]] = defaultdict(list)
        for change in self.trace.alerts:
            changes[change.kind, change.subject].append(change)
        return changes

    def changes_ever(self, kind: str, subject: str) -> list[AlertChange]:
        """The same, with those that were committed and that a server has lost."""
        lost = () if self.trace.sharing is None else self.trace.sharing.lost
        of_all = [change for change in lost if (change.kind, change.subject) == (kind, subject)]
        return [*self.changes.get((kind, subject), []), *of_all]

    @cached_property
    def _by_id(self) -> dict[str, list[AlertChange]]:
        changes: dict[str, list[AlertChange]] = defaultdict(list)
        for change in self.trace.alerts:
            changes[change.alert_id].append(change)
        return changes

    def openings(self, kind: str | None = None) -> Iterator[AlertChange]:
        """Each opening of this kind, or of any."""
        for changes in self._by_id.values():
            if kind in {None, changes[0].kind}:
                yield from openings(changes)

    def open(self, kind: str, subject: str) -> Intervals:
        """When such an alert was open."""
        return opened_during(self.changes.get((kind, subject), ()))

    @cached_property
    def touched(self) -> frozenset[str]:
        """Alerts that people acknowledged, or that stood while silenced: what is told of those has rules of its own."""
        touched = {acted.alert_id for acted in self.trace.acts if acted.alert_id is not None}
        for acted in self.trace.acts:
            around = Interval(acted.at - TOUCHES_WITHIN, acted.until + TOUCHES_WITHIN)
            for alert_id, changes in self._by_id.items():
                if acted.alert_id is None and self.covers(acted, changes[0]) and meets(opened_during(changes), around):
                    touched.add(alert_id)
        return frozenset(touched)

    def covers(self, acted: Acted, change: AlertChange) -> bool:
        """Whether what somebody did was about this alert.

        Who silences pathways silences nothing that is about a chain or a channel (`docs/operations.md`).
        """
        if acted.alert_id is not None:
            return acted.alert_id == change.alert_id
        origin, destination = self.pathway_of(change) or (None, None)
        return (
            acted.kind in {None, change.kind}
            and acted.origin in {None, origin}
            and acted.destination in {None, destination}
        )

    def pathway_of(self, change: AlertChange) -> tuple[str, str] | None:
        """The names of the chains that the pathway of an alert begins and ends at; None where it is about none."""
        if change.kind == "pathway_stalled":
            origin, _, destination = change.subject.partition("/")
            return origin, destination
        transfer = self.truth.by_id.get(change.subject)
        if transfer is None:
            return None
        chains = (self.truth.by_domain.get(domain) for domain in (transfer.origin, transfer.destination))
        origin, destination = (chain.name if chain else "" for chain in chains)
        return origin, destination

    @property
    def end(self) -> float:
        """When the run ended."""
        return self.trace.seconds


def openings(changes: Iterable[AlertChange]) -> Iterator[AlertChange]:
    """The changes with which an alert opened; others change what an open one says."""
    is_open = False
    for change in changes:
        if change.state is State.OPEN and not is_open:
            yield change
        is_open = change.state is State.OPEN


def opened_during(changes: Sequence[AlertChange]) -> Intervals:
    """When one of the alerts was open, given all changes of those of one kind about one subject."""
    intervals, since = [], dict[str, float]()
    for change in changes:
        if change.state is State.OPEN:
            since.setdefault(change.alert_id, change.at)
        elif change.alert_id in since:
            intervals.append(Interval(since.pop(change.alert_id), change.at))
    return union([*intervals, *(Interval(begin, inf) for begin in since.values())])


def obligations(condition: Intervals, calm: Intervals, within: float, end: float) -> Iterator[tuple[float, float]]:
    """By when what follows from a condition must be so, and until when the condition lasts.

    Within so many seconds of calm weather after it began to hold; none where it ceases, or the calm does, before.
    """
    for holds in condition:
        for calm_now in both((holds,), calm):
            at = calm_now.begin + within
            if at < min(calm_now.end, end):
                yield at, holds.end
                break


def must_be_open(
    case: Case,
    kind: str,
    subject: str,
    condition: Intervals,
    calm: Intervals,
    within: float,
    rule: str,
    was_open: Intervals | None = None,
) -> Iterator[Finding]:
    """A finding for each time that such an alert had to be open, and was not.

    ``was_open``: when the right one was, where there may be several about one subject.
    """
    was_open = case.open(kind, subject) if was_open is None else was_open
    for at, until in obligations(condition, calm, within, case.end):
        if any(at in interval for interval in was_open):
            continue
        later = next((interval.begin for interval in was_open if at <= interval.begin < until), None)
        if later is None:
            yield Finding(at, Wrong.MISSED, rule, subject, f"{kind} had to be open by then")
        else:
            yield Finding(
                at, Wrong.LATE, rule, subject, f"{kind} had to be open by then, and opened {later - at:.1f} s later"
            )


def must_be_over(
    case: Case,
    kind: str,
    subject: str,
    condition: Intervals,
    calm: Intervals,
    within: float,
    rule: str,
    was_open: Intervals | None = None,
) -> Iterator[Finding]:
    """A finding for each time that no such alert was to be open any more, and one was; ``was_open`` as above."""
    was_open = case.open(kind, subject) if was_open is None else was_open
    for interval in was_open:
        over = both((interval,), condition)
        for at, _ in obligations(over, calm, within, case.end):
            yield Finding(at, Wrong.FALSE, rule, subject, f"{kind} still stands")
