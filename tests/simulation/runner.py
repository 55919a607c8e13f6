"""Plays stories by their seeds and judges them, on all processors."""

import itertools
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

from tests.simulation.drawing import draw, draw_minutes
from tests.simulation.findings import Verdict
from tests.simulation.harness import Run, play
from tests.simulation.oracle import judge
from tests.simulation.report import Report
from tests.simulation.shrink import shrink
from tests.simulation.story import Story, to_json
from tests.world.databases import made_by_first_run

KEPT = Path(__file__).resolve().parents[2] / ".cache" / "simulation"
"""Where logs and stories lie that showed something wrong."""
_SHOWN = 12
_STORIES_OF_A_PROCESS = 20
"""What processes that were killed have left in memory goes with the process that played them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a seed, in ``cpu`` seconds of a processor.

    ``wrong`` are the first findings, errors that no monitor may leave to nobody among them; ``log`` is where more
    stands.
    """

    seed: int
    report: Report
    cpu: float
    digest: str
    wrong: tuple[str, ...]
    log: Path | None


def story_of(seed: int, days: float, *, minutes: bool = False) -> Story:
    """The story of a seed; with ``minutes`` always of two chains with a block a minute."""
    return draw_minutes(seed, days) if minutes else draw(seed, days)


def played(story: Story) -> tuple[Run, Verdict]:
    """The run of a story, judged."""
    run = play(story)
    return run, judge(story, run.world.facts(), run.trace)


def outcome(story: Story) -> Outcome:
    """Play and judge a story, and keep its log and itself where anything is wrong."""
    made_by_first_run()  # once in each process, as its modules are loaded: no day takes that
    began = time.process_time()
    run, verdict = played(story)
    cpu = time.process_time() - began
    report = Report.of(story, run.trace, verdict)
    wrong = (*run.faults[:_SHOWN], *map(str, verdict.findings[:_SHOWN]))
    return Outcome(story.seed, report, cpu, run.digest, wrong, _keep(run, verdict) if wrong else None)


def outcomes(seeds: Iterable[int], days: float, *, minutes: bool = False) -> Iterator[Outcome]:
    """What came of each seed, as they end."""
    with _processes(os.cpu_count()) as pool:
        yield from pool.imap_unordered(partial(_of_seed, days=days, minutes=minutes), seeds)


def outcomes_within(seconds: float, first: int, days: float, *, minutes: bool = False) -> Iterator[Outcome]:
    """What came of the seeds from the first one on, until one processor has played for so long."""
    spent = 0.0
    with _processes(1) as pool:
        for seed in itertools.count(first):
            result = pool.apply(_of_seed, (seed, days, minutes))
            yield result
            spent += result.cpu
            if spent >= seconds:
                return


def shrunk(story: Story) -> Path:
    """Where the smallest story is written that shows the first thing that is wrong with this one."""
    signs = _signs(story)
    small = shrink(story, lambda smaller: bool(signs & _signs(smaller)))
    file = KEPT / f"seed-{story.seed}-small.json"
    file.write_bytes(to_json(small))
    return file


def _processes(count: int | None) -> Pool:
    """So many at once, each forked off one that has loaded all that they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context.Pool(count, maxtasksperchild=_STORIES_OF_A_PROCESS)


def _of_seed(seed: int, days: float, minutes: bool) -> Outcome:
    return outcome(story_of(seed, days, minutes=minutes))


def _signs(story: Story) -> set[tuple[str, str]]:
    """What is wrong with a story's run, without when and about what."""
    run, verdict = played(story)
    signs = {(finding.wrong.value, finding.rule) for finding in verdict.findings}
    return signs | {("error", fault.partition(" ")[2][:40]) for fault in run.faults}


def _keep(run: Run, verdict: Verdict) -> Path:
    KEPT.mkdir(parents=True, exist_ok=True)
    file = KEPT / f"seed-{run.story.seed}.log"
    findings = [*run.faults, *map(str, verdict.findings)]
    file.write_text("\n".join([*findings, "", *run.log.lines, ""]), encoding="utf-8")
    (KEPT / f"seed-{run.story.seed}.json").write_bytes(to_json(run.story))
    return file
