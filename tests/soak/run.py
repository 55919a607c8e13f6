"""A soak: real chains, the real process, traffic, and what goes wrong by a plan; watched, and judged in the end."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

import aiohttp

from scripts.devnet import Devnet
from scripts.devnet.traffic import Fate, Pace, traffic
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.faults import truth
from tests.faults.proxy import Proxy
from tests.soak.channel import Channel
from tests.soak.disturbances import BOUND, PROCESS, RESTART_TAKES, Disturbance, Span
from tests.soak.evidence import EXECUTE, RECONCILE, Evidence, differences, legs_of, stored_alerts
from tests.soak.judging import SoakVerdict, judge
from tests.soak.lives import COLD, STOPS_WITHIN, Life, Lives
from tests.soak.plan import ChannelTrouble, EndpointTrouble, Incident, ProcessTrouble, words
from tests.soak.reorgs import Reorg, replace_blocks
from tests.soak.samples import Sample, append_to, descriptors_of, lag_in, memory_of, stored_in, waited_by, wal_of
from tests.world.ports import free_port

CHAINS: Final = ("alpha", "beta")
BLOCK_TIME: Final = 2
UNOBSERVED_AFTER: Final = 45
TROUBLED, CALM = "troubled", "calm"
"""The two channels: one that suffers, one that always works."""
_SAMPLES_EVERY: Final = 5.0
_LAG_KEPT: Final = 65.0
"""Seconds for which the longest delay of the loop is told, with some to spare."""
_REST_WITHIN: Final = 180.0
"""Seconds after the last deadline within which everything must be at rest."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is to happen: what goes wrong, what becomes of the transfers, their pace, reorgs, and what else is drawn.

    ``durations`` are the deadlines by the kind of alert, in seconds.
    """

    incidents: Sequence[Incident]
    fates: Sequence[Fate]
    pace: Pace
    chance: Random
    durations: Mapping[str, int]
    reorgs: Sequence[Reorg] = ()


@dataclass(frozen=True, slots=True)
class Soaked:
    """How it ended."""

    verdict: SoakVerdict
    evidence: Evidence
    samples: Sequence[Sample]
    lives: Sequence[Life]
    mishaps: Sequence[str]
    bites: Mapping[str, int]


class Soak:
    """One run in ``folder``, which keeps the database, the logs and the samples."""

    def __init__(
        self,
        course: Course,
        folder: Path,
        say: Callable[[str], None],
        stops_within: float = STOPS_WITHIN + 1,
        make: Callable[[Path], Monitor] = COLD,
    ) -> None:
        self._course = course
        self._folder = folder
        self._say = say
        self._stops_within = stops_within
        self._make = make
        self._samples: list[Sample] = []
        self._disturbances: list[Disturbance] = []
        self._reorgs: list[Reorg] = []

    @property
    def database(self) -> Path:
        """The monitor's."""
        return self._folder / "connext-monitor.db"

    async def run(self) -> Soaked:
        """From the start of the chains to the verdict."""
        async with AsyncExitStack() as stack:
            self._bridge = await stack.enter_async_context(Devnet.start(CHAINS, block_time=BLOCK_TIME))
            self._firsts = [await chain.head() + 1 for chain in self._bridge.chains]
            self._proxies = {
                chain.name: [await stack.enter_async_context(Proxy(chain.http_url)) for _ in range(2)]
                for chain in self._bridge.chains
            }
            self._channels = {name: await stack.enter_async_context(Channel()) for name in (TROUBLED, CALM)}
            self._lives = Lives(await self._config(), self._folder, self._say, self._make, self._stops_within)
            await stack.enter_async_context(self._watched())
            await self._traffic_and_trouble()
            await self._rest()
            return await self._judged()

    async def _config(self) -> Path:
        self._port = free_port()
        setup = Setup(
            self._bridge.chains,
            self._channels,
            execute=f"PT{self._course.durations[EXECUTE]}S",
            reconcile=f"PT{self._course.durations[RECONCILE]}S",
            unobserved_after=f"PT{UNOBSERVED_AFTER}S",
            # One is subscribed to, the other polled.
            endpoints={name: [first.ws_url, second.http_url] for name, (first, second) in self._proxies.items()},
            block_time=f"PT{BLOCK_TIME}S",
            listen=f"127.0.0.1:{self._port}",
            log_level="info",
        )
        return await write_config(setup, self._folder)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """The process runs, and is sampled and started again where it ends by itself."""
        await self._lives.start()
        tasks = [asyncio.create_task(self._lives.watch()), asyncio.create_task(self._sample())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._lives.kill()

    # What happens

    async def _traffic_and_trouble(self) -> None:
        self._began = time.time()
        course = self._course
        making = traffic(
            self._bridge,
            rng=course.chance,
            pace=course.pace,
            stuck=course.fates,
            count=len(course.fates),
            say=self._note,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(making)
            for incident in course.incidents:
                tasks.create_task(self._play(incident))
            for reorg in course.reorgs:
                tasks.create_task(self._replace(reorg))

    async def _play(self, incident: Incident) -> None:
        await asyncio.sleep(max(0.0, self._began + incident.at - time.time()))
        self._say(str(incident))
        begin = time.time()
        await self._suffer(incident.trouble)
        await asyncio.sleep(max(0.0, begin + incident.lasts - time.time()))
        await self._recover(incident.trouble)
        self._disturbances.append(_disturbance(incident.trouble, Span(begin, time.time())))

    async def _replace(self, reorg: Reorg) -> None:
        await asyncio.sleep(max(0.0, self._began + reorg.at - time.time()))
        self._note(str(reorg))
        await replace_blocks(self._bridge.chain(reorg.chain), reorg.depth)
        self._reorgs.append(replace(reorg, at=time.time()))

    async def _suffer(self, trouble: EndpointTrouble | ChannelTrouble | ProcessTrouble) -> None:
        match trouble:
            case EndpointTrouble(chain, endpoints, fault):
                for index in endpoints:
                    await self._proxies[chain][index].apply(fault)
            case ChannelTrouble():
                await self._channels[TROUBLED].suffer(trouble)
            case ProcessTrouble():
                await self._lives.suffer(trouble)

    async def _recover(self, trouble: EndpointTrouble | ChannelTrouble | ProcessTrouble) -> None:
        match trouble:
            case EndpointTrouble(chain, endpoints):
                for index in endpoints:
                    await self._proxies[chain][index].lift()
            case ChannelTrouble():
                await self._channels[TROUBLED].recover()
            case ProcessTrouble():
                await self._lives.recover(trouble)

    def _note(self, line: str) -> None:
        with (self._folder / "traffic.log").open("a", encoding="utf-8") as file:
            file.write(f"{time.time():.1f} {line}\n")

    # Samples

    async def _sample(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while True:
                # The process may end, or be starting, at any moment of this.
                with suppress(OSError, sqlite3.Error):
                    await self._look(session)
                await asyncio.sleep(_SAMPLES_EVERY)

    async def _look(self, session: aiohttp.ClientSession) -> None:
        life, pid = self._lives.current, self._lives.pid
        if life is None or pid is None or self._lives.suspended:
            return
        lag = await self._lag(session)
        now = time.time()
        database, stored = stored_in(self.database)
        sample = Sample(
            at=now,
            life=life.number,
            age=now - life.started,
            memory=memory_of(pid),
            descriptors=descriptors_of(pid),
            wal=wal_of(self.database),
            database=database,
            stored=stored,
            # A loop that was suspended was held up by us.
            lag=lag if now - self._lives.resumed > _LAG_KEPT else None,
            waited=waited_by(pid),
        )
        self._samples.append(sample)
        append_to(self._folder / "samples.csv", sample)

    async def _lag(self, session: aiohttp.ClientSession) -> float | None:
        try:
            async with session.get(f"http://127.0.0.1:{self._port}/metrics") as response:
                return lag_in(await response.text())
        except (aiohttp.ClientError, TimeoutError):
            return None

    # The end

    async def _rest(self) -> None:
        """Wait until the last deadline is past and told, and all is as the chains say; in vain at most for a while."""
        self._say("nothing goes wrong any more; waiting until all is at rest")
        events, _ = await truth.standing_on(self._bridge.chains, self._firsts)
        last = max((event.timestamp for event in events), default=int(time.time()))
        quiet_until = last + max(self._course.durations.values()) + 2 * BOUND
        while time.time() < quiet_until + _REST_WITHIN:
            await asyncio.sleep(2)
            if time.time() >= quiet_until and not await self._differences():
                return

    async def _differences(self) -> list[str]:
        events, chains = await truth.standing_on(self._bridge.chains, self._firsts)
        try:
            return differences(self.database, events, chains, self._course.durations)
        except sqlite3.Error as error:
            return [f"the database cannot be read: {error}"]

    async def _judged(self) -> Soaked:
        end = time.time()
        await self._lives.stop()
        events, _ = await truth.standing_on(self._bridge.chains, self._firsts)
        evidence = Evidence(
            legs=legs_of(events, {each.domain_id: each.name for each in self._bridge.chains}, self._course.durations),
            alerts=stored_alerts(self.database),
            taken={name: channel.taken for name, channel in self._channels.items()},
            disturbances=self._disturbances,
            reorgs=self._reorgs,
            unobserved_after=UNOBSERVED_AFTER,
            end=end,
        )
        verdict = judge(evidence)
        verdict.differ.extend(await self._differences())
        return Soaked(verdict, evidence, self._samples, self._lives.all, self._lives.mishaps, self._bites())

    def _bites(self) -> Counter[str]:
        """How often what went wrong changed anything."""
        bites: Counter[str] = Counter()
        for proxies in self._proxies.values():
            for proxy in proxies:
                bites.update(proxy.bites)
        bites.update({f"channel {what}": count for what, count in self._channels[TROUBLED].bites.items()})
        bites.update(f"reorg of {reorg.depth}" for reorg in self._reorgs)
        bites.update(disturbance.what for disturbance in self._disturbances if disturbance.whom == PROCESS)
        return bites


def _disturbance(trouble: EndpointTrouble | ChannelTrouble | ProcessTrouble, span: Span) -> Disturbance:
    match trouble:
        case EndpointTrouble(chain, endpoints):
            return Disturbance(span, chain, words(trouble), blinds=len(endpoints) > 1)
        case ChannelTrouble():
            return Disturbance(span, TROUBLED, words(trouble))
        case ProcessTrouble():
            forgets = trouble is not ProcessTrouble.STOPPED
            return Disturbance(span, PROCESS, words(trouble), forgets=forgets, aftermath=RESTART_TAKES)
