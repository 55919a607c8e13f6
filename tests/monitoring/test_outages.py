"""An endpoint that refuses something for a while, in virtual time: once it answers, it is soon asked as before."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from connext_monitor.config import ChainConfig
from connext_monitor.monitoring.observer import Observer
from tests.monitoring.covering import Memory, Whole, covered
from tests.monitoring.made_up_chain import CONFIG
from tests.monitoring.planned_reading import opening
from tests.monitoring.plans import Asked, Plan
from tests.world.virtual_time import LoopClock, run_virtually

_BEGINS, _LASTS = 100.0, 60.0
_BLOCK_TIME = 2.0
_CALM = 60.0


@dataclass
class Outage(Plan):
    """These ``methods``, or all, are refused with these words for a while."""

    methods: frozenset[str] = frozenset()
    said: dict[str, Any] = field(default_factory=dict)

    def admits(self, now: float, asked: Asked) -> float | None:
        hit = not self.methods or asked.method in self.methods
        self.words = lambda _wait: self.said
        return 1.0 if hit and _BEGINS <= now < _BEGINS + _LASTS else None


async def watched_through(outage: Outage) -> tuple[float, float]:
    """Seconds from an outage's end until the head is covered again, and between two requests a minute later."""
    node, counts = Whole(100), [Counter[str]()]
    changed = {"endpoints": ["http://simulated/0"], "start_block": 1, "block_time": f"PT{_BLOCK_TIME:g}S"}
    config, memory = ChainConfig.model_validate(CONFIG | changed), Memory()
    opened = opening(node, [[outage]], counts, cuts=False)
    observer = Observer(config, 120, opened, memory, memory, LoopClock(), Random(1))  # noqa: S311 - spreads retries
    running = asyncio.create_task(observer.run())
    loop = asyncio.get_running_loop()

    async def mine_until(end: float) -> None:
        while loop.time() < end:
            await asyncio.sleep(0.5)
            node.head = 100 + int(loop.time() / _BLOCK_TIME)

    try:
        await mine_until(_BEGINS + _LASTS)
        goal = node.head
        while covered(observer) < goal and loop.time() < 600:
            await mine_until(loop.time() + 0.5)
        took = loop.time() - _BEGINS - _LASTS
        await mine_until(loop.time() + _CALM)
        return took, observer.pool.endpoints[0].pacer.interval
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


WORDS: dict[str, dict[str, Any]] = {
    "internal": {"code": -32603, "message": "internal error"},
    "size": {"code": -32000, "message": "response too big"},
    "timeout": {"code": -32002, "message": "request decoded out"},
    "rate": {"code": 429, "message": "too many requests"},
    "day": {"code": -32005, "message": "daily request count exceeded, request rate limited"},
    "unknown": {"code": -32000, "message": "oops"},
}


@pytest.mark.parametrize("words", WORDS)
def test_after_an_outage_of_logs_an_endpoint_is_soon_asked_as_before(words: str) -> None:
    outage = Outage(methods=frozenset({"eth_getLogs"}), said=WORDS[words])
    took, interval = run_virtually(watched_through(outage))
    assert (took < 45, interval <= 1) == (True, True), (took, interval)
