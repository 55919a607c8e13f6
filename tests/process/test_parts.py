"""Parts run together, and stop one by one in the reverse order of their start."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from connext_monitor.process.parts import Part, RunningParts
from tests.world.waiting import running, until, within_bound


class Story:
    """What happened to some parts, in order; ``lines`` from the stop on."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.started: list[str] = []
        self.lines: list[str] = []
        self.failures: list[tuple[str, str]] = []

    def part(self, name: str, *, drains: bool = False, swallows: int = 0, patient: bool = False) -> Part:
        """A part that runs until it has been cancelled more often than it ``swallows``, and takes a turn to end."""

        async def run() -> None:
            self.started.append(name)
            for cancelled in range(swallows + 1):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if cancelled == swallows:
                        await asyncio.sleep(0)
                        self.lines.append(f"{name} ended")
                        raise

        async def drain() -> None:
            await asyncio.sleep(0)
            self.lines.append(f"{name} drained")

        return Part(name, run, drain if drains else None, patient)

    def failing(self, name: str, error: Exception | None) -> Part:
        """A part that ends by itself as soon as it runs."""

        async def run() -> None:
            if error is not None:
                raise error

        return Part(name, run)

    async def run(self, *parts: Part) -> bool:
        """Run them until the stop."""
        parts_run = RunningParts(
            parts,
            lambda name, error: self.failures.append((name, f"failed: {error}")),
            lambda name, error: self.failures.append((name, f"failed to stop: {error}")),
            cancelled_again_after=0.05,
        )
        return await within_bound(parts_run.run(self.stop.wait, lambda clean: self.lines.append(f"stopping {clean}")))


@pytest.fixture
def story() -> Story:
    return Story()


async def test_the_last_part_started_is_stopped_first(story: Story) -> None:
    story.stop.set()
    assert await story.run(story.part("first"), story.part("second"), story.part("third"))
    assert story.started == ["first", "second", "third"]
    assert story.lines == ["stopping True", "third ended", "second ended", "first ended"]


async def test_a_part_is_drained_before_the_next_one_is_stopped(story: Story) -> None:
    story.stop.set()
    await story.run(story.part("first"), story.part("second", drains=True))
    assert story.lines[1:] == ["second ended", "second drained", "first ended"]


@pytest.mark.parametrize("error", [ValueError("broken"), None], ids=["raises", "returns"])
async def test_a_part_that_ends_by_itself_stops_the_others(story: Story, error: Exception | None) -> None:
    assert not await story.run(story.part("first"), story.failing("second", error), story.part("third"))
    assert story.failures == [("second", f"failed: {error}")]
    assert story.lines == ["stopping False", "third ended", "first ended"]


async def test_a_part_that_cancels_itself_stops_the_others(story: Story) -> None:
    async def run() -> None:
        raise asyncio.CancelledError("by a library")

    assert not await story.run(story.part("first"), Part("second", run))
    assert story.failures == [("second", "failed: by a library")]
    assert story.lines == ["stopping False", "first ended"]


async def test_a_part_that_swallows_a_cancellation_is_cancelled_again(story: Story) -> None:
    story.stop.set()
    await story.run(story.part("first"), story.part("second", swallows=1))
    assert story.lines[1:] == ["second ended", "first ended"]


async def test_a_part_that_does_not_end_holds_no_other_up_for_long(story: Story) -> None:
    story.stop.set()
    await story.run(story.part("first"), story.part("second", swallows=5))
    assert story.lines[1:] == ["first ended", "second ended"]


async def test_a_patient_part_is_cancelled_once_and_waited_for(story: Story) -> None:
    story.stop.set()
    cancelled: list[str] = []

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("once")
            await asyncio.sleep(0.2)
            story.lines.append("patient ended")

    await story.run(story.part("first"), Part("patient", run, patient=True))
    assert cancelled == ["once"]
    assert story.lines[1:] == ["patient ended", "first ended"]


async def test_what_fails_while_it_stops_is_told_and_stops_nothing(story: Story) -> None:
    story.stop.set()

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("not let go of")

    async def drain() -> None:
        raise ValueError("not drained")

    assert await story.run(story.part("first"), Part("second", run, drain))
    assert story.failures == [
        ("second", "failed to stop: not let go of"),
        ("second", "failed to stop: not drained"),
    ]
    assert story.lines[1:] == ["first ended"]


async def test_cancelling_the_run_stops_the_parts_in_order(story: Story) -> None:
    async with running(_without_result(story.run(story.part("first"), story.part("second", drains=True)))) as run:
        await until(lambda: len(story.started) == 2)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within_bound(run)
    assert story.lines == ["stopping False", "second ended", "second drained", "first ended"]


async def _without_result(run: Coroutine[Any, Any, bool]) -> None:
    await run
