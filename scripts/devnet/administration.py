"""What a bridge's owner and its routers do besides transfers: each is one function, on one chain.

All wait until it is mined, and raise `DevnetError` with the contract's own reason when it would revert.
"""

from enum import Enum, IntEnum

from eth_utils.crypto import keccak

from scripts.devnet.chain import Chain
from scripts.devnet.contracts import ZERO_ADDRESS, call
from scripts.devnet.transaction import Receipt, Transaction

_CUTS = "(address,uint8,bytes4[])[]"
_PUSH_LENGTH, _COPY_AND = bytes([0x61]), bytes.fromhex("80600c600039")
_REVERT, _RETURN = bytes.fromhex("6000fd"), bytes.fromhex("6000f3")


class Role(Enum):
    """What may be assigned to an account; the value is the function that does so."""

    ROUTER_ADMIN = "assignRoleRouterAdmin(address)"
    WATCHER = "assignRoleWatcher(address)"
    ADMIN = "assignRoleAdmin(address)"


class Cut(IntEnum):
    """What a cut does with selectors, as EIP-2535 numbers it."""

    ADD = 0
    REPLACE = 1
    REMOVE = 2


async def pause(chain: Chain) -> Receipt:
    """Let the diamond neither send nor execute until `unpause`."""
    return await _order(chain, call("pause()"))


async def unpause(chain: Chain) -> Receipt:
    """Let the diamond send and execute again."""
    return await _order(chain, call("unpause()"))


async def cut(chain: Chain, action: Cut, facet: str, *signatures: str) -> Receipt:
    """Propose and make one cut: ``facet`` is a contract with code, or `ZERO_ADDRESS` to remove.

    Signatures are written like ``"greeting()"``. The receipt is that of the cut itself.
    """
    selectors = [keccak(text=signature)[:4] for signature in signatures]
    arguments = ([(facet, action, selectors)], ZERO_ADDRESS, b"")
    await _order(chain, call(f"proposeDiamondCut({_CUTS},address,bytes)", *arguments))
    return await _order(chain, call(f"diamondCut({_CUTS},address,bytes)", *arguments))


async def assign_role(chain: Chain, role: Role, account: str) -> Receipt:
    """Give an account that has no role yet one."""
    return await _order(chain, call(role.value, account))


async def revoke_role(chain: Chain, account: str) -> Receipt:
    """Take the role of an account away."""
    return await _order(chain, call("revokeRole(address)", account))


async def add_relayer(chain: Chain, account: str) -> Receipt:
    """Let an account execute transfers."""
    return await _order(chain, call("addRelayer(address)", account))


async def remove_relayer(chain: Chain, account: str) -> Receipt:
    """Let an account no longer execute transfers."""
    return await _order(chain, call("removeRelayer(address)", account))


async def add_sequencer(chain: Chain, account: str) -> Receipt:
    """Let an account choose the routers of a transfer."""
    return await _order(chain, call("addSequencer(address)", account))


async def remove_sequencer(chain: Chain, account: str) -> Receipt:
    """Let an account no longer choose the routers of a transfer."""
    return await _order(chain, call("removeSequencer(address)", account))


async def add_router(chain: Chain, account: str) -> Receipt:
    """Let an account front funds."""
    return await _order(chain, call("approveRouter(address)", account))


async def remove_router(chain: Chain, account: str) -> Receipt:
    """Let an account no longer front funds; its liquidity stays its own."""
    return await _order(chain, call("unapproveRouter(address)", account))


async def propose_owner(chain: Chain, account: str) -> Receipt:
    """Propose another owner, who may accept after the diamond's delay."""
    return await _order(chain, call("proposeNewOwner(address)", account))


async def add_liquidity(chain: Chain, router: str, amount: int) -> Receipt:
    """Mint base units of the token, and provide them as a router's liquidity."""
    owner = chain.accounts.deployer  # who let the diamond take its tokens when the bridge was made
    await chain.send(Transaction(owner, chain.token, call("mint(address,uint256)", owner, amount)))
    provide = call("addRouterLiquidityFor(uint256,address,address)", amount, chain.token, router)
    return await chain.send(Transaction(owner, chain.contract, provide))


async def remove_liquidity(chain: Chain, router: str, amount: int) -> Receipt:
    """Have a router take base units of its liquidity to itself."""
    canonical = await chain.view(chain.contract, "(uint32,bytes32)", "getTokenId(address)", chain.token)
    take = call("removeRouterLiquidity((uint32,bytes32),uint256,address)", canonical, amount, router)
    return await chain.send(Transaction(router, chain.contract, take))


async def deploy_reverting(chain: Chain, data: str) -> str:
    """The address of a new contract that reverts whatever it is called with.

    ``data`` is its return data as hex: `contracts.call` of ``"Error(string)"``, ``"Panic(uint256)"`` or of a custom
    error makes some. As the recipient of a transfer with calldata it is calldata that fails.
    """
    runtime = _answering(bytes.fromhex(data.removeprefix("0x")), _REVERT)
    creation = "0x" + _answering(runtime, _RETURN).hex()
    return (await chain.send(Transaction(chain.accounts.deployer, "", creation))).created


def _answering(data: bytes, end: bytes) -> bytes:
    """EVM code that copies the data, which stands behind it, into memory and ends with it."""
    return _PUSH_LENGTH + len(data).to_bytes(2) + _COPY_AND + end + data


async def _order(chain: Chain, data: str) -> Receipt:
    """Have the diamond's owner call it."""
    return await chain.send(Transaction(chain.diamond.owner, chain.contract, data))
