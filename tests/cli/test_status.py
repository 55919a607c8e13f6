import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from connext_monitor.cli.options import Settings
from connext_monitor.core.batch import UnreadableLog
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.store.store import Store
from tests.cli.conftest import OtherLoop, Program
from tests.cli.served import CHAINS, Running, all_is_well
from tests.world.configs import chain_table
from tests.world.kinds import chain_unjudged, chain_unobserved, overdue
from tests.world.recording import commit
from tests.world.two_chains import (
    DESTINATION,
    ORIGIN,
    Sample,
    covered,
    fill,
    out_of_sight,
    unjudging,
)
from tests.world.waiting import BOUND

CONSOLE = '[alert_providers.console]\ntype = "console"\n'


@pytest.fixture
def running(monitor: Program, elsewhere: OtherLoop) -> Iterator[Running]:
    monitor.fill(all_is_well)
    server = Running(monitor, elsewhere)
    monitor.write_config(*CHAINS, CONSOLE, listen=str(server.address))
    yield server
    server.stop()


def test_all_is_well_with_a_running_monitor_and_exits_with_0(monitor: Program, running: Running) -> None:
    result = monitor.run("status")
    assert result.exit_code == 0
    assert "All is well." in result.stdout
    assert "node.example" in result.stdout
    assert "no running monitor" not in result.output
    del running


def test_the_running_monitors_chains_are_shown_as_its_api_gives_them(monitor: Program, running: Running) -> None:
    report = monitor.json("status")
    assert report["live"] is True
    assert [chain["name"] for chain in report["chains"]] == ["here", "there"]
    assert set(report["chains"][0]) == {
        "name", "chain_id", "domain_id", "head", "watermark", "lag_seconds", "observed", "endpoint",
        "nonces_contiguous", "nonce_holes", "requests",
    }  # fmt: skip
    assert report["degraded"] == []
    del running


def test_transfers_in_flight_are_counted_by_pathway_and_status(monitor: Program, running: Running) -> None:
    counted = monitor.json("status")["in_flight"]
    assert [
        (entry["origin"]["chain"], entry["destination"]["chain"], entry["status"], entry["count"]) for entry in counted
    ] == [
        ("here", "there", "Executed", 1),
        ("here", "there", "XCalled", 1),
    ]
    del running


def test_a_chain_that_the_monitor_does_not_observe_degrades(monitor: Program, running: Running) -> None:
    running.statuses[0] = out_of_sight(trouble="node.example refused\x1b[2J the connection")
    result = monitor.run("status")
    assert result.exit_code == 3
    assert "here is not observed (node.example refused\\x1b[2J the connection)" in result.stdout


UNJUDGED = "here has 3 legs past due that cannot be judged: transferStatus is not answered: node.example refused"


def test_legs_that_cannot_be_judged_degrade(monitor: Program, running: Running) -> None:
    running.statuses[0] = unjudging(ORIGIN)
    result = monitor.run("status")
    assert result.exit_code == 3
    assert UNJUDGED in " ".join(result.stdout.split())


def test_without_a_monitor_unjudged_legs_are_known_from_their_alert(
    monitor: Program,
) -> None:
    async def alert_of_unjudged(store: Store) -> None:
        await all_is_well(store)
        held = unjudging().unjudged
        assert held is not None
        await store.alerts.open(chain_unjudged("here", datetime.now(UTC), held), [])

    monitor.fill(alert_of_unjudged)
    monitor.write_config(*CHAINS, CONSOLE)
    report = monitor.json("status", code=3)
    assert any(reason.startswith(UNJUDGED) for reason in report["degraded"])
    assert report["chains"][0]["observed"] is True


def test_a_chain_that_is_not_caught_up_degrades(monitor: Program, running: Running) -> None:
    running.statuses[1] = replace(running.statuses[1], caught_up=False)
    assert monitor.json("status", code=3)["degraded"] == ["there is not caught up"]


def hole(store: Store) -> Any:
    return fill(store, [], progress=[covered(ORIGIN, upcoming=3, at=int(time.time()))])


def warning(store: Store) -> Any:
    alert = chain_unobserved("there", datetime.now(UTC), silent_for=200, waiting=0, why="no answer")
    return store.alerts.open(alert, ["console"])


def dead_channel(store: Store) -> Any:
    return store.outbox.channel_state("console", ChannelState.DEAD, "answered 404 Not Found", datetime.now(UTC))


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (hole, "here has a hole in its nonces: 2 was not seen, and the next is 3"),
        (warning, "1 open warning alert: chain_unobserved"),
        (dead_channel, "channel console is dead: answered 404 Not Found"),
    ],
)
def test_what_is_wrong_degrades_and_exits_with_3(
    monitor: Program, running: Running, work: Callable[[Store], Any], reason: str
) -> None:
    monitor.fill(work)
    assert monitor.json("status", code=3)["degraded"] == [reason]
    del running


