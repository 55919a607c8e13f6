"""A chain's history behind every kind of plan, read by a real observer in virtual time: whole, soon, and for little."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.monitoring.covering import Whole, readable
from tests.monitoring.planned_reading import PATIENCE, Reading, read_chain
from tests.monitoring.plans import (
    Asked,
    Bucket,
    FixedWindow,
    InFlight,
    Plan,
    Sizes,
    SlidingWindow,
    Spent,
    Words,
)
from tests.world.examples import examples
from tests.world.virtual_time import run_virtually

UNITS = {"eth_getLogs": 75.0, "eth_getBlockByNumber": 16.0, "eth_getBlockByHash": 16.0, "eth_call": 26.0}


def chain(blocks: int = 3000, events: int = 60) -> Whole:
    """A made-up chain with so many events, spread over all of it."""
    node = Whole(blocks, logs=[1 + number * blocks // events for number in range(events)])
    readable(node)
    return node


def read(node: Whole, *plans: Sequence[Plan], within: float = 20_000, cuts: bool = False) -> Reading:
    """Read it, and see that nothing was left out."""
    reading = run_virtually(read_chain(node, *plans, within=within, cuts=cuts))
    assert set(node.logs) <= set(reading.memory.blocks)
    return reading


PLANS: dict[str, tuple[Callable[[int], Plan], Sequence[int]]] = {
    "fixed": (lambda rate: FixedWindow(most=rate), (1, 10, 100)),
    "sliding": (lambda rate: SlidingWindow(most=rate), (1, 10, 100)),
    "strict": (lambda rate: SlidingWindow(most=rate, strict=True), (1, 10, 100)),
    "bucket": (lambda rate: Bucket(refill=rate, burst=2 * rate), (1, 10, 100)),
    # At more a minute, none of the requests that are needed would be refused.
    "fixed minute": (lambda rate: FixedWindow(most=60 * rate, seconds=60), (1, 5)),
    "sliding minute": (lambda rate: SlidingWindow(most=60 * rate, seconds=60), (1, 5)),
}
"""Plans, each at so many requests a second."""


@pytest.mark.parametrize(("plan", "rate"), [(plan, rate) for plan, (_, rates) in PLANS.items() for rate in rates])
def test_many_events_take_no_longer_than_the_plan_makes_them(plan: str, rate: int) -> None:
    reading = read(chain(events=300), [PLANS[plan][0](rate)])
    assert reading.requests - reading.refused < 2.5 * 300
    assert 0 < reading.refused < 0.3 * reading.requests
    assert reading.seconds < 2 * reading.requests / rate + 90


@pytest.mark.parametrize("most", [1, 2, 3, 10])
def test_a_limit_of_what_may_be_under_way_is_found(most: int) -> None:
    reading = read(chain(events=600), [InFlight(most=most)])
    assert reading.refused < 80
    assert reading.seconds < 3 * 700 * 0.05 / min(most, 4) + 30


def test_units_are_kept_to_whatever_a_request_costs() -> None:
    reading = read(chain(events=600), [Bucket(refill=330, burst=330, costs=UNITS)])
    assert reading.refused < 150
    assert reading.seconds < 120


@pytest.mark.parametrize("most", [5, 25])
def test_an_endpoint_that_cuts_connections_is_caught_up_with(most: int) -> None:
    reading = read(chain(), [FixedWindow(most=most)], cuts=True)
    assert reading.refused < 60
    assert reading.seconds < 120


def say(text: str, code: int = -32005, **data: object) -> Words:
    """The same words at each refusal."""
    return lambda _wait: {"code": code, "message": text} | ({"data": data} if data else {})


@pytest.mark.parametrize(
    "words",
    [
        say("daily request count exceeded, request rate limited"),
        say("You have used up your credits", -32012),
        say("Too Many Requests"),
        say("You have exceeded the RPS limit", try_again_in="24h"),
        say("internal error", -32603),
    ],
)
def test_where_a_plan_is_used_up_the_other_endpoint_reads_on(words: Words) -> None:
    reading = read(chain(), [Spent(most=20, words=words)], [Plan()])
    # What was under way when it ended is refused, twice where no words say why; and some tries whether it is over.
    assert reading.counts[0]["refused"] < 80
    assert reading.seconds < 90


def test_a_slow_plan_is_no_reason_to_give_its_endpoint_up() -> None:
    reading = read(chain(), [FixedWindow(most=10)], [Plan()])
    assert sum(reading.counts[1].values()) < 20


@dataclass
class EveryOther(Plan):
    """Every other request is refused, however seldom one is made."""

    count: int = 0

    def admits(self, _now: float, _asked: Asked) -> float | None:
        self.count += 1
        return 1.0 if self.count % 2 else None


def test_an_endpoint_that_allows_next_to_nothing_is_left() -> None:
    reading = read(chain(), [EveryOther()], [Plan()])
    assert reading.seconds < 60
    assert sum(reading.counts[0].values()) < 60


MISLEADING: dict[str, Words] = {
    "rps": lambda wait: {
        "code": -32005,
        "message": "You have exceeded the RPS limit",
        "data": {"try_again_in": f"{1000 * wait:.1f}ms"},
    },
    "limit": say("limit exceeded"),
    "range": say("block range too large", -32000),
    "results": say("query returned more than 10000 results"),
    "429": say("Too many requests", 429),
    "internal": say("Internal error", -32603),
    "named": say("up to a 2K block range", -32000),
    "named small": say("limited to a 10 block range", -32000),
    "wait": say("retry in 1s", -32000),
    "nothing": say("", -32000),
}
RULES: dict[str, Callable[[Words], list[Plan]]] = {
    "25 a second": lambda words: [FixedWindow(most=25, words=words)],
    "5 a second": lambda words: [SlidingWindow(most=5, words=words)],
    "90 a minute": lambda words: [FixedWindow(most=90, seconds=60, words=words)],
    "3 under way": lambda words: [InFlight(most=3, words=words)],
    "10 blocks": lambda words: [Sizes(blocks=10, words=words)],
    "800 blocks": lambda words: [Sizes(blocks=800, words=words)],
    "20 results": lambda words: [Sizes(logs=20, words=words)],
    "100 blocks, 10 a second": lambda words: [FixedWindow(most=10, words=words), Sizes(blocks=100, words=words)],
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("words", MISLEADING)
def test_whatever_a_limit_is_called_it_is_found_by_what_follows(words: str, rule: str) -> None:
    reading = read(chain(1500, events=100), RULES[rule](MISLEADING[words]))
    assert reading.refused > 0
    assert reading.requests < 1200
    assert reading.seconds < 400


@st.composite
def rules(draw: st.DrawFn) -> tuple[list[Plan], float]:
    """One or two hidden rules with words at random, and how many requests a second they allow."""
    words = st.sampled_from(list(MISLEADING.values()))
    rate = draw(st.sampled_from([2, 5, 10, 25]))
    rates: list[Callable[[Words], Plan]] = [
        lambda words: FixedWindow(most=rate, words=words),
        lambda words: SlidingWindow(most=rate, words=words),
        lambda words: SlidingWindow(most=60 * rate, seconds=60, words=words),
        lambda words: Bucket(refill=rate, burst=draw(st.sampled_from([rate, 10 * rate])), words=words),
        lambda words: InFlight(most=draw(st.integers(1, 8)), words=words),
    ]
    sizes: list[Callable[[Words], Plan]] = [
        lambda words: Sizes(blocks=draw(st.integers(10, 5000)), words=words),
        lambda words: Sizes(logs=draw(st.integers(5, 100)), words=words),
    ]
    plans = [draw(st.sampled_from(kinds))(draw(words)) for kinds in (rates, sizes) if draw(st.booleans())]
    return plans or [Plan()], rate


@examples(60)
@given(rules(), st.integers(1, 200), st.floats(0.005, 1.0))
def test_whatever_the_hidden_rule_a_chain_is_read_in_bounded_requests(
    hidden: tuple[list[Plan], float], events: int, latency: float
) -> None:
    plans, _ = hidden
    for plan in plans:
        plan.latency = latency
    reading = read(chain(2000, events), plans)
    assert reading.requests < 3500


def test_history_of_a_chain_that_stands_still_is_read_to_the_end() -> None:
    slow = Plan(latency=1.5)
    reading = run_virtually(read_chain(Whole(600, most=4), [slow], within=20_000, stands_still=True))
    assert reading.seconds > 2 * PATIENCE
    assert reading.counts[0]["eth_getCode"] == 1
