"""A schedule of happenings and faults, as it is played on real chains while a monitor watches them."""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

from connext_monitor.core.events import DomainId
from connext_monitor.monitoring.intervals import Intervals
from connext_monitor.monitoring.json_rpc import RpcLimits
from scripts.devnet import Chain, Devnet, DevnetError, Transfer
from tests.e2e.monitor import Setup
from tests.faults.hooks import Fault
from tests.faults.proxy import Proxy
from tests.faults.schedule import (
    ANSWER_BYTES,
    Episode,
    Execute,
    Happening,
    Mine,
    Reconcile,
    Reorg,
    Restart,
    Schedule,
    Xcall,
)
from tests.faults.watching import Watch, watching
from tests.world.waiting import until

CALM: Final = 1
"""Seconds between two covers that nothing asks for."""
LIMITS: Final = RpcLimits(
    answer_timeout=2.0, ping_interval=2.0, ping_timeout=2.0, close_timeout=0.2, answer_bytes=ANSWER_BYTES
)


_BITES_WITHIN: Final = 15.0
"""Seconds: some faults keep a chain from being covered, and cannot be waited for until it is."""
OFTEN: Final = Intervals(second_look=0.5)
"""Blocks become final, and are looked at a second time before, while a story is played."""


class Story:
    """Watches the chains through the proxies, and plays schedules.

    ``recipient`` is that of its transfers, and of no other story's: where a reorg freed a nonce, the next story would
    else make the same transfer again.
    """

    def __init__(
        self, bridge: Devnet, proxies: tuple[Proxy, Proxy], setup: Setup, folder: Path, recipient: str
    ) -> None:
        self._bridge = bridge
        self._proxies = proxies
        self._setup = setup
        self._folder = folder
        self._running = AsyncExitStack()
        self._watch: Watch | None = None
        self._transfers: list[Transfer] = []
        self._recipient = recipient

    @property
    def watch(self) -> Watch:
        """The monitor that runs."""
        assert self._watch is not None
        return self._watch

    @property
    def called_twice(self) -> set[str]:
        """The transfers that a reorg took and that were sent again: their deadline moved."""
        counts = Counter(transfer.transfer_id for transfer in self._transfers)
        return {transfer_id for transfer_id, count in counts.items() if count > 1}

    async def begin(self) -> None:
        """Start the monitor, and let it cover the first blocks."""
        await self._restart()
        for chain in self._bridge.chains:
            await chain.mine(4)  # so that no reorg reaches below what is watched
            await self.watch.covers(chain.name, await chain.head() - 3)

    async def play(self, schedule: Schedule) -> None:
        """All episodes; in the end nothing is wrong any more."""
        for episode in schedule.episodes:
            for chain, fault in episode.faults:
                await self._proxies[chain].apply(fault)
            for happening in episode.happenings:
                await self._happen(happening)
            await self._let_bite(episode)
            for proxy in self._proxies:
                await proxy.lift()

    async def _let_bite(self, episode: Episode) -> None:
        """Wait until every fault changed something, or could have: a calm cover has begun."""
        began = time.monotonic()
        before = [proxy.counts["eth_getLogs"] for proxy in self._proxies]

        def bitten_or_spared(chain: int, fault: Fault) -> bool:
            proxy = self._proxies[chain]
            covered = proxy.counts["eth_getLogs"] > before[chain] and time.monotonic() > began + CALM + 0.3
            return covered or type(fault).__name__ in proxy.bites

        with suppress(TimeoutError):
            async with asyncio.timeout(_BITES_WITHIN):
                while not all(bitten_or_spared(chain, fault) for chain, fault in episode.faults):  # noqa: ASYNC110 - they are counted elsewhere
                    await asyncio.sleep(0.02)

    async def settle(self) -> None:
        """Make all that happened final, and wait until that has been read."""
        heads = {chain.name: await chain.head() for chain in self._bridge.chains}
        for chain in self._bridge.chains:
            await chain.mine(self._setup.finality + 1)

        async def settled() -> bool:
            for chain in self._bridge.chains:
                await chain.mine()
            await asyncio.sleep(0.2)
            return all([await self._proven(chain, heads[chain.name]) for chain in self._bridge.chains])

        await until(settled, why=lambda: [self.watch.observers[name].state.sight() for name in heads])

    async def _proven(self, chain: Chain, head: int) -> bool:
        """Whether the chain is read as final up to there, and was asked since how many transfers it has seen."""
        coverage = self.watch.observers[chain.name].state.coverage
        nonces = await self.watch.store.chains.nonces(DomainId(chain.domain_id))
        read = coverage is not None and coverage.checkpoint >= head
        return read and nonces is not None and nonces.next == await chain.nonce()

    async def stop(self) -> None:
        """Stop the monitor."""
        await self._running.aclose()

    async def _restart(self) -> None:
        await self.stop()
        self._watch = await self._running.enter_async_context(
            watching(self._setup, self._folder, limits=LIMITS, intervals=OFTEN)
        )

    async def _happen(self, happening: Happening) -> None:
        chains = self._bridge.chains
        with suppress(DevnetError):  # a leg that cannot be, since it stands already
            match happening:
                case Xcall(index):
                    sent = await self._bridge.xcall(chains[index], chains[1 - index], to=self._recipient)
                    self._transfers.append(sent)
                case Execute(which) if self._transfers:
                    await self._bridge.execute_fast(self._transfers[-1 - which % len(self._transfers)])
                case Reconcile(which) if self._transfers:
                    await self._bridge.reconcile(self._transfers[-1 - which % len(self._transfers)])
                case Mine(index, blocks):
                    await chains[index].mine(blocks)
                case Reorg(index, depth):
                    await chains[index].reorg(depth)
                case Restart():
                    await self._restart()
