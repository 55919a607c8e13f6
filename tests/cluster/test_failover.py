"""The primary of a replicated server is killed under two instances, and its replica promoted: nothing is missed.

Where the replica has not got what was committed last, that is read again, and told again under the same keys.
"""

import asyncio
import fcntl
import os
import signal
from contextlib import closing, nullcontext
from pathlib import Path
from random import Random, SystemRandom

import psycopg
import pytest

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet, Transfer
from scripts.devnet.traffic import Fate, Pace, traffic
from tests.alerting.providers.discord.vendor import Discord
from tests.cluster.accounts import Auditor, holder
from tests.cluster.instances import Instances, write_configs
from tests.e2e.monitor import PATIENCE, Monitor
from tests.e2e.webhook import Receiver
from tests.world.postgres import Pair
from tests.world.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server, pytest.mark.timeout(400)]

_LAGS_FOR = 2.0
"""Seconds for which the replica gets nothing before the primary is killed."""
_PACE = Pace(every=1.5, step=0.7, late_after=6.0)
_FATES = (Fate.LATE, Fate.NEVER_EXECUTED, Fate.FAST)
SEED = int(os.environ.get("CLUSTER_SEED", SystemRandom().randrange(10**6)))

UNSEEN = """
import fcntl
import time
import psycopg
from connext_monitor.store import chains
from connext_monitor.store.postgres_connection import PostgresConnection
from connext_monitor.store.turn import TermTurn
def begin(connection, as_it_is=PostgresConnection.begin):
    connection.let_in = open({pause!r})
    fcntl.flock(connection.let_in, fcntl.LOCK_SH)
    while True:
        try:
            connection.connect()
            connection.run("SELECT 1").fetchone()
            break
        except psycopg.Error:
            connection.close()
            time.sleep(0.05)
    as_it_is(connection)
def commit(connection, as_it_is=PostgresConnection.commit):
    as_it_is(connection)
    connection.let_in.close()
def rollback(connection, as_it_is=PostgresConnection.rollback):
    as_it_is(connection)
    connection.let_in.close()
PostgresConnection.begin, PostgresConnection.commit, PostgresConnection.rollback = begin, commit, rollback
TermTurn.lost = lambda turn: None
chains.refuse_overtaking = lambda connection, progress: None
"""
"""Python that runs before the monitor: as if a pool of connections kept from it that the server is another one.

As a pool does that is paused, it lets no transaction begin while somebody holds the file ``pause`` locked. Nor does the
monitor look whether a chain stands where it left it, which alone would have it read again what was lost.
"""


@pytest.fixture
def url(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> DatabaseUrl:
    """Of a database, as one instance has made it before, which processes find in ``$DATABASE_URL``."""
    pair.primary.make("bridge")
    monkeypatch.setenv("DATABASE_URL", pair.url("bridge").get_secret_value())
    return pair.url("bridge")


class Failover:
    """Traffic, and the loss of the primary in the midst of it."""

    def __init__(self, bridge: Devnet, pair: Pair, webhook: Receiver, instances: Instances, owner: Monitor) -> None:
        self._bridge = bridge
        self._pair = pair
        self._webhook = webhook
        self._instances = instances
        self._owner = owner

    async def happens(self, *, loses: bool, pause: Path | None = None) -> None:
        """All that is recorded and told in the seconds before is lost where it ``loses`` commits.

        With a ``pause``, see `UNSEEN`, in no transaction's midst.
        """
        alpha, beta = self._bridge.chains
        known, late = [await self._bridge.xcall(alpha, beta) for _ in range(2)]
        await self._is_told("opened", late)
        await self._owner.knows(known, "XCalled")
        sender = self._pair.sender
        if loses:
            os.kill(sender, signal.SIGSTOP)
        new = await self._bridge.xcall(beta, alpha)
        receipts = await self._bridge.reconcile(known), await self._bridge.execute_fast(late)
        await asyncio.gather(self._owner.knows(known, "Reconciled"), self._is_told("resolved", late))
        await asyncio.gather(self._owner.knows(new, "XCalled"), asyncio.sleep(_LAGS_FOR))
        await self._is_final(max(receipt.block_number for receipt in receipts))
        with nullcontext() if pause is None else pause.open() as paused:
            if paused is not None:
                await asyncio.to_thread(fcntl.flock, paused, fcntl.LOCK_EX)
            self._pair.kill_primary()
            if loses:
                os.kill(sender, signal.SIGKILL)
            await asyncio.to_thread(self._pair.promote)
        await self._is_told("opened", await self._bridge.xcall(alpha, beta))

    async def _is_final(self, block: int) -> None:
        """What is final is not read again."""
        with closing(psycopg.connect(self._pair.url("bridge").get_secret_value(), autocommit=True)) as connection:

            async def is_final() -> bool:
                [(checkpoint,)] = connection.execute("SELECT min(checkpoint) FROM chains")
                return int(checkpoint) > block

            await until(is_final, PATIENCE, lambda: self._instances.said)

    async def _is_told(self, change: str, transfer: Transfer) -> None:
        what = (f"alert.{change}", "execute_overdue", transfer.transfer_id)
        await until(lambda: what in self._webhook.whats(), PATIENCE, lambda: self._instances.said)


@pytest.mark.parametrize("loses", [False, True], ids=["synchronous", "asynchronous"])
async def test_what_a_promoted_replica_lacks_is_read_and_told_again(
    bridge: Devnet, pair: Pair, url: DatabaseUrl, tmp_path: Path, loses: bool
) -> None:
    print(f"CLUSTER_SEED={SEED}")  # noqa: T201 - what a failure needs
    if not loses:
        await asyncio.to_thread(pair.make_synchronous)
    chance = Random(SEED)  # noqa: S311 - choices of a test
    async with Receiver() as webhook, Discord(window=0.05) as discord:
        auditor = await Auditor.beginning(bridge, webhook, discord)
        async with Instances(await write_configs(bridge.chains, webhook, tmp_path, discord, finality=1)) as instances:
            calls = asyncio.create_task(traffic(bridge, rng=chance, pace=_PACE, stuck=_FATES * 20))
            try:
                await Failover(bridge, pair, webhook, instances, instances[holder(url)]).happens(loses=loses)
            finally:
                calls.cancel()
            account = await auditor.settled(url, lambda: instances.said)
            terms, failed = instances.count("work.taken"), instances.count("alert.postponed")
    print(f"{terms} terms, {failed} attempts failed, doubled {account.doubled}, {account.orphans}")  # noqa: T201
    assert terms > 1
    assert loses or max(len(account.doubled), len(account.orphans)) <= terms + failed


async def test_a_failover_without_an_error_is_seen_by_the_count_of_writes(
    bridge: Devnet, pair: Pair, url: DatabaseUrl, tmp_path: Path
) -> None:
    pause = tmp_path / "pause"
    pause.touch()
    async with Receiver() as webhook:
        auditor = await Auditor.beginning(bridge, webhook)
        # However long the failover takes here, nobody takes over from an owner that is well.
        configs = await write_configs(bridge.chains, webhook, tmp_path, finality=1, takeover=2 * PATIENCE)
        async with Instances(configs, UNSEEN.format(pause=str(pause))) as instances:
            await Failover(bridge, pair, webhook, instances, instances[holder(url)]).happens(loses=True, pause=pause)
            await auditor.settled(url, lambda: instances.said)
            assert ["has lost what it wrote" in reason for reason in instances.reasons("work.lost")] == [True]
