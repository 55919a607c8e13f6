import pytest

from connext_monitor.core.transfer import Provenance
from connext_monitor.store.store import Store
from tests.cli.conftest import Program
from tests.world.bridge import bridge_record, read_in
from tests.world.recording import put
from tests.world.transfers import sighting
from tests.world.two_chains import DESTINATION, ORIGIN, START


@pytest.fixture
def filled(monitor: Program) -> Program:
    async def work(store: Store) -> None:
        paused = bridge_record("Paused", sighting(7, START), domain=ORIGIN)
        added = bridge_record("RouterAdded", sighting(9, START + 5), domain=DESTINATION)
        await put(store, read_in(Provenance.COVERED, paused, added))

    monitor.fill(work)
    return monitor


@pytest.mark.parametrize(("options", "count"), [([], 2), (["--chain", "here"], 1), (["--kind", "Paused"], 1)])
def test_events_of_the_bridge_are_listed(filled: Program, options: list[str], count: int) -> None:
    assert len(filled.json("events", *options)["items"]) == count


def test_a_line_says_when_where_what_and_by_whom(filled: Program) -> None:
    lines = [" ".join(line.split()) for line in filled.run("events").stdout.splitlines()]
    assert lines[1].lower() == (
        f"2026-01-02t03:04:10z there routeradded the router 0x{'0a' * 20} was approved 0x{'0c' * 20} 0x{'0d' * 32}"
    )
    assert lines[2] == f"2026-01-02T03:04:05Z here Paused the bridge was paused - 0x{'0d' * 32}"


def test_an_unknown_kind_is_refused_with_the_known_ones(filled: Program) -> None:
    result = filled.run("events", "--kind", "Transfer")
    assert (result.exit_code, "DiamondCut" in result.stderr) == (2, True)
