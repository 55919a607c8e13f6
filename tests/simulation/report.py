"""What is said of simulated runs: transfers, faults by kind, alerts by kind, and what the oracle counts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.rules.weather import openings
from tests.simulation.story import Deed, Story
from tests.simulation.trace import Trace

_DAY = 86_400.0


@dataclass
class Report:
    """Numbers of one run, or of many together; add one to another with ``+``."""

    runs: int = 0
    days: float = 0.0
    transfers: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    alerts: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, story: Story, trace: Trace, verdict: Verdict) -> "Report":
        """The numbers of one run."""
        return cls(
            runs=1,
            days=story.seconds / _DAY,
            transfers=Counter(_transfers(story)),
            faults=Counter(_faults(story)),
            alerts=Counter(_alerts(trace)),
            messages=Counter(message.channel for message in trace.messages),
            wrong=Counter({wrong.value: count for wrong, count in verdict.counts.items()}),
        )

    def __add__(self, other: "Report") -> "Report":
        return Report(
            self.runs + other.runs,
            self.days + other.days,
            self.transfers + other.transfers,
            self.faults + other.faults,
            self.alerts + other.alerts,
            self.messages + other.messages,
            self.wrong + other.wrong,
        )

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong.total()

    def __str__(self) -> str:
        lines = [
            f"{self.runs:,} runs, {self.days:,.1f} days" if self.runs != 1 else f"{self.days:,.1f} days",
            f"transfers  {_counted(self.transfers)}",
            f"faults     {_counted(self.faults)}",
            f"alerts     {_counted(self.alerts)}",
            f"messages   {_counted(self.messages)}",
            "wrong      " + ", ".join(f"{wrong.value}: {self.wrong[wrong.value]:,}" for wrong in Wrong),
        ]
        return "\n".join(lines)


def _counted(counts: Counter[str]) -> str:
    words = ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items()) if count)
    return f"{counts.total():,} ({words})" if words else "none"


def _transfers(story: Story) -> Iterator[str]:
    for transfer in story.transfers:
        if transfer.deed is not Deed.HONEST:
            yield transfer.deed.value
        elif transfer.executed_after is None:
            yield "never executed"
        else:
            yield "fast" if transfer.fast else "slow"


def _faults(story: Story) -> Iterable[str]:
    yield from (f"endpoint {fault.trouble.value}" for fault in story.endpoint_faults)
    yield from (f"channel {fault.trouble.value}" for fault in story.channel_faults)
    yield from (f"kill by {kill.manner.value}" for kill in story.kills)
    yield from ("deep reorg" if reorg.deep else "reorg" for reorg in story.reorgs)
    others = {
        "stall": story.stalls,
        "pause": story.pauses,
        "bridge change": story.bridge_changes,
        "stamp error": story.stamp_errors,
        "suspension": story.suspensions,
        "clock step": story.clock_steps,
        "full disk": story.disk_faults,
        "standby": story.standbys,
        "act": story.acts,
        "liquidity change": story.liquidity,
    }
    for name, elements in others.items():
        yield from (name for _ in elements)


def _alerts(trace: Trace) -> Iterator[str]:
    by_alert: dict[str, list[int]] = {}
    for number, change in enumerate(trace.alerts):
        by_alert.setdefault(change.alert_id, []).append(number)
    for numbers in by_alert.values():
        yield from (change.kind for change in openings(trace.alerts[number] for number in numbers))
