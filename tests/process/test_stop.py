"""How the process ends when it is asked to, whatever hangs in it."""

import asyncio
import json
import signal
import socket
from pathlib import Path

import pytest

from tests.alerting.providers.webhook.vendor import Receiver
from tests.process.running import CONSOLE, Running, asyncio_until, running, webhook, write_config
from tests.world.ports import free_port

HANGING_STORE = """
import asyncio
from connext_monitor.store.store import Store
async def hang(*_args, **_more):
    print("hangs", flush=True)
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass
Store.{method} = hang
"""
BLOCKED_LOOP = """
import time
from connext_monitor.reporting.metrics.loop_lag import LoopLag
async def block(_self):
    print("hangs", flush=True)
    time.sleep(3600)
LoopLag.run = block
"""
SLOW_IMPORT = """
import sys, time
class Slow:
    def find_spec(self, name, *_):
        if name == "connext_monitor.app":
            print("hangs", flush=True)
            time.sleep(3600)
sys.meta_path.insert(0, Slow())
"""


async def hangs(monitor: Running, out: Path) -> None:
    """Wait until it does what it was made to hang in."""
    await asyncio_until(lambda: "hangs" in out.read_text() or monitor.process.poll() is not None)
    assert monitor.process.poll() is None


async def test_sighup_is_a_clean_stop(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port)
    with running(tmp_path, port) as monitor:
        await monitor.healthy()
        monitor.send(signal.SIGHUP)
        assert await monitor.ended() == 0


async def test_under_nohup_a_sighup_is_ignored(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port)
    with running(tmp_path, port, ignored=[signal.SIGHUP]) as monitor:
        await monitor.healthy()
        monitor.send(signal.SIGHUP)
        for _ in range(5):
            assert (await monitor.get("/healthz"))[0] == 200
        monitor.send(signal.SIGTERM)
        assert await monitor.ended() == 0


async def test_a_stopping_monitor_is_unhealthy_and_a_second_signal_ends_it(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port)
    # The writes that a stop waits for hang.
    before = HANGING_STORE.format(method="close").replace("Store.close", "TransferChecker.drain")
    before = before.replace("store.store import Store", "monitoring.transfer_checker import TransferChecker")
    out = tmp_path / "out"
    with running(tmp_path, port, before=before, stdout=out) as monitor:
        await monitor.healthy()
        monitor.send(signal.SIGTERM)
        await hangs(monitor, out)
        status, words = await monitor.get("/healthz")
        assert (status, "stopping" in words) == (503, True)
        assert (await monitor.get("/readyz"))[0] == 503
        # What comes at the same moment as the first is its echo.
        await asyncio.sleep(0.2)
        monitor.send(signal.SIGINT)
        assert await monitor.ended() == 128 + signal.SIGINT


@pytest.mark.parametrize("before", [HANGING_STORE.format(method="close"), BLOCKED_LOOP], ids=["a part", "the loop"])
async def test_what_never_ends_is_named_and_abandoned(tmp_path: Path, before: str) -> None:
    port = free_port()
    write_config(tmp_path, port)
    out, said = tmp_path / "out", tmp_path / "stderr"
    with running(tmp_path, port, before=before, stdout=out, stderr=said) as monitor:
        if before is BLOCKED_LOOP:
            await hangs(monitor, out)
        else:
            await monitor.healthy()
        monitor.send(signal.SIGTERM)
        assert await monitor.ended() == 0
    [abandoned] = [json.loads(line) for line in said.read_text().splitlines() if "stop.abandoned" in line]
    # Five seconds are promised, and these words take their part.
    assert abandoned["after_seconds"] == 4.5


@pytest.mark.parametrize(
    ("before", "number", "code"),
    [
        (HANGING_STORE.format(method="open"), signal.SIGTERM, 0),
        (HANGING_STORE.format(method="open"), signal.SIGINT, 0),
        (SLOW_IMPORT, signal.SIGTERM, -signal.SIGTERM),
        (SLOW_IMPORT, signal.SIGINT, 1),
        (SLOW_IMPORT.replace("connext_monitor.app", "connext_monitor.process.standard_streams"), signal.SIGINT, 1),
    ],
    ids=["migrating, SIGTERM", "migrating, SIGINT", "loading, SIGTERM", "loading, SIGINT", "beginning, SIGINT"],
)
async def test_a_signal_while_it_starts_ends_it_too(tmp_path: Path, before: str, number: int, code: int) -> None:
    port = free_port()
    write_config(tmp_path, port)
    out, said = tmp_path / "out", tmp_path / "stderr"
    # What is interrupted while it loads must not have loaded anything before.
    cold = "find_spec" in before
    with running(tmp_path, port, before=before, stdout=out, stderr=said, cold=cold) as monitor:
        await hangs(monitor, out)
        monitor.send(number)
        assert await monitor.ended() == code
    assert "Traceback" not in said.read_text()


# The loop has the function as a default of its own.
HANGING_RESOLVER = """
import socket, time
from connext_monitor.process.event_loop import DaemonThreadLoop
real = socket.getaddrinfo
def hang(host, *rest, **more):
    if str(host).endswith(".invalid"):
        print("hangs", flush=True)
        time.sleep(3600)
    return real(host, *rest, **more)
socket.getaddrinfo = hang
defaults = DaemonThreadLoop.__init__.__defaults__
assert defaults[0] is real
DaemonThreadLoop.__init__.__defaults__ = (hang, *defaults[1:])
"""


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_resolver_that_hangs_holds_up_nothing_else(tmp_path: Path, scheme: str) -> None:
    port = free_port()
    heart = '[heartbeat]\nurl = "http://heart.invalid/"\n'
    write_config(tmp_path, port, CONSOLE, webhook("http://hook.invalid/"), heart, endpoint=f"{scheme}://node.invalid/")
    out, said = tmp_path / "out", tmp_path / "stderr"
    with running(tmp_path, port, before=HANGING_RESOLVER, stdout=out, stderr=said) as monitor:
        await hangs(monitor, out)
        await asyncio_until(lambda: "is not observed" in out.read_text() or "WARNING" in out.read_text())
        assert (await monitor.get("/metrics"))[0] == 200
        threads = len(list(Path(f"/proc/{monitor.process.pid}/task").iterdir()))
        assert threads < 40
        monitor.send(signal.SIGINT)
        assert await monitor.ended() == 0
    assert "stop.abandoned" not in said.read_text()


