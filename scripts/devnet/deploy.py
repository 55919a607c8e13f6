"""Makes a bridge: deploys a diamond on a chain, and joins chains that carry one."""

from collections.abc import Sequence
from dataclasses import replace

from scripts.devnet import contracts
from scripts.devnet.chain import Chain, Diamond
from scripts.devnet.contracts import ZERO_ADDRESS, call, creation, word
from scripts.devnet.transaction import Transaction

LIQUIDITY = 10**27
"""Base units of the token that each router provides and the user holds, on each chain: a billion tokens."""
MAX_UINT256 = 2**256 - 1

_SPOKE_PARAMS = "((uint32,uint32,address,address,address,uint256,uint256,uint256,address,address,uint256,uint256))"
_DIAMOND_PARAMS = "(address,(address,uint8,bytes4[])[],(address,bytes)[])"
_ADD = 0  # FacetCutAction.Add


async def deploy(chain: Chain, domain_id: int) -> Diamond:
    """Deploy a spoke connector and a full diamond on an empty chain that is not mining by itself."""
    owner = chain.accounts.deployer
    # Accounts are the same on every chain; another nonce gives the contracts of each chain addresses of their own.
    await chain.rpc("anvil_setNonce", [owner, hex(1000 * domain_id)])
    parts = ["MerkleTreeManager", "WatcherManager", "DiamondInit", *contracts.FACETS]
    receipts = await chain.send_block([Transaction(owner, "", creation(part)) for part in parts])
    at = {part: receipt.created for part, receipt in zip(parts, receipts, strict=True)}
    spoke = await _deploy_spoke(chain, domain_id, at["MerkleTreeManager"], at["WatcherManager"])
    initialize = call("init(uint32,address,uint256,address)", domain_id, spoke, 0, ZERO_ADDRESS)
    cuts = [(at[facet], _ADD, selectors) for facet, selectors in contracts.facet_selectors().items()]
    arguments = (owner, cuts, [(at["DiamondInit"], bytes.fromhex(initialize[2:]))])
    (made,) = await chain.send_block([Transaction(owner, "", creation("ConnextDiamond", _DIAMOND_PARAMS, arguments))])
    return Diamond(domain_id, made.created, spoke, owner, made.block_number)


async def _deploy_spoke(chain: Chain, domain_id: int, merkle: str, watchers: str) -> str:
    """The messaging contract of the chain; messages never leave it: `Devnet.reconcile` hands them over in its name."""
    owner, anyone = chain.accounts.deployer, chain.accounts.fee_vault
    params = (domain_id, domain_id + 1, anyone, anyone, ZERO_ADDRESS, 850_000, 15_000, 1, merkle, watchers, 1, 1)
    (spoke,) = await chain.send_block(
        [Transaction(owner, "", creation("AdminSpokeConnector", _SPOKE_PARAMS, [params]))]
    )
    await chain.send_block([Transaction(owner, merkle, call("initialize(address)", spoke.created))])
    return spoke.created


async def join(chains: Sequence[Chain]) -> None:
    """Make one bridge of chains that carry a diamond each: they know each other, obey our accounts, and share a token.

    Does only what is still missing, as the owner of each diamond: it serves new diamonds and forks of old ones alike.
    The chains must not be mining by themselves.
    """
    for chain in chains:
        (token,) = await chain.send_block([Transaction(chain.accounts.deployer, "", _token())])
        chain.token = token.created
    for chain in chains:
        await chain.send_block([*await _permissions(chain), *await _remotes(chain, chains), _asset(chain, chains[0])])
        await chain.send_block(_funds(chain))
        # Who watches from here is not told of all that makes a bridge as if somebody had changed it.
        chain.diamond = replace(chain.diamond, start_block=await chain.head() + 1)


def _token() -> str:
    return creation("TestERC20", "(string,string)", ["Devnet Token", "DEVT"])


async def _permissions(chain: Chain) -> list[Transaction]:
    """What the owner has yet to allow before the chain's accounts can act as relayer, sequencer and routers."""
    who, diamond = chain.accounts, chain.diamond
    permissions = [
        ("approvedRelayers(address)", "addRelayer(address)", who.relayer),
        ("approvedSequencers(address)", "addSequencer(address)", who.sequencer),
        *(("getRouterApproval(address)", "approveRouter(address)", router) for router in who.routers),
    ]
    orders = [call(grant, account) for ask, grant, account in permissions if not await _says(chain, ask, account)]
    if await _says(chain, "paused()"):
        orders.append(call("unpause()"))
    if await chain.view(diamond.contract, "address", "relayerFeeVault()") == ZERO_ADDRESS:
        orders.append(call("setRelayerFeeVault(address)", who.fee_vault))
    transactions = [Transaction(diamond.owner, diamond.contract, order) for order in orders]
    if not await chain.view(diamond.spoke, "bool", "allowlistedSenders(address)", diamond.contract):
        spoke_owner = await chain.view(diamond.spoke, "address", "owner()")
        transactions.append(Transaction(spoke_owner, diamond.spoke, call("addSender(address)", diamond.contract)))
    return transactions


async def _says(chain: Chain, signature: str, *arguments: object) -> bool:
    return bool(await chain.view(chain.contract, "bool", signature, *arguments))


async def _remotes(chain: Chain, chains: Sequence[Chain]) -> list[Transaction]:
    """Make the chain know the diamonds of the others, where it does not yet or knows another one."""
    orders = []
    for other in chains:
        if other is chain:
            continue
        known = await chain.view(chain.contract, "address", "remote(uint32)", other.domain_id)
        if known.lower() != other.contract.lower():
            orders.append(call("enrollRemoteRouter(uint32,bytes32)", other.domain_id, word(other.contract)))
    return [Transaction(chain.diamond.owner, chain.contract, order) for order in orders]


def _asset(chain: Chain, home: Chain) -> Transaction:
    """List the token: canonical on its home chain, represented by the chain's own token elsewhere."""
    canonical = (home.domain_id, word(home.token))
    if chain is home:
        signature = "setupAsset((uint32,bytes32),uint8,string,string,address,address,uint256)"
        order = call(signature, canonical, 18, "Devnet Token", "DEVT", ZERO_ADDRESS, ZERO_ADDRESS, 0)
    else:
        signature = "setupAssetWithDeployedRepresentation((uint32,bytes32),address,address,address)"
        order = call(signature, canonical, chain.token, ZERO_ADDRESS, ZERO_ADDRESS)
    return Transaction(chain.diamond.owner, chain.contract, order)


def _funds(chain: Chain) -> list[Transaction]:
    """Give the user tokens to send, and every router liquidity to front."""
    who, token = chain.accounts, chain.token
    approve = call("approve(address,uint256)", chain.contract, MAX_UINT256)
    provide = [
        call("addRouterLiquidityFor(uint256,address,address)", LIQUIDITY, token, router) for router in who.routers
    ]
    return [
        Transaction(who.deployer, token, call("mint(address,uint256)", who.deployer, LIQUIDITY * len(provide))),
        Transaction(who.deployer, token, approve),
        *(Transaction(who.deployer, chain.contract, order) for order in provide),
        Transaction(who.deployer, token, call("mint(address,uint256)", who.user, LIQUIDITY)),
        Transaction(who.user, token, approve),
    ]
