"""A monitor that is killed (kill -9) and started again on its database: nothing is lost, nothing is told twice."""

import asyncio
import time
from dataclasses import dataclass

import pytest
import pytest_asyncio

from scripts.devnet import Devnet, Transfer
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINES = (4, 12, 36)
"""Seconds; the later ones are for a machine on which an execution takes longer than the one before."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The transfers by what became of them, the webhook's bodies, and the second run's word on each deadline."""

    told_before: Transfer
    due_while_down: Transfer
    executed_while_down: Transfer
    sent_while_down: Transfer
    states: dict[str, str]
    webhook: Receiver

    def bodies(self, transfer: Transfer) -> list[tuple[str, str]]:
        """Change and kind of each body about it."""
        return self.webhook.about(transfer.transfer_id)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def restarted(bridge: Devnet, tmp_path_factory: pytest.TempPathFactory) -> Restarted:
    for deadline in DEADLINES:
        if played := await restart(bridge, tmp_path_factory, deadline):
            return played
    pytest.fail("this machine is too slow for an execution in time")


async def restart(bridge: Devnet, tmp_path_factory: pytest.TempPathFactory, deadline: int) -> Restarted | None:
    """Play it; None where what was to be executed in time was not."""
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        setup = Setup((alpha, beta), {"machines": webhook}, execute=f"PT{deadline}S", unobserved_after="PT8S")
        config = await write_config(setup, tmp_path_factory.mktemp("restarted"))
        async with Monitor(config) as first:
            await first.ready()
            told_before = await bridge.xcall(alpha, beta)
            await webhook.gets("alert.opened", "execute_overdue", told_before.transfer_id)
            due, executed = await asyncio.gather(bridge.xcall(alpha, beta), bridge.xcall(alpha, beta))
            await asyncio.gather(first.knows(due, "XCalled"), first.knows(executed, "XCalled"))
        execution, sent = await asyncio.gather(bridge.execute_fast(executed), bridge.xcall(alpha, beta))
        if execution.timestamp > executed.timestamp + deadline:
            return None
        await until(lambda: time.time() > sent.timestamp + deadline)
        async with Monitor(config) as second:
            for missed in (due, sent):
                await webhook.gets("alert.opened", "execute_overdue", missed.transfer_id)
            await second.covers("beta", int(time.time()) + 1)
            everything = (told_before, due, executed, sent)
            states = {transfer.transfer_id: await second.state(transfer) for transfer in everything}
        return Restarted(told_before, due, executed, sent, states, webhook)


async def test_what_came_due_while_it_was_down_is_alerted_once(restarted: Restarted) -> None:
    assert restarted.bodies(restarted.due_while_down) == [("alert.opened", "execute_overdue")]


async def test_what_came_due_during_the_downtime_is_alerted_once(restarted: Restarted) -> None:
    assert restarted.bodies(restarted.sent_while_down) == [("alert.opened", "execute_overdue")]


async def test_what_was_executed_in_time_during_the_downtime_is_not_alerted(restarted: Restarted) -> None:
    assert restarted.bodies(restarted.executed_while_down) == []
    assert restarted.states[restarted.executed_while_down.transfer_id] == "met"


async def test_what_was_told_before_is_not_told_again(restarted: Restarted) -> None:
    assert restarted.bodies(restarted.told_before) == [("alert.opened", "execute_overdue")]
    assert restarted.states[restarted.told_before.transfer_id] == "overdue"


async def test_a_restart_before_the_deadline_changes_nothing(
    bridge: Devnet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        setup = Setup((alpha, beta), {"machines": webhook}, execute="PT4S", unobserved_after="PT8S")
        config = await write_config(setup, tmp_path_factory.mktemp("early"))
        async with Monitor(config) as first:
            await first.ready()
            transfer = await bridge.xcall(alpha, beta)
            await first.knows(transfer, "XCalled")
        async with Monitor(config) as second:
            opened = await webhook.gets("alert.opened", "execute_overdue", transfer.transfer_id)
            await second.covers("beta", int(time.time()) + 1)
        assert opened.at > transfer.timestamp + 4
        assert webhook.about(transfer.transfer_id) == [("alert.opened", "execute_overdue")]
