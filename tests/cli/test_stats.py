import time
from datetime import datetime
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Timestamp
from connext_monitor.core.formats import unix_rfc3339
from connext_monitor.core.token import Token
from connext_monitor.store.store import Store
from tests.cli.conftest import Program
from tests.world.kinds import overdue
from tests.world.two_chains import ASSET, AT, DESTINATION, EXECUTE, ORIGIN, ROUTER, Sample, fill

NOW = int(time.time())
HOUR_AGO, LONG_AGO = NOW - 3_600, NOW - 10 * 86_400
FAST, SLOW, STUCK = Sample(1, HOUR_AGO), Sample(2, HOUR_AGO + 1), Sample(3, HOUR_AGO + 2)
OLD = Sample(4, LONG_AGO)


@pytest.fixture
def filled(monitor: Program) -> Program:
    async def work(store: Store) -> None:
        await fill(store, [FAST.xcalled(), FAST.executed(60), SLOW.xcalled(), SLOW.executed(900, routers=())])
        await fill(store, [SLOW.reconciled(800), STUCK.xcalled(), OLD.xcalled(), OLD.executed(30)])
        alert = overdue(STUCK.id, Leg.EXECUTE, Timestamp(STUCK.started_at + EXECUTE), AT)
        await store.alerts.open_decided([(STUCK.id, lambda _watched: alert)], lambda _alert: ())
        await store.tokens.keep(DESTINATION, ASSET, Token("USDC", 6))

    monitor.fill(work)
    return monitor


def only(items: list[Any]) -> Any:
    [item] = items
    return item


def test_the_json_tells_what_a_day_amounts_to(filled: Program) -> None:
    document = filled.json("stats")
    pathway = only(document["pathways"])
    assert (pathway["origin"]["domain_id"], pathway["destination"]["chain"]) == (ORIGIN, "there")
    counts = ("begun", "open", "executed_fast", "executed_slow", "fast_share", "completed_fast", "completed_slow")
    assert [pathway[name] for name in counts] == [3, 2, 1, 1, 0.5, 0, 1]
    execute = pathway["execute"]
    assert execute["latency_seconds"] == {"p50": 60, "p95": 900, "p99": 900}
    assert [execute[name] for name in ("arrived", "late", "overdue_now")] == [2, 2, 1]
    assert sum(execute["histogram"]) == 2
    assert len(execute["histogram"]) == len(document["histogram_bounds_seconds"]) + 1
    assert sum(bucket["begun"] for bucket in document["timeline"]["buckets"]) == 3
    assert (document["live"], document["not_live"]) == (
        False,
        "monitor.listen is off, so a running monitor cannot be queried",
    )


def test_a_router_s_fills_and_what_it_is_owed_are_told(filled: Program) -> None:
    router = only(filled.json("stats")["routers"])
    assert (router["router"], router["fills"], router["share"]) == (to_checksum_address(ROUTER), 1, 1.0)
    assert datetime.fromisoformat(router["last_fill"]).timestamp() == HOUR_AGO + 60
    # The one from before the window stands out too.
    assert router["owed"] == [
        {
            "chain": {"chain": "there", "domain_id": DESTINATION},
            "asset": to_checksum_address(ASSET),
            "symbol": "USDC",
            "decimals": 6,
            "amount": str(10 * 10**18),
            "transfers": 2,
            "oldest": unix_rfc3339(OLD.started_at + 30),
        }
    ]


def test_a_router_s_books_are_told_in_json_and_in_words(filled: Program) -> None:
    router = only(filled.json("stats")["router_books"])
    book = only(router["books"])
    assert (router["router"], router["name"], router["fills"]) == (to_checksum_address(ROUTER), None, 1)
    assert (book["chain"]["chain"], book["fills"], book["check"]) == ("there", 2, None)
    assert int(book["balance_from_events"]) == int(book["reimbursed"]) - int(book["fronted"]) < 0
    assert only(filled.json("stats", "--destination", "there")["router_books"])["books"] == [book]
    assert filled.json("stats", "--destination", "here")["router_books"] == []
    words = [" ".join(line.split()) for line in filled.run("stats").stdout.splitlines()]
    row = words[words.index("Routers' balances at the bridge, according to the events seen") + 2]
    assert row.startswith(f"{to_checksum_address(ROUTER)} there 2 ")
    assert row.endswith(f" ago {int(book['balance_from_events']) // 10**6} USDC (token {to_checksum_address(ASSET)})")


def test_since_takes_more_of_the_past_in(filled: Program) -> None:
    assert only(filled.json("stats", "--since", "P11D")["pathways"])["begun"] == 4
    assert only(filled.json("stats", "--since", "PT1M")["pathways"])["begun"] == 0


def test_a_pathway_can_be_picked(filled: Program) -> None:
    assert filled.json("stats", "--origin", "there")["pathways"] == []
    assert only(filled.json("stats", "--destination", "there")["pathways"])["begun"] == 3


def test_the_tables_say_it_in_words_within_eighty_columns(filled: Program) -> None:
    lines = filled.run("stats").stdout.splitlines()
    words = [" ".join(line.split()) for line in lines]
    assert words[0].startswith("Transfers that began in the last 1 d, since 20")
    assert words[2].startswith("here there 3 1 (50%) 1 2 ")
    assert "here there 2 1m00s 15m00s 15m00s 2 1" in words
    owed = words.index("Fronted by routers and not yet reconciled")
    assert words[owed + 2].startswith(f"{to_checksum_address(ROUTER)} there 2 ")
    assert words[owed + 2].endswith(f" ago 10000000000000 USDC (token {to_checksum_address(ASSET)})")
    assert max(map(len, lines[:owed])) <= 80


def test_what_was_fronted_without_funds_is_owed_to_nobody(monitor: Program) -> None:
    message = Sample(1, HOUR_AGO, amount=0)
    monitor.fill(lambda store: fill(store, [message.xcalled(), message.executed(60)]))
    assert only(only(monitor.json("stats")["routers"])["owed"])["amount"] == "0"
    assert "not reconciled yet" not in monitor.run("stats").stdout


def test_nothing_at_all_is_said_in_words(monitor: Program) -> None:
    monitor.fill(lambda store: fill(store, []))
    assert monitor.run("stats").stdout.splitlines()[1] == "none"


def test_a_bad_duration_is_a_usage_error(filled: Program) -> None:
    result = filled.run("stats", "--since", "1d")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Invalid value for --since: is not an ISO 8601 duration" in result.stderr


def test_without_a_database_it_fails_in_words(monitor: Program) -> None:
    result = monitor.run("stats")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not exist yet" in result.stderr
