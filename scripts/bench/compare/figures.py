"""What was measured, and the table that it makes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: wall and CPU seconds (of the whole process, its event loop, its busiest other thread), peak MB.

    ``delays`` are the seconds from push to commit of each live log, ``syncs`` those of the disk's own fsync meanwhile.
    """

    logs: int
    seconds: float
    cpu: float
    loop: float | None
    writer: float | None
    peak: float
    delays: Sequence[float] = ()
    syncs: Sequence[float] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: what it says of a run, None where it says nothing."""

    name: str
    of: Callable[[Figures], float | None]
    digits: int = 1
    compared: bool = True


def percentile_ms(share: float, seconds: Sequence[float]) -> float | None:
    """A percentile by nearest rank, in milliseconds; None of nothing."""
    ordered = sorted(seconds)
    return 1000 * ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _a_log(seconds: float | None, logs: int) -> float | None:
    return None if seconds is None or not logs else 1e6 * seconds / logs


CPU_ROWS = (
    Row("CPU µs a log", lambda run: _a_log(run.cpu, run.logs)),
    Row("  of it the event loop", lambda run: _a_log(run.loop, run.logs)),
    Row("  of it the writer's thread", lambda run: _a_log(run.writer, run.logs)),
    Row("peak MB", lambda run: run.peak, 0),
)
HISTORY_ROWS = (Row("logs/s", lambda run: run.logs / run.seconds, 0), *CPU_ROWS)
LIVE_ROWS = (
    Row("push to commit p50 ms", lambda run: percentile_ms(0.5, run.delays)),
    Row("push to commit p99 ms", lambda run: percentile_ms(0.99, run.delays)),
    Row("the disk's fsync p50 ms", lambda run: percentile_ms(0.5, run.syncs), 2, compared=False),
    Row("the disk's fsync p99 ms", lambda run: percentile_ms(0.99, run.syncs), 2, compared=False),
    *CPU_ROWS,
)


def table(title: str, rows: Sequence[Row], runs: dict[str, list[Figures]]) -> list[str]:
    """The medians of each program's rounds, with the least and the most of them; the first program against each other.

    Rounds go by turns, so that a ratio is the median of what the rounds give.
    """
    names = list(runs)
    header = f"{title:34}{names[0]:>24}" + "".join(f"{name:>24}{'ratio':>8}" for name in names[1:])
    lines = [header]
    for row in rows:
        values = {name: [row.of(run) for run in every] for name, every in runs.items()}
        if any(None not in every for every in values.values()):
            first = values[names[0]]
            cells = [f"{_cell(first, row.digits):>24}"]
            cells += [f"{_cell(values[n], row.digits):>24}{_ratio(first, values[n], row):>8}" for n in names[1:]]
            lines.append(f"{row.name:34}" + "".join(cells))
    return lines


def _cell(values: Sequence[float | None], digits: int) -> str:
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values) or not numbers:
        return "-"
    spread = f" ({min(numbers):,.{digits}f}-{max(numbers):,.{digits}f})" if len(numbers) > 1 else ""
    return f"{median(numbers):,.{digits}f}{spread}"


def _ratio(first: Sequence[float | None], other: Sequence[float | None], row: Row) -> str:
    ratios = [ours / its for ours, its in zip(first, other, strict=False) if ours is not None and its]
    return f"{median(ratios):.2f}" if row.compared and ratios else ""
