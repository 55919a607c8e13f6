"""Asks a chain's contract about its nonces while the chain is covered: where they begin, and which one is next."""

from connext_monitor.core.events import BlockNumber
from connext_monitor.monitoring.any_endpoint import AnyEndpoint, Unanswered, prove
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.json_rpc import RpcRefused
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.nonce_call import ask_nonce, nonce_after

_TRIES = 6
"""How often the nonce before the watch is asked for while the endpoint is too busy to say it."""


class OriginNonces:
    """The nonces of one origin, asked for through one endpoint.

    ``first`` is the nonce before the first watched block, from when it is known until it is stored.
    """

    def __init__(
        self, state: ChainState, endpoint: Endpoint, lineage: Lineage, any_endpoint: AnyEndpoint, interval: float
    ) -> None:
        """``interval``: seconds between two questions for the nonce before the watch."""
        self.first: int | None = None
        self._state = state
        self._config = state.config
        self._endpoint = endpoint
        self._lineage = lineage
        self._any_endpoint = any_endpoint
        self._interval = interval
        self._tries = _TRIES
        self._again_at = 0.0
        self._last: int | None = None

    async def begin(self, start: BlockNumber) -> None:
        """The watch begins with this block."""
        if start == 0:
            self.first = 0
            return
        self._state.first_nonce_after = BlockNumber(start - 1)
        await self.ask_first()

    async def ask_first(self) -> None:
        """Ask for the nonce before the first watched block, and again at later covers if the endpoint was too busy."""
        block, now = self._state.first_nonce_after, self._state.clock.monotonic()
        if block is None or now < self._again_at or self._tries == 0:
            return
        self._tries -= 1
        self._again_at = now + self._interval
        try:
            first = await nonce_after(self._endpoint, self._config, block, none_yet=0)
            again = await nonce_after(self._endpoint, self._config, block, none_yet=0)
            await self._lineage.confirm()
        except RpcRefused:
            if self._tries:
                return
        else:
            if first != again:
                # It contradicts itself: where only some requests are answered by another chain, one of two in a row is.
                return
            self.first = first
        self._state.first_nonce_after = None

    async def upcoming_after(self, block: BlockNumber) -> int | None:
        """The nonce that the chain would give next after a block; None if no endpoint says it, which is to be shown."""
        # What comes next proves nothing before it is known, or known to be unknowable, where the watch begins.
        if self._state.first_nonce_after is not None:
            return None
        nonce = await self._ask_anyone(block)
        if nonce is not None and nonce != self._last:
            # One that is new must be our chain's: a larger one would be waited for in vain, for ever.
            if await self._ask_anyone(block) != nonce:
                return None
            await self._lineage.confirm()
            self._last = nonce
        return nonce

    async def _ask_anyone(self, block: BlockNumber) -> int | None:
        covered = self._state.covered

        async def ask(endpoint: Endpoint) -> int | None:
            if endpoint is not self._state.endpoint and covered is not None:
                await prove(endpoint, covered)
            return await ask_nonce(endpoint, self._config, block)

        try:
            nonce = await self._any_endpoint.ask(ask)
        except Unanswered as error:
            self._state.nonce_not_said(str(error))
            return None
        self._state.nonce_not_said(None)
        return nonce
