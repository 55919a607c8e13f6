"""Asks the chains on which tokens live for their symbols and decimals."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.labels import KnownTokens, TokenId
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import Transfer
from connext_monitor.monitoring.chain_queries import Unanswered

_PATIENCE = 1.0
"""Seconds that an alert may wait for a token's symbol."""
_UNHURRIED = 30.0
"""The same for whoever cannot decide anything without it: three answers, one after the other, by a slow endpoint."""
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0
"""Seconds for which a token that gives no symbol is not asked again."""

log = structlog.get_logger()


class TokenQueries(Protocol):
    """A chain that can be asked about its tokens."""

    async def token(self, asset: Address) -> Token | None:
        """A token's symbol and decimals; None if it gives none that could be shown. Raises Unanswered."""
        ...


class TokenStore(Protocol):
    """Where tokens are kept."""

    async def every(self) -> dict[tuple[DomainId, Address], Token]:
        """All that are known."""
        ...

    async def keep(self, domain: DomainId, asset: Address, token: Token) -> None:
        """Keep one."""
        ...


@dataclass(frozen=True, slots=True)
class _Nameless:
    """A token that gave no symbol: asked again at ``until`` (the loop's time), and then after ``pause`` seconds."""

    until: float
    pause: float


class TokenReader:
    """Has ``tokens`` learn those that are stored, and others when they are needed."""

    def __init__(
        self,
        store: TokenStore,
        queries: Mapping[DomainId, TokenQueries],
        tokens: KnownTokens,
        first_pause: float = _FIRST_PAUSE,
    ) -> None:
        """``first_pause``: seconds until a token that gave no symbol is asked again, four times as many each time."""
        self._store = store
        self._queries = queries
        self._tokens = tokens
        self._first_pause = first_pause
        self._confirmed: set[TokenId] = set()
        self._nameless: dict[TokenId, _Nameless] = {}

    async def load(self) -> None:
        """Take over those that are stored."""
        self._tokens.add(await self._store.every())

    async def enrich(self, transfer: Transfer) -> None:
        """Ask for the token that the user gave, unless it is known. Takes a second at most, and never fails.

        What an earlier run stored is shown meanwhile, and asked for once more: the endpoint may have been wrong.
        """
        if transfer.asset is not None and any(transfer.asset):
            await self._ask(transfer.origin, transfer.asset, _PATIENCE)

    async def token(self, domain: DomainId, asset: Address) -> Token | None:
        """What a token calls itself, asked for as above, but waited for as long as an endpoint takes.

        None where that is not known.
        """
        await self._ask(domain, asset, _UNHURRIED)
        return self._tokens.of(domain, asset)

    async def _ask(self, domain: DomainId, asset: Address, patience: float) -> None:
        queries, token_id = self._queries.get(domain), (domain, asset)
        if queries is None:
            return
        if token_id in self._confirmed or self._is_nameless(token_id):
            return
        try:
            async with asyncio.timeout(patience):
                token = await queries.token(asset)
                if token is None:
                    self._note_nameless(token_id)
                    return
                self._tokens.add({token_id: token})
                self._confirmed.add(token_id)
                await self._store.keep(*token_id, token)
        except (Unanswered, TimeoutError) as error:
            log.debug("token.not_asked", reason=type(error).__name__)
        except Exception:
            log.exception("token.not_read")

    def _is_nameless(self, token_id: TokenId) -> bool:
        nameless = self._nameless.get(token_id)
        return nameless is not None and asyncio.get_running_loop().time() < nameless.until

    def _note_nameless(self, token_id: TokenId) -> None:
        """Believed for a while only: an endpoint without the contract's state says so of every token."""
        before = self._nameless.get(token_id)
        pause = self._first_pause if before is None else min(_LONGEST_PAUSE, 4 * before.pause)
        self._nameless[token_id] = _Nameless(asyncio.get_running_loop().time() + pause, pause)
