"""Routers' books in ``/metrics``: whose they are, what they say, and that nobody's chain becomes a label."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address, DomainId, Executed
from connext_monitor.core.router_checks import BalanceCheck, RouterChecks
from connext_monitor.core.stored_numbers import StoredNumbers
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.store import Store
from tests.reporting.metrics.scraping import Parts, Scraper, served
from tests.world.recording import gone, put, seen
from tests.world.transfers import ROUTER, executed, info, sighting, xcalled
from tests.world.two_chains import DESTINATION, NAMES, ORIGIN, START

LOCAL, STRANGE = Address(b"\x5f" * 20), DomainId(666)
BOOK = (to_checksum_address(LOCAL), NAMES[DESTINATION])
THEIRS = to_checksum_address(ROUTER)


def _router(number: int) -> Address:
    return Address(bytes([number]) * 20)


def _fill(nonce: int, router: Address, destination: DomainId = DESTINATION) -> EventRecord:
    record = executed(info(nonce, ORIGIN, destination), sighting(5 + nonce, START + nonce), (router,))
    assert isinstance(record.event, Executed)
    return replace(record, event=replace(record.event, asset=LOCAL, local=LOCAL, amount=750))


@pytest.fixture(autouse=True)
async def filled(store: Store) -> None:
    await put(store, seen(xcalled(info(1, ORIGIN, DESTINATION), sighting(1)), _fill(1, ROUTER), _fill(2, ROUTER)))


async def test_a_router_s_book_is_told_by_chain_and_token(scraper: Scraper) -> None:
    numbers = await scraper.numbers()
    assert numbers["router_balance_from_events", *BOOK, "", THEIRS] == -1_500
    assert numbers["router_unreconciled", *BOOK, "", THEIRS] == 2 * 10**18
    assert numbers["router_fills", *BOOK, "", THEIRS] == 2
    assert numbers["router_last_fill_timestamp_seconds", *BOOK, "", THEIRS] == START + 2


async def test_only_named_routers_are_told_of_where_there_are_any(parts: Parts, store: Store) -> None:
    ours = _router(7)
    await put(store, seen(_fill(3, ours)))
    parts.checks = RouterChecks({ours: "ours"})

    async def look(now: float) -> StoredNumbers:
        return await store.statistics.measure(now, list(parts.checks.names))

    parts.stored = look
    async with served(store, parts) as scraper:
        numbers = await scraper.numbers()
    assert numbers["router_fills", *BOOK, "ours", to_checksum_address(ours)] == 1
    assert THEIRS not in {value for key in numbers for value in key}


async def test_what_the_contract_said_is_told_with_its_difference(parts: Parts, store: Store) -> None:
    watched = (ROUTER, DESTINATION, LOCAL)
    block = sighting(9, START + 9).block
    parts.checks.note(watched, BalanceCheck(block, 40, -1_460))
    parts.checks.note((ROUTER, STRANGE, LOCAL), BalanceCheck(block, 1, 0))
    async with served(store, parts) as scraper:
        numbers = await scraper.numbers()
    assert numbers["router_balance_in_contract", *BOOK, "", THEIRS] == 40
    assert numbers["router_balance_difference", *BOOK, "", THEIRS] == -1_460
    assert numbers["router_balance_checked_timestamp_seconds", *BOOK, "", THEIRS] == START + 9
    assert len([key for key in numbers if key[0] == "router_balance_in_contract"]) == 1


async def test_a_chain_that_does_not_say_its_balances_is_told(parts: Parts, store: Store) -> None:
    parts.checks.note_answer(DESTINATION, "refused eth_call", datetime.now(UTC))
    async with served(store, parts) as scraper:
        assert (await scraper.numbers())["router_balances_known", NAMES[DESTINATION]] == 0
        parts.checks.note_answer(DESTINATION, None, datetime.now(UTC))
        assert (await scraper.numbers())["router_balances_known", NAMES[DESTINATION]] == 1


async def test_else_the_twenty_with_the_most_fills_are_told_of(scraper: Scraper, store: Store) -> None:
    busy = [_fill(100 + nonce, _router(30 + nonce // 3)) for nonce in range(3 * 19)]
    await put(store, seen(*busy, _fill(3, _router(7))))
    addresses = {key[-1] for key in await scraper.numbers() if key[0] == "router_fills"}
    assert addresses == {THEIRS, *(to_checksum_address(_router(30 + number)) for number in range(19))}


async def test_a_router_s_chain_that_is_not_configured_becomes_no_label(scraper: Scraper, store: Store) -> None:
    await put(store, seen(_fill(3, ROUTER, STRANGE)))
    numbers = await scraper.numbers()
    # Of the labels: a number, such as the process's memory, may well have these digits.
    assert not [key for key in numbers if any("666" in label for label in key[1:])]
    assert numbers["router_fills", *BOOK, "", THEIRS] == 2


async def test_a_router_that_filled_nothing_has_no_last_fill(scraper: Scraper, store: Store) -> None:
    filled = [_fill(1, ROUTER), _fill(2, ROUTER)]
    await put(store, gone(filled[0]), gone(filled[1]))
    numbers = await scraper.numbers()
    assert numbers["router_fills", *BOOK, "", THEIRS] == 0
    assert ("router_last_fill_timestamp_seconds", *BOOK, "", THEIRS) not in numbers
