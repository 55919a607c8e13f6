"""``backfill`` typed as a user types it, on a real bridge: what it reads, says and leaves alone."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scripts.devnet import Devnet, Transfer
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.processes import typed
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

FINALITY = 5


@dataclass(frozen=True, slots=True)
class Past:
    """Blocks ``first`` to ``last`` of alpha, final and not watched.

    One transfer in them is executed on beta, one never, and one (``comes``) only in the last test.
    """

    first: int
    last: int
    executed: Transfer
    owed: Transfer
    comes: Transfer


@dataclass(frozen=True, slots=True)
class History:
    """The past, and a config and database of the test's own that begin after it."""

    past: Past
    config: Path
    webhook: Receiver

    async def backfill(self, chain: str, first: int, last: int) -> dict[str, Any]:
        """The JSON of a backfill that works."""
        code, stdout, stderr = await typed(
            self.config, "backfill", "--chain", chain, "--from", str(first), "--to", str(last), "--json"
        )
        assert code == 0, stderr
        document: dict[str, Any] = json.loads(stdout)
        return document

    async def backfill_alpha(self) -> dict[str, Any]:
        """That of all of it."""
        return await self.backfill("alpha", self.past.first, self.past.last)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def past(bridge: Devnet) -> Past:
    alpha, beta, _ = bridge.chains
    executed, owed, comes = [await bridge.xcall(alpha, beta) for _ in range(3)]
    await bridge.execute_fast(executed)
    last = comes.block_number + 1

    async def final() -> bool:
        return await alpha.head() > last + FINALITY

    await until(final)
    return Past(executed.block_number, last, executed, owed, comes)


@pytest_asyncio.fixture(loop_scope="session")
async def history(bridge: Devnet, past: Past, tmp_path: Path) -> AsyncIterator[History]:
    async with Receiver() as webhook:
        setup = Setup(bridge.chains[:2], {"machines": webhook}, execute="PT1S", finality=FINALITY)
        yield History(past, await write_config(setup, tmp_path), webhook)


async def test_a_backfill_alerts_what_is_late_now_and_not_what_is_done(history: History) -> None:
    said = await history.backfill_alpha()
    late = [(leg["leg"], leg["transfer"]["transfer_id"]) for leg in said["late"]]
    assert late == [("execute", history.past.owed.transfer_id), ("execute", history.past.comes.transfer_id)]
    assert said["legs_done_elsewhere"] == 1
    assert (said["events"], said["xcalled"], said["malformed"], said["nonces_proven"]) == (3, 3, 0, True)


async def test_what_has_been_read_is_not_read_again(history: History) -> None:
    part = await history.backfill("alpha", history.past.first, history.past.owed.block_number)
    assert part["blocks_read_before"] == 0
    again = await history.backfill_alpha()
    rest = history.past.last - history.past.owed.block_number
    assert (again["blocks_read_before"], again["blocks_read"]) == (part["blocks_read"], rest)


async def test_words_say_the_same(history: History) -> None:
    arguments = ("backfill", "--chain", "alpha", "--from", str(history.past.first), "--to", str(history.past.last))
    _, said, _ = await typed(history.config, *arguments)
    assert "3 events, 3 of them XCalled; 0 malformed logs." in said
    assert "the contract's own transfer count agrees" in said
    assert "Late now: 2 legs" in said
    assert history.past.owed.transfer_id in said
    assert history.past.executed.transfer_id not in said
    assert "backfill the destination too" in said


async def test_history_gives_no_deadlines_and_no_alerts(history: History) -> None:
    await history.backfill_alpha()
    async with Monitor(history.config) as monitor:
        await monitor.ready()
        await monitor.covers("beta", history.past.owed.timestamp + 10)
        owed = await monitor.transfer(history.past.owed)
        assert owed is not None
        assert (owed["status"], owed["deadlines"]) == ("XCalled", None)
        assert history.webhook.whats() == []


async def test_it_works_beside_a_running_monitor_and_moves_nothing_of_its(history: History) -> None:
    async with Monitor(history.config) as monitor:
        await monitor.ready()
        said = await history.backfill_alpha()
        assert said["events"] == 3
        await monitor.knows(history.past.executed, "XCalled")
        assert await monitor.get("/readyz") == (200, {"ready": True, "reasons": []})


@pytest.mark.parametrize(
    ("chain", "first", "last", "words"),
    [
        ("nowhere", 1, 2, "no chain in the config has this name; known chains: alpha, beta"),
        ("alpha", 3, 2, "must not be above --to"),
        ("alpha", 1, 10**30, "is not in the range"),
        ("alpha", 1, 10**9, "the monitor itself reads alpha from block"),
    ],
)
async def test_what_cannot_be_backfilled_is_refused_with_words(
    history: History, chain: str, first: int, last: int, words: str
) -> None:
    code, _, stderr = await typed(history.config, "backfill", "--chain", chain, "--from", str(first), "--to", str(last))
    assert (code, words in " ".join(stderr.split())) == (2, True), stderr


async def test_blocks_that_may_still_be_replaced_are_refused(bridge: Devnet, history: History) -> None:
    history.config.write_text(
        "\n".join(
            'start_block = "latest"' if line.startswith("start_block") else line
            for line in history.config.read_text().splitlines()
        )
    )
    last = await bridge.chain("alpha").head() + 100
    code, _, stderr = await typed(history.config, "backfill", "--chain", "alpha", "--from", "1", "--to", str(last))
    assert code == 2
    assert "may still be replaced; the last final block is" in " ".join(stderr.split())


async def test_a_later_leg_completes_the_record_and_gives_no_deadlines(bridge: Devnet, history: History) -> None:
    await history.backfill_alpha()
    async with Monitor(history.config) as monitor:
        await monitor.ready()
        await bridge.execute_fast(history.past.comes)
        await monitor.knows(history.past.comes, "Executed")
        completed = await monitor.transfer(history.past.comes)
        assert completed is not None
        assert completed["deadlines"] is None
        assert history.webhook.whats() == []
