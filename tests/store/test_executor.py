"""Where the calls of the store run: in threads that nobody waits for, or where they are made."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from connext_monitor.store.connection import Connection, reader_connection
from connext_monitor.store.database import Database
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.executor import Executor, Inline, MakeExecutor, Threads
from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.recording import NAMES, accuse, put, seen
from tests.world.transfers import info, sighting, xcalled
from tests.world.waiting import until

XCALLED = xcalled(info(), sighting(10))


def not_opened() -> Connection:
    return reader_connection(Path("nowhere.db"))


@asynccontextmanager
async def running(make: MakeExecutor, most: int = 1) -> AsyncIterator[Executor]:
    executor = make(not_opened, most)
    yield executor
    await executor.close(10)


def thread(_connection: Connection) -> int:
    return threading.get_ident()


class Gate:
    """A call that has begun once `inside` is set, and goes on when it is opened."""

    def __init__(self) -> None:
        self.inside, self.opened = threading.Event(), threading.Event()

    def __call__(self, connection: Connection) -> int:
        self.inside.set()
        assert self.opened.wait(60)
        return thread(connection)

    async def entered(self) -> None:
        assert await asyncio.to_thread(self.inside.wait, 60)


@pytest.mark.parametrize("make", [Threads, Inline])
async def test_what_a_call_returns_or_raises_comes_to_whoever_awaits_it(make: MakeExecutor) -> None:
    def fail(_connection: Connection) -> None:
        raise ValueError("on purpose")

    async with running(make) as executor:
        assert await executor.run(lambda _connection: 7) == 7
        with pytest.raises(ValueError, match="on purpose"):
            await executor.run(fail)
        assert await executor.run(lambda _connection: 8) == 8


async def test_a_call_raising_stop_iteration_or_exit_fails_like_any_other() -> None:
    def end(error: type[BaseException], _connection: Connection) -> None:
        raise error

    async with running(Threads) as executor:
        for error in (StopIteration, SystemExit):
            with pytest.raises(RuntimeError, match=f"raised {error.__name__}"):
                await executor.run(partial(end, error))
        assert await executor.run(lambda _connection: 7) == 7


async def test_only_calls_in_succession_share_a_connection() -> None:
    connections: list[Connection] = []

    def counted(make: Callable[[], Connection], most: int) -> Threads:
        def kept() -> Connection:
            connections.append(make())
            return connections[-1]

        return Threads(kept, most)

    async with running(counted, 2) as executor:
        assert [await executor.run(lambda connection: connection) for _ in range(3)] == connections * 3
        gates = [Gate() for _ in range(3)]
        calls = [asyncio.ensure_future(executor.run(gate)) for gate in gates]
        for gate in gates[:2]:
            await gate.entered()
        assert not gates[2].inside.is_set()
        for gate in gates:
            gate.opened.set()
        await asyncio.gather(*calls)
    assert len(connections) == 2


async def test_a_call_goes_to_the_connection_used_last() -> None:
    async with running(Threads, 3) as executor:
        gates = [Gate() for _ in range(3)]
        calls = [asyncio.ensure_future(executor.run(gate)) for gate in gates]
        for gate in gates:
            await gate.entered()
        last = None
        for gate, call in zip(gates, calls, strict=True):
            gate.opened.set()
            last = await call
        assert [await executor.run(thread) for _ in range(20)] == [last] * 20


async def test_only_a_call_cancelled_before_it_begins_is_left_out() -> None:
    done: list[str] = []

    async with running(Threads) as executor:
        gate = Gate()

        def first(connection: Connection) -> None:
            gate(connection)
            done.append("first")

        calls = [
            asyncio.ensure_future(executor.run(first)),
            asyncio.ensure_future(executor.run(lambda _connection: done.append("second"))),
        ]
        await gate.entered()
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        gate.opened.set()
        await executor.run(lambda _connection: done.append("third"))
    assert done == ["first", "third"]


async def test_it_abandons_a_hanging_call_and_takes_no_more() -> None:
    executor, gate = Threads(not_opened), Gate()
    hanging = asyncio.ensure_future(executor.run(gate))
    await gate.entered()
    async with asyncio.timeout(60):
        await executor.close(0.1)
    assert not hanging.done()
    with pytest.raises(RuntimeError, match="closed"):
        executor.run(thread)
    gate.opened.set()
    await hanging


def test_a_call_that_ends_after_the_loop_is_closed_ends_unheard() -> None:
    gate, ended = Gate(), threading.Event()

    def late(connection: Connection) -> None:
        gate(connection)
        ended.set()

    async def begin() -> Threads:
        executor = Threads(not_opened)
        executor.run(late)
        await gate.entered()
        await executor.close(0.0)
        return executor

    asyncio.run(begin())
    gate.opened.set()
    assert ended.wait(60)


async def test_without_further_threads_the_existing_ones_do_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with running(Threads, 2) as executor:
        gate = Gate()
        first = asyncio.ensure_future(executor.run(gate))
        await gate.entered()
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            second = asyncio.ensure_future(executor.run(thread))
        gate.opened.set()
        assert await first == await second


async def test_the_store_runs_on_the_thread_of_its_caller_too(file: Path) -> None:
    def here() -> set[str]:
        return {thread.name for thread in threading.enumerate()}

    before = here()
    store = await open_store(file, NAMES, Inline)
    await put(store, seen(XCALLED))
    assert await accuse(store, XCALLED, "ops") is not None
    delivery = await store.outbox.next_delivery("ops")
    assert delivery is not None
    assert delivery.transfer is not None
    assert delivery.transfer.transfer.transfer_id == XCALLED.event.transfer_id
    assert here() == before
    await store.close()


async def test_an_inline_store_also_says_why_it_cannot_be_opened(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseError, match="is not a SQLite database"):
        await Store.open(file, NAMES, executor=Inline)


async def test_a_write_that_hangs_does_not_hold_up_the_closing(file: Path) -> None:
    await (await open_store(file, NAMES)).close()
    database, gate = await Database.open(file), Gate()
    writing = asyncio.ensure_future(database.write(gate))
    await gate.entered()
    async with asyncio.timeout(60):
        await database.close()
    assert not writing.done()
    gate.opened.set()
    await until(writing.done)
