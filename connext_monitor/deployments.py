"""Where Connext stands on mainnet chains, so that a configuration needs only endpoints for them.

Ids and addresses are Connext's published mainnet deployments; block times and finality are those of 2026.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from connext_monitor.core.events import Address, ChainId, DomainId
from connext_monitor.core.structs import struct


@struct(frozen=True, slots=True)
class Deployment:
    """One diamond and its chain; ``finality`` is a tag or a depth in blocks, ``explorer`` has no slash at its end."""

    name: str
    chain_id: ChainId
    domain_id: DomainId
    contract: Address
    block_time: timedelta
    finality: int | Literal["safe", "finalized"]
    explorer: str


def _deployment(
    name: str,
    chain_id: int,
    domain_id: int,
    contract: str,
    explorer: str,
    *,
    seconds: float,
    finality: int | Literal["safe", "finalized"] = "finalized",
) -> Deployment:
    return Deployment(
        name=name,
        chain_id=ChainId(chain_id),
        domain_id=DomainId(domain_id),
        contract=Address(bytes.fromhex(contract.removeprefix("0x"))),
        block_time=timedelta(seconds=seconds),
        finality=finality,
        explorer=f"https://{explorer}",
    )


_ALL = (
    _deployment("ethereum", 1, 6648936, "0x8898B472C54c31894e3B9bb83cEA802a5d0e63C6", "etherscan.io", seconds=12),
    _deployment(
        "optimism", 10, 1869640809, "0x8f7492DE823025b4CfaAB1D34c58963F2af5DEDA", "optimistic.etherscan.io", seconds=2
    ),
    _deployment("bnb", 56, 6450786, "0xCd401c10afa37d641d2F594852DA94C700e4F2CE", "bscscan.com", seconds=0.45),
    _deployment("gnosis", 100, 6778479, "0x5bB83e95f63217CDa6aE3D181BA580Ef377D2109", "gnosisscan.io", seconds=5),
    _deployment("polygon", 137, 1886350457, "0x11984dc4465481512eb5b777E44061C158CF2259", "polygonscan.com", seconds=2),
    # Metis has no fixed block time: 1 to 5 seconds have been seen, and this is the middle.
    _deployment(
        "metis",
        1088,
        1835365481,
        "0x6B142227A277CE62808E0Df93202483547Ec0188",
        "andromeda-explorer.metis.io",
        seconds=3,
    ),
    _deployment("base", 8453, 1650553709, "0xB8448C6f7f7887D36DcA487370778e419e9ebE3F", "basescan.org", seconds=2),
    _deployment(
        "mode", 34443, 1836016741, "0x7380511493DD4c2f1dD75E9CCe5bD52C787D4B51", "explorer.mode.network", seconds=2
    ),
    _deployment(
        "arbitrum-one", 42161, 1634886255, "0xEE9deC2712cCE65174B561151701Bf54b99C24C8", "arbiscan.io", seconds=0.25
    ),
    # Linea does not know the tag "safe", and refuses "finalized" in eth_call: a depth instead.
    _deployment(
        "linea",
        59144,
        1818848877,
        "0xa05eF29e9aC8C75c530c2795Fa6A800e188dE0a9",
        "lineascan.build",
        seconds=2,
        finality=600,
    ),
)

DEPLOYMENTS: Mapping[str, Deployment] = MappingProxyType({deployment.name: deployment for deployment in _ALL})
"""The built-in deployments by name."""

_BY_DOMAIN: Mapping[DomainId, Deployment] = MappingProxyType({deployment.domain_id: deployment for deployment in _ALL})


def by_domain(domain_id: DomainId) -> Deployment | None:
    """The built-in deployment with this domain id, to name a chain that is not configured; None where there is none."""
    return _BY_DOMAIN.get(domain_id)
