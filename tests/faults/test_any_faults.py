"""Promises 1 to 4 and 8: whatever happens, whatever goes wrong meanwhile, in the end the database holds the truth."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from connext_monitor.core.events import DomainId
from connext_monitor.monitoring.json_rpc import RpcLimits
from scripts.devnet import Chain, Devnet, DevnetError, Transfer
from tests.e2e.monitor import Setup
from tests.e2e.waiting import until
from tests.faults import truth
from tests.faults.faults import Empty, Malform, Mangled, Partial
from tests.faults.hooks import Fault
from tests.faults.proxy import Proxy
from tests.faults.schedule import (
    ANSWER_BYTES,
    Execute,
    Happening,
    Mine,
    Reconcile,
    Reorg,
    Restart,
    Schedule,
    Xcall,
    schedules,
)
from tests.faults.watching import Watch, watching

EXECUTE_WITHIN = 2
LIMITS = RpcLimits(
    answer_timeout=2.0, ping_interval=2.0, ping_timeout=2.0, close_timeout=0.2, answer_bytes=ANSWER_BYTES
)
RAN: list[tuple[Schedule, Counter[str]]] = []
"""The schedules that were played, and how often each fault changed anything."""

# Nothing is kept between runs and no schedule is drawn anew, so a failure is there again in the next run; each takes
# seconds, so that shrinking one would take longer than reading it.
each_takes_seconds = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def lies(fault: Fault) -> bool:
    """Whether it hides logs of blocks that the endpoint has: a lie that outlives finality is another matter."""
    return isinstance(fault, Empty | Partial) or (isinstance(fault, Malform) and fault.what is Mangled.LOGS)


class Story:
    """A schedule as it is played on real chains, with a monitor that watches them through the proxies."""

    def __init__(self, bridge: Devnet, proxies: tuple[Proxy, Proxy], setup: Setup, folder: Path) -> None:
        self._bridge = bridge
        self._proxies = proxies
        self._setup = setup
        self._folder = folder
        self._running = AsyncExitStack()
        self._watch: Watch | None = None
        self._transfers: list[Transfer] = []
        # Of its own: where a reorg freed a nonce, the next story would else make the same transfer again.
        self._recipient = f"0x{0xF000 + len(RAN):040x}"

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
            for place, fault in episode.faults:
                await self._proxies[place].apply(fault)
            for happening in episode.happenings:
                await self._happen(happening)
            await asyncio.sleep(episode.seconds)
            for proxy in self._proxies:
                await proxy.lift()

    async def settle(self) -> None:
        """Make all that happened final, and wait until that has been read."""
        heads = {chain.name: await chain.head() for chain in self._bridge.chains}
        for chain in self._bridge.chains:
            await chain.mine(self._setup.finality + 1)

        async def settled() -> bool:
            for chain in self._bridge.chains:
                await chain.mine()
            await asyncio.sleep(0.2)
            return all(self._checkpoint(chain) >= heads[chain.name] for chain in self._bridge.chains)

        await until(settled, 45, lambda: [self.watch.observers[name].state.sight() for name in heads])

    def _checkpoint(self, chain: Chain) -> int:
        coverage = self.watch.observers[chain.name].state.coverage
        return coverage.checkpoint if coverage else -1

    async def stop(self) -> None:
        """Stop the monitor."""
        await self._running.aclose()

    async def _restart(self) -> None:
        await self.stop()
        self._watch = await self._running.enter_async_context(watching(self._setup, self._folder, limits=LIMITS))

    async def _happen(self, happening: Happening) -> None:
        chains = self._bridge.chains
        try:
            match happening:
                case Xcall(place):
                    sent = await self._bridge.xcall(chains[place], chains[1 - place], to=self._recipient)
                    self._transfers.append(sent)
                case Execute(which) if self._transfers:
                    await self._bridge.execute_fast(self._transfers[-1 - which % len(self._transfers)])
                case Reconcile(which) if self._transfers:
                    await self._bridge.reconcile(self._transfers[-1 - which % len(self._transfers)])
                case Mine(place, blocks):
                    await chains[place].mine(blocks)
                case Reorg(place, depth):
                    await chains[place].reorg(depth)
                case Restart():
                    await self._restart()
        except DevnetError:
            event("a leg that could not be: it stood already")


async def compare(story: Story, bridge: Devnet, firsts: list[int], database: Path) -> None:
    """Hold the database against the chains."""
    events: set[truth.Event] = set()
    for chain, first in zip(bridge.chains, firsts, strict=True):
        events |= await truth.standing(chain, first)
    kept = truth.stored(database)
    assert sorted(events - kept) == [], "lost"
    assert sorted(kept - events) == [], "invented"
    assert truth.stored_times(database) == truth.times(events)
    for chain in bridge.chains:
        nonces = await story.watch.store.nonces(DomainId(chain.domain_id))
        assert nonces is not None
        assert (nonces.complete, nonces.next) == (True, await chain.nonce())
    times, alerted = truth.times(events), truth.accused(database)
    in_time = {
        transfer_id
        for transfer_id, (called, executed, _) in times.items()
        if called is not None and executed is not None and executed - called <= EXECUTE_WITHIN
    }
    event(f"alerts: {min(len(alerted), 3)}, in time: {min(len(in_time), 3)}")
    assert alerted & in_time - story.called_twice == set(), "accused though in time"


@pytest.mark.asyncio(loop_scope="session")
@each_takes_seconds
@given(schedule=schedules())
async def test_whatever_goes_wrong_the_database_holds_the_truth_in_the_end(
    bridge: Devnet, tmp_path_factory: pytest.TempPathFactory, schedule: Schedule
) -> None:
    folder = tmp_path_factory.mktemp("any-faults")
    alpha, beta = bridge.chains
    firsts = [await chain.head() + 1 for chain in bridge.chains]
    async with Proxy(alpha.http_url) as origin, Proxy(beta.http_url) as destination:
        proxies = (origin, destination)
        for proxy, news in zip(proxies, schedule.reorgs, strict=True):
            proxy.reorgs = news
        setup = Setup(
            bridge.chains,
            {},
            endpoints={"alpha": [origin.ws_url], "beta": [destination.ws_url]},
            execute=f"PT{EXECUTE_WITHIN}S",
            unobserved_after="PT2S",
            finality=60 if any(map(lies, schedule.faults)) else 5,
        )
        story = Story(bridge, proxies, setup, folder)
        try:
            await story.begin()
            await story.play(schedule)
            await story.settle()
            await compare(story, bridge, firsts, folder / "connext-monitor.db")
        finally:
            await story.stop()
            bites = origin.bites + destination.bites
            RAN.append((schedule, bites))
            for name in bites:
                event(f"bit: {name}")
