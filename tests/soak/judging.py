"""What a monitor did wrong during a run, by what was owed, what was disturbed, and what it told.

Written from docs/promises.md, and shares no code with the program.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tests.soak.channel import Taken
from tests.soak.disturbances import BOUND, PROCESS, Disturbance, Span, must_be_told_by, spans_of
from tests.soak.evidence import EXECUTE, RECONCILE, Evidence, Leg, StoredAlert

_ANSWER_WITHIN: Final = 12.0
"""Seconds that a channel's answer is waited for and noted, with some to spare: killed meanwhile, it is lost."""
_CHANNEL_PATIENCE: Final = 60.0
"""Seconds for which a channel fails before the others are told."""


@dataclass(frozen=True, slots=True)
class SoakVerdict:
    """What was wrong, each in words; ``delays`` are how many seconds after they were due late legs were told."""

    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "missed": len(self.missed),
            "false": len(self.false),
            "told twice": len(self.twice),
            "late": len(self.late),
            "records that differ": len(self.differ),
        }

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong."""
        return not any(self.counts.values())


def judge(evidence: Evidence) -> SoakVerdict:
    """Hold the alerts and the messages of a run against what should have been told."""
    return _Judging(evidence).verdict()


class _Judging:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._legs = {(leg.kind, leg.transfer_id): leg for leg in evidence.legs}
        self._alerts = defaultdict[tuple[str, str], list[StoredAlert]](list)
        for alert in evidence.alerts:
            self._alerts[alert.kind, alert.subject].append(alert)

    def verdict(self) -> SoakVerdict:
        verdict = SoakVerdict()
        for leg in self._evidence.legs:
            self._judge_leg(leg, verdict)
        verdict.false.extend(self._false())
        verdict.false.extend(self._told_too_early())
        verdict.missed.extend(self._unreported_outages())
        verdict.differ.extend(self._not_over())
        for channel, taken in self._evidence.taken.items():
            verdict.twice.extend(self._twice(channel, taken))
        verdict.twice.extend(
            f"{kind} of {subject} has {len(alerts)} alerts"
            for (kind, subject), alerts in self._alerts.items()
            if kind in {EXECUTE, RECONCILE} and len(alerts) > 1
        )
        return verdict

    # Legs

    def _judge_leg(self, leg: Leg, verdict: SoakVerdict) -> None:
        alerts = self._alerts.get((leg.kind, leg.transfer_id), [])
        if leg.arrived is None and not alerts and must_be_told_by(leg.due, self._around(leg), self._evidence.end):
            verdict.differ.append(f"{_leg(leg)} never arrived, and has no alert")
        for alert in alerts:
            verdict.differ.extend(_state_differs(leg, alert))
        for channel, taken in self._evidence.taken.items():
            self._judge_opening(leg, channel, taken, verdict)
            self._judge_end(leg, channel, taken, verdict)

    def _judge_opening(self, leg: Leg, channel: str, taken: Sequence[Taken], verdict: SoakVerdict) -> None:
        told_by = must_be_told_by(leg.due, self._around(leg, channel), self._evidence.end)
        if leg.in_time or told_by is None or (leg.arrived is not None and leg.arrived <= told_by):
            return
        told_at = _first(taken, "opened", leg)
        if told_at is None:
            verdict.missed.append(f"{channel} was never told that {_leg(leg)} is late")
            return
        verdict.delays.append(told_at - leg.due)
        if told_at > told_by:
            verdict.late.append(f"{channel} was told {told_at - told_by:.1f} s too late that {_leg(leg)} is late")

    def _judge_end(self, leg: Leg, channel: str, taken: Sequence[Taken], verdict: SoakVerdict) -> None:
        opened_at = _first(taken, "opened", leg)
        if opened_at is None or leg.arrived is None:
            return
        since = max(opened_at, leg.arrived)
        told_by = must_be_told_by(since, self._around(leg, channel), self._evidence.end)
        told_at = _first(taken, "resolved", leg)
        if told_by is None:
            return
        if told_at is None:
            verdict.missed.append(f"{channel} was never told that {_leg(leg)} has arrived after all")
        elif told_at > told_by:
            verdict.late.append(f"{channel} was told {told_at - told_by:.1f} s too late that {_leg(leg)} has arrived")

    def _around(self, leg: Leg, *channel: str) -> list[Span]:
        """When something was wrong that may keep a leg from being judged and told."""
        return spans_of(self._evidence.disturbances, PROCESS, leg.origin, leg.destination, *channel)

    # Alerts that are not true

    def _false(self) -> Iterator[str]:
        for alert in self._evidence.alerts:
            if reason := self._false_because(alert):
                yield f"{alert.kind} of {alert.subject}: {reason}"

    def _false_because(self, alert: StoredAlert) -> str | None:
        match alert.kind:
            case "execute_overdue" | "reconcile_overdue":
                return self._falsely_accuses(alert)
            case "chain_unobserved":
                return self._unjustified(alert, self._evidence.unobserved_after, blinds=True)
            case "provider_failing":
                return self._unjustified(alert, _CHANNEL_PATIENCE, blinds=False)
        return "nothing happened that is to be alerted so"

    def _falsely_accuses(self, alert: StoredAlert) -> str | None:
        leg = self._legs.get((alert.kind, alert.subject))
        if leg is None:
            return "there is no such transfer"
        if leg.in_time:
            return f"it arrived at {leg.arrived}, and was due at {leg.due}"
        if alert.opened <= leg.due:
            return f"it was opened at {alert.opened}, and due at {leg.due}"
        if leg.arrived is not None and self._could_see(leg, leg.arrived, alert.opened - BOUND):
            return f"it was opened at {alert.opened}, and had arrived at {leg.arrived}"
        return None

    def _told_too_early(self) -> Iterator[str]:
        """What was called late before it was, and is again: an alert that opened anew has the later instant stored."""
        opened = {alert.id: alert.opened for alert in self._evidence.alerts}
        for channel, taken in self._evidence.taken.items():
            for message in (message for message in taken if message.change == "opened"):
                leg = self._legs.get((message.kind, message.subject))
                # One that was opened only once is found to be false itself.
                if leg is not None and message.at <= leg.due < opened.get(message.alert_id, 0.0):
                    yield f"{channel} was told at {message.at:.1f} that {_leg(leg)} is late"

    def _could_see(self, leg: Leg, begin: float, end: float) -> bool:
        """Whether there is such a time, and nothing was wrong in it."""
        return begin < end and not any(span.meets(begin, end) for span in self._around(leg))

    def _unjustified(self, alert: StoredAlert, patience: float, *, blinds: bool) -> str | None:
        """An alert says that its subject was in trouble for so long when it opened."""
        begin = alert.opened - patience - BOUND
        reasons = (
            disturbance
            for disturbance in self._evidence.disturbances
            if disturbance.whom == alert.subject and disturbance.blinds >= blinds
        )
        if any(reason.span.meets(begin, alert.opened) for reason in reasons):
            return None
        return f"it was opened at {alert.opened}, and nothing was wrong with it before"

    # Alerts that are owed

    def _unreported_outages(self) -> Iterator[str]:
        """A chain without an endpoint that works, for longer than it takes to say so."""
        for outage in self._evidence.disturbances:
            lasts = outage.blinds and outage.span.length >= self._evidence.unobserved_after + 2 * BOUND
            if lasts and not self._hindered(outage.span) and not self._is_reported(outage):
                yield f"nobody was told that {outage.whom} was out of sight for {outage.span.length:.0f} s"

    def _hindered(self, span: Span) -> bool:
        spans = spans_of(self._evidence.disturbances, PROCESS)
        return any(other.meets(span.begin, span.end) for other in spans)

    def _is_reported(self, outage: Disturbance) -> bool:
        return any(
            alert.opened <= outage.span.end and (alert.resolved or self._evidence.end) >= outage.span.begin
            for alert in self._alerts.get(("chain_unobserved", outage.whom), [])
        )

    def _not_over(self) -> Iterator[str]:
        for alert in self._evidence.alerts:
            if alert.kind not in {EXECUTE, RECONCILE} and alert.resolved is None:
                yield f"{alert.kind} of {alert.subject} is open, though nothing is wrong any more"

    # Messages

    def _twice(self, channel: str, taken: Sequence[Taken]) -> Iterator[str]:
        by_message = defaultdict[tuple[str, str], list[Taken]](list)
        for message in taken:
            by_message[message.alert_id, message.change].append(message)
        for same in by_message.values():
            for first, again in pairwise(same):
                if first.answered and not self._forgot(first.at) and not self._came_again(taken, first, again):
                    yield (
                        f"{channel} was told at {first.at:.1f} and at {again.at:.1f} that {first.kind} of "
                        f"{first.subject} has {first.change}"
                    )

    def _came_again(self, taken: Sequence[Taken], first: Taken, again: Taken) -> bool:
        """Whether a reorg took back what was told in between: the alert opens, or ends, once more under its id."""
        leg = self._legs.get((first.kind, first.subject))
        turned = any(
            message.alert_id == first.alert_id and message.change != first.change and first.at <= message.at <= again.at
            for message in taken
        )
        return (
            turned
            and leg is not None
            and any(
                reorg.chain in {leg.origin, leg.destination} and first.at - BOUND <= reorg.at <= again.at
                for reorg in self._evidence.reorgs
            )
        )

    def _forgot(self, at: float) -> bool:
        """Whether the process may have lost the answer to a message that was taken then."""
        return any(
            disturbance.forgets and disturbance.span.meets(at - 1, at + _ANSWER_WITHIN)
            for disturbance in self._evidence.disturbances
        )


def _state_differs(leg: Leg, alert: StoredAlert) -> Iterator[str]:
    expected = leg.resolution if leg.arrived is not None else None
    if alert.resolution != expected:
        yield f"the alert about {_leg(leg)} is {alert.resolution or 'open'}, not {expected or 'open'}"


def _first(taken: Sequence[Taken], change: str, leg: Leg) -> float | None:
    matching = (
        message.at
        for message in taken
        if (message.change, message.kind, message.subject) == (change, leg.kind, leg.transfer_id)
    )
    return next(matching, None)


def _leg(leg: Leg) -> str:
    return f"{leg.kind.removesuffix('_overdue')} of {leg.transfer_id} (due at {leg.due})"
