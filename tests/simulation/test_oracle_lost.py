"""Hand-made runs: events in blocks that were lost, and replaced where nobody could see it."""

from dataclasses import replace

from tests.simulation.handmade import lives, opened, run, stands, transfer, world
from tests.simulation.rules.lost import remembered
from tests.simulation.rules.weather import Case
from tests.simulation.trace import Interval
from tests.simulation.truth import stood_sometime

BLIND = opened(1560.0, "monitor_started_blind", "alpha")
AWAY = replace(run(BLIND), lives=lives((0.0, 1000.0), (1500.0, 4000.0)))
LATER = Interval(2000.0, 2001.0)


def stands_later(seen_at: float, until: float, start: int) -> bool:
    """Whether an XCalled counts as standing after history up to block ``start`` was lost while it was replaced."""
    alpha, beta = AWAY.chains
    trace = replace(AWAY, chains=(replace(alpha, start=start), beta))
    truth = remembered(Case(world(transfer(sent=stands(seen_at, until=until))), trace))
    return stood_sometime(truth.transfers[0].xcalled, LATER)


def test_what_was_replaced_in_lost_blocks_stands_on() -> None:
    assert stands_later(900.0, 1200.0, start=130)


def test_what_was_replaced_before_or_in_blocks_that_are_read_does_not() -> None:
    assert not stands_later(900.0, 950.0, start=130)
    assert not stands_later(900.0, 1200.0, start=80)
    assert not stands_later(1010.0, 1200.0, start=130)
