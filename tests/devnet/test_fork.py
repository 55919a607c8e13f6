"""Chains forked from others that carry the diamond already, driven in the name of its owner."""

import pytest

from scripts.devnet import ChainSpec, Devnet, DevnetError
from scripts.devnet.contracts import call
from scripts.devnet.transaction import Transaction

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN = ChainSpec("own", chain_id=31500, domain_id=1500)


async def complete(devnet: Devnet, *, forward: bool) -> int:
    """Send one there fast, and one back slowly; the sum of their statuses is 6 when both are complete."""
    here, there = devnet.chains if forward else reversed(devnet.chains)
    fast = await devnet.xcall(here, there, amount=10**18)
    await devnet.execute_fast(fast)
    await devnet.reconcile(fast)
    slow = await devnet.xcall(here, there)
    await devnet.reconcile(slow)
    await devnet.execute_slow(slow)
    return await devnet.status(fast) + await devnet.status(slow)


async def test_a_fork_and_a_new_chain_make_a_bridge(devnet: Devnet) -> None:
    upstream = devnet.chains[0]
    nonce = await upstream.nonce()
    fork = ChainSpec("", fork_url=upstream.http_url, contract=upstream.contract)
    async with Devnet.start([fork, OWN], block_time=None) as bridge:
        forked = bridge.chains[0]
        assert (forked.name, forked.chain_id, forked.domain_id) == ("fork-31337", 31337, 1001)
        assert forked.contract == upstream.contract
        assert await forked.nonce() == nonce
        assert await complete(bridge, forward=True) == 6
        assert await complete(bridge, forward=False) == 6
        assert await forked.nonce() == nonce + 2
    assert await upstream.nonce() == nonce


async def test_a_fork_needs_none_of_the_upstreams_own_accounts(devnet: Devnet) -> None:
    upstream = devnet.chains[0]
    fork = ChainSpec("", fork_url=upstream.http_url, contract=upstream.contract)
    async with Devnet.start([fork, OWN], block_time=None) as bridge:
        forked = bridge.chains[0]
        assert forked.diamond.owner == upstream.accounts.deployer
        assert forked.diamond.owner not in (await forked.rpc("eth_accounts"))
        assert forked.accounts.relayer != upstream.accounts.relayer


async def test_two_forks_make_a_bridge(devnet: Devnet) -> None:
    forks = [ChainSpec(chain.name, fork_url=chain.http_url, contract=chain.contract) for chain in devnet.chains]
    async with Devnet.start(forks, block_time=None) as bridge:
        assert await complete(bridge, forward=True) == 6


async def test_a_paused_diamond_is_unpaused_on_the_fork() -> None:
    async with Devnet.start(block_time=None) as other:
        upstream = other.chains[0]
        await upstream.send(Transaction(upstream.accounts.deployer, upstream.contract, call("pause()")))
        assert await upstream.view(upstream.contract, "bool", "paused()")
        fork = ChainSpec("", fork_url=upstream.http_url, contract=upstream.contract)
        async with Devnet.start([fork, OWN], block_time=None) as bridge:
            assert await complete(bridge, forward=True) == 6


@pytest.mark.parametrize(
    ("contract", "says"),
    [
        ("", "no diamond is known"),
        ("0x" + "12" * 20, "No Connext diamond answers at"),
        ("0x12", "is not an address"),
    ],
)
async def test_a_fork_without_a_diamond_is_refused(devnet: Devnet, contract: str, says: str) -> None:
    fork = ChainSpec("", fork_url=devnet.chains[0].http_url, contract=contract)
    with pytest.raises(DevnetError, match=says):
        async with Devnet.start([fork, OWN]):
            pass


async def test_two_forks_of_one_chain_are_refused(devnet: Devnet) -> None:
    upstream = devnet.chains[0]
    fork = ChainSpec("", fork_url=upstream.http_url, contract=upstream.contract)
    with pytest.raises(DevnetError, match="have the same domain id, 1001"):
        async with Devnet.start([fork, fork]):
            pass


async def test_an_endpoint_that_cannot_be_forked_is_named_without_its_secrets() -> None:
    fork = ChainSpec("", fork_url="http://user:pass@127.0.0.1:9/v2/secret?key=secret")
    with pytest.raises(DevnetError, match="anvil did not start") as refusal:
        async with Devnet.start([fork, OWN]):
            pass
    assert "127.0.0.1:9" in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert "pass" not in str(refusal.value)
