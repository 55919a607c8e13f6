"""The picture of a report: bars for how many transfers, and how long they took beside the period before.

It is drawn by matplotlib (an extra, ``connext-monitor[reports]``) in a process of its own: that takes a second and some
ninety megabytes which the monitor should not have to carry. ``python -m connext_monitor.reporting.picture`` reads what
is to be drawn as JSON on stdin, and writes the PNG to stdout.
"""

import asyncio
import importlib.util
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import structlog

from connext_monitor.core.deadline import LEGS
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.report import Report, pathway_words
from connext_monitor.core.words import duration_words

_DRAWN = 10
"""Pathways, the busiest ones."""
_LONGEST_NAME = 40
_COUNTS = (("completed fast", "#2a9d8f"), ("completed slow", "#e9c46a"), ("still open", "#8d99ae"))
_NOW, _BEFORE = "#264653", "#b8c4cc"
_SPANS = ((_NOW, "p50, lighter: p95"), (_BEFORE, "the period before"))
_TICKS = 4
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200)
"""Seconds from one mark of time to the next; beyond them whole days."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bars:
    """One pathway: its name, its counts as `_COUNTS` names them, and of each leg (p50, p95) now and before."""

    name: str
    counts: tuple[int, int, int]
    now: tuple[tuple[int | None, int | None], ...]
    before: tuple[tuple[int | None, int | None], ...]


async def draw(report: Report, labels: ChainLabels, within: float = 60.0) -> bytes | None:
    """A PNG; None where there is nothing to draw, no matplotlib, or it fails or takes more than ``within`` seconds."""
    bars = bars_of(report, labels)
    if not bars or importlib.util.find_spec("matplotlib") is None:
        return None
    described = json.dumps([asdict(bar) for bar in bars]).encode()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "connext_monitor.reporting.picture"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # Ctrl-C is the monitor's.
            start_new_session=True,
        )
    except OSError as error:
        # No memory, process or descriptor is left for it: a report without its picture is a report too.
        log.warning("report.not_drawn", reason=str(error))
        return None
    try:
        async with asyncio.timeout(within):
            drawn, _ = await process.communicate(described)
    except TimeoutError:
        drawn = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0 and drawn.startswith(b"\x89PNG"):
        return drawn
    log.warning("report.not_drawn", exit_code=process.returncode)
    return None


def bars_of(report: Report, labels: ChainLabels) -> list[Bars]:
    """What is drawn of the busiest pathways."""
    return [
        Bars(
            _short(pathway_words(pathway, labels)) + (f" ({pathway.late:,} late)" if pathway.late else ""),
            (pathway.fast, pathway.slow, pathway.open),
            tuple((pathway.leg(leg).p50, pathway.leg(leg).p95) for leg in LEGS),
            tuple((earlier.leg(leg).p50, earlier.leg(leg).p95) for leg in LEGS),
        )
        for pathway in report.pathways[:_DRAWN]
        for earlier in [report.earlier(pathway)]
        if pathway.begun
    ]


def png(bars: Sequence[Bars]) -> bytes:
    """The picture of at least one pathway."""
    # Without pyplot: that keeps every figure, and looks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra

    figure = Figure(figsize=(13, 1.8 + 0.6 * len(bars)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    counts, *legs = figure.subplots(1, 1 + len(LEGS), sharey=True, width_ratios=(1.2, 1, 1))
    _draw_counts(counts, bars)
    for leg, axes in enumerate(legs):
        _draw_leg(axes, bars, leg)
    marks = [Patch(color=colour, label=label) for colour, label in (*((c, word) for word, c in _COUNTS), *_SPANS)]
    figure.legend(handles=marks, loc="outside lower center", ncols=5, frameon=False)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _draw_counts(axes: Any, bars: Sequence[Bars]) -> None:  # noqa: ANN401 - the types of an extra
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

    rows = range(len(bars))
    left = [0] * len(bars)
    for which, (_, colour) in enumerate(_COUNTS):
        widths = [bar.counts[which] for bar in bars]
        axes.barh(rows, widths, left=left, color=colour, height=0.6)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    # A "$" would begin a formula.
    axes.set_yticks(rows, [bar.name.replace("$", r"\$") for bar in bars])
    axes.invert_yaxis()
    axes.set_title("Transfers")
    # Transfers come whole, and nobody reads "1e7".
    axes.xaxis.set_major_locator(MaxNLocator(nbins=_TICKS, integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    _plain(axes)


def _draw_leg(axes: Any, bars: Sequence[Bars], leg: int) -> None:  # noqa: ANN401 - the types of an extra
    longest = 0
    for offset, colour, spans in (
        (-0.16, _NOW, [bar.now[leg] for bar in bars]),
        (0.16, _BEFORE, [bar.before[leg] for bar in bars]),
    ):
        known = [(row, p50, p95) for row, (p50, p95) in enumerate(spans) if p50 is not None and p95 is not None]
        at = [row + offset for row, _, _ in known]
        axes.barh(at, [p95 for _, _, p95 in known], color=colour, alpha=0.45, height=0.28)
        axes.barh(at, [p50 for _, p50, _ in known], color=colour, height=0.28)
        longest = max([longest, *(p95 for _, _, p95 in known)])
    axes.set_title(("Executed after", "Reconciled after")[leg])
    marks = time_marks(longest)
    axes.set_xticks(marks, [duration_words(seconds) for seconds in marks])
    _plain(axes)


def time_marks(longest: int) -> list[int]:
    """Round times up to the longest one, few of them; all in seconds."""
    days = 86_400 * ceil(longest / (_TICKS * 86_400))
    step = next((step for step in _STEPS if longest <= _TICKS * step), days)
    return list(range(0, longest + 1, step))


def _plain(axes: Any) -> None:  # noqa: ANN401 - the types of an extra
    axes.spines[["top", "right"]].set_visible(b=False)
    axes.set_xlim(left=0)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(b=True)


def _short(name: str) -> str:
    shown = "".join(char if char.isprintable() else "?" for char in name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"


def _main() -> None:
    given = json.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(
        png([Bars(chart["name"], chart["counts"], chart["now"], chart["before"]) for chart in given])
    )


if __name__ == "__main__":
    _main()
