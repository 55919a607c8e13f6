"""An instance that may not send keeps its messages, and what it has begun ends in time."""

import asyncio

from connext_monitor.alerting.worker import SendFence
from tests.alerting.providers.webhook.vendor import Receiver
from tests.alerting.queued_alerts import QueuedAlerts, hook, ids, manager_of
from tests.world.alerts import OPENED
from tests.world.waiting import running, until


class Gate:
    """Open or not, and how often that was asked."""

    def __init__(self, *, is_open: bool) -> None:
        self.open = is_open
        self.asked = 0

    def is_open(self) -> bool:
        self.asked += 1
        return self.open


async def test_nothing_is_sent_before_this_instance_may(alerts: QueuedAlerts, receiver: Receiver) -> None:
    gate = Gate(is_open=False)
    await alerts.open(OPENED)
    async with running(manager_of(alerts, hook(receiver), fence=SendFence(gate.is_open)).run()):
        await until(lambda: gate.asked > 1)
        assert receiver.taken == []
        gate.open = True
        await alerts.until_sent()
    assert ids(receiver) == [OPENED.id]


async def test_a_message_under_way_is_ended_within_its_time(alerts: QueuedAlerts, receiver: Receiver) -> None:
    receiver.plan(204).until = asyncio.Event()
    await alerts.open(OPENED)
    fence = SendFence(within=0.2)
    async with running(manager_of(alerts, hook(receiver, first_timeout=3600.0), fence=fence).run()):
        await alerts.until_failed(OPENED)
    assert (await alerts.record(OPENED)).reason == "did not answer within 0.2 s"
