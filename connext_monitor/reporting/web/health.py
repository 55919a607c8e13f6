"""``/healthz``: whether the process works. ``/readyz``: whether the monitor can be relied on."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from aiohttp import web

from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.documents.answers import HealthDocument, ReadinessDocument
from connext_monitor.core.unjudged import why_degraded
from connext_monitor.core.words import duration_words
from connext_monitor.reporting.web.answers import answer, refuse
from connext_monitor.reporting.web.read_store import ReadStore

_log = structlog.get_logger(__name__)

_STORE_TIMEOUT = 5.0
_NO_STORE = "the database does not answer"
_STOPPING = "the monitor is stopping"


StandbyReasons = Callable[[], Sequence[str]]
"""Why the work may be nobody's, in words; none while its owner shows that it is alive."""


class HealthChecks:
    """The routes for supervisors and load balancers."""

    def __init__(
        self,
        store: ReadStore,
        statuses: Callable[[], Sequence[ChainStatus]],
        standby: "StandbyReasons | None" = None,
    ) -> None:
        self._store = store
        self._statuses = statuses
        self._standby = standby
        self.stopping = False
        """Whether the process is about to end, so that nobody relies on it any longer."""

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/healthz", self.healthy), web.get("/readyz", self.ready)]

    async def healthy(self, _request: web.Request) -> web.Response:
        """200 while the event loop works, the database can be read and written, and the monitor is not stopping."""
        if self.stopping:
            return refuse(503, _STOPPING)
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                await self._store.alerts.count_open()
        except StoreUnavailable as error:
            return refuse(503, f"{_NO_STORE}: {error}")
        except Exception:  # noqa: BLE001 - whatever keeps the database from answering is what the question is about
            _log.exception("the database did not answer a health check")
            return refuse(503, _NO_STORE)
        if (trouble := self._store.trouble) is not None:
            return refuse(503, not_usable(trouble))
        return answer(HealthDocument("ok"))

    async def ready(self, _request: web.Request) -> web.Response:
        """200 when every chain is observed and caught up, its blocks become final, and its nonces have no hole.

        And when no leg that is past due waits in vain to be judged. Else 503 with the reasons. An instance that waits
        for the work is ready while the one that owns it shows that it is alive.
        """
        if self.stopping:
            return _readiness([_STOPPING])
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                seen = [(status, await self._store.chains.nonces(status.domain)) for status in self._statuses()]
        except StoreUnavailable as error:
            return _readiness([f"{_NO_STORE}: {error}"])
        except Exception:  # noqa: BLE001 - as above
            _log.exception("the database did not answer a readiness check")
            return _readiness([_NO_STORE])
        if self._standby is not None:
            return _readiness(list(self._standby()))
        trouble = self._store.trouble
        failing = [not_usable(trouble)] if trouble is not None else []
        return _readiness([*failing, *why_not_ready(seen)])


def not_usable(trouble: str) -> str:
    """The words for a database that cannot be used."""
    return f"the database cannot be used: {trouble}"


_FINAL_MAY_STAND = 10_800.0
"""Seconds. The slowest chain calls blocks final after about two hours; a tag that stands for longer has stalled."""


def why_not_ready(chains: Sequence[tuple[ChainStatus, Nonces | None]]) -> list[str]:
    """The reasons, chain by chain, in words; none where all is well."""
    if not chains:
        return ["no chain is being watched yet"]
    return [reason for status, nonces in chains for reason in _reasons(status, nonces)]


def _reasons(status: ChainStatus, nonces: Nonces | None) -> list[str]:
    reasons = []
    trouble = f" ({status.trouble})" if status.trouble else ""
    if not status.observed:
        reasons.append(f"{status.name} is not observed{trouble}")
    elif not status.caught_up:
        reasons.append(f"{status.name} is not caught up{trouble}")
    if status.observed and status.final_still_for >= _FINAL_MAY_STAND:
        why = f" ({status.final_trouble})" if status.final_trouble else ""
        reasons.append(f"{status.name} has had no new final block for {duration_words(status.final_still_for)}{why}")
    if status.unjudged is not None:
        reasons.append(why_degraded(status.name, status.unjudged))
    if status.nonce_trouble is not None:
        reasons.append(
            f"{status.name} does not report its nonce, so missing transfers would go unnoticed ({status.nonce_trouble})"
        )
    if nonces is not None and not nonces.complete:
        reasons.append(
            f"{status.name} has a hole in its nonces: {nonces.contiguous} was not seen, and the next is {nonces.next}"
        )
    return reasons


def _readiness(reasons: list[str]) -> web.Response:
    return answer(ReadinessDocument(not reasons, reasons), 503 if reasons else 200)
