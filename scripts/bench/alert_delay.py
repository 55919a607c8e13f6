"""How long after its deadline an alert arrives: ``python -m scripts.bench.alert_delay [--transfers N]``.

Real diamonds on two local chains with a block a second, the real program as a process of its own, and a webhook on
loopback. Every transfer is never executed; the delay is the wall clock at the webhook less ``due_at``.

A block proves absence only when it is stamped after ``due_at``, so at least a second, and up to a block time more,
passes until then. What is ours is the rest: from that block's announcement to the webhook.
"""

import asyncio
import json
import math
import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
from aiohttp import web

from scripts.devnet import Chain, Devnet
from scripts.devnet.inbox import webhook

_DEADLINE = 10
"""Seconds from XCalled to ``due_at``."""
_PATIENCE = 60.0
"""Seconds that the last alert may take."""
_APART = 0.7
"""Seconds between two transfers: at odds with the blocks, so that every phase of a block occurs."""


@dataclass(frozen=True, slots=True)
class Delay:
    """One alert, in seconds: after ``due_at``, and after the block that proves absence was announced."""

    after_due: float
    after_block: float


class Arrivals:
    """When each alert came to the webhook, and when each block time was announced (wall clock, Unix seconds)."""

    def __init__(self) -> None:
        self.alerts: dict[str, tuple[float, int]] = {}
        self.blocks: list[tuple[int, float]] = []

    async def take(self, request: web.Request) -> web.Response:
        """The webhook: notes the alert of a transfer, with the arrival and ``due_at``."""
        at = time.time()
        body = await request.json()
        if body["type"] == "alert.opened" and body["data"]["alert"]["kind"] == "execute_overdue":
            due = datetime.fromisoformat(body["data"]["transfer"]["deadlines"]["execute"]["due_at"])
            self.alerts[body["data"]["alert"]["subject"]] = (at, int(due.timestamp()))
        return web.Response(status=204)

    async def follow(self, chain: Chain) -> None:
        """Note every head of the chain until cancelled."""
        async with aiohttp.ClientSession() as session, session.ws_connect(chain.ws_url) as socket:
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
            async for message in socket:
                said = json.loads(message.data)
                if "params" in said:
                    self.blocks.append((int(said["params"]["result"]["timestamp"], 16), time.time()))

    def delays(self) -> list[Delay]:
        """Of every alert, in the order of arrival."""
        delays = []
        for at, due in sorted(self.alerts.values()):
            proved = min(announced for stamp, announced in self.blocks if stamp > due)
            delays.append(Delay(at - due, at - proved))
        return delays


async def measure(transfers: int) -> list[Delay]:
    """The delays of that many transfers."""
    arrivals = Arrivals()
    with tempfile.TemporaryDirectory() as folder:
        async with Devnet.start() as devnet, webhook(arrivals.take) as url:
            alpha, beta = devnet.chains
            config = Path(folder) / "config.toml"
            config.write_text(config_of(devnet.chains, url), encoding="utf-8")
            following = asyncio.create_task(arrivals.follow(beta))
            async with monitor(config):
                sending = []
                for _ in range(transfers):
                    sending.append(asyncio.create_task(devnet.xcall(alpha, beta)))
                    await asyncio.sleep(_APART)
                ids = {(await transfer).transfer_id for transfer in sending}
                async with asyncio.timeout(_DEADLINE + _PATIENCE):
                    while not ids <= set(arrivals.alerts):  # noqa: ASYNC110 - the webhook has many events to wait for
                        await asyncio.sleep(0.1)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    return arrivals.delays()


@asynccontextmanager
async def monitor(config: Path) -> AsyncIterator[None]:
    """The program as a process of its own, ended in the end. Raises `SystemExit` where it ended by itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connext_monitor", "--config", str(config)), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
        if process.returncode is not None:
            raise SystemExit(f"The monitor ended by itself with exit code {process.returncode}.")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def config_of(chains: Sequence[Chain], url: str) -> str:
    """A configuration that watches these chains and tells a webhook."""
    parts = ['[monitor]\nlisten = ""\nlog_level = "warning"', f'[alerts]\nexecute_deadline = "PT{_DEADLINE}S"']
    parts += [
        f"[chains.{chain.name}]\nchain_id = {chain.chain_id}\ndomain_id = {chain.domain_id}\n"
        f'contract = "{chain.contract}"\nendpoints = ["{chain.ws_url}"]\nblock_time = "PT1S"\nfinality = 5\n'
        f"start_block = {chain.start_block}"
        for chain in chains
    ]
    return "\n\n".join([*parts, f'[alert_providers.webhook]\ntype = "webhook"\nurl = "{url}"']) + "\n"


def summary(name: str, seconds: Sequence[float]) -> str:
    """One line: smallest, median, 95th percentile (nearest rank) and largest."""
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return f"{name:28} min {ordered[0]:.3f}  p50 {at(0.5):.3f}  p95 {at(0.95):.3f}  max {ordered[-1]:.3f} s"


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.alert_delay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--transfers", type=int, default=30, help="how many to measure (default: %(default)s)")
    transfers = parser.parse_args().transfers
    os.environ.setdefault("NO_COLOR", "1")
    delays = asyncio.run(measure(transfers))
    for number, delay in enumerate(delays, 1):
        print(f"{number:4}  {delay.after_due:.3f} s after due_at, {delay.after_block:.3f} s after the block")
    print(summary("due_at to webhook", [delay.after_due for delay in delays]))
    print(summary("proving block to webhook", [delay.after_block for delay in delays]))


if __name__ == "__main__":
    main()
