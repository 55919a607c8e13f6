"""What the devnet can do to a bridge besides transfers, as the real diamonds bear it and say it in their events."""

import pytest
from eth_utils.crypto import keccak

from scripts.devnet import Chain, Devnet, DevnetError, Receipt
from scripts.devnet import administration as administer
from scripts.devnet.administration import Cut, Role
from scripts.devnet.contracts import ZERO_ADDRESS, call

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOMEBODY = "0x" + "5e" * 20
TOKENS = 10**18
GRANTS = {
    "relayer": (administer.add_relayer, administer.remove_relayer, "approvedRelayers(address)"),
    "sequencer": (administer.add_sequencer, administer.remove_sequencer, "approvedSequencers(address)"),
    "router": (administer.add_router, administer.remove_router, "getRouterApproval(address)"),
}


def says(chain: Chain, receipt: Receipt, event: str) -> bool:
    """Whether the diamond emitted the event in that transaction."""
    return any(log.address == chain.contract and log.topics[0] == keccak(text=event) for log in receipt.logs)


async def test_a_paused_diamond_executes_nothing_until_it_is_unpaused(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta)
    assert says(beta, await administer.pause(beta), "Paused()")
    with pytest.raises(DevnetError, match="BaseConnextFacet__whenNotPaused_paused"):
        await devnet.execute_fast(transfer)
    assert says(beta, await administer.unpause(beta), "Unpaused()")
    await devnet.execute_fast(transfer)


async def test_a_cut_adds_replaces_and_removes_a_function(devnet: Devnet) -> None:
    alpha, _ = devnet.chains
    first, second = [await administer.deploy_reverting(alpha, "") for _ in range(2)]
    for action, facet in ((Cut.ADD, first), (Cut.REPLACE, second), (Cut.REMOVE, ZERO_ADDRESS)):
        receipt = await administer.cut(alpha, action, facet, "greeting()")
        assert says(alpha, receipt, "DiamondCut((address,uint8,bytes4[])[],address,bytes)")
        greeting = keccak(text="greeting()")[:4]
        assert await alpha.view(alpha.contract, "address", "facetAddress(bytes4)", greeting) == facet.lower()


@pytest.mark.parametrize(
    ("role", "event"),
    [
        (Role.ROUTER_ADMIN, "AssignRoleRouter(address)"),
        (Role.WATCHER, "AssignRoleWatcher(address)"),
        (Role.ADMIN, "AssignRoleAdmin(address)"),
    ],
)
async def test_a_role_is_assigned_and_revoked(devnet: Devnet, role: Role, event: str) -> None:
    alpha, _ = devnet.chains
    assert says(alpha, await administer.assign_role(alpha, role, SOMEBODY), event)
    assert says(alpha, await administer.revoke_role(alpha, SOMEBODY), "RevokeRole(address,uint8)")


@pytest.mark.parametrize("who", GRANTS)
async def test_an_account_is_allowed_and_no_longer(devnet: Devnet, who: str) -> None:
    alpha, _ = devnet.chains
    allow, forbid, approval = GRANTS[who]
    for change, allowed in ((allow, True), (forbid, False)):
        await change(alpha, SOMEBODY)
        assert await alpha.view(alpha.contract, "bool", approval, SOMEBODY) is allowed


async def test_another_owner_is_proposed(devnet: Devnet) -> None:
    alpha, _ = devnet.chains
    assert says(alpha, await administer.propose_owner(alpha, SOMEBODY), "OwnershipProposed(address)")
    assert (await alpha.view(alpha.contract, "address", "proposed()")).lower() == SOMEBODY


@pytest.mark.parametrize("at", [0, 1])
async def test_a_router_gives_and_takes_liquidity(devnet: Devnet, at: int) -> None:
    chain = devnet.chains[at]
    router = chain.accounts.routers[1]

    async def balance() -> int:
        return int(await chain.view(chain.contract, "uint256", "routerBalances(address,address)", router, chain.token))

    before = await balance()
    await administer.add_liquidity(chain, router, 3 * TOKENS)
    assert await balance() == before + 3 * TOKENS
    await administer.remove_liquidity(chain, router, TOKENS)
    assert await balance() == before + 2 * TOKENS


async def test_a_router_that_stops_leaves_the_work_to_the_other(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    first, second = beta.accounts.routers
    devnet.stop(first, on=beta)
    try:
        transfer = await devnet.xcall(alpha, beta)
        with pytest.raises(DevnetError, match="Only 1 of beta's routers act"):
            await devnet.execute_fast(transfer, routers=2)
        await devnet.execute_fast(transfer)
        routed = await beta.view(
            beta.contract, "address[]", "routedTransfers(bytes32)", bytes.fromhex(transfer.transfer_id[2:])
        )
    finally:
        devnet.resume(first, on=beta)
    assert [router.lower() for router in routed] == [second.lower()]


async def test_a_relayer_that_stops_executes_nothing_until_it_goes_on(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta)
    await devnet.reconcile(transfer)
    devnet.stop(beta.accounts.relayer, on=beta)
    with pytest.raises(DevnetError, match="beta's relayer was stopped"):
        await devnet.execute_slow(transfer)
    devnet.resume(beta.accounts.relayer, on=beta)
    await devnet.execute_slow(transfer)


@pytest.mark.parametrize(
    "data",
    [call("Error(string)", "not today"), call("Panic(uint256)", 0x11), call("Receiver__notToday(uint256)", 7), ""],
)
async def test_calldata_fails_with_the_data_that_was_asked_for(devnet: Devnet, data: str) -> None:
    alpha, beta = devnet.chains
    receiver = await administer.deploy_reverting(beta, data)
    transfer = await devnet.xcall(alpha, beta, to=receiver, call_data=b"\x01")
    with pytest.raises(DevnetError, match="BridgeFacet__execute_externalCallFailed"):
        await devnet.execute_fast(transfer)
    await devnet.reconcile(transfer)
    executed = await devnet.execute_slow(transfer)
    outcome = keccak(text="ExternalCalldataExecuted(bytes32,bool,bytes)")
    (said,) = [log for log in executed.logs if log.topics[0] == outcome]
    assert bytes.fromhex(data.removeprefix("0x")) in said.data
    assert said.data[31] == 0
