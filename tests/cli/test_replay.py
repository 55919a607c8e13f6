import time
from typing import Any

import pytest

from connext_monitor.core.transfer import ObservedChange
from connext_monitor.store.store import Store
from tests.cli.conftest import Program
from tests.world.recording import commit
from tests.world.two_chains import AT, DESTINATION, ORIGIN, START, Sample, covered, fill

NOW = int(time.time())
BEGAN = NOW - 86_400
WATERMARK = BEGAN + 1_000
# Executed after 300 s, the deadline of the config, and after one second more; one is absent since `BEGAN`.
MET, LATE, ABSENT = Sample(1, BEGAN), Sample(2, BEGAN), Sample(3, BEGAN)
BACK = Sample(4, BEGAN, origin=DESTINATION, destination=ORIGIN)
BACKFILLED = Sample(5, BEGAN)


@pytest.fixture
def filled(monitor: Program) -> Program:
    async def work(store: Store) -> None:
        progress = [covered(DESTINATION, at=WATERMARK)]
        seen = [MET.xcalled(), MET.executed(300), LATE.xcalled(), LATE.executed(301), ABSENT.xcalled(), BACK.xcalled()]
        await fill(store, seen, progress=progress)
        # Without deadlines, as a backfill records it.
        await commit(store, ObservedChange(seen=(BACKFILLED.xcalled(),)), durations=lambda *_: None, at=AT)

    monitor.fill(work)
    return monitor


def pathway(document: Any, leg: str = "execute") -> Any:
    return next(entry for entry in document["legs"][leg] if entry["origin"]["chain"] == "here")


def under(filled: Program, *deadlines: str) -> dict[int, int]:
    options = [word for deadline in deadlines for word in ("--execute-deadline", deadline)]
    judged = pathway(filled.json("replay", *options))["deadlines"]
    return {deadline["deadline_seconds"]: deadline["alerts"] for deadline in judged}


def test_today_s_deadline_alerts_what_came_later_and_what_is_absent(filled: Program) -> None:
    replayed = pathway(filled.json("replay"))
    assert replayed["today"] == {"deadline_seconds": 300, "alerts": 2}
    assert (replayed["transfers"], replayed["arrived"], replayed["not_judged"]) == (4, 2, 1)
    assert replayed["latency_seconds"] == {"p50": 300, "p95": 301, "p99": 301}


def test_a_leg_in_a_block_stamped_the_deadline_is_met(filled: Program) -> None:
    assert under(filled, "PT299S", "PT5M", "PT301S") == {299: 3, 300: 2, 301: 1}


def test_an_absent_leg_counts_only_once_its_destination_is_covered(filled: Program) -> None:
    # Covered up to 1000 s after it began: strictly later than due is what counts.
    assert under(filled, "PT999S", "PT1000S") == {999: 1, 1000: 0}


def test_a_chain_that_was_never_covered_accuses_nobody(filled: Program) -> None:
    back = filled.json("replay", "--execute-deadline", "PT1S", "--pathway", "there:*")["legs"]["execute"]
    assert [(entry["destination"]["chain"], entry["deadlines"][0]["alerts"]) for entry in back] == [("here", 0)]


def test_the_legs_asked_about_and_the_pathways_picked_are_told(filled: Program) -> None:
    document = filled.json("replay", "--reconcile-deadline", "PT4H", "--pathway", "here:there", "--pathway", "9:9")
    assert list(document["legs"]) == ["reconcile"]
    assert [entry["origin"]["chain"] for entry in document["legs"]["reconcile"]] == ["here"]


def test_the_table_compares_and_says_what_is_not_judged(filled: Program) -> None:
    result = filled.run("replay", "--execute-deadline", "PT10M", "--execute-deadline", "PT1M")
    words = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "FROM TO TRANSFERS P50 P95 P99 TODAY AT 1m00s AT 10m00s" in words
    assert "here there 4 5m00s 5m01s 5m01s 2 at 5m00s 3 1" in words
    assert "all 5 2 3 1" in words
    assert "Not judged: 1 leg of transfers from before the watch" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--execute-deadline", "10m"], "Invalid value for --execute-deadline: is not an ISO 8601 duration"),
        (["--pathway", "here"], 'Invalid value for --pathway: write two chains with a colon between them, such as "'),
        (["--pathway", "mars:here"], "Invalid value for --pathway: write a chain's name"),
    ],
)
def test_a_bad_option_is_a_usage_error(filled: Program, options: list[str], words: str) -> None:
    result = filled.run("replay", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_without_transfers_it_says_so(monitor: Program) -> None:
    monitor.fill(lambda store: fill(store, [Sample(1, START).xcalled()]))
    assert "no transfers" in monitor.run("replay").stdout
