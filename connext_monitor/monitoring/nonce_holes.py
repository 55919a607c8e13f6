"""Closes holes in an origin's nonces: a hole that a second look confirms is fetched by range, from whoever has it."""

from typing import Protocol

import structlog

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import NonceHole, left_out
from connext_monitor.core.events import DomainId, SeenLog
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import PooledEndpoint
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, RpcRefused
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.observation import Observation, ObservationSink, record
from connext_monitor.monitoring.range_reader import RangeReader
from connext_monitor.monitoring.witness import Witness

_MOST_OPEN = 16
"""Holes that may stay open after an attempt to close them, before the rest waits: each costs requests at every look."""

log = structlog.get_logger()


class HoleStore(Protocol):
    """What knows of holes."""

    async def nonce_hole(self, domain: DomainId, above: int = 0) -> NonceHole | None:
        """The first nonces of an origin from ``above`` on that are missing, if any are."""
        ...


class NonceHoles:
    """The holes in one origin's nonces, seen from one endpoint with the others as witnesses."""

    def __init__(
        self,
        state: ChainState,
        endpoint: Endpoint,
        pooled: PooledEndpoint,
        reader: RangeReader,
        lineage: Lineage,
        witness: Witness,
        store: HoleStore,
        observations: ObservationSink,
    ) -> None:
        self._state = state
        self._config = state.config
        self._endpoint = endpoint
        self._pooled = pooled
        self._reader = reader
        self._lineage = lineage
        self._witness = witness
        self._store = store
        self._observations = observations

    async def close(self, upcoming: int) -> None:
        """Fetch what is missing below the nonce ``upcoming``, which the chain has just said it would give next.

        A hole that nobody can close keeps none above it from being fetched. Raises EndpointNotBelieved if only
        another endpoint had what was missing, once it is committed.
        """
        above, still_open = 0, 0
        while (
            still_open < _MOST_OPEN
            and (hole := await self._store.nonce_hole(self._config.domain_id, above)) is not None
        ):
            self._note_hole(hole)
            if await self._try_to_close(hole, upcoming):
                self._note_closed(hole)
            else:
                above, still_open = hole.until, still_open + 1

    async def _try_to_close(self, hole: NonceHole, upcoming: int) -> bool:
        own = await self._own_logs(hole)
        await self._record(own, upcoming)
        if not await self._is_open(hole):
            return True
        end = await self._reader.header_at(hole.blocks.last)
        testimony = await self._witness.testify(hole.blocks, end.hash)
        if testimony is not None and testimony.logs is not None:
            missing = await self._reader.of_standing_blocks(left_out(own, testimony.logs), end.hash)
            await self._record(missing, upcoming)
        if testimony is None or await self._is_open(hole):
            witness = "nobody else" if testimony is None else testimony.host
            log.error("nonces.hole_not_closed", witness=witness, **self._about(hole))
            return False
        self._note_closed(hole)
        raise EndpointNotBelieved(self._endpoint.host, f"left out logs that {testimony.host} has")

    async def _own_logs(self, hole: NonceHole) -> list[SeenLog]:
        try:
            return await self._pooled.logs(self._endpoint, hole.blocks)
        except RpcRefused as error:
            if error.refusal.reaction is not Reaction.PRUNED:
                raise
            # It cannot be closed here, and covering goes on.
            return []

    def _note_hole(self, hole: NonceHole) -> None:
        if hole.first not in self._state.holes:
            self._state.holes.add(hole.first)
            self._state.holes_found += 1
            log.warning("nonces.hole", blocks=f"{hole.blocks.first}-{hole.blocks.last}", **self._about(hole))

    def _note_closed(self, hole: NonceHole) -> None:
        self._state.holes.discard(hole.first)
        self._state.holes_closed += 1
        log.info("nonces.hole_closed", **self._about(hole))

    def _about(self, hole: NonceHole) -> dict[str, str]:
        nonces = f"{hole.first}-{hole.until - 1}" if hole.until - hole.first > 1 else f"{hole.first}"
        return {"chain": self._config.name, "endpoint": self._endpoint.host, "nonces": nonces}

    async def _is_open(self, hole: NonceHole) -> bool:
        now = await self._store.nonce_hole(self._config.domain_id, hole.first)
        return now is not None and now.first == hole.first

    async def _record(self, logs: list[SeenLog], upcoming: int) -> None:
        stands = self._state.begun
        progress = ChainProgress(self._config.domain_id, stands, next_nonce=upcoming, since=stands)
        decoded = await self._reader.decode_logs(logs)
        await self._lineage.verify_all(each.block.hash for each in decoded)
        await record(self._observations, Observation(self._config.domain_id, logs=decoded, progress=progress))
