"""Tokens are learned once, and no alert waits long for one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from connext_monitor.core.events import Address
from connext_monitor.core.labels import KnownTokens
from connext_monitor.core.token import DECIMALS_CALL, SYMBOL_CALL, Token
from connext_monitor.monitoring.token_reader import TokenReader
from connext_monitor.store.store import Store
from tests.monitoring.made_up_chain import CONTRACT
from tests.monitoring.nodes import error, result
from tests.monitoring.querying import Answering, querying
from tests.world.alerts import LATE, ORIGIN
from tests.world.databases import open_store

TOKEN = Address(CONTRACT)
TRANSFER = replace(LATE, asset=TOKEN)
USDC, WRONG = Token("USDC", 6), Token("WRONG", 18)


class TokenNode(Answering):
    """A node with one token; one that gives no symbol reverts."""

    token: Token | None = USDC

    def answer(self, request: dict[str, Any]) -> str:
        answered = super().answer(request)
        if request["method"] != "eth_call" or "eth_call" in self.refuses:
            return answered
        if self.token is None:
            return error(request, 3, "execution reverted")
        values = {SYMBOL_CALL: ("string", self.token.symbol), DECIMALS_CALL: ("uint8", self.token.decimals)}
        kind, value = values[bytes.fromhex(request["params"][0]["data"][2:])]
        return result(request, "0x" + encode([kind], [value]).hex())

    @property
    def looks(self) -> int:
        """How often it was asked for the symbol."""
        return sum(call["data"] == "0x" + SYMBOL_CALL.hex() for call, *_ in self.calls("eth_call"))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "monitor.db", {ORIGIN: "ethereum"})
    yield store
    await store.close()


@pytest.fixture
def node() -> TokenNode:
    return TokenNode(120)


@pytest.fixture
def tokens() -> KnownTokens:
    return KnownTokens()


@asynccontextmanager
async def reading(store: Store, node: TokenNode, tokens: KnownTokens, **more: float) -> AsyncIterator[TokenReader]:
    async with querying(node) as (queries, _, _):
        yield TokenReader(store.tokens, {ORIGIN: queries}, tokens, **more)


async def test_a_token_is_asked_for_once_and_kept(store: Store, node: TokenNode, tokens: KnownTokens) -> None:
    async with reading(store, node, tokens) as reader:
        await reader.enrich(TRANSFER)
        await reader.enrich(TRANSFER)
    learned = {(ORIGIN, TOKEN): USDC}
    assert (node.looks, tokens.of(ORIGIN, TOKEN), await store.tokens.every()) == (1, USDC, learned)
    later = KnownTokens()
    await TokenReader(store.tokens, {}, later).load()
    assert later.of(ORIGIN, TOKEN) == USDC


async def test_what_is_no_token_is_asked_once(store: Store, node: TokenNode, tokens: KnownTokens) -> None:
    node.token = None
    async with reading(store, node, tokens) as reader:
        await reader.enrich(TRANSFER)
        await reader.enrich(TRANSFER)
    assert node.looks == 1


async def test_a_chain_that_cannot_be_asked_is_asked_again_and_nothing_fails(
    store: Store, node: TokenNode, tokens: KnownTokens
) -> None:
    node.refuses = ("eth_call",)
    async with reading(store, node, tokens, first_pause=0.0) as reader:
        await reader.enrich(TRANSFER)
        assert tokens.of(ORIGIN, TOKEN) is None
        node.refuses = ()
        await reader.enrich(TRANSFER)
    assert tokens.of(ORIGIN, TOKEN) == USDC


async def test_a_fault_of_ours_is_logged_and_nothing_fails(store: Store, tokens: KnownTokens) -> None:
    class Faulty:
        async def token(self, _asset: Address) -> Token | None:
            raise ValueError("a bug")

    await TokenReader(store.tokens, {ORIGIN: Faulty()}, tokens).enrich(TRANSFER)
    assert tokens.of(ORIGIN, TOKEN) is None


async def test_an_alert_does_not_wait_for_a_chain_that_hangs(
    store: Store, node: TokenNode, tokens: KnownTokens
) -> None:
    node.silent = ("eth_call",)
    async with reading(store, node, tokens) as reader, asyncio.timeout(60):
        await reader.enrich(TRANSFER)


async def test_who_needs_a_token_waits_longer_than_an_alert_does(store: Store, tokens: KnownTokens) -> None:
    answered = asyncio.Event()

    class Slow:
        async def token(self, _asset: Address) -> Token | None:
            await answered.wait()
            return USDC

    reader = TokenReader(store.tokens, {ORIGIN: Slow()}, tokens)
    needed = asyncio.create_task(reader.token(ORIGIN, TOKEN))
    await reader.enrich(TRANSFER)
    assert tokens.of(ORIGIN, TOKEN) is None
    answered.set()
    assert await needed == USDC


async def test_what_is_no_token_is_asked_again_some_time_later(
    store: Store, node: TokenNode, tokens: KnownTokens
) -> None:
    node.token = None
    async with reading(store, node, tokens, first_pause=0.0) as reader:
        await reader.enrich(TRANSFER)
        node.token = USDC
        await reader.enrich(TRANSFER)
    assert tokens.of(ORIGIN, TOKEN) == USDC


async def test_a_stored_token_is_asked_for_once_more_in_each_run(
    store: Store, node: TokenNode, tokens: KnownTokens
) -> None:
    await store.tokens.keep(ORIGIN, TOKEN, WRONG)
    node.refuses = ("eth_call",)
    async with reading(store, node, tokens) as reader:
        await reader.load()
        await reader.enrich(TRANSFER)
        assert tokens.of(ORIGIN, TOKEN) == WRONG
        node.refuses = ()
        await reader.enrich(TRANSFER)
        await reader.enrich(TRANSFER)
    assert (tokens.of(ORIGIN, TOKEN), await store.tokens.every()) == (USDC, {(ORIGIN, TOKEN): USDC})
    # Once refused, and once answered.
    assert node.looks == 2
