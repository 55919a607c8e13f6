"""The benchmarks work; what they measure is nobody's claim here."""

import re

import pytest

from scripts.bench import ingest, live_path
from scripts.bench.made_up_bridge import Bridge


def test_the_ingest_benchmark_reads_a_small_history_whole(capsys: pytest.CaptureFixture[str]) -> None:
    ingest.main(["--events", "300", "--rounds", "1", "--logs-per-block", "10"])
    assert re.search(r"ours is \d+\.\d\d of it", capsys.readouterr().out)


def test_the_live_benchmark_sees_pushed_logs_committed(capsys: pytest.CaptureFixture[str]) -> None:
    live_path.main(["--seconds", "2", "--events", "20"])
    assert re.search(r"^[1-9]\d* logs, from push to commit: p50 \d", capsys.readouterr().out)


@pytest.mark.parametrize("events", [3, 300, 9_000])
def test_the_made_up_bridge_has_each_leg_of_each_transfer_once(events: int) -> None:
    bridge = Bridge(events, 7)
    for chain, legs in enumerate((1, 2)):
        found = [event for block in range(bridge.head(chain) + 1) for event in bridge.events_in(chain, block)]
        assert len({(event.kind, event.transfer_id) for event in found}) == len(found) == legs * bridge.transfers