async def one_of_two_escalated(store: Store) -> None:
    """Two transfers that are late to be reconciled; the alert of the older one has become critical."""
    at = datetime.now(UTC)
    for nonce in (0, 1):
        transfer_id = Sample(nonce).id
        late = overdue(transfer_id, Leg.RECONCILE, int(at.timestamp()) - 60, at, (ORIGIN, DESTINATION))
        assert await store.alerts.open(late, [])
    escalating = overdue(Sample(0).id, Leg.RECONCILE, 0, at)
    assert await store.alerts.escalate(escalating.id, lambda _: [], at)


def test_an_alert_that_has_escalated_is_told_as_what_it_is_now(monitor: Program, running: Running) -> None:
    monitor.fill(one_of_two_escalated)
    report = monitor.json("status", code=3)
    assert report["degraded"] == [
        "1 open critical alert: reconcile_overdue",
        "1 open warning alert: reconcile_overdue",
    ]
    assert report["open_alerts"] == {"reconcile_overdue": 2}
    assert report["open_alert_severities"] == [
        {"kind": "reconcile_overdue", "severity": "critical", "count": 1},
        {"kind": "reconcile_overdue", "severity": "warning", "count": 1},
    ]
    words = monitor.run("status").stdout
    assert [line.split() for line in words.splitlines() if line.endswith("reconcile_overdue  1")] == [
        ["critical", "reconcile_overdue", "1"],
        ["warning", "reconcile_overdue", "1"],
    ]
    del running


def test_what_waits_for_a_channel_is_told(monitor: Program, running: Running) -> None:
    monitor.fill(warning)
    assert monitor.json("status", code=3)["channels"] == [
        {"provider": "console", "state": "ok", "reason": None, "since": None, "waiting": 1}
    ]
    del running


def test_without_a_running_monitor_the_databases_word_is_marked_so(monitor: Program, running: Running) -> None:
    running_at = running.address
    monitor.write_config(*CHAINS, listen="127.0.0.1:9")
    result = monitor.run("status")
    assert result.exit_code == 3
    assert result.stdout.startswith(
        "no running monitor answers at 127.0.0.1:9; this is what the database says as of 20"
    )
    assert str(running_at) not in result.stdout
    assert monitor.json("status", code=3)["live"] is False


def test_without_a_monitor_a_chain_covered_long_ago_is_degraded(monitor: Program) -> None:
    long_ago = int(time.time()) - 7200
    progress = [covered(ORIGIN, at=long_ago), covered(DESTINATION, at=int(time.time()))]
    monitor.fill(lambda store: fill(store, [], progress=progress))
    assert monitor.json("status", code=3)["degraded"] == ["here has been read only up to 2 h ago"]


def test_with_listen_turned_off_a_fresh_database_is_no_degradation(monitor: Program) -> None:
    monitor.fill(all_is_well)
    report = monitor.json("status")
    assert report["live"] is False
    assert "monitor.listen is off" in report["not_live"]


def test_a_monitor_of_other_chains_is_not_believed(monitor: Program, running: Running) -> None:
    monitor.write_config(chain_table("elsewhere", 5), listen=str(running.address))
    assert "watches different chains" in monitor.json("status", code=3)["not_live"]


@pytest.mark.parametrize("body", ["<html>", '{"items": 3}', "\ud800", '{"items": [{"name": 1}]}', "[" * 100_000])
def test_what_is_no_monitor_is_not_believed(monitor: Program, elsewhere: OtherLoop, body: str) -> None:
    monitor.fill(all_is_well)

    async def start() -> tuple[web.AppRunner, int]:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(body=body.encode("utf-8", "surrogatepass"))

        application = web.Application()
        application.router.add_get("/{any:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, runner.addresses[0][1]

    runner, port = elsewhere.complete(start())
    monitor.write_config(*CHAINS, listen=f"127.0.0.1:{port}")
    assert "is not a monitor" in monitor.json("status", code=3)["not_live"]
    elsewhere.complete(runner.cleanup())


def test_what_accepts_and_never_answers_is_given_up(monitor: Program, elsewhere: OtherLoop) -> None:
    monitor.fill(all_is_well)
    waiting: list[asyncio.Task[Any]] = []

    async def start() -> asyncio.Server:
        async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            waiting.extend([task] if (task := asyncio.current_task()) else [])
            while await reader.read(1000):
                pass
            writer.close()

        return await asyncio.start_server(wait, "127.0.0.1", 0)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        async with asyncio.timeout(BOUND):
            await asyncio.gather(*waiting)
            await server.wait_closed()

    server = elsewhere.complete(start())
    monitor.write_config(*CHAINS, listen=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monitor.answers_within = Settings().monitor_answers_within
    assert "within 2 s" in monitor.json("status", code=3)["not_live"]
    elsewhere.complete(stop(server))


def test_logs_that_could_not_be_read_are_counted_by_chain(monitor: Program) -> None:
    async def an_endpoint_lied(store: Store) -> None:
        bad = [UnreadableLog(ORIGIN, raw, "it is no log") for raw in (b"one", b"two", b"one")]
        await commit(store, unreadable=bad, at=datetime.now(UTC))

    monitor.fill(an_endpoint_lied)
    assert monitor.json("status", code=3)["malformed_logs"] == {"here": 2}
    assert "could not be decoded" in monitor.run("status").stdout
