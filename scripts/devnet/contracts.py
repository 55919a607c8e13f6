"""The published Connext contracts: their artifacts, calls to them, and what their events and reverts say.

Source of every shape here: ``@connext/smart-contracts`` 2.4.0.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.grammar import TupleType, parse
from eth_utils.crypto import keccak

from scripts.devnet import toolchain

ZERO_ADDRESS = "0x" + "0" * 40

TRANSFER_INFO = "(uint32,uint32,uint32,address,address,bool,bytes,uint256,address,uint256,uint256,uint256,bytes32)"
EXECUTE_ARGS = f"({TRANSFER_INFO},address[],bytes[],address,bytes)"

XCALLED = keccak(text=f"XCalled(bytes32,uint256,bytes32,{TRANSFER_INFO},address,uint256,address,bytes)")
EXECUTED = keccak(text=f"Executed(bytes32,address,address,{EXECUTE_ARGS},address,uint256,address)")
RECONCILED = keccak(text="Reconciled(bytes32,uint32,address,address[],uint256,address)")

FACETS = (
    "DiamondCutFacet",
    "DiamondLoupeFacet",
    "BridgeFacet",
    "InboxFacet",
    "ProposedOwnableFacet",
    "RelayerFacet",
    "RoutersFacet",
    "TokenFacet",
    "PortalFacet",
)


class TransferInfo(NamedTuple):
    """What makes a transfer; ``keccak256(abi.encode(it))`` is the transfer id. Addresses are lower-case hex."""

    origin_domain: int
    destination_domain: int
    canonical_domain: int
    to: str
    delegate: str
    receive_local: bool
    call_data: bytes
    slippage: int
    origin_sender: str
    bridged_amount: int
    normalized_in: int
    nonce: int
    canonical_id: bytes

    @property
    def transfer_id(self) -> bytes:
        """32 bytes, computed from the fields."""
        return keccak(abi_encode([TRANSFER_INFO], [self]))


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract."""

    abi: Sequence[Mapping[str, Any]]
    bytecode: str


@functools.cache
def artifact(name: str) -> Artifact:
    """The published artifact of a contract, by the contract's name."""
    content = json.loads((toolchain.artifacts() / f"{name}.json").read_bytes())
    return Artifact(content["abi"], content["bytecode"])


def creation(name: str, types: str = "()", arguments: Sequence[object] = ()) -> str:
    """The data of a transaction that creates the contract with these constructor arguments."""
    return artifact(name).bytecode + encode(types, arguments).hex()


def call(signature: str, *arguments: object) -> str:
    """The data of a call, from a signature such as ``"addRelayer(address)"``."""
    types = signature[signature.index("(") :]
    return "0x" + (keccak(text=signature)[:4] + encode(types, arguments)).hex()


def encode(types: str, arguments: Sequence[object]) -> bytes:
    """``abi.encode`` of arguments whose types are written like a signature's: ``"(uint32,bytes)"``."""
    components = () if types == "()" else cast("TupleType", parse(types)).components
    return abi_encode([component.to_type_str() for component in components], list(arguments))


def word(address: str) -> bytes:
    """An address as a bytes32, the form in which messages carry it."""
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")


def facet_selectors() -> dict[str, list[bytes]]:
    """Facet name to its function selectors; one that several facets have goes to the first of them."""
    taken: set[bytes] = set()
    facets: dict[str, list[bytes]] = {}
    for facet in FACETS:
        selectors = [keccak(text=_signature(entry))[:4] for entry in artifact(facet).abi if entry["type"] == "function"]
        facets[facet] = [selector for selector in selectors if selector not in taken]
        taken.update(selectors)
    return facets


def revert_reason(data: str) -> str:
    """A revert's return data in words: the contracts' own error, or the text of a ``require``; "" if neither."""
    raw = bytes.fromhex(data.removeprefix("0x"))
    if raw[:4] == keccak(text="Error(string)")[:4]:
        return str(abi_decode(["string"], raw[4:])[0])
    return error_names().get(raw[:4], "")


@functools.cache
def error_names() -> dict[bytes, str]:
    """The facets' custom errors by their selectors."""
    entries = [entry for facet in FACETS for entry in artifact(facet).abi if entry["type"] == "error"]
    return {keccak(text=_signature(entry))[:4]: entry["name"] for entry in entries}


def _signature(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']}({','.join(map(_type, entry['inputs']))})"


def _type(parameter: Mapping[str, Any]) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_type, parameter['components']))}){kind.removeprefix('tuple')}"
