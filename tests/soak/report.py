"""A run in words, for those who run the monitor."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from tests.soak.disturbances import BOUND
from tests.soak.evidence import Evidence
from tests.soak.judging import SoakVerdict
from tests.soak.lives import Life
from tests.soak.run import Soaked
from tests.soak.samples import MB, WARM_UP, Growth, Sample, by_life, longest_life
from tests.soak.slopes import Slope

MOST_GROWTH: Final = 1.0
"""MB of memory an hour, beyond what is stored, that a run may show."""
_LONG_ENOUGH: Final = 1200.0
"""Seconds of samples from which a growth is a claim and no accident; a run of an hour has a life with so many."""
_LISTED: Final = 20
_SHOWN: Final = 12


def is_clean(soaked: Soaked, growth: Growth) -> bool:
    """Whether nothing was wrong: the exit code."""
    return soaked.verdict.is_clean and not soaked.mishaps and not leaks(growth)


def leaks(growth: Growth) -> bool:
    """Whether memory still grew in the later half of a long life, beyond what is stored, and not by chance."""
    slope = growth.settled
    return slope is not None and growth.settled_seconds >= _LONG_ENOUGH and slope.growth - 2 * slope.error > MOST_GROWTH


def report(soaked: Soaked, growth: Growth) -> Iterator[str]:
    """Line by line."""
    yield from _lives(soaked.lives, soaked.samples)
    yield ""
    yield from _growth(growth)
    yield from _longest(longest_life(soaked.samples), growth)
    yield ""
    yield from _happened(soaked.evidence, soaked.bites)
    yield ""
    yield from _verdict(soaked.verdict, soaked.mishaps)


def _lives(lives: Sequence[Life], samples: Sequence[Sample]) -> Iterator[str]:
    sampled = {life[0].life: life for life in by_life(samples)}
    yield "life  started   lasted   ended by   memory MB           open files   WAL MB        longest loop lag   waited"
    for life in lives:
        lasted = (life.ended or life.started) - life.started
        line = f"{life.number:4}  {_clock(life.started)}  {lasted:5.0f} s  {life.by:9}"
        yield line + (_sampled(sampled[life.number]) if life.number in sampled else "   not sampled")


def _sampled(samples: Sequence[Sample]) -> str:
    first, last = samples[0], samples[-1]
    lag = max((sample.lag for sample in samples if sample.lag is not None), default=0.0)
    files = [sample.descriptors for sample in samples]
    return (
        f"  {first.memory / MB:6.1f} to {last.memory / MB:6.1f}   {min(files):3} to {max(files):3}   "
        f"at most {max(sample.wal for sample in samples) / MB:4.1f}  {lag * 1000:6.0f} ms  "
        f"{last.waited:7.1f} s"
    )


def _growth(growth: Growth) -> Iterator[str]:
    yield (
        f"Growth per hour (least squares within the lives, each without its first {WARM_UP:.0f} s; "
        f"{growth.seconds / 60:.0f} minutes are left; ± is the standard error):"
    )
    yield f"  memory                      {_slope(growth.memory, 'MB')}"
    yield f"  database                    {_slope(growth.database, 'MB')}"
    yield f"  memory beyond what is stored{_slope(growth.beyond_stored, 'MB')}"
    yield f"  open files                  {_slope(growth.descriptors, '')}"
    yield f"  WAL                         {_slope(growth.wal, 'MB')}"
    if growth.per_event is not None:
        yield f"  database per stored event   {growth.per_event.growth:9.0f} bytes"


def _longest(life: Sequence[Sample], growth: Growth) -> Iterator[str]:
    """How the memory of the longest life went on: caches fill, and a leak never ends."""
    if life:
        every = max(1, len(life) // _SHOWN)
        went = " ".join(f"{sample.memory / MB:.1f}" for sample in life[::every])
        yield f"Memory of the longest life (number {life[0].life}), from its beginning to its end, in MB: {went}"
        yield (
            f"  beyond what is stored, in its later half ({growth.settled_seconds / 60:.0f} minutes), an hour: "
            f"{_slope(growth.settled, 'MB').strip()}"
            + ("" if growth.settled_seconds >= _LONG_ENOUGH else " (too short a time to be judged)")
        )


def _slope(slope: Slope | None, unit: str) -> str:
    return "  no life was long enough" if slope is None else f"{slope.growth:+9.2f} ± {slope.error:.2f} {unit}".rstrip()


def _happened(evidence: Evidence, bites: Mapping[str, int]) -> Iterator[str]:
    transfers = {leg.transfer_id for leg in evidence.legs}
    late = sum(not leg.in_time for leg in evidence.legs)
    yield f"{len(transfers)} transfers, {len(evidence.legs)} legs owed, of which {late} came late or never"
    yield f"went wrong: {_counted(Counter(bites))}"
    yield f"alerts: {_counted(Counter(alert.kind for alert in evidence.alerts))}"
    for channel, taken in evidence.taken.items():
        yield f"messages taken by the channel {channel}: {_counted(Counter(message.change for message in taken))}"


def _verdict(verdict: SoakVerdict, mishaps: Sequence[str]) -> Iterator[str]:
    if verdict.delays:
        ordered = sorted(verdict.delays)
        yield (
            f"{len(ordered)} late legs had to be told to a channel, within {BOUND:.0f} s of undisturbed running: after "
            f"{ordered[len(ordered) // 2]:.1f} s in the middle, {ordered[-1]:.1f} s at most, disturbances included"
        )
    yield ", ".join(f"{name} {count}" for name, count in verdict.counts.items()) + f", mishaps {len(mishaps)}"
    for name, findings in (
        ("missed", verdict.missed),
        ("false", verdict.false),
        ("told twice", verdict.twice),
        ("late", verdict.late),
        ("differs", verdict.differ),
        ("mishap", mishaps),
    ):
        yield from (f"  {name}: {words}" for words in findings[:_LISTED])
        if len(findings) > _LISTED:
            yield f"  {name}: and {len(findings) - _LISTED} more"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "nothing"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")
