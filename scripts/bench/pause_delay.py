"""How long after a bridge is paused its alert arrives: ``python -m scripts.bench.pause_delay [--pauses N]``.

Real diamonds on two local chains with a block a second, the real program as a process of its own, and a webhook on
loopback. The delay is the wall clock at the webhook less that at which the node announced the block with `Paused`.
"""

import asyncio
import os
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path

from aiohttp import web

from scripts.bench.alert_delay import Arrivals, config_of, monitor, summary
from scripts.devnet import Chain, Devnet
from scripts.devnet.administration import pause, unpause
from scripts.devnet.inbox import webhook

_PATIENCE = 60.0
"""Seconds that an alert or its end may take."""


class Pauses:
    """The alerts of paused bridges that came to the webhook."""

    def __init__(self) -> None:
        self._came: asyncio.Queue[tuple[str, float]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        """The webhook."""
        body = await request.json()
        if body["data"]["alert"]["kind"] == "bridge_paused":
            self._came.put_nowait((body["type"], time.time()))
        return web.Response(status=204)

    async def next(self, change: str) -> float:
        """When the next change came (Unix seconds). Raises `TimeoutError`, and `SystemExit` if it is another."""
        async with asyncio.timeout(_PATIENCE):
            came, at = await self._came.get()
        if came != change:
            raise SystemExit(f"The webhook got {came} where {change} was due.")
        return at


async def measure(pauses: int) -> list[float]:
    """Seconds from the announcement of the block with `Paused` to the webhook, of each pause."""
    pause_alerts, arrivals, delays = Pauses(), Arrivals(), []
    with tempfile.TemporaryDirectory() as folder:
        async with Devnet.start() as devnet, webhook(pause_alerts.take) as url:
            beta = devnet.chains[1]
            config = Path(folder) / "config.toml"
            config.write_text(config_of(devnet.chains, url), encoding="utf-8")
            following = asyncio.create_task(arrivals.follow(beta))
            async with monitor(config):
                await _warm_up(beta, pause_alerts)
                for _ in range(pauses):
                    paused = await pause(beta)
                    at = await pause_alerts.next("alert.opened")
                    delays.append(at - next(when for stamp, when in arrivals.blocks if stamp == paused.timestamp))
                    await unpause(beta)
                    await pause_alerts.next("alert.resolved")
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    return delays


async def _warm_up(chain: Chain, pause_alerts: Pauses) -> None:
    """One pause that is not measured: the monitor may still be starting."""
    await pause(chain)
    await pause_alerts.next("alert.opened")
    await unpause(chain)
    await pause_alerts.next("alert.resolved")


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.pause_delay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pauses", type=int, default=20, help="how many to measure (default: %(default)s)")
    pauses = parser.parse_args().pauses
    os.environ.setdefault("NO_COLOR", "1")
    print(summary("Paused to webhook", asyncio.run(measure(pauses))))


if __name__ == "__main__":
    main()
