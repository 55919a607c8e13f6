"""Finds the diamond that a forked chain already has."""

from dataclasses import dataclass

from eth_utils.address import is_address, to_checksum_address

from scripts.devnet.chain import Chain, Diamond
from scripts.devnet.errors import DevnetError


@dataclass(frozen=True, slots=True)
class Deployment:
    """A diamond on a public chain."""

    name: str
    contract: str


DEPLOYMENTS = {
    1: Deployment("ethereum", "0x8898B472C54c31894E3B9bb83cEA802a5d0e63C6"),
    10: Deployment("optimism", "0x8f7492DE823025b4CfaAB1D34c58963F2af5DEDA"),
    56: Deployment("bnb", "0xCd401c10afa37d641d2F594852DA94C700e4F2CE"),
    100: Deployment("gnosis", "0x5bB83e95f63217CDa6aE3D181BA580Ef377D2109"),
    137: Deployment("polygon", "0x11984dc4465481512eb5b777E44061C158CF2259"),
    1088: Deployment("metis", "0x6B142227A277CE62808E0Df93202483547Ec0188"),
    8453: Deployment("base", "0xB8448C6f7f7887D36DcA487370778e419e9ebE3F"),
    34443: Deployment("mode", "0x7380511493DD4c2f1dD75E9CCe5bD52C787D4B51"),
    42161: Deployment("arbitrum-one", "0xEE9deC2712cCE65174B561151701Bf54b99C24C8"),
    59144: Deployment("linea", "0xa05eF29e9aC8C75c530c2795Fa6A800e188dE0a9"),
}
"""By EVM chain id. Source: the deployments that connext/monorepo publishes."""


async def adopt(chain: Chain, contract: str = "") -> Diamond:
    """The diamond at ``contract``, or the known one of the forked chain. Raises `DevnetError` when none stands there.

    Its owner and its messaging contract will be impersonated, which only the fork allows.
    """
    if contract and not is_address(contract):
        raise DevnetError(f"{contract!r} is not an address; an address has 40 hex digits after 0x.")
    if not contract and chain.chain_id not in DEPLOYMENTS:
        raise DevnetError(
            f"The forked chain has id {chain.chain_id}, for which no diamond is known. Name it with --contract."
        )
    chain.name = chain.name or _name(chain.chain_id)
    address = to_checksum_address(contract or DEPLOYMENTS[chain.chain_id].contract)
    try:
        domain_id = int(await chain.view(address, "uint32", "domain()"))
        owner = await chain.view(address, "address", "owner()")
        spoke = await chain.view(address, "address", "xAppConnectionManager()")
    except DevnetError as error:
        raise DevnetError(
            f"No Connext diamond answers at {address} of the forked chain (id {chain.chain_id}): {error}"
        ) from error
    return Diamond(domain_id, address, to_checksum_address(spoke), to_checksum_address(owner), await chain.head() + 1)


def _name(chain_id: int) -> str:
    return DEPLOYMENTS[chain_id].name if chain_id in DEPLOYMENTS else f"fork-{chain_id}"
