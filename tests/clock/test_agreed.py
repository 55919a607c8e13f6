"""The program's clock on a machine whose own may jump, beside chains of which some may lie."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.core.events import DomainId, Timestamp

RIGHT = 1_700_000_000
HOUR, YEAR = 3600, 31_536_000
FIRST, SECOND, THIRD = DomainId(1), DomainId(2), DomainId(3)


@dataclass(frozen=True)
class Head:
    timestamp: int


@dataclass
class World:
    """A machine and chains with a block a second; ``wrong`` is by how much the machine's clock is, ``lies`` a chain's.

    A chain in ``still`` has no new blocks.
    """

    chains: tuple[DomainId, ...] = (FIRST, SECOND)
    wrong: float = 0.0
    passed: float = 0.0
    lies: dict[DomainId, int] = field(default_factory=dict)
    still: dict[DomainId, Head] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = AgreedClock(self)

    def now(self) -> datetime:
        return datetime.fromtimestamp(RIGHT + self.passed + self.wrong, UTC)

    def monotonic(self) -> float:
        return self.passed

    def elapsed(self) -> float:
        return 12_345.0 + self.passed

    def heads(self) -> dict[DomainId, Head]:
        """The newest blocks."""
        return {chain: Head(RIGHT + int(self.passed) + self.lies.get(chain, 0)) for chain in self.chains} | self.still

    def go_on(self, seconds: int, every: int = 1) -> None:
        """Let time pass, with the looks that the clock takes meanwhile, and heads as often."""
        for _ in range(0, seconds, every):
            self.passed += every
            for chain, head in self.heads().items():
                self.clock.saw_head(chain, Timestamp(head.timestamp))
            self.clock.look()

    def stand_still(self) -> None:
        """No chain has a new block from now on."""
        self.still = self.heads()

    @property
    def error(self) -> float:
        """By how much the program's time is wrong."""
        return self.clock.now().timestamp() - RIGHT - self.passed


@pytest.mark.parametrize("wrong", [YEAR, -YEAR, 3000, -3000])
@pytest.mark.parametrize("chains", [(FIRST,), (FIRST, SECOND), (FIRST, SECOND, THIRD)])
def test_no_jump_is_believed_for_a_moment(chains: tuple[DomainId, ...], wrong: int) -> None:
    world = World(chains)
    world.go_on(20)
    world.wrong = wrong
    assert abs(world.error) < 2
    world.go_on(600)
    assert abs(world.error) < 2
    world.wrong = 0
    assert world.error == 0


def test_a_clock_wrong_from_the_start_yields_once_two_chains_agree() -> None:
    world = World(wrong=-3000)
    world.go_on(5)
    assert world.error == -3000
    world.go_on(15)
    assert abs(world.error) < 2


def test_one_chain_alone_cannot_set_the_clock() -> None:
    world = World(lies={FIRST: YEAR})
    world.go_on(30)
    assert world.error == 0
    assert World((FIRST,), lies={FIRST: YEAR}).error == 0


def test_a_machine_that_slept_is_no_jump() -> None:
    world = World()
    world.go_on(20)
    world.passed += 8 * HOUR
    assert world.error == 0
    world.go_on(30)
    assert world.error == 0
    assert world.clock.settled()


def test_halted_chains_do_not_hold_up_a_clock_that_is_set() -> None:
    world = World(wrong=-3000)
    world.go_on(20)
    world.stand_still()
    world.wrong = HOUR
    world.go_on(700)
    assert world.error == HOUR


def test_deadlines_go_by_the_newest_block_where_it_is_ahead() -> None:
    world = World((FIRST,), wrong=-3000)
    world.go_on(20)
    assert world.clock.latest(FIRST) == pytest.approx(RIGHT + 20, abs=2)
    assert world.clock.latest(SECOND) == RIGHT + 20 - 3000
    world.wrong = 100
    assert world.clock.latest(FIRST) == RIGHT + 120


def test_a_chain_that_never_agrees_is_believed_when_it_is_alone() -> None:
    world = World((FIRST,), wrong=-3000)
    world.go_on(1)
    world.stand_still()
    assert world.clock.latest(FIRST) == RIGHT + 1 - 3000
    world.go_on(30)
    assert world.clock.latest(FIRST) == pytest.approx(RIGHT + 31, abs=2)


