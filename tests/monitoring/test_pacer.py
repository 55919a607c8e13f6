"""How an endpoint is asked: in virtual time, and over HTTP on a loopback node with a plan of 25 requests a second."""

import asyncio
import contextlib
import time
from collections import Counter
from typing import Any

import pytest
from aiohttp import web

from connext_monitor.core.rpc_refusal import classify
from connext_monitor.core.throttle import LONGEST_PAUSE, Throttle
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcRefused
from connext_monitor.monitoring.pacer import Pacer, Urgency
from tests.monitoring.covering import Whole, covered, observing, readable
from tests.monitoring.nodes import error, http_node, posting
from tests.monitoring.plans import Asked, FixedWindow
from tests.world.virtual_time import run_virtually

TOO_MANY = classify(429, "Too many requests")


def refusal(seconds: float | None = None) -> RpcRefused:
    return RpcRefused("host", "eth_call", TOO_MANY, seconds)


class Limited:
    """An endpoint with a plan of some requests a second."""

    def __init__(self, most: int) -> None:
        self.plan = FixedWindow(most=most)
        self.answered: Counter[str] = Counter()

    async def request(self, name: str) -> str:
        await asyncio.sleep(0.02)
        if self.plan.admits(asyncio.get_running_loop().time(), Asked("eth_call")) is not None:
            raise refusal()
        self.answered[name] += 1
        return name


async def history(pacer: Pacer, endpoint: Limited) -> None:
    while True:
        await asyncio.gather(*(pacer.ask(lambda: endpoint.request("history"), Urgency.HISTORY) for _ in range(16)))


