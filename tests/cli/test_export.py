import csv
import io
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from connext_monitor.core.events import XCalled
from connext_monitor.core.token import Token
from connext_monitor.core.transfer_columns import COLUMNS
from connext_monitor.store.store import Store
from tests.cli.conftest import Program
from tests.world.processes import process_environ
from tests.world.two_chains import ASSET, DESTINATION, ORIGIN, START, Sample, fill

DONE, CALLED, BACK = Sample(1, START), Sample(2, START + 1), Sample(3, START + 2, DESTINATION, ORIGIN)
SPREADSHEET_ATTACK = '=HYPERLINK("x")'


@pytest.fixture
def filled(monitor: Program) -> Program:
    async def work(store: Store) -> None:
        await fill(store, [DONE.xcalled(), DONE.executed(), DONE.reconciled(), CALLED.xcalled(), BACK.xcalled()])
        await store.tokens.keep(ORIGIN, ASSET, Token(SPREADSHEET_ATTACK, 6))

    monitor.fill(work)
    return monitor


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_ndjson_is_the_contract_s_transfer_on_each_line(filled: Program) -> None:
    lines = [json.loads(line) for line in filled.run("export", "transfers").stdout.splitlines()]
    assert lines == filled.json("transfers")["items"]
    assert filled.run("export", "transfers", "--json").stdout == filled.run("export", "transfers").stdout


def test_csv_has_the_same_in_flat_columns(filled: Program) -> None:
    shown = filled.run("export", "transfers", "--format", "csv").stdout
    assert shown.splitlines()[0] == ",".join(COLUMNS)
    _, _, row = rows(shown)
    [document] = filled.json("transfers", "--status", "CompletedFast")["items"]
    plain = [name for name, value in document.items() if not isinstance(value, dict | list)]
    assert {name: row[name] for name in plain} == {name: document[name] for name in plain}
    assert "transfer_id" in plain
    assert (row["origin_chain"], row["destination_domain_id"], row["routers"]) == (
        "here", "1002", document["routers"][0],
    )  # fmt: skip
    assert row["executed_timestamp"] == document["executed"]["timestamp"]
    assert row["reconciled_tx_hash"] == document["reconciled"]["tx_hash"]
    assert (row["execute_due_at"], row["execute_state"]) == tuple(document["deadlines"]["execute"].values())


def test_what_is_not_known_is_empty(filled: Program) -> None:
    row, *_ = rows(filled.run("export", "transfers", "--format", "csv").stdout)
    assert (row["path"], row["routers"], row["executed_timestamp"]) == ("", "", "")


def test_a_stranger_s_text_is_no_formula(filled: Program) -> None:
    _, row, _ = rows(filled.run("export", "transfers", "--format", "csv").stdout)
    assert (row["symbol"], row["decimals"]) == (f"'{SPREADSHEET_ATTACK}", "6")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--status", "XCalled"], [BACK, CALLED]),
        (["--origin", "here"], [CALLED, DONE]),
        (["--older-than", "P365D"], []),
    ],
)
def test_the_filters_of_transfers_choose(filled: Program, options: list[str], expected: list[Sample]) -> None:
    lines = filled.run("export", "transfers", *options).stdout.splitlines()
    assert [json.loads(line)["transfer_id"] for line in lines] == [sample.hex_id for sample in expected]


def many(monitor: Program, count: int) -> None:
    monitor.fill(lambda store: fill(store, [Sample(nonce, START + nonce % 7).xcalled() for nonce in range(count)]))


def test_more_than_a_page_is_written_each_once(monitor: Program) -> None:
    many(monitor, 1_101)
    lines = monitor.run("export", "transfers").stdout.splitlines()
    assert len({json.loads(line)["transfer_id"] for line in lines}) == len(lines) == 1_101


def test_a_reader_that_has_enough_ends_it_quietly(monitor: Program) -> None:
    many(monitor, 1_101)
    with subprocess.Popen(
        [sys.executable, "-m", "connext_monitor", "export", "transfers"],
        cwd=monitor.folder,
        env=process_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(180) == 0


def test_an_amount_beyond_64_bits_stays_whole(monitor: Program) -> None:
    huge = Sample(1, START, amount=2**255 + 1)
    record = huge.xcalled()
    assert isinstance(record.event, XCalled)
    monitor.fill(lambda store: fill(store, [replace(record, event=replace(record.event, amount=2**256 - 1))]))
    [row] = rows(monitor.run("export", "transfers", "--format", "csv").stdout)
    assert (row["amount"], row["bridged_amount"]) == (str(2**256 - 1), str(2**255 + 1))


def test_json_and_csv_exclude_each_other(filled: Program) -> None:
    result = filled.run("export", "transfers", "--json", "--format", "csv")
    assert (result.exit_code, result.stdout) == (2, "")
