"""A destination that stands still past deadlines accuses nobody; when it goes on, each deadline is judged."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio

from scripts.devnet import Chain, Devnet, Transfer
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

Alerts = list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Frozen:
    """A transfer that is never executed and one executed as soon as the chain went on; the alerts then and after."""

    absent: Transfer
    executed: Transfer
    while_frozen: Alerts
    state_while_frozen: str
    readiness: str
    in_the_end: Alerts
    executed_state: str
    webhook: Receiver


@contextmanager
def frozen_process(chain: Chain) -> Iterator[None]:
    chain.freeze()
    try:
        yield
    finally:
        chain.thaw()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def frozen(bridge: Devnet, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Frozen]:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        setup = Setup((alpha, beta), {"machines": webhook}, execute="PT1S", unobserved_after="PT8S")
        config = await write_config(setup, tmp_path_factory.mktemp("frozen"))
        async with Monitor(config) as monitor:
            await monitor.ready()
            try:
                yield await freeze(bridge, monitor, webhook)
            finally:
                await beta.resume_mining()


async def freeze(bridge: Devnet, monitor: Monitor, webhook: Receiver) -> Frozen:
    alpha, beta, _ = bridge.chains
    # Standing still before the transfers are sent, so that nothing can be observed past their deadlines.
    await beta.pause_mining()
    absent, executed = await asyncio.gather(bridge.xcall(alpha, beta), bridge.xcall(alpha, beta))
    executing = asyncio.create_task(bridge.execute_fast(executed))
    await until(lambda: has_waiting_transaction(beta))
    with frozen_process(beta):
        await webhook.gets("alert.opened", "chain_unobserved", "beta")
        await monitor.covers("alpha", absent.timestamp + 8)
        while_frozen = await monitor.alerts()
        state = await monitor.state(absent)
        _, readiness = await monitor.get("/readyz")
    await beta.resume_mining()
    await executing
    await webhook.gets("alert.resolved", "chain_unobserved", "beta")
    await webhook.gets("alert.opened", "execute_overdue", absent.transfer_id)
    await monitor.knows(executed, "Executed")
    await monitor.covers("beta", executed.timestamp + 10)
    end, executed_state = await monitor.alerts(), await monitor.state(executed)
    return Frozen(absent, executed, while_frozen, state, str(readiness), end, executed_state, webhook)


async def has_waiting_transaction(chain: Chain) -> bool:
    return int((await chain.rpc("txpool_status"))["pending"], 16) > 0


async def test_while_it_stands_still_only_the_chain_is_alerted(frozen: Frozen) -> None:
    assert frozen.while_frozen == [("chain_unobserved", "beta", "open")]


async def test_its_alert_counts_the_deadlines_that_wait(frozen: Frozen) -> None:
    opened = next(r.alert for r in frozen.webhook.received if r.alert["subject"] == "beta")
    assert "2 deadlines wait for it" in opened["text"]


async def test_deadlines_that_pass_meanwhile_are_unobserved(frozen: Frozen) -> None:
    assert frozen.state_while_frozen == "unobserved"


async def test_readiness_names_the_chain(frozen: Frozen) -> None:
    assert "beta is not observed" in frozen.readiness


async def test_the_chain_resolves_as_observed(frozen: Frozen) -> None:
    # On a slow machine it may go out of sight a second time.
    opened, resolved, *_ = [r.alert for r in frozen.webhook.received if r.alert["subject"] == "beta"]
    assert (opened["state"], resolved["state"], resolved["resolution"]) == ("open", "resolved", "observed")
    assert resolved["id"] == opened["id"]


async def test_when_it_goes_on_what_is_absent_is_alerted(frozen: Frozen) -> None:
    assert ("execute_overdue", frozen.absent.transfer_id, "open") in frozen.in_the_end


async def test_what_was_executed_during_an_outage_is_not_alerted(frozen: Frozen) -> None:
    assert frozen.executed.transfer_id not in {subject for _, subject, _ in frozen.in_the_end}
    assert frozen.executed_state == "late"


async def test_nothing_else_was_ever_alerted(frozen: Frozen) -> None:
    alerted = {("chain_unobserved", "beta"), ("execute_overdue", frozen.absent.transfer_id)}
    assert {(kind, subject) for kind, subject, _ in frozen.in_the_end} == alerted
    assert {(kind, subject) for _, kind, subject in frozen.webhook.whats()} == alerted
