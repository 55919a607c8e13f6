"""Asks destinations which legs of old transfers are late now: a leg that history lacks may just not have been read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connext_monitor.core.calls import MalformedAnswer, TransferStatus, read_transfer_status, transfer_status_call
from connext_monitor.core.deadline import PathwayDurations, done
from connext_monitor.core.events import BlockNumber, DomainId, Timestamp
from connext_monitor.core.history import LateLeg, past_due
from connext_monitor.core.transfer import Transfer
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.json_rpc import RpcError

MOST = 2_000
"""Transfers asked about on each destination; each is a request."""
_AT_ONCE = 16


@dataclass(slots=True)
class LateLegReport:
    """What the destinations said.

    ``late`` legs, the oldest first; ``settled`` counts those that are done but not recorded here, ``unasked`` those
    that no endpoint could be asked about.
    """

    late: list[LateLeg] = field(default_factory=list)
    settled: int = 0
    unasked: int = 0


class LateLegFinder:
    """Finds which legs of transfers are late; ``pools`` are the endpoints of the configured chains."""

    def __init__(self, pools: Mapping[DomainId, EndpointPool], durations: PathwayDurations) -> None:
        self._pools = pools
        self._durations = durations
        self._report = LateLegReport()

    async def among(self, transfers: Sequence[Transfer], now: float) -> LateLegReport:
        """Ask about the legs that are past due at ``now`` (Unix seconds)."""
        by_destination: dict[DomainId, list[Transfer]] = {}
        for transfer in transfers:
            if self._past_due(transfer, Timestamp(int(now))):
                by_destination.setdefault(transfer.destination, []).append(transfer)
        for destination, theirs in by_destination.items():
            asked_about, rest = theirs[:MOST], theirs[MOST:]
            self._leave(rest, now)
            await self._ask(self._pools[destination], asked_about, now)
        self._report.late.sort(key=lambda late: late.due_at)
        return self._report

    async def _ask(self, pool: EndpointPool, transfers: Sequence[Transfer], now: float) -> None:
        """Ask the chain's endpoints one after the other until each transfer has been answered for."""
        remaining = list(transfers)
        for pooled in pool.endpoints:
            if not remaining:
                return
            try:
                async with pooled.open() as endpoint:
                    head = await endpoint.head()
                    while part := remaining[:_AT_ONCE]:
                        answers = await asyncio.gather(
                            *(_status(endpoint, pool, transfer, head.number) for transfer in part)
                        )
                        for transfer, answer in zip(part, answers, strict=True):
                            self._judge(transfer, answer, head.timestamp)
                        del remaining[:_AT_ONCE]
            except (RpcError, MalformedAnswer):
                continue
        self._leave(remaining, now)

    def _judge(self, transfer: Transfer, answer: TransferStatus, head_at: Timestamp) -> None:
        # What is past due by our clock alone is not late: the chain must have come so far.
        for late in self._past_due(transfer, head_at):
            if done(late.leg, answer):
                self._report.settled += 1
            else:
                self._report.late.append(late)

    def _past_due(self, transfer: Transfer, at: Timestamp) -> list[LateLeg]:
        return past_due(transfer, self._durations(transfer.origin, transfer.destination), at)

    def _leave(self, transfers: Sequence[Transfer], now: float) -> None:
        self._report.unasked += sum(len(self._past_due(transfer, Timestamp(int(now)))) for transfer in transfers)


async def _status(endpoint: Endpoint, pool: EndpointPool, transfer: Transfer, head: BlockNumber) -> TransferStatus:
    # By number, so that an endpoint that is behind its own head refuses instead of answering from an older state.
    call = transfer_status_call(transfer.transfer_id)
    return read_transfer_status(await endpoint.call(pool.config.contract, call, head))
