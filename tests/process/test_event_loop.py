"""The program's event loop: calls that hang, and who waits for them."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from connext_monitor.process.event_loop import DaemonThreadLoop
from tests.world.waiting import until

BOUND = 60.0


class HangingResolver:
    """Hangs for some names until the test is over; ``asked`` are the names that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.over = threading.Event()

    def look_up(self, host: str, *rest: int) -> list[tuple[object, ...]]:
        self.asked.append(host)
        if host.endswith(".invalid"):
            self.over.wait(BOUND)
        return list(socket.getaddrinfo(host, *rest))


@pytest.fixture
def resolver() -> Iterator[HangingResolver]:
    resolver = HangingResolver()
    yield resolver
    resolver.over.set()


def test_a_hanging_lookup_is_shared_and_holds_up_nothing_else(resolver: HangingResolver) -> None:
    async def work() -> str:
        loop = asyncio.get_running_loop()
        lookups = [asyncio.create_task(loop.getaddrinfo("node.invalid", 1)) for _ in range(50)]
        await asyncio.sleep(0)
        assert await loop.getaddrinfo("127.0.0.1", 1, type=socket.SOCK_STREAM)
        answer = await asyncio.to_thread(lambda: "done")
        assert not any(lookup.done() for lookup in lookups)
        return answer

    with asyncio.Runner(loop_factory=partial(DaemonThreadLoop, resolver.look_up)) as runner:
        assert runner.run(work()) == "done"
    assert resolver.asked.count("node.invalid") == 1


def test_a_failed_lookup_is_an_error_for_everybody_who_asked() -> None:
    def refuse(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def work() -> list[BaseException]:
        loop = asyncio.get_running_loop()
        answers = await asyncio.gather(*(loop.getaddrinfo("x", 1) for _ in range(3)), return_exceptions=True)
        return [answer for answer in answers if isinstance(answer, BaseException)]

    with asyncio.Runner(loop_factory=partial(DaemonThreadLoop, refuse)) as runner:
        assert [type(error) for error in runner.run(work())] == [socket.gaierror] * 3


def test_a_call_that_exits_is_an_error_like_any_other() -> None:
    def leave() -> None:
        raise SystemExit(1)

    with (
        asyncio.Runner(loop_factory=DaemonThreadLoop) as runner,
        pytest.raises(RuntimeError, match="raised SystemExit"),
    ):
        runner.run(asyncio.to_thread(leave))


def test_a_name_that_hangs_for_ever_is_looked_up_ever_more_seldom(resolver: HangingResolver) -> None:
    passed = [0.0]

    async def work() -> None:
        loop = asyncio.get_running_loop()
        asked = []
        for minute in range(24 * 60):
            passed[0] = 60.0 * minute
            asked.append(asyncio.create_task(loop.getaddrinfo("node.invalid", 1)))
            await asyncio.sleep(0)
        await until(lambda: resolver.asked.count("node.invalid") >= 2)

    with asyncio.Runner(loop_factory=partial(DaemonThreadLoop, resolver.look_up, lambda: passed[0])) as runner:
        runner.run(work())
    assert resolver.asked.count("node.invalid") <= 13


def test_a_thread_that_cannot_start_fails_one_call_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", _refuse)
            for _ in range(100):
                with pytest.raises(OSError, match="can't start new thread"):
                    await loop.getaddrinfo("localhost", 1)
                await asyncio.sleep(0)
            with pytest.raises(OSError, match="can't start new thread"):
                await asyncio.to_thread(lambda: None)
        assert await loop.getaddrinfo("localhost", 1)

    with asyncio.Runner(loop_factory=DaemonThreadLoop) as runner:
        runner.run(work())


def _refuse(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
