import time
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Hash32, Timestamp
from connext_monitor.core.token import Token
from connext_monitor.store.store import Store
from tests.cli.conftest import Program
from tests.world.kinds import overdue
from tests.world.two_chains import ASSET, AT, DESTINATION, EXECUTE, ORIGIN, START, Sample, fill

CALLED, DONE = Sample(1, START), Sample(2, START + 1)
BACK = Sample(3, START + 2, origin=DESTINATION, destination=ORIGIN)


@pytest.fixture
def filled(monitor: Program) -> Program:
    async def work(store: Store) -> None:
        await fill(store, [CALLED.xcalled(), DONE.xcalled(), DONE.executed(), DONE.reconciled(), BACK.xcalled()])
        alert = overdue(CALLED.id, Leg.EXECUTE, Timestamp(START + EXECUTE), AT)
        await store.alerts.open_decided([(CALLED.id, lambda _watched: alert)], lambda _alert: ())

    monitor.fill(work)
    return monitor


def ids(listed: Any) -> list[str]:
    return [item["transfer_id"] for item in listed["items"]]


def test_transfers_prints_the_apis_list(filled: Program) -> None:
    listed = filled.json("transfers")
    assert set(listed) == {"items", "next_cursor"}
    assert ids(listed) == [BACK.hex_id, DONE.hex_id, CALLED.hex_id]
    assert listed["items"][1]["status"] == "CompletedFast"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--status", "XCalled"], [BACK, CALLED]),
        (["--status", "XCalled,CompletedFast"], [BACK, DONE, CALLED]),
        (["--origin", "there"], [BACK]),
        (["--origin", "1001", "--destination", "there"], [DONE, CALLED]),
        (["--limit", "1"], [BACK]),
        (["--older-than", "PT10M"], [BACK, DONE, CALLED]),
        (["--older-than", "P365D", "--origin", "there"], []),
    ],
)
def test_transfers_are_filtered(monitor: Program, filled: Program, options: list[str], expected: list[Sample]) -> None:
    del monitor
    assert ids(filled.json("transfers", *options)) == [sample.hex_id for sample in expected]


def test_older_than_lists_what_began_at_least_so_long_ago(monitor: Program) -> None:
    now = int(time.time())
    young, old = Sample(1, now - 500), Sample(2, now - 700)
    monitor.fill(lambda store: fill(store, [young.xcalled(), old.xcalled()]))
    assert ids(monitor.json("transfers", "--older-than", "PT10M")) == [old.hex_id]


def test_more_than_a_page_is_listed_when_asked_for(monitor: Program) -> None:
    monitor.fill(lambda store: fill(store, [Sample(nonce, START + nonce % 7).xcalled() for nonce in range(1103)]))
    listed = monitor.json("transfers", "--limit", "1102")
    assert len(set(ids(listed))) == 1102
    assert listed["next_cursor"] is not None
    assert "more than 1102 match" in monitor.run("transfers", "--limit", "1102").stderr


def test_a_pipe_gets_whole_ids_in_aligned_columns(filled: Program) -> None:
    lines = filled.run("transfers").stdout.splitlines()
    assert lines[0].split() == ["TRANSFER", "STATUS", "FROM", "TO", "STARTED", "EXECUTE", "RECONCILE"]
    assert [line.split()[0] for line in lines[1:]] == [BACK.hex_id, DONE.hex_id, CALLED.hex_id]
    assert {line.index("2026-01-02T") for line in lines[1:]} == {lines[0].index("STARTED")}
    assert "overdue" in lines[3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--status", "Done"], "Invalid value for --status: write one or more of Unknown, XCalled"),
        (["--origin", "mars"], "Invalid value for --origin: write a chain's name (arbitrum-one,"),
        (["--older-than", "10m"], 'Invalid value for --older-than: is not an ISO 8601 duration; write it as "PT30S"'),
        (["--limit", "0"], "Invalid value for '--limit'"),
    ],
)
def test_a_bad_option_is_a_usage_error_in_words(filled: Program, options: list[str], words: str) -> None:
    result = filled.run("transfers", *options)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_transfer_prints_the_apis_object(filled: Program) -> None:
    assert filled.json("transfer", DONE.hex_id) == filled.json("transfers", "--status", "CompletedFast")["items"][0]


def test_a_transfer_is_found_by_its_transaction(filled: Program) -> None:
    assert filled.json("transfer", f"0x{DONE.tx_hash('executed').hex()}")["transfer_id"] == DONE.hex_id


def test_a_transaction_of_several_transfers_prints_them_all(monitor: Program) -> None:
    together = Hash32(b"t" * 32)
    samples = [Sample(2), Sample(1)]
    records = [sample.xcalled(tx_hash=together, log_index=log_index) for log_index, sample in enumerate(samples)]
    monitor.fill(lambda store: fill(store, records))
    assert ids(monitor.json("transfer", together.hex())) == [sample.hex_id for sample in samples]
    shown = monitor.run("transfer", together.hex()).stdout
    assert all(sample.hex_id in shown for sample in samples)


def test_a_transfers_timeline_tells_times_distances_links_deadlines_and_alerts(filled: Program) -> None:
    lines = [" ".join(line.split()) for line in filled.run("transfer", DONE.hex_id).stdout.splitlines()]
    assert f"Transfer {DONE.hex_id}" in lines
    assert "Status CompletedFast (fast)" in lines
    link = f"https://here.example/tx/0x{DONE.tx_hash('xcalled').hex()}"
    assert f"XCalled 2026-01-02T03:04:06Z block 1001 {link}" in lines
    link = f"https://there.example/tx/0x{DONE.tx_hash('executed').hex()}"
    assert f"Executed 2026-01-02T03:05:06Z +1 min block 1061 {link}" in lines
    assert any(line.startswith("Reconciled 2026-01-02T04:04:06Z +1 h block 4601") for line in lines)
    assert any(line.startswith("execute due 2026-01-02T03:09:06Z") and line.endswith("met") for line in lines)
    assert lines[lines.index("Alerts") + 1] == "none"


def test_a_transfers_open_alert_is_told(filled: Program) -> None:
    shown = " ".join(filled.run("transfer", CALLED.hex_id).stdout.split())
    assert "Alerts critical execute_overdue opened 2026-01-02T03:04:05Z open" in shown
    assert "Executed not seen" in shown


def test_an_amount_is_shown_with_its_tokens_symbol_and_address(filled: Program) -> None:
    address = to_checksum_address(ASSET)
    lines = [" ".join(line.split()) for line in filled.run("transfer", DONE.hex_id).stdout.splitlines()]
    assert f"Amount 5 of token {address}" in lines
    filled.fill(lambda store: store.tokens.keep(ORIGIN, ASSET, Token("USDC", 6)))
    lines = [" ".join(line.split()) for line in filled.run("transfer", DONE.hex_id).stdout.splitlines()]
    assert f"Amount 5000000000000 USDC (token {address})" in lines


def test_a_transfer_that_nobody_knows_is_a_failure(filled: Program) -> None:
    result = filled.run("transfer", "ab" * 32)
    assert result.exit_code == 1
    assert "no transfer has this id" in result.stderr
    assert result.stdout == ""


def test_what_is_no_id_is_a_usage_error(filled: Program) -> None:
    result = filled.run("transfer", "0x12")
    assert result.exit_code == 2
    assert "0x and 64 hex digits" in result.stderr
