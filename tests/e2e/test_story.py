"""What becomes of transfers of every fate under one running monitor, told by its API and its webhook."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from scripts.devnet import Devnet, Transfer
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXECUTE_DEADLINE = 6
RECONCILE_DEADLINE = 9
TOKENS = 3 * 10**18


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened: the transfers, what the API said of each in the end, its alerts, and the webhook's bodies."""

    fast: Transfer
    slow: Transfer
    empty: Transfer
    never_executed: Transfer
    executed_late: Transfer
    never_reconciled: Transfer
    answers: dict[str, dict[str, Any]]
    alerts: list[tuple[str, str, str]]
    webhook: Receiver

    def of(self, transfer: Transfer) -> dict[str, Any]:
        """What the API said of it."""
        return self.answers[transfer.transfer_id]

    def bodies(self, transfer: Transfer) -> list[tuple[str, str]]:
        """Change and kind of each body about it, in the order of arrival."""
        return [(change, kind) for change, kind, subject in self.webhook.whats() if subject == transfer.transfer_id]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def story(bridge: Devnet, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        setup = Setup(
            (alpha, beta),
            {"machines": webhook},
            execute=f"PT{EXECUTE_DEADLINE}S",
            reconcile=f"PT{RECONCILE_DEADLINE}S",
            unobserved_after="PT10S",
        )
        config = await write_config(setup, tmp_path_factory.mktemp("story"))
        async with Monitor(config) as monitor:
            await monitor.ready()
            yield await play(bridge, monitor, webhook)


async def play(bridge: Devnet, monitor: Monitor, webhook: Receiver) -> Story:
    alpha, beta, _ = bridge.chains
    fast, slow, empty, never, late, unreconciled = await asyncio.gather(
        bridge.xcall(alpha, beta, amount=TOKENS),
        bridge.xcall(beta, alpha, amount=TOKENS),
        bridge.xcall(alpha, beta),
        bridge.xcall(alpha, beta, amount=TOKENS),
        bridge.xcall(beta, alpha, amount=TOKENS),
        bridge.xcall(alpha, beta, amount=TOKENS),
    )
    await asyncio.gather(
        *map(bridge.execute_fast, (fast, empty, unreconciled)), *map(bridge.reconcile, (slow, never, late))
    )
    await asyncio.gather(*map(bridge.reconcile, (fast, empty)), bridge.execute_slow(slow))
    await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
    await bridge.execute_slow(late)
    await webhook.gets("alert.resolved", "execute_overdue", late.transfer_id)
    await webhook.gets("alert.opened", "execute_overdue", never.transfer_id)
    await webhook.gets("alert.opened", "reconcile_overdue", unreconciled.transfer_id)
    everything = (fast, slow, empty, never, late, unreconciled)
    past = max(transfer.timestamp for transfer in everything) + RECONCILE_DEADLINE + 1
    await asyncio.gather(monitor.covers("alpha", past), monitor.covers("beta", past))
    answers = {}
    for transfer in everything:
        answer = await monitor.transfer(transfer)
        assert answer is not None
        answers[transfer.transfer_id] = answer
    return Story(fast, slow, empty, never, late, unreconciled, answers, await monitor.alerts(), webhook)


async def test_a_fast_transfer_is_completed_fast(story: Story) -> None:
    transfer = story.of(story.fast)
    assert (transfer["status"], transfer["path"]) == ("CompletedFast", "fast")
    assert len(transfer["routers"]) == 1


async def test_a_slow_transfer_is_completed_slow(story: Story) -> None:
    transfer = story.of(story.slow)
    assert (transfer["status"], transfer["path"], transfer["routers"]) == ("CompletedSlow", "slow", [])


async def test_a_transfer_without_an_asset_is_followed_like_any_other(story: Story) -> None:
    transfer = story.of(story.empty)
    assert (transfer["status"], transfer["amount"], transfer["asset"]) == ("CompletedFast", "0", "0x" + "00" * 20)


async def test_legs_that_arrive_in_time_are_met(story: Story) -> None:
    states = {
        story.of(transfer)["deadlines"][leg]["state"]
        for transfer in (story.fast, story.slow, story.empty)
        for leg in ("execute", "reconcile")
    }
    assert states == {"met"}


async def test_a_transfer_that_is_never_executed_is_alerted_once(story: Story) -> None:
    assert story.bodies(story.never_executed) == [("alert.opened", "execute_overdue")]
    assert story.of(story.never_executed)["deadlines"]["execute"]["state"] == "overdue"


async def test_a_late_execution_opens_and_then_resolves(story: Story) -> None:
    assert story.bodies(story.executed_late) == [
        ("alert.opened", "execute_overdue"),
        ("alert.resolved", "execute_overdue"),
    ]
    assert story.of(story.executed_late)["deadlines"]["execute"]["state"] == "late"


async def test_the_resolution_says_executed_under_the_same_id(story: Story) -> None:
    opened, resolved = (
        r.alert for r in story.webhook.received if r.alert["subject"] == story.executed_late.transfer_id
    )
    assert (resolved["resolution"], resolved["state"]) == ("executed", "resolved")
    assert resolved["id"] == opened["id"]


async def test_a_transfer_that_is_never_reconciled_is_alerted_once(story: Story) -> None:
    assert story.bodies(story.never_reconciled) == [("alert.opened", "reconcile_overdue")]
    assert story.of(story.never_reconciled)["deadlines"]["reconcile"]["state"] == "overdue"


async def test_nobody_else_is_accused(story: Story) -> None:
    accused = {story.never_executed.transfer_id, story.executed_late.transfer_id, story.never_reconciled.transfer_id}
    assert {subject for _, subject, _ in story.alerts} == accused
    assert len(story.webhook.received) == 4


async def test_an_alert_carries_its_transfer(story: Story) -> None:
    body = next(r.body for r in story.webhook.received if r.alert["subject"] == story.never_executed.transfer_id)
    transfer = body["data"]["transfer"]
    assert transfer["xcalled"]["tx_hash"] == story.never_executed.tx_hash
    assert (transfer["origin"]["chain"], transfer["destination"]["chain"]) == ("alpha", "beta")


async def test_a_deadline_is_the_block_time_of_xcalled_and_the_duration(story: Story) -> None:
    due = datetime.fromisoformat(story.of(story.never_executed)["deadlines"]["execute"]["due_at"])
    assert due.timestamp() == story.never_executed.timestamp + EXECUTE_DEADLINE


async def test_no_alert_is_said_before_its_deadline(story: Story) -> None:
    opened = next(r for r in story.webhook.received if r.alert["subject"] == story.never_executed.transfer_id)
    assert opened.at > story.never_executed.timestamp + EXECUTE_DEADLINE


async def test_what_stands_on_the_chains_is_what_is_told(story: Story) -> None:
    xcalled = story.of(story.fast)["xcalled"]
    assert (xcalled["block_number"], xcalled["block_hash"]) == (story.fast.block_number, story.fast.block_hash)
