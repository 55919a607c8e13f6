"""A monitor on a PostgreSQL server: killed and started again, its server away for a while, and its password unseen."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world import postgres
from tests.world.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server]

COMMANDS = """
check-config
status
transfers
alerts
alerts silences
alerts silence --for PT1M --kind execute_overdue
stats
export transfers
""".strip().splitlines()
PAGES = """
/
/metrics
/api/v1/chains
/api/v1/transfers
/api/v1/alerts
/api/v1/stats
/healthz
/readyz
""".strip().splitlines()


@pytest.fixture
def url(server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseUrl]:
    with server.empty_database() as url:
        monkeypatch.setenv("DATABASE_URL", url.get_secret_value())
        yield url


async def config_of(bridge: Devnet, webhook: Receiver, folder: Path, execute: str) -> Path:
    setup = Setup(
        bridge.chains[:2],
        {"machines": webhook},
        execute=execute,
        unobserved_after="PT8S",
        database="${DATABASE_URL}",
        # The next monitor waits for so long, once the one before was killed.
        takeover_after="PT10S",
    )
    return await write_config(setup, folder)


@pytest.mark.usefixtures("url")
async def test_a_late_transfer_is_alerted_once_through_a_kill(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        config = await config_of(bridge, webhook, tmp_path, "PT4S")
        async with Monitor(config) as first:
            await first.ready()
            late = await bridge.xcall(alpha, beta)
            opened = await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
        async with Monitor(config) as second:
            await second.ready()
            await second.covers("beta", int(time.time()) + 1)
            await bridge.execute_fast(late)
            resolved = await webhook.gets("alert.resolved", "execute_overdue", late.transfer_id)
            await second.knows(late, "Executed")
            second.terminate()
            assert await second.ended() == 0
    assert resolved.alert["id"] == opened.alert["id"]
    assert webhook.about(late.transfer_id) == [
        ("alert.opened", "execute_overdue"),
        ("alert.resolved", "execute_overdue"),
    ]


async def test_the_password_is_in_no_output_of_any_kind(bridge: Devnet, url: DatabaseUrl, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        config = await config_of(bridge, webhook, tmp_path, "PT5M")
        async with Monitor(config) as monitor:
            await monitor.ready()
            transfer = await bridge.xcall(alpha, beta)
            await monitor.knows(transfer, "XCalled")
            seen = [Path(f"/proc/{monitor.pid}/cmdline").read_text(encoding="utf-8")]
            seen += [await monitor.text(path) for path in PAGES]
            for command in [*COMMANDS, f"transfer {transfer.transfer_id}"]:
                code, printed = await monitor.command(*command.split())
                assert code in {0, 3}, (command, printed)
                seen.append(printed)
            for refused in ["backup"], ["restore", "x.db"]:
                assert (await monitor.command(*refused))[0] == 2
        seen += [monitor.said, *(str(received.body) for received in webhook.received)]
    assert str(url) in "".join(seen)
    assert postgres.PASSWORD not in "".join(seen)
    assert "connext_monitor_database_size_bytes" in "".join(seen)


async def test_a_server_that_is_away_for_a_while_is_told_of(
    bridge: Devnet, server: postgres.Server, url: DatabaseUrl, tmp_path: Path
) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        config = await config_of(bridge, webhook, tmp_path, "PT5M")
        async with Monitor(config) as monitor:
            await monitor.ready()
            with server.refusing(url):
                await webhook.gets("alert.opened", "database_failing", "database")
                assert (await monitor.get("/healthz"))[0] == 503
                missed = await bridge.xcall(alpha, beta)
            await webhook.gets("alert.resolved", "database_failing", "database")
            await monitor.knows(missed, "XCalled")
            await until(lambda: not monitor.exit_code)
    assert postgres.PASSWORD not in monitor.said
