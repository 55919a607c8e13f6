"""A leg that is past due and cannot be judged is told of within a bounded time, whatever keeps it from that."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scripts.devnet import Devnet, Transfer
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.faults.hooks import Asked, Fault, Json, Reply, refusal
from tests.faults.proxy import Proxy
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRANSFER_STATUS = "0xbfd79030"
REFUSED = "not available on your plan"


class StatusFails(Fault):
    """transferStatus is answered so."""

    __slots__ = ("body",)

    def __init__(self, body: Json) -> None:
        self.body = body

    def answers(self, asked: Asked) -> Reply | None:
        if asked.method == "eth_call" and asked.params[0]["data"].startswith(TRANSFER_STATUS):
            return Reply(self.body)
        return None


class BlockTimes(Fault):
    """Blocks are stamped as this says, from what they are stamped really."""

    __slots__ = ("stamp",)

    def __init__(self, stamp: Any) -> None:
        self.stamp = stamp

    def _stamped(self, header: Json) -> Json:
        return header | {"timestamp": hex(self.stamp(int(header["timestamp"], 16)))}

    def edits(self, asked: Asked, answer: Json) -> Json:
        if not asked.method.startswith("eth_getBlockBy") or not answer.get("result"):
            return answer
        return {"result": self._stamped(answer["result"])}

    def pushes(self, feed: str, result: Json) -> list[Any]:
        return [self._stamped(result)] if feed == "heads" else [result]


@dataclass(frozen=True, slots=True)
class Due:
    """A transfer that is never executed on ``chain``, which the fault keeps from being judged, and the reason told."""

    proxy: Proxy
    chain: str
    fault: Fault
    why: str

    async def sent(self, bridge: Devnet) -> Transfer:
        return await bridge.xcall(bridge.chain("alpha"), bridge.chain(self.chain))


@pytest_asyncio.fixture(loop_scope="session")
async def proxies(bridge: Devnet) -> AsyncIterator[tuple[Proxy, Proxy]]:
    """Before beta and before gamma."""
    async with Proxy(bridge.chain("beta").http_url) as beta, Proxy(bridge.chain("gamma").http_url) as gamma:
        yield beta, gamma


@pytest_asyncio.fixture(loop_scope="session")
async def webhook() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


async def configured(bridge: Devnet, webhook: Receiver, folder: Path, **endpoints: list[str]) -> Path:
    """A config of alpha and of the chains that endpoints are named of."""
    chains = [bridge.chain(name) for name in ("alpha", *endpoints)]
    setup = Setup(chains, {"machines": webhook}, execute="PT2S", unobserved_after="PT16S", endpoints=endpoints)
    return await write_config(setup, folder)


async def shows_unjudged(monitor: Monitor, webhook: Receiver, transfer: Transfer, due: Due) -> None:
    """Everywhere where it should be, that the leg cannot be judged, with the number and the reason."""
    await webhook.gets("alert.opened", "chain_unobserved", due.chain)
    alert = next(r.alert for r in webhook.received if r.alert["subject"] == due.chain)
    assert "1 leg past due cannot be judged" in alert["text"]
    assert due.why in alert["text"]
    assert await monitor.state(transfer) == "unobserved"
    status, readiness = await monitor.get("/readyz")
    assert status == 503
    said = f"{due.chain} has 1 leg past due that cannot be judged: "
    assert any(reason.startswith(said) and due.why in reason for reason in readiness["reasons"])
    metrics = await monitor.text("/metrics")
    unjudged = [line for line in metrics.splitlines() if line.startswith("connext_monitor_chain_unjudged{")]
    assert sum(float(line.rpartition(" ")[2]) for line in unjudged if f'chain="{due.chain}"' in line) == 1
    code, printed = await monitor.command("status", "--json")
    assert code == 3
    assert any(reason.startswith(said) for reason in json.loads(printed)["degraded"])
    # A sentence of the page's first lines begins with a capital.
    assert said[1:] in await monitor.text("/")


async def healed(webhook: Receiver, transfer: Transfer, due: Due) -> None:
    """Once the leg is judged, it is accused, and the alert that spoke for it ends."""
    await due.proxy.lift(due.fault)
    await webhook.gets("alert.opened", "execute_overdue", transfer.transfer_id)
    resolved = await webhook.gets("alert.resolved", "chain_unobserved", due.chain)
    assert resolved.alert["resolution"] == "observed"


async def test_another_endpoint_is_asked_what_the_first_refuses(
    bridge: Devnet, proxies: tuple[Proxy, Proxy], webhook: Receiver, tmp_path: Path
) -> None:
    beta, destination = proxies[0], bridge.chain("beta")
    await beta.apply(StatusFails(refusal(-32601, REFUSED)))
    config = await configured(bridge, webhook, tmp_path, beta=[beta.ws_url, destination.http_url])
    async with Monitor(config) as monitor:
        await monitor.ready()
        transfer = await bridge.xcall(bridge.chain("alpha"), destination)
        await webhook.gets("alert.opened", "execute_overdue", transfer.transfer_id)
        assert "chain_unobserved" not in {kind for _, kind, _ in webhook.whats()}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            (StatusFails(refusal(-32601, REFUSED)), REFUSED),
            (StatusFails({"result": "0x"}), "no contract that knows this call stands at the address"),
        ),
        (
            (BlockTimes(lambda _: 0), "the last block that could be covered is stamped"),
            (BlockTimes(lambda at: at - 86_400), "the last block that could be covered is stamped 1 d"),
        ),
    ],
    ids=["transferStatus refused, and answered with nothing", "block times that are zero, and a day behind"],
)
async def test_a_leg_that_cannot_be_judged_is_reported_then_judged(
    bridge: Devnet,
    proxies: tuple[Proxy, Proxy],
    webhook: Receiver,
    tmp_path: Path,
    first: tuple[Fault, str],
    second: tuple[Fault, str],
) -> None:
    beta, gamma = proxies
    dues = (Due(beta, "beta", *first), Due(gamma, "gamma", *second))
    for due in dues:
        await due.proxy.apply(due.fault)
    config = await configured(bridge, webhook, tmp_path, beta=[beta.ws_url], gamma=[gamma.http_url])
    async with Monitor(config) as monitor:
        await monitor.ready()
        began = time.monotonic()
        transfers = [await due.sent(bridge) for due in dues]
        for transfer, due in zip(transfers, dues, strict=True):
            await shows_unjudged(monitor, webhook, transfer, due)
        # Ever more seldom, until it is every five seconds.
        most = 6 + (time.monotonic() - began) / 4
        assert all(statuses_asked(due.proxy) < most for due in dues)
        for transfer, due in zip(transfers, dues, strict=True):
            await healed(webhook, transfer, due)
        await monitor.ready()
        for transfer, due in zip(transfers, dues, strict=True):
            assert webhook.about(transfer.transfer_id) == [("alert.opened", "execute_overdue")]
            assert webhook.about(due.chain) == [(f"alert.{end}", "chain_unobserved") for end in ("opened", "resolved")]


def statuses_asked(proxy: Proxy) -> int:
    return sum(params[0]["data"].startswith(TRANSFER_STATUS) for params in proxy.asked("eth_call"))


async def test_a_restart_repeats_no_report_of_unjudged_legs(
    bridge: Devnet, proxies: tuple[Proxy, Proxy], webhook: Receiver, tmp_path: Path
) -> None:
    due = Due(proxies[0], "beta", StatusFails(refusal(-32000, REFUSED)), REFUSED)
    await due.proxy.apply(due.fault)
    config = await configured(bridge, webhook, tmp_path, beta=[due.proxy.ws_url])
    async with Monitor(config) as monitor:
        await monitor.ready()
        transfer = await due.sent(bridge)
        await webhook.gets("alert.opened", "chain_unobserved", "beta")
    asked = statuses_asked(due.proxy)
    async with Monitor(config) as monitor:
        # Long enough for what is forgotten at a restart to be taken for settled.
        await until(lambda: statuses_asked(due.proxy) >= asked + 3)
        of_alpha = ("chain_unobserved", "alpha")  # which a slow machine may lose sight of
        alerts = [alert for alert in await monitor.alerts() if alert[:2] != of_alpha]
        assert alerts == [("chain_unobserved", "beta", "open")]
        await shows_unjudged(monitor, webhook, transfer, due)
        assert webhook.about("beta") == [("alert.opened", "chain_unobserved")]
        await healed(webhook, transfer, due)


async def test_blocks_stamped_in_the_future_make_nothing_late(
    bridge: Devnet, proxies: tuple[Proxy, Proxy], webhook: Receiver, tmp_path: Path
) -> None:
    beta = proxies[0]
    await beta.apply(BlockTimes(lambda at: at + 86_400))
    setup = Setup(
        [bridge.chain("alpha"), bridge.chain("beta")],
        {"machines": webhook},
        execute="PT15S",
        endpoints={"beta": [beta.ws_url]},
    )
    async with Monitor(await write_config(setup, tmp_path)) as monitor:
        await monitor.ready()
        transfer = await bridge.xcall(bridge.chain("alpha"), bridge.chain("beta"))
        alert = await webhook.gets("alert.opened", "execute_overdue", transfer.transfer_id)
        assert alert.at >= transfer.timestamp + 15
        assert webhook.about(transfer.transfer_id) == [("alert.opened", "execute_overdue")]
