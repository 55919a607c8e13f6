"""What becomes of transfers of every fate under one running monitor, told by its API and its webhook."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scripts.devnet import Devnet, Transfer
from scripts.devnet.transaction import Receipt
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKENS = 3 * 10**18


@dataclass(frozen=True, slots=True)
class Deadlines:
    """In seconds."""

    execute: int
    reconcile: int


DEADLINES = (Deadlines(6, 9), Deadlines(18, 27), Deadlines(48, 60))
"""The later ones are for a machine on which what is to come in time took longer than those before."""


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
    deadlines: Deadlines

    def of(self, transfer: Transfer) -> dict[str, Any]:
        """What the API said of it."""
        return self.answers[transfer.transfer_id]

    def bodies(self, transfer: Transfer) -> list[tuple[str, str]]:
        """Change and kind of each body about it, in the order of arrival."""
        return self.webhook.about(transfer.transfer_id)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def story(bridge: Devnet, tmp_path_factory: pytest.TempPathFactory) -> Story:
    for deadlines in DEADLINES:
        if played := await tell(bridge, tmp_path_factory.mktemp("story"), deadlines):
            return played
    pytest.fail("this machine is too slow for anything to come in time")


async def tell(bridge: Devnet, folder: Path, deadlines: Deadlines) -> Story | None:
    """Play it; None where what was to come in time did not."""
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        setup = Setup(
            (alpha, beta),
            {"machines": webhook},
            execute=f"PT{deadlines.execute}S",
            reconcile=f"PT{deadlines.reconcile}S",
            unobserved_after="PT10S",
        )
        async with Monitor(await write_config(setup, folder)) as monitor:
            await monitor.ready()
            return await play(bridge, monitor, webhook, deadlines)


async def play(bridge: Devnet, monitor: Monitor, webhook: Receiver, deadlines: Deadlines) -> Story | None:
    alpha, beta, _ = bridge.chains
    fast, slow, empty, never, late, unreconciled = await asyncio.gather(
        bridge.xcall(alpha, beta, amount=TOKENS),
        bridge.xcall(beta, alpha, amount=TOKENS),
        bridge.xcall(alpha, beta),
        bridge.xcall(alpha, beta, amount=TOKENS),
        bridge.xcall(beta, alpha, amount=TOKENS),
        bridge.xcall(alpha, beta, amount=TOKENS),
    )
    early = [
        *[(sent, deadlines.execute, bridge.execute_fast(sent)) for sent in (fast, empty, unreconciled)],
        *[(sent, deadlines.reconcile, bridge.reconcile(sent)) for sent in (slow, never, late)],
    ]
    if not await come_in_time(early):
        return None
    if not await come_in_time(
        [
            *[(sent, deadlines.reconcile, bridge.reconcile(sent)) for sent in (fast, empty)],
            (slow, deadlines.execute, bridge.execute_slow(slow)),
        ]
    ):
        return None
    await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
    await bridge.execute_slow(late)
    await webhook.gets("alert.resolved", "execute_overdue", late.transfer_id)
    await webhook.gets("alert.opened", "execute_overdue", never.transfer_id)
    await webhook.gets("alert.opened", "reconcile_overdue", unreconciled.transfer_id)
    everything = (fast, slow, empty, never, late, unreconciled)
    past = max(transfer.timestamp for transfer in everything) + deadlines.reconcile + 1
    await asyncio.gather(monitor.covers("alpha", past), monitor.covers("beta", past))
    answers = {}
    for transfer in everything:
        answer = await monitor.transfer(transfer)
        assert answer is not None
        answers[transfer.transfer_id] = answer
    return Story(fast, slow, empty, never, late, unreconciled, answers, await monitor.alerts(), webhook, deadlines)


async def come_in_time(legs: Sequence[tuple[Transfer, int, Awaitable[Receipt]]]) -> bool:
    """Have these legs arrive; whether each did within so many seconds of its transfer, by the chains' own time."""
    receipts = await asyncio.gather(*[arriving for _, _, arriving in legs])
    return all(
        receipt.timestamp <= sent.timestamp + within for (sent, within, _), receipt in zip(legs, receipts, strict=True)
    )


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
    assert {subject for kind, subject, _ in story.alerts if kind.endswith("_overdue")} == accused
    assert len([kind for _, kind, _ in story.webhook.whats() if kind.endswith("_overdue")]) == 4


async def test_an_alert_carries_its_transfer(story: Story) -> None:
    body = next(r.body for r in story.webhook.received if r.alert["subject"] == story.never_executed.transfer_id)
    transfer = body["data"]["transfer"]
    assert transfer["xcalled"]["tx_hash"] == story.never_executed.tx_hash
    assert (transfer["origin"]["chain"], transfer["destination"]["chain"]) == ("alpha", "beta")


async def test_a_deadline_is_the_block_time_of_xcalled_and_the_duration(story: Story) -> None:
    due = datetime.fromisoformat(story.of(story.never_executed)["deadlines"]["execute"]["due_at"])
    assert due.timestamp() == story.never_executed.timestamp + story.deadlines.execute


async def test_no_alert_is_said_before_its_deadline(story: Story) -> None:
    opened = next(r for r in story.webhook.received if r.alert["subject"] == story.never_executed.transfer_id)
    assert opened.at > story.never_executed.timestamp + story.deadlines.execute


async def test_what_stands_on_the_chains_is_what_is_told(story: Story) -> None:
    xcalled = story.of(story.fast)["xcalled"]
    assert (xcalled["block_number"], xcalled["block_hash"]) == (story.fast.block_number, story.fast.block_hash)
