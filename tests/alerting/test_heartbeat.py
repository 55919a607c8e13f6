"""The heartbeat: there while all is well, absent while it is not, and no trouble to anybody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from connext_monitor.alerting.heartbeat import Heartbeat
from connext_monitor.clock import SystemClock
from connext_monitor.config import SecretUrl
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.waiting import until


@asynccontextmanager
async def beating(url: str, trouble: list[str | None]) -> AsyncIterator["asyncio.Task[None]"]:
    heartbeat = Heartbeat(SecretUrl(url), 0.02, lambda: trouble[0], SystemClock())
    task = asyncio.create_task(heartbeat.run())
    try:
        yield task
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_beats_only_while_all_is_well(receiver: Receiver) -> None:
    trouble: list[str | None] = [None]
    with capture_logs() as logs:
        async with beating(f"{receiver.base}/ping/s3cret", trouble):
            for _ in range(1000):  # however often it beats
                receiver.plan(200)
            await until(lambda: len(receiver.seen) >= 2)
            trouble[0] = "not observed: alpha"
            await until(lambda: any(line["event"] == "heartbeat.not_sent" for line in logs))
            sent = len(receiver.seen)
            trouble[0] = None
            await until(lambda: len(receiver.seen) > sent)
    assert {(request.method, request.path) for request in receiver.seen} == {("GET", "/ping/s3cret")}
    said = [line for line in logs if line["event"] == "heartbeat.not_sent"]
    assert said[0]["reason"] == "withheld: not observed: alpha"
    assert "s3cret" not in str(logs)


async def test_nothing_is_sent_before_all_is_well(receiver: Receiver) -> None:
    with capture_logs() as logs:
        async with beating(receiver.base, ["not observed: alpha"]):
            await until(lambda: logs)
            await asyncio.sleep(0)
    assert receiver.seen == []


async def test_a_redirect_is_reported_and_not_followed(receiver: Receiver) -> None:
    for _ in range(1000):
        receiver.plan(302, b"", {"Location": f"{receiver.base}/elsewhere"})
    with capture_logs() as logs:
        async with beating(f"{receiver.base}/ping", [None]):
            await until(lambda: logs)
    assert logs[0]["reason"].startswith("answered 302 Found, a redirect, which is not followed")
    assert {seen.path for seen in receiver.seen} == {"/ping"}


async def test_its_own_failures_are_logged_once_and_disturb_nobody(receiver: Receiver) -> None:
    for _ in range(3):
        receiver.plan(500)
    with capture_logs() as logs:
        async with beating(receiver.base, [None]):
            await until(lambda: len(receiver.seen) >= 3)
    async with Receiver() as gone:
        pass
    with capture_logs() as more:
        async with beating(gone.base, [None]):
            await until(lambda: more)
    assert [line["reason"] for line in logs][:1] == ["answered 500 Internal Server Error"]
    assert more[0]["log_level"] == "warning"
