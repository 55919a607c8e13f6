"""Tokens are learned once, and no alert waits long for one."""

import asyncio
from dataclasses import dataclass, field

import pytest

from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.labels import TokenId
from connext_monitor.core.token import Token
from connext_monitor.monitoring.chain_queries import Unanswered
from connext_monitor.monitoring.token_reader import TokenReader
from tests.world.alerts import LATE, ORIGIN, TOKEN

USDC = Token("USDC", 6)


@dataclass
class Chain:
    """Answers, refuses, hangs or breaks."""

    answer: Token | Exception | None = USDC
    hangs: bool = False
    asked: int = 0

    async def token(self, asset: Address) -> Token | None:
        assert asset == TOKEN
        self.asked += 1
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Shelf:
    kept: dict[tuple[DomainId, Address], Token] = field(default_factory=dict)

    async def every(self) -> dict[tuple[DomainId, Address], Token]:
        return self.kept

    async def keep(self, domain: DomainId, asset: Address, token: Token) -> None:
        self.kept[domain, asset] = token


def no_tokens() -> dict[TokenId, Token]:
    return {}


async def test_a_token_is_asked_for_once_and_kept() -> None:
    chain, shelf, tokens = Chain(), Shelf(), no_tokens()
    reader = TokenReader(shelf, {ORIGIN: chain}, tokens)
    await reader.enrich(LATE)
    await reader.enrich(LATE)
    assert (chain.asked, tokens, shelf.kept) == (1, {(ORIGIN, TOKEN): USDC}, {(ORIGIN, TOKEN): USDC})
    later = no_tokens()
    await TokenReader(shelf, {}, later).load()
    assert later == {(ORIGIN, TOKEN): USDC}


async def test_what_is_no_token_is_asked_once() -> None:
    chain = Chain(answer=None)
    reader = TokenReader(Shelf(), {ORIGIN: chain}, no_tokens())
    await reader.enrich(LATE)
    await reader.enrich(LATE)
    assert chain.asked == 1


@pytest.mark.parametrize("answer", [Unanswered("no endpoint answers"), ValueError("a bug")])
async def test_a_chain_that_cannot_be_asked_is_asked_again_and_nothing_fails(answer: Exception) -> None:
    chain, tokens = Chain(answer=answer), no_tokens()
    reader = TokenReader(Shelf(), {ORIGIN: chain}, tokens, first_pause=0.0)
    await reader.enrich(LATE)
    chain.answer = USDC
    await reader.enrich(LATE)
    assert tokens == {(ORIGIN, TOKEN): USDC}


async def test_an_alert_does_not_wait_for_a_chain_that_hangs() -> None:
    async with asyncio.timeout(10):
        await TokenReader(Shelf(), {ORIGIN: Chain(hangs=True)}, no_tokens()).enrich(LATE)


async def test_what_is_no_token_is_asked_again_some_time_later() -> None:
    chain, tokens = Chain(answer=None), no_tokens()
    reader = TokenReader(Shelf(), {ORIGIN: chain}, tokens, first_pause=0.0)
    await reader.enrich(LATE)
    chain.answer = USDC
    await reader.enrich(LATE)
    assert tokens == {(ORIGIN, TOKEN): USDC}


async def test_a_stored_token_is_asked_for_once_more_in_each_run() -> None:
    shelf, tokens = Shelf({(ORIGIN, TOKEN): Token("WRONG", 18)}), no_tokens()
    chain = Chain(answer=Unanswered("no endpoint answers"))
    reader = TokenReader(shelf, {ORIGIN: chain}, tokens)
    await reader.load()
    await reader.enrich(LATE)
    assert tokens == {(ORIGIN, TOKEN): Token("WRONG", 18)}
    chain.answer = USDC
    await reader.enrich(LATE)
    await reader.enrich(LATE)
    assert (tokens, shelf.kept, chain.asked) == ({(ORIGIN, TOKEN): USDC}, {(ORIGIN, TOKEN): USDC}, 2)
