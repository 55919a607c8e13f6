"""Learns how tokens call themselves, from the chains that they stand on."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import Transfer
from connext_monitor.monitoring.chain_queries import Unanswered

_PATIENCE = 1.0
"""Seconds that an alert may wait for a token's name, and no longer."""
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0
"""Seconds for which a token that says nothing of itself is not asked again."""

_Place = tuple[DomainId, Address]
"""A token by its chain and its address."""

log = structlog.get_logger()


class TokenQueries(Protocol):
    """A chain that can be asked about its tokens."""

    async def token(self, asset: Address) -> Token | None:
        """How a token calls itself; None where it says nothing that could be shown. Raises Unanswered."""
        ...


class TokenStore(Protocol):
    """Where tokens are kept."""

    async def tokens(self) -> dict[tuple[DomainId, Address], Token]:
        """All that are known."""
        ...

    async def save_token(self, domain: DomainId, asset: Address, token: Token) -> None:
        """Keep one."""
        ...


@dataclass(frozen=True, slots=True)
class _Nameless:
    """A token that said nothing of itself: asked again at ``until`` (the loop's time), ``pause`` seconds after that."""

    until: float
    pause: float


class TokenReader:
    """Puts tokens into the labels: those that are stored, and others when they are needed."""

    def __init__(self, store: TokenStore, queries: Mapping[DomainId, TokenQueries], labels: ChainLabels) -> None:
        self._store = store
        self._queries = queries
        self._labels = labels
        self._confirmed: set[_Place] = set()
        self._nameless: dict[_Place, _Nameless] = {}

    async def load(self) -> None:
        """Take over those that are stored."""
        self._labels.tokens.update(await self._store.tokens())

    async def enrich(self, transfer: Transfer) -> None:
        """Ask for the token that the user gave, unless it is known. Takes a second at most, and never fails.

        What an earlier run stored is shown meanwhile and asked for once more: it may have come from an endpoint that
        was wrong.
        """
        queries = self._queries.get(transfer.origin)
        if queries is None or transfer.asset is None or not any(transfer.asset):
            return
        place = (transfer.origin, transfer.asset)
        if place in self._confirmed or self._says_nothing(place):
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                token = await queries.token(transfer.asset)
                if token is None:
                    self._said_nothing(place)
                    return
                self._labels.tokens[place] = token
                self._confirmed.add(place)
                await self._store.save_token(*place, token)
        except (Unanswered, TimeoutError) as error:
            log.debug("token.not_asked", reason=type(error).__name__)
        except Exception:
            log.exception("token.not_learned")

    def _says_nothing(self, place: _Place) -> bool:
        nameless = self._nameless.get(place)
        return nameless is not None and asyncio.get_running_loop().time() < nameless.until

    def _said_nothing(self, place: _Place) -> None:
        """Believed for a while: an endpoint without the contract's state says so of every token."""
        before = self._nameless.get(place)
        pause = _FIRST_PAUSE if before is None else min(_LONGEST_PAUSE, 4 * before.pause)
        self._nameless[place] = _Nameless(asyncio.get_running_loop().time() + pause, pause)
