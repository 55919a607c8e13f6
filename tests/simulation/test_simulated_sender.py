"""The simulated sender and the real one tell the providers the same, whatever is wrong with the channel."""

import asyncio
from random import Random

import pytest
from yarl import URL

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.core.delivery import TryLater
from tests.alerting.http.servers import patient, raw_server
from tests.simulation.channels import SimulatedChannels
from tests.simulation.story import Channel, ChannelFault
from tests.simulation.troubles import ChannelTrouble
from tests.world.virtual_time import LoopClock, run_virtually

PATIENCE = 0.2
ANSWERS = {
    ChannelTrouble.FAIL: b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    ChannelTrouble.LIMIT: b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    ChannelTrouble.REFUSE: b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    ChannelTrouble.LOSE_ANSWER: b"",
    ChannelTrouble.HANG: b"",
    ChannelTrouble.SLOW: b"",
}
"""What a receiver of webhooks writes; where it is nothing, it closes the connection, or keeps it open."""
BODY = b'{"type": "report.stats"}'


def simulated(trouble: ChannelTrouble) -> HttpResponse | TryLater:
    async def main() -> HttpResponse | TryLater:
        clock = LoopClock()
        fault = ChannelFault("hook", 0.0, 100.0, trouble, 7.0)
        channels = SimulatedChannels([Channel("hook", "webhook")], [fault], clock.monotonic, Random(1))  # noqa: S311
        sender = channels.open_sender(clock, PATIENCE)
        return await sender.request("POST", URL("https://x.example/hook"), BODY, {"webhook-id": "1"})

    return run_virtually(main())


def meaning(answer: HttpResponse | TryLater) -> tuple[object, ...]:
    if isinstance(answer, TryLater):
        return answer.reason, answer.after, answer.cause
    return answer.status, answer.retry_after, answer.words


async def real(trouble: ChannelTrouble) -> HttpResponse | TryLater:
    hangs = trouble in {ChannelTrouble.HANG, ChannelTrouble.SLOW}
    async with raw_server(ANSWERS[trouble], then_hang=hangs) as url, patient(PATIENCE, 60.0) as sender:
        answer = await sender.request("POST", url, BODY, {})
        await sender.aclose()
        return answer


@pytest.mark.parametrize("trouble", ChannelTrouble)
def test_both_senders_say_the_same(trouble: ChannelTrouble) -> None:
    assert meaning(simulated(trouble)) == meaning(asyncio.run(real(trouble)))