@pytest.mark.parametrize("chains", [(FIRST, SECOND), (FIRST, SECOND, THIRD)])
def test_a_chain_stamping_the_future_makes_nothing_due_while_another_agrees(
    chains: tuple[DomainId, ...],
) -> None:
    world = World(chains, lies={FIRST: 86_400})
    for _ in range(700):
        world.go_on(1)
        assert world.clock.latest(FIRST) == RIGHT + world.passed
    world.lies[FIRST] = 10
    world.go_on(1)
    assert world.clock.latest(FIRST) == RIGHT + world.passed + 10


def test_a_chain_that_begins_stamping_the_future_is_not_believed() -> None:
    world = World((FIRST,))
    world.go_on(20)
    world.lies[FIRST] = 86_400
    world.go_on(5)
    assert world.clock.latest(FIRST) == RIGHT + 25


def test_after_a_machine_was_paused_its_chains_are_believed_again_soon() -> None:
    world = World((FIRST,))
    world.go_on(60)
    world.lies[FIRST] = 3000
    world.go_on(15)
    assert world.clock.latest(FIRST) == pytest.approx(RIGHT + 3075, abs=2)


def test_what_cannot_be_undone_waits_until_a_chain_has_told_the_time() -> None:
    world = World((FIRST,), wrong=YEAR)
    world.go_on(5)
    assert world.clock.earliest() is None
    assert not world.clock.settled()
    world.go_on(15)
    assert world.clock.earliest() == pytest.approx(RIGHT + 20, abs=2)
    assert not world.clock.settled()
    world.wrong = 0
    assert world.clock.settled()


def test_the_irreversible_goes_by_our_clock_where_a_chain_is_ahead() -> None:
    world = World((FIRST,), lies={FIRST: YEAR})
    world.go_on(20)
    assert world.clock.earliest() == pytest.approx(RIGHT + 20, abs=2)


def test_a_stalled_chain_is_no_error_of_the_clock() -> None:
    world = World((FIRST,))
    world.go_on(20)
    world.stand_still()
    world.go_on(3 * HOUR)
    assert world.clock.state().words is None
    assert world.error == 0


def test_a_difference_is_logged_when_it_begins_and_ends_only() -> None:
    world = World((FIRST, SECOND, THIRD))
    world.go_on(20)
    with capture_logs() as lines:
        world.wrong = -3000
        world.go_on(30)
        assert world.clock.state().ahead == pytest.approx(-3000, abs=2)
        for wrong in (-61, -58, -61, -46):
            world.wrong = wrong
            world.go_on(5)
        world.wrong = 0
        world.go_on(5)
    assert [line["event"] for line in lines] == ["clock.differs", "clock.agrees"]
    assert lines[0]["reason"] == "this machine's clock is 50 min behind the chains' block times"
    assert world.clock.state().words is None


def test_whoever_goes_by_the_clock_hears_of_steps_at_once() -> None:
    world, steps = World(), []
    world.clock.on_step(lambda: steps.append(world.passed))
    world.go_on(20)
    assert steps == [1.0, 1.0]  # the first heads
    world.lies[FIRST] = 100
    world.go_on(1)
    assert steps[2:] == [21.0]


class Forgetful(AgreedClock):
    """Reads all clocks anew whenever it is asked."""

    def _read(self) -> Any:
        self._last = None
        return super()._read()


@given(st.data())
def test_an_instant_is_what_it_was_when_asked_again(data: st.DataObject) -> None:
    world, anew = World(), World()
    anew.clock = Forgetful(anew)
    for _ in range(data.draw(st.integers(1, 12))):
        seconds, every = data.draw(st.sampled_from([(0, 1), (1, 1), (20, 1), (700, 10)]))
        world.go_on(seconds, every)
        anew.go_on(seconds, every)
        wrong, lie = data.draw(st.sampled_from([0, 59, 61, -3000])), data.draw(st.sampled_from([0, -20, 20, 4000]))
        for each in (world, anew):
            each.wrong, each.lies[FIRST] = wrong, lie
            if lie:
                each.clock.saw_head(FIRST, Timestamp(each.heads()[FIRST].timestamp))
        for _ in range(2):
            assert _all_said(world.clock) == _all_said(anew.clock)


def _all_said(clock: AgreedClock) -> tuple[object, ...]:
    return clock.now(), clock.settled(), clock.earliest(), clock.latest(FIRST), clock.latest(THIRD)
