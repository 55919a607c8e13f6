"""Alerts when nothing is executed on a pathway while transfers wait there, and when something is again.

The store says what waits. Only where that would be a stall is the destination covered past the instant, and asked.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.chains import JudgedChain
from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.alerts.kinds.pathway_stalled import PATHWAY_STALLED, StalledDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Leg, TransferWithDeadlines, done
from connext_monitor.core.events import BlockRef, DomainId, Pathway, TransferId
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.stalls import PathwayWaits, StallEvidence, StallRule, StallRules, StallRuling, rule_on_stall

_LOOK_EVERY = 5.0
_READ_AGAIN_WITHIN = 1.0
"""Seconds to the next look at a pathway whose chains are being read again."""

log = structlog.get_logger()


class StalledChain(JudgedChain, Protocol):
    """A chain that can be asked about single transfers, and of which it is known whether it is in sight."""

    @property
    def observed(self) -> bool:
        """Whether its covered head has risen lately, since this program started."""
        ...


class StallStore(Protocol):
    """What is stored of transfers that wait. Each method is one transaction, or one consistent read."""

    async def waiting_somewhere(self) -> dict[Pathway, int]:
        """How many transfers have not been executed on each pathway that has any."""
        ...

    async def waits(self, pathways: Collection[Pathway]) -> list[PathwayWaits]:
        """What waits on each of these."""
        ...

    async def transfers_by_id(self, ids: Collection[TransferId]) -> dict[TransferId, TransferWithDeadlines]:
        """Those of these transfers that are known."""
        ...

    async def open_decided(
        self, pathway: Pathway, decide: Callable[[PathwayWaits], Alert | None], route: Route
    ) -> Alert | None:
        """Open what ``decide`` makes of what waits within the transaction; None where that is nothing new."""
        ...


class StallWatch:
    """Opens `pathway_stalled` by ``rules``; ``latest`` is the time on a destination (Unix seconds)."""

    def __init__(
        self,
        desk: AlertDesk,
        chains: Mapping[DomainId, StalledChain],
        names: ChainNames,
        store: StallStore,
        rules: StallRules,
        clock: Clock,
        latest: Callable[[DomainId], float],
        every: float = _LOOK_EVERY,
    ) -> None:
        self._desk = desk
        self._chains = chains
        self._names = names
        self._store = store
        self._rules = rules
        self._clock = clock
        self._latest = latest
        self._every = every
        self._alerts = StandingAlerts(desk, PATHWAY_STALLED)
        self._failures = StepFailures("stall_watch.failed")
        self._covered: dict[DomainId, BlockRef] = {}
        self._expected: set[DomainId] = set()
        """The destinations that are to be covered further before something can be said."""
        self._suspected: dict[str, float] = {}
        self._suspected_before: dict[str, float] = {}
        """The pathways that seem stalled by what is stored, in this look and in the last one, and since when."""
        self._wake = asyncio.Event()

    def committed(self, executed: bool, progress: Iterable[ChainProgress]) -> None:
        """Something was ``executed``, or chains have been read further."""
        for chain in progress:
            if chain.coverage.covered is not None:
                self._covered[chain.domain] = chain.coverage.covered
                if chain.domain in self._expected:
                    self._wake.set()
        if executed and self._alerts:
            self._wake.set()

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(self._every, self._look, failed="stall_watch.failed", woken=self._wake)

    async def _look(self) -> float:
        """Seconds to the next look."""
        names = self._names.values()
        await self._alerts.recall({_subject(origin, destination) for origin in names for destination in names})
        self._expected.clear()
        self._suspected_before, self._suspected = self._suspected, {}
        waiting = await self._store.waiting_somewhere()
        # Fewer than make a stall, whenever they were sent: there is nothing to look into.
        many = {pathway for pathway, count in waiting.items() if self._are_enough(pathway, count)}
        pathways = many.union(self._standing())
        soonest = self._every
        for waits in await self._store.waits(sorted(pathways)) if pathways else ():
            # What fails for one pathway keeps no other from being alerted about.
            with self._failures.survive(waits.pathway):
                soonest = min(soonest, await self._look_at(waits))
        return soonest

    def _are_enough(self, pathway: Pathway, count: int) -> bool:
        rule = self._rules(*pathway)
        return rule is not None and count >= rule.transfers

    def _standing(self) -> list[Pathway]:
        details = [PATHWAY_STALLED.details_of(self._alerts[subject]) for subject in self._alerts]
        return [(its.origin, its.destination) for its in details]

    async def _look_at(self, waits: PathwayWaits) -> float:
        """Seconds after which it is to be looked at again."""
        rule = self._rules(*waits.pathway)
        if rule is None:
            return self._every
        subject = _subject(*(self._names[domain] for domain in waits.pathway))
        if subject in self._alerts:
            await self._keep_up(subject, waits)
            return self._every
        evidence = self._evidence(waits, rule)
        return await self._establish(subject, evidence)

    def _evidence(self, waits: PathwayWaits, rule: StallRule) -> StallEvidence:
        """What is known without asking anybody."""
        _, destination = waits.pathway
        chain, covered = self._chains[destination], self._covered.get(destination)
        return StallEvidence(
            waits,
            rule,
            self._latest(destination),
            covered.timestamp if covered else None,
            in_sight=chain.observed,
            reads_history=covered is not None and chain.reads_history(covered.timestamp),
        )

    async def _establish(self, subject: str, evidence: StallEvidence) -> float:
        """Seconds after which it is to be looked at again."""
        _, destination = evidence.waits.pathway
        ruling = rule_on_stall(evidence)
        match ruling:
            case StallRuling.EARLY if evidence.stalled_at is not None:
                return max(0.1, evidence.stalled_at - evidence.time + 0.1)
            case StallRuling.OUT_OF_SIGHT if evidence.stalled_at is not None:
                self._expected.add(destination)
                self._chains[destination].cover_past(evidence.stalled_at)
            case StallRuling.NOT_ANSWERED:
                return await self._judge(subject, evidence)
            case _:
                pass
        return self._every

    async def _judge(self, subject: str, evidence: StallEvidence) -> float:
        """By what is stored it is stalled: look whether that is still so, and ask the destination."""
        since = self._suspected[subject] = self._suspected_before.get(subject, self._clock.monotonic())
        evidence = replace(evidence, reread=await self._have_reread(evidence.waits, since))
        if rule_on_stall(evidence) is StallRuling.NOT_ANSWERED:
            evidence = replace(evidence, answers=await self._ask(evidence.waits))
        match ruling := rule_on_stall(evidence):
            case StallRuling.STALLED:
                await self._open(subject, evidence)
            case StallRuling.EVENT_MISSING:
                await self._fetch(evidence)
            case _:
                log.debug("pathway.not_judged", pathway=subject, reason=ruling.value)
        return min(_READ_AGAIN_WITHIN, self._every) if ruling is StallRuling.NOT_READ_AGAIN else self._every

    async def _have_reread(self, waits: PathwayWaits, since: float) -> bool:
        """Whether a reorg that took a call back, or brought an execution, before then would be known."""
        origin, destination = (self._chains[domain] for domain in waits.pathway)
        known = await self._store.transfers_by_id([transfer_id for transfer_id, _ in waits.oldest])
        calls = [stored.transfer.xcalled for stored in known.values()]
        # Each is asked, so that all that is to be read again is so at the same time.
        read = [call is not None and origin.has_reread(call.block.number, since) for call in calls]
        read.append(destination.has_reread(self._covered[waits.pathway[1]].number, since))
        return all(read)

    async def _ask(self, waits: PathwayWaits) -> dict[TransferId, TransferStatus] | None:
        ids = [transfer_id for transfer_id, _ in waits.oldest]
        answers = await self._chains[waits.pathway[1]].transfer_statuses(ids)
        return None if answers is None else dict(zip(ids, answers, strict=True))

    async def _fetch(self, evidence: StallEvidence) -> None:
        """The destination has executed a transfer whose event is missing here: fetch it, one per look."""
        answers, chain = evidence.answers or {}, self._chains[evidence.waits.pathway[1]]
        for transfer_id, sent_at in evidence.waits.oldest:
            if done(Leg.EXECUTE, answers[transfer_id]):
                await chain.fetch_events(transfer_id, sent_at)
                return

    async def _open(self, subject: str, evidence: StallEvidence) -> None:
        decide = partial(_accusation, subject, evidence, self._clock.now())
        alert = await self._alerts.open_by(partial(self._store.open_decided, evidence.waits.pathway, decide))
        if alert is not None:
            log.warning("pathway.stalled", pathway=subject, transfers=evidence.waits.count)

    async def _keep_up(self, subject: str, waits: PathwayWaits) -> None:
        """End the pathway's alert, or keep with it what waits now."""
        details = PATHWAY_STALLED.details_of(self._alerts[subject])
        if waits.last is not None and waits.last >= details.since:
            await self._alerts.resolve(subject, Resolution.EXECUTING)
            log.info("pathway.executing", pathway=subject)
        elif waits.count < details.least:
            await self._alerts.resolve(subject, Resolution.REORGED)
            log.info("pathway.not_stalled", pathway=subject)
        elif (now := StalledDetails.of(waits, details.least)) != details:
            await self._alerts.change_details(subject, now)


def _subject(origin: str, destination: str) -> str:
    return f"{origin}/{destination}"


def _accusation(subject: str, evidence: StallEvidence, at: datetime, waits: PathwayWaits) -> Alert | None:
    """On what waits within the transaction: something may have been executed meanwhile, or be gone."""
    # What was sent since the question does not make it another one; what was sent earlier and is new here does.
    asked = [waiting for waiting in waits.oldest if waiting[0] in (evidence.answers or {})]
    if asked[:1] != list(waits.oldest[:1]):
        return None
    if rule_on_stall(replace(evidence, waits=replace(waits, oldest=asked))) is not StallRuling.STALLED:
        return None
    return PATHWAY_STALLED.open(subject, at, StalledDetails.of(waits, evidence.rule.transfers))