def test_history_neither_delays_a_question_nor_stops_for_it() -> None:
    async def main() -> tuple[list[float], Limited]:
        loop, pacer, endpoint = asyncio.get_running_loop(), Pacer(), Limited(2)
        reading = asyncio.create_task(history(pacer, endpoint))
        await asyncio.sleep(30)
        took = []
        for _ in range(20):
            began = loop.time()
            await pacer.ask(lambda: endpoint.request("question"), Urgency.QUESTION)
            took.append(loop.time() - began)
        endpoint.answered.clear()
        await asyncio.gather(*(pacer.ask(lambda: endpoint.request("question"), Urgency.QUESTION) for _ in range(10)))
        reading.cancel()
        return took, endpoint

    took, endpoint = run_virtually(main())
    assert sorted(took)[len(took) // 2] < 1.5
    assert max(took) < 6
    assert 1 <= endpoint.answered["history"] <= 10


def test_an_endpoint_is_left_alone_for_as_long_as_it_asks() -> None:
    async def main() -> list[float]:
        pacer, at = Pacer(), []
        answers = iter([refusal(2.5), None])

        async def request() -> None:
            at.append(asyncio.get_running_loop().time())
            if (error := next(answers)) is not None:
                raise error

        await pacer.ask(request)
        return at

    first, second = run_virtually(main())
    assert second - first == pytest.approx(2.5)


@pytest.mark.parametrize("asked", [LONGEST_PAUSE + 1, 86_400.0, 10 * 365 * 86_400.0])
def test_a_long_wait_is_passed_on_and_tried_again_within_a_minute(asked: float) -> None:
    async def main() -> tuple[float, float]:
        pacer, loop = Pacer(), asyncio.get_running_loop()

        async def refuse() -> None:
            raise refusal(asked)

        async def answer() -> None:
            pass

        with pytest.raises(RpcRefused):
            await pacer.ask(refuse, Urgency.HISTORY)
        refused_at = loop.time()
        await pacer.ask(answer, Urgency.HISTORY)
        return refused_at, loop.time()

    refused_at, answered_at = run_virtually(main())
    assert (refused_at, answered_at <= LONGEST_PAUSE) == (0.0, True)


def test_who_cannot_wait_hears_of_a_long_pause_at_once() -> None:
    async def main() -> tuple[float, float | None]:
        pacer, loop = Pacer(), asyncio.get_running_loop()

        async def refuse() -> None:
            raise refusal(50)

        with pytest.raises(RpcRefused):
            await pacer.ask(refuse, Urgency.QUESTION)
        with pytest.raises(RpcRefused) as refused:
            await pacer.ask(refuse, Urgency.QUESTION)
        return loop.time(), refused.value.retry_after

    assert run_virtually(main()) == (0.0, 50)


def test_an_endpoint_that_refuses_everything_is_given_up_and_sooner_beside_others() -> None:
    async def main(has_others: bool) -> int:
        pacer, asked = Pacer(has_others=has_others), 0

        async def refuse() -> None:
            nonlocal asked
            asked += 1
            raise refusal()

        with pytest.raises(RpcRefused):
            await pacer.ask(refuse, Urgency.HISTORY)
        return asked

    assert run_virtually(main(True)) < run_virtually(main(False)) < 10


def test_a_cancelled_request_leaves_its_turn_to_others() -> None:
    async def main() -> str:
        pacer = Pacer()
        pacer.throttle.at_once = 1
        gate = asyncio.Event()

        async def slow() -> str:
            await gate.wait()
            return "slow"

        async def quick() -> str:
            return "quick"

        first = asyncio.create_task(pacer.ask(slow))
        second, third = (asyncio.create_task(pacer.ask(quick)) for _ in range(2))
        await asyncio.sleep(1)
        second.cancel()
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        return await third

    assert run_virtually(main()) == "quick"


def test_a_connection_cut_for_the_rate_slows_the_next_one_down() -> None:
    async def main() -> float | None:
        pacer = Pacer()

        async def cut() -> None:
            await asyncio.sleep(0.1)
            raise EndpointUnavailable("host", "closed the connection (code 1013)", busy=True)

        async def answer() -> None:
            await asyncio.sleep(0.1)

        for _ in range(10):
            await pacer.ask(answer)
        with pytest.raises(EndpointUnavailable):
            await pacer.ask(cut)
        for _ in range(30):
            await pacer.ask(answer)
        return pacer.throttle.rate or pacer.throttle.at_once

    assert run_virtually(main()) is not None


def test_one_refused_kind_of_request_slows_no_other() -> None:
    async def main() -> tuple[int, int]:
        pacer, answered = Pacer(), 0
        asked = 0

        async def refuse() -> None:
            nonlocal asked
            asked += 1
            raise refusal()

        async def answer() -> None:
            nonlocal answered
            await asyncio.sleep(0.05)
            answered += 1

        async def questions() -> None:
            while True:
                with contextlib.suppress(RpcRefused):
                    await pacer.ask(refuse, Urgency.QUESTION, kind="eth_call")
                await asyncio.sleep(2)

        async def others() -> None:
            while True:
                await pacer.ask(answer, Urgency.HISTORY, kind="eth_getLogs")

        tasks = [asyncio.create_task(questions()), asyncio.create_task(others())]
        await asyncio.sleep(300)
        answered = asked = 0
        await asyncio.sleep(60)
        for task in tasks:
            task.cancel()
        return answered, asked

    answered, asked = run_virtually(main())
    assert answered > 60 / 0.05 * 0.8
    assert 20 <= asked <= 40


def test_a_throttle_that_has_heard_of_no_limit_limits_nothing() -> None:
    throttle = Throttle()
    for number in range(31):
        assert throttle.wait(0.0, number) == 0
        throttle.began(0.0)


async def test_history_is_read_over_http_at_25_requests_a_second() -> None:
    node = Whole(3000, logs=[1 + 50 * number for number in range(60)])
    readable(node)
    plan, asked = FixedWindow(most=25), Counter[str]()

    async def handle(request: web.Request) -> web.StreamResponse:
        called = (await request.json())["method"]
        asked[called] += 1
        if plan.admits(time.monotonic(), Asked(called)) is not None:
            asked["refused"] += 1
            return web.Response(status=429, text="<html>rate limited</html>", content_type="text/html")
        return await posting(node.answer)(request)

    async with http_node(handle) as url, observing(url, block_time="PT12S") as (observer, _):
        async with asyncio.timeout(60):
            while covered(observer) < 3000:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.05)
        assert asked["eth_getBlockByHash"] < 4 * 60
        assert asked["eth_getLogs"] < 30


@pytest.mark.parametrize("data", [{"try_again_in": "250.5ms"}, {"rate": {"backoff_seconds": 0.2}}, {"retryAfter": "1"}])
async def test_an_rps_limit_that_names_a_wait_makes_no_range_smaller(data: Any) -> None:
    node = Whole(3000, logs=[1 + 50 * number for number in range(60)])
    readable(node)
    plan, ranges = FixedWindow(most=25), []

    def answer(request: dict[str, Any]) -> str:
        if request["method"] == "eth_getLogs":
            first, last = (int(request["params"][0][name], 16) for name in ("fromBlock", "toBlock"))
            ranges.append(last - first + 1)
        if plan.admits(time.monotonic(), Asked(request["method"])) is not None:
            return error(request, -32005, "You have exceeded the RPS limit", data=data)
        return node.answer(request)

    async with http_node(posting(answer)) as url, observing(url, block_time="PT12S") as (observer, _):
        async with asyncio.timeout(60):
            while covered(observer) < 3000:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.05)
    assert len(ranges) < 30
