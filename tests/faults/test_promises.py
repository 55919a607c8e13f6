"""The promises on what is recorded (docs/promises.md), end to end: real chains, misbehaving endpoints, the file itself.

1. One transaction. 2. Covered means read. 3. Undo only on evidence. 4. Order does not matter. 8. Contiguity is proven.
That a commit survives being killed between any two of its statements is shown in tests/store/test_killed.py; that they
hold whatever goes wrong, in test_any_faults.py.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.events import DomainId
from connext_monitor.core.transfer import Status
from scripts.devnet import Chain, Devnet, Transfer
from tests.e2e.monitor import Setup
from tests.faults import truth
from tests.faults.faults import Duplicate, Freeze, Mute, RangeLimit, Shuffle, Stale
from tests.faults.feed import ANVIL, GETH, REMOVED_ONLY, SILENT, ReorgNews
from tests.faults.hooks import Fault, Json
from tests.faults.proxy import Proxy
from tests.faults.second_endpoint import mined_until
from tests.faults.snapshots import Snapshot, have_grown, looking
from tests.faults.watching import Watch, transfer_id, watching
from tests.world.databases import awaited_in
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATABASE = "connext-monitor.db"


def through(bridge: Devnet, origin: Proxy, destination: Proxy, *, execute: str = "PT1H", finality: int = 5) -> Setup:
    """Both chains through their proxies, with a calm cover every second."""
    endpoints = {"alpha": [origin.ws_url], "beta": [destination.ws_url]}
    return Setup(bridge.chains, {}, endpoints=endpoints, unobserved_after="PT2S", execute=execute, finality=finality)


async def caught_up(bridge: Devnet, watch: Watch, *proxies: Proxy) -> None:
    """Wait until both chains are followed, and a few blocks of each are covered."""
    await until(lambda: all(proxy.subscribers == 2 for proxy in proxies))
    for chain in bridge.chains:
        await chain.mine(4)
        await watch.covers(chain.name, await chain.head() - 1)


async def made_final(bridge: Devnet, watch: Watch) -> None:
    """Mine until all that happened is final, and read as such."""
    heads = {chain.name: await chain.head() for chain in bridge.chains}
    for chain in bridge.chains:
        await chain.mine(6)

    async def final() -> bool:
        for chain in bridge.chains:
            await chain.mine()
        await asyncio.sleep(0.2)
        reached = [watch.observers[name].state.coverage for name in heads]
        ends = zip(reached, heads.values(), strict=True)
        return all(coverage and coverage.checkpoint >= head for coverage, head in ends)

    await until(final)


async def standing(bridge: Devnet, transfers: list[Transfer]) -> set[truth.Event]:
    """The events of these transfers as the chains have them."""
    ids = {transfer.transfer_id for transfer in transfers}
    events: set[truth.Event] = set()
    for chain in bridge.chains:
        events |= await truth.standing(chain, 0)
    return {event for event in events if event.transfer_id in ids}


def unread(snapshot: Snapshot, events: set[truth.Event]) -> list[truth.Event]:
    """The events of blocks that are said to be covered which are not there."""
    missing = events - snapshot.events
    return sorted(event for event in missing if event.block <= snapshot.covered.get(event.domain, -1))


# 1. One transaction


async def test_promise_1_at_any_moment_the_file_holds_whole_commits(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    transfers: list[Transfer] = []
    async with watching(through(bridge, origin, destination, execute="PT1S"), tmp_path) as watch:
        await caught_up(bridge, watch, origin, destination)
        await destination.apply(Mute("logs"))  # so that its events and its checkpoint have to come together
        async with looking(tmp_path / DATABASE) as snapshots:
            transfers.append(await bridge.xcall(alpha, beta))
            await alerted(watch, beta, transfers[0])
            for _ in range(15):
                looked = len(snapshots)
                transfers.append(await bridge.xcall(alpha, beta))
                await bridge.execute_fast(transfers[-1])
                await bridge.reconcile(transfers[-1])
                await have_grown(snapshots, looked)
            await bridge.execute_fast(transfers[0])
            await watch.knows(transfers[0], Status.EXECUTED)
            await made_final(bridge, watch)
    events = await standing(bridge, transfers)
    assert len(snapshots) > 10
    assert {transfers[0].transfer_id in snapshot.accused for snapshot in snapshots} == {False, True}
    for snapshot in snapshots:
        assert snapshot.times == truth.times(snapshot.events)
        assert unread(snapshot, events) == []
        executed = {event.transfer_id for event in snapshot.events if event.kind == "executed"}
        assert snapshot.accused & executed == set()
        assert snapshot.undelivered == set()


async def alerted(watch: Watch, destination: Chain, transfer: Transfer) -> None:
    """Give the destination a block now and then, until the transfer is called late."""

    async def open_alert() -> bool:
        await destination.mine()
        await asyncio.sleep(0.1)
        return transfer.transfer_id in {about for _, about, _ in await watch.alerts(AlertState.OPEN)}

    await until(open_alert)


# 2. Covered means read


@pytest.mark.parametrize(
    "faults",
    [(Stale(2, announces=True),), (RangeLimit("infura", 2), Stale(1))],
    ids=["behind a node that announced", "limited and lagging"],
)
async def test_promise_2_whatever_is_said_to_be_covered_was_read(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path, faults: tuple[Fault, ...]
) -> None:
    alpha, beta = bridge.chains
    transfers: list[Transfer] = []
    # Without pushes, so that an event is there only because its block was read.
    async with watching(through(bridge, origin, destination), tmp_path) as watch:
        await caught_up(bridge, watch, origin, destination)
        async with looking(tmp_path / DATABASE) as snapshots, origin.suffering(Mute("logs"), *faults):
            for _ in range(6):
                transfers.append(await bridge.xcall(alpha, beta))
                await asyncio.sleep(0.25)
            await mined_until(alpha, lambda: len({snapshot.covered[alpha.domain_id] for snapshot in snapshots}) > 2)
            await origin.lift(*faults)
            await made_final(bridge, watch)
    events = await standing(bridge, transfers)
    assert [late for snapshot in snapshots for late in unread(snapshot, events)] == []
    assert events <= snapshots[-1].events


async def test_promise_2_a_pushed_log_is_stored_and_moves_nothing(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    calm = replace(through(bridge, origin, destination), unobserved_after="PT2M")
    async with watching(calm, tmp_path, only=["alpha"]) as watch:
        await until(lambda: origin.subscribers == 2)
        await alpha.mine()
        await watch.covers("alpha", await alpha.head())
        before = await watch.store.chains.coverage(DomainId(alpha.domain_id))
        # The next cover comes after a minute: nothing waits for one.
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        assert await watch.store.chains.coverage(DomainId(alpha.domain_id)) == before


# 3. Undo only on evidence


@pytest.mark.parametrize("news", [ANVIL, GETH, REMOVED_ONLY, SILENT], ids=["heads", "geth", "removed only", "silent"])
async def test_promise_3_a_reorg_takes_back_an_event_with_its_deadline(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path, news: ReorgNews
) -> None:
    alpha, beta = bridge.chains
    origin.reorgs = news
    async with watching(through(bridge, origin, destination), tmp_path) as watch:
        await caught_up(bridge, watch, origin, destination)
        stays, goes = await bridge.xcall(alpha, beta), await bridge.xcall(alpha, beta)
        await watch.knows(goes, Status.XCALLED)
        await alpha.reorg(1)
        await alpha.mine()
        await watch.knows(goes, None)
        assert await awaited_in(watch.store, due_until=2**40, transfer_id=transfer_id(goes)) == []
        assert await watch.status(stays) is Status.XCALLED
        assert watch.removed(stays.transfer_id) == []


async def test_promise_3_missing_blocks_and_removed_logs_take_nothing_back(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, destination), tmp_path) as watch:
        await caught_up(bridge, watch, origin, destination)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        [log] = await alpha.rpc("eth_getLogs", [{"address": alpha.contract, "blockHash": transfer.block_hash}])
        await until(lambda: origin.head == transfer.block_number)
        async with origin.suffering(Stale(3)):
            asked = len(origin.asked("eth_getLogs"))
            await origin.push("logs", log | {"removed": True})
            await until(lambda: len(origin.asked("eth_getLogs")) > asked + 1)
        await made_final(bridge, watch)
        assert await watch.status(transfer) is Status.XCALLED
        assert watch.removed(transfer.transfer_id) == []


# 4. Order does not matter


async def test_promise_4_order_and_repetition_do_not_change_the_records(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    plain, odd = tmp_path / "plain", tmp_path / "odd"
    plain.mkdir()
    odd.mkdir()
    honest = Setup(bridge.chains, {}, unobserved_after="PT2S", execute="PT1H")
    transfers: list[Transfer] = []
    async with watching(honest, plain) as watch, watching(through(bridge, origin, destination), odd) as other:
        await caught_up(bridge, watch)
        await caught_up(bridge, other, origin, destination)
        for proxy in (origin, destination):
            await proxy.apply(Shuffle(), Duplicate())
        async with origin.suffering(Freeze()):  # the destination speaks first
            for number in range(4):
                transfers.append(await bridge.xcall(alpha, beta))
                if number % 2:
                    await bridge.execute_fast(transfers[-1])
                    await bridge.reconcile(transfers[-1])
                else:
                    await bridge.reconcile(transfers[-1])
                    await bridge.execute_slow(transfers[-1])
            await until(lambda: all(other.records(transfer.transfer_id) for transfer in transfers))
        assert any(other.records(transfer.transfer_id)[0][1] != "xcalled" for transfer in transfers)
        await made_final(bridge, watch)
        await made_final(bridge, other)
        views = [[await watching.view(transfer) for transfer in transfers] for watching in (watch, other)]
    assert truth.stored(odd / DATABASE) == truth.stored(plain / DATABASE)
    assert truth.stored_times(odd / DATABASE) == truth.stored_times(plain / DATABASE)
    assert None not in views[0]
    # A transfer's number is its file's own: they are given in the order in which transfers are stored.
    first, second = ([replace(view, number=0) for view in stored if view] for stored in views)
    assert first == second


# 8. Contiguity is proven


async def test_promise_8_a_hidden_xcalled_is_a_hole_until_it_is_read(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, destination, finality=60), tmp_path) as watch:
        await caught_up(bridge, watch, origin, destination)
        nonce = await alpha.nonce()

        def hides(log: Json) -> bool:
            return len(log["topics"]) > 2 and int(log["topics"][2], 16) == nonce

        origin.edit_logs = lambda _filter, logs: [log for log in logs if not hides(log)]
        origin.edit_push = lambda feed, pushed: [] if feed == "logs" and hides(pushed) else [pushed]
        hidden, shown = await in_one_block(bridge, alpha, beta)
        await watch.knows(shown, Status.XCALLED)

        async def until_nonces(*, complete: bool) -> Nonces:
            nonces: list[Nonces] = []
            await alpha.mine(2)  # few, so that nothing that is hidden becomes final

            async def asked() -> bool:
                known = await watch.store.chains.nonces(DomainId(alpha.domain_id))
                if known is not None and known.next == nonce + 2 and known.complete is complete:
                    nonces.append(known)
                return bool(nonces)

            await until(asked)
            return nonces[0]

        assert (await until_nonces(complete=False)).contiguous == nonce
        origin.edit_logs = origin.edit_push = None
        await watch.knows(hidden, Status.XCALLED)
        assert (await until_nonces(complete=True)).contiguous == nonce + 2


async def in_one_block(bridge: Devnet, origin: Chain, destination: Chain) -> tuple[Transfer, Transfer]:
    """Two transfers of one block, so that nothing but their count shows that one of them is hidden."""
    await origin.rpc("evm_setAutomine", [False])
    sent = [asyncio.create_task(bridge.xcall(origin, destination)) for _ in range(2)]

    async def pending() -> bool:
        return int((await origin.rpc("txpool_status"))["pending"], 16) == 2

    await until(pending)
    await origin.mine()
    await origin.rpc("evm_setAutomine", [True])
    first, second = sorted(await asyncio.gather(*sent), key=lambda transfer: transfer.nonce)
    return first, second
