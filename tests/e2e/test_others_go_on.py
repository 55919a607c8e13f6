"""What is down or only polled: the rest goes on, and nothing is lost."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.devnet import Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that is ours and refuses connections."""
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        yield ours.getsockname()[1]


async def test_an_endpoint_down_at_the_start_delays_no_other_chain(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, gamma = bridge.chains
    with closed_port() as port:
        async with Receiver() as webhook:
            setup = Setup(
                bridge.chains, {"machines": webhook}, execute="PT2S", endpoints={"gamma": [f"ws://127.0.0.1:{port}"]}
            )
            async with Monitor(await write_config(setup, tmp_path)) as monitor:
                transfer, unseen = await asyncio.gather(bridge.xcall(alpha, beta), bridge.xcall(alpha, gamma))
                await webhook.gets("alert.opened", "execute_overdue", transfer.transfer_id)
                assert unseen.transfer_id not in {subject for _, subject, _ in await monitor.alerts()}

                async def only_gamma_is_not_ready() -> bool:
                    _, readiness = await monitor.get("/readyz")
                    return [reason.split()[0] for reason in readiness["reasons"]] == ["gamma"]

                await until(only_gamma_is_not_ready)


async def test_a_webhook_down_at_the_start_delays_no_other_and_catches_up(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as up, Receiver() as down:
        config = await write_config(Setup((alpha, beta), {"up": up, "down": down}, execute="PT1S"), tmp_path)
        await down.stop()
        async with Monitor(config):
            transfer = await bridge.xcall(alpha, beta)
            what = ("alert.opened", "execute_overdue", transfer.transfer_id)
            await up.gets(*what)
            await down.start()
            await down.gets(*what)
            assert down.about(transfer.transfer_id) == up.about(transfer.transfer_id) == [what[:2]]


async def test_over_http_alone_transfers_are_followed_and_alerted(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        setup = Setup(
            (alpha, beta),
            {"machines": webhook},
            execute="PT1H",
            endpoints={"alpha": [alpha.http_url], "beta": [beta.http_url]},
        )
        config = await write_config(setup, tmp_path)
        with config.open("a", encoding="utf-8") as file:
            file.write('\n[[alerts.pathways]]\norigin = "beta"\ndestination = "alpha"\nexecute_deadline = "PT2S"\n')
        async with Monitor(config) as monitor:
            await monitor.ready()
            fast, never = await asyncio.gather(bridge.xcall(alpha, beta, amount=10**18), bridge.xcall(beta, alpha))
            await bridge.execute_fast(fast)
            await bridge.reconcile(fast)
            await monitor.knows(fast, "CompletedFast")
            await webhook.gets("alert.opened", "execute_overdue", never.transfer_id)
            assert webhook.about(never.transfer_id) == [("alert.opened", "execute_overdue")]
            assert webhook.about(fast.transfer_id) == []
