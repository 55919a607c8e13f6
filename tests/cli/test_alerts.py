import pytest

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.bridge_paused import BRIDGE_PAUSED, BridgePausedDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.store.store import Store
from tests.cli.conftest import Program
from tests.world.kinds import chain_unobserved, overdue
from tests.world.two_chains import AT, DESTINATION, ORIGIN, START, Sample

HOSTILE = "\x1b]0;owned\x07\x9b2J [bold red]@everyone[/] \u202egnp.exe\nspoofed line"


@pytest.fixture
def filled(monitor: Program) -> Program:
    async def work(store: Store) -> None:
        here, *others = (
            chain_unobserved(name, AT, silent_for=200, waiting=0, why=HOSTILE) for name in ("here", "there", HOSTILE)
        )
        for alert in (here, *others):
            await store.alerts.open(alert, ())
        await store.alerts.resolve(ResolveAlert.of(here, Resolution.OBSERVED), AT)

    monitor.fill(work)
    return monitor


@pytest.mark.parametrize(("options", "count"), [([], 3), (["--state", "open"], 2), (["--state", "resolved"], 1)])
def test_alerts_are_listed_by_state(filled: Program, options: list[str], count: int) -> None:
    listed = filled.json("alerts", *options)
    assert set(listed) == {"items", "next_cursor"}
    assert len(listed["items"]) == count


def test_an_alert_says_when_it_opened_and_how_it_ended(filled: Program) -> None:
    line = " ".join(filled.run("alerts", "--state", "resolved").stdout.splitlines()[1].split())
    assert line == (
        "2026-01-02T03:04:05Z warning resolved 2026-01-02T03:04:05Z (observed) Chain here is observed again here"
    )


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_strangers_wrote_is_never_interpreted(filled: Program, options: list[str]) -> None:
    printed = filled.run("alerts", *options).stdout
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert "[bold red]@everyone[/]" in printed
    assert not any(line.startswith("spoofed") for line in printed.splitlines())


def test_the_rest_of_a_long_list_is_told_of_on_stderr(filled: Program) -> None:
    result = filled.run("alerts", "--limit", "2")
    assert len(result.stdout.splitlines()) == 3
    assert "more than 2 match" in result.stderr


def test_an_alert_names_the_one_that_inhibits_it(monitor: Program) -> None:
    paused = BRIDGE_PAUSED.open("there", AT, BridgePausedDetails(domain=DESTINATION))
    late = overdue(Sample(1).id, Leg.EXECUTE, START, AT, (ORIGIN, DESTINATION))

    async def work(store: Store) -> None:
        for alert in (late, paused):
            await store.alerts.open(alert, ())

    monitor.fill(work)
    assert [alert["inhibited_by"] for alert in monitor.json("alerts")["items"]] == [None, paused.id]
    assert f"open (because of {paused.id})" in " ".join(monitor.run("alerts").stdout.split())
