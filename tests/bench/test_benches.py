"""The benchmarks work; what they measure is nobody's claim here."""

import os
import re

import pytest

from scripts.bench.made_up_bridge import Bridge
from scripts.postgres_server import programs
from tests.world.processes import ROOT, Command, run

WITH_SERVER = pytest.mark.skipif(programs() is None, reason="no PostgreSQL: scripts/postgres installs it")


def printed(bench: str, *arguments: str) -> str:
    """What a benchmark prints; it settles things for its whole process, so it gets one."""
    instead = f"""if True:
        import sys
        from tests.bench.forked import fork_all
        from scripts.bench.{bench} import main
        fork_all()
        main()
        sys.exit()
        """
    ended = run(Command(arguments, ROOT, os.environ, instead), within=540.0)
    assert ended.code == 0, ended.said
    return ended.printed


def test_the_ingest_benchmark_reads_a_small_history_whole() -> None:
    assert re.search(
        r"ours is \d+\.\d\d of it", printed("ingest", "--events", "300", "--rounds", "1", "--logs-per-block", "10")
    )


def test_the_live_benchmark_sees_pushed_logs_committed() -> None:
    assert re.search(
        r"^[1-9]\d* logs, from push to commit: p50 \d", printed("live_path", "--seconds", "2", "--events", "20")
    )


def test_the_benchmark_of_a_year_measures_answers_backups_and_pruning() -> None:
    lines = printed("million", "--transfers", "500", "--rounds", "0", "--seconds", "0.5").splitlines()
    measured = {line[:58].strip(): line[58:].split() for line in lines}
    assert {"/", "a pathway, 30 days", "api stats, 30 days", "stats --since P30D", "a verified backup"} <= set(measured)
    assert float(measured["pruning"][0].replace(",", "")) > 0


def test_the_comparison_measures_this_tree_in_a_process_of_its_own() -> None:
    said = printed("compare.__main__", "--against", "", "--rounds", "1", "--events", "30", "--parts", "dense")
    assert re.search(r"^logs/s +[\d,]+$", said, re.MULTILINE)
    assert re.search(r"^ +of it the event loop +[\d,]+\.\d$", said, re.MULTILINE)


def test_the_startup_benchmark_measures_each_command_and_a_run() -> None:
    lines = printed("startup", "--rounds", "0").splitlines()
    named = [line[:18].strip() for line in lines[1:]]
    assert {"--help", "TAB for an option", "status --json", "run to /readyz"} <= set(named)
    assert all(re.search(r" \d+\.\d\d s \(", line) for line in lines[1:])


@pytest.mark.parametrize("events", [3, 300, 9_000])
def test_the_made_up_bridge_has_each_leg_of_each_transfer_once(events: int) -> None:
    bridge = Bridge(events, 7)
    for chain, legs in enumerate((1, 2)):
        events_made = [event for block in range(bridge.head(chain) + 1) for event in bridge.events_in(chain, block)]
        assert (
            len({(event.kind, event.transfer_id) for event in events_made})
            == len(events_made)
            == legs * bridge.transfers
        )


@pytest.mark.server
@WITH_SERVER
def test_the_benchmark_of_the_turn_commits_with_each() -> None:
    lines = printed("turn_cost", "--commits", "1").splitlines()
    assert [line[:14].strip() for line in lines[1:]] == ["none", "a guest's", "an owner's"]
    assert all(float(cell) > 0 for line in lines[1:] for cell in line[14:].split())


@pytest.mark.server
@WITH_SERVER
def test_the_benchmark_of_a_server_counts_bytes() -> None:
    lines = printed("server_size", "--events", "300", "--single", "9").splitlines()
    assert len(lines) == 4
    assert all(int(line.split()[-2].replace(",", "")) > 100 for line in lines)