SOON_GIVEN_UP = """
from functools import partial
from connext_monitor.reporting.web import server
server.WebServer = partial(server.WebServer, looked_up_within=0.5)
"""


async def test_a_resolver_that_hangs_at_the_start_ends_it_in_words(tmp_path: Path) -> None:
    config = write_config(tmp_path, free_port())
    config.write_text(config.read_text().replace('listen = "127.0.0.1:', 'listen = "here.invalid:'))
    out, said = tmp_path / "out", tmp_path / "stderr"
    with running(tmp_path, 0, before=HANGING_RESOLVER + SOON_GIVEN_UP, stdout=out, stderr=said) as monitor:
        assert await monitor.ended() == 1
    assert "hangs" in out.read_text()
    assert "cannot be looked up, the resolver does not answer" in said.read_text()


async def test_a_listen_address_in_use_ends_the_start_in_words(tmp_path: Path) -> None:
    said = tmp_path / "stderr"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        write_config(tmp_path, taken.getsockname()[1])
        with running(tmp_path, 0, stderr=said) as monitor:
            assert await monitor.ended() == 1
    assert "is in use by another program" in said.read_text()


async def test_a_backfill_ends_in_a_word_on_ctrl_c(tmp_path: Path) -> None:
    write_config(tmp_path, free_port(), endpoint="http://node.invalid/")
    out, said = tmp_path / "out", tmp_path / "stderr"
    arguments = ["backfill", "--chain", "here", "--from", "1", "--to", "2"]
    with running(tmp_path, 0, *arguments, before=HANGING_RESOLVER, stdout=out, stderr=said) as it:
        await hangs(it, out)
        it.send(signal.SIGINT)
        assert await it.ended() == 1
    assert said.read_text().strip().endswith("Aborted!")
    assert "Traceback" not in said.read_text()


async def test_a_hanging_channel_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    port = free_port()
    async with Receiver() as receiver:
        planned = receiver.plan(200)
        planned.until = asyncio.Event()
        write_config(tmp_path, port, webhook(receiver.url))
        with running(tmp_path, port) as monitor:
            await monitor.healthy()
            await asyncio_until(receiver.asked.is_set)
            monitor.send(signal.SIGTERM)
            assert await monitor.ended() == 0
        planned.until.set()


HANGING_DISK = """
import os, time
real = os.listdir
def hang(path="."):
    if str(path).endswith("backups"):
        print("hangs", flush=True)
        time.sleep(3600)
    return real(path)
os.listdir = hang
"""


async def test_a_disk_that_hangs_holds_up_nothing_else(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port)
    out, said = tmp_path / "out", tmp_path / "stderr"
    with running(tmp_path, port, before=HANGING_DISK, stdout=out, stderr=said) as monitor:
        await monitor.healthy()
        scrape = asyncio.create_task(monitor.get("/metrics"))
        await hangs(monitor, out)
        assert (await monitor.get("/healthz"))[0] == 200
        monitor.send(signal.SIGTERM)
        assert await monitor.ended() == 0
        await asyncio.gather(scrape, return_exceptions=True)
    assert "stop.abandoned" not in said.read_text()


OUT_OF_USE_AT_FIRST = """
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, TroubleKind
from connext_monitor.store.nouns import Alerts
def at_first(real):
    left = [2]
    async def fail(*rest, **more):
        if left[0]:
            left[0] -= 1
            raise StoreUnavailable(DatabaseTrouble(TroubleKind.DISK, "the disk fails"))
        return await real(*rest, **more)
    return fail
Alerts.open_of_kinds = at_first(Alerts.open_of_kinds)
"""


async def test_a_part_without_its_database_is_started_again(tmp_path: Path) -> None:
    port, said = free_port(), tmp_path / "stderr"
    async with Receiver() as receiver:
        write_config(tmp_path, port, webhook(receiver.url))
        with running(tmp_path, port, before=OUT_OF_USE_AT_FIRST, stderr=said) as monitor:
            await asyncio_until(lambda: receiver.taken or monitor.process.poll() is not None)
            assert monitor.process.poll() is None
            monitor.send(signal.SIGTERM)
            assert await monitor.ended() == 0


FAILS_AT_THE_STOP = """
import asyncio
from connext_monitor.reporting.metrics.loop_lag import LoopLag
async def fail(_self):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        raise ValueError("lost the thread") from None
LoopLag.run = fail
"""


async def test_a_part_that_fails_while_it_is_stopped_is_named(tmp_path: Path) -> None:
    port, said = free_port(), tmp_path / "stderr"
    write_config(tmp_path, port)
    with running(tmp_path, port, before=FAILS_AT_THE_STOP, stderr=said) as monitor:
        await monitor.healthy()
        monitor.send(signal.SIGTERM)
        assert await monitor.ended() == 0
    [failed] = [line for line in said.read_text().splitlines() if "lost the thread" in line]
    assert '"part": "loop lag"' in failed
