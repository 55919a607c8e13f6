"""What a Connext diamond says besides its transfers: who may do what, what code runs, whether it is paused, liquidity.

Source of the layouts: the ABI of the artifacts in ``@connext/smart-contracts`` 2.4.0, to which a test holds this table.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from connext_monitor.core.abi import WORD, ArrayOf, MalformedData, TupleLayout
from connext_monitor.core.decoding import EVENT_TOPICS, MalformedLog
from connext_monitor.core.events import BlockRef, DomainId, Hash32, RawLog
from connext_monitor.core.keccak import keccak
from connext_monitor.core.structs import struct

_CUTS_KEPT: Final = 32
_SELECTORS_KEPT: Final = 16
"""Of a cut: an honest diamond has about ten facets with some twenty functions each; how many there were is kept."""
_DIGEST_BYTES: Final = 16

_ACTIONS: Final = ("add", "replace", "remove")
_ROLES: Final = ("none", "router_admin", "watcher", "admin")


@struct(frozen=True, slots=True)
class BridgeEvent:
    """One of these events: the ``kind`` is its name in the contracts, ``payload`` its fields as a JSON object.

    ``digest`` stands for all that the log says: two events with the same one are alike.
    """

    kind: str
    payload: bytes
    digest: bytes

    @property
    def fields(self) -> Mapping[str, Any]:
        """By their names: addresses and hashes as lower-case hex, amounts as decimal text."""
        fields: Mapping[str, Any] = msgspec.json.decode(self.payload)
        return fields


BridgeIdentity = tuple[DomainId, Hash32, Hash32, bytes, int]


@struct(frozen=True, slots=True)
class BridgeRecord:
    """One such event, seen at one place.

    Endpoints may number the logs of a block differently, so that a log's number names none; its transaction and what it
    says do. A transaction may well say the same twice: ``ordinal`` counts the like before it.
    """

    domain: DomainId
    event: BridgeEvent
    block: BlockRef
    tx_hash: Hash32
    log_index: int
    ordinal: int = 0

    @property
    def identity(self) -> BridgeIdentity:
        """What makes two records the same one."""
        return (self.domain, self.block.hash, self.tx_hash, self.event.digest, self.ordinal)


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


def _cuts(cuts: Sequence[tuple[bytes, int, Sequence[bytes]]]) -> dict[str, Any]:
    return {
        "facets": len(cuts),
        "cuts": [
            {
                "facet": _hex(facet),
                "action": _of(_ACTIONS, action, "action"),
                "functions": len(selectors),
                "selectors": [_hex(selector) for selector in selectors[:_SELECTORS_KEPT]],
            }
            for facet, action, selectors in cuts[:_CUTS_KEPT]
        ],
    }


def _of(names: Sequence[str], number: int, field: str) -> str:
    if number >= len(names):
        raise MalformedData("is not one of its possible values", field)
    return names[number]


_FACET_CUTS: Final = ArrayOf(TupleLayout("address facet, uint8 action, bytes4[] selectors"))
_SHOWN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "address": _hex,
    "bytes32": _hex,
    "uint256": str,
    "bytes": len,
    "FacetCut[]": _cuts,
}
"""How a value of a type is kept; of calldata only how long it is."""
_SIGNATURE: Final = re.compile(r"(?P<name>\w+)\((?P<fields>.*)\)")


class BridgeEventKind:
    """One of the events, by how it is declared: its types and what is indexed are the contracts', its names ours."""

    def __init__(self, declaration: str) -> None:
        matched = _SIGNATURE.fullmatch(declaration)
        if matched is None:
            raise ValueError(f"{declaration} declares no event")
        self.name = matched["name"]
        fields = [field.split() for field in matched["fields"].split(", ") if field]
        self._types = {field[-1]: field[0] for field in fields}
        self._indexed = [field[-1] for field in fields if field[1] == "indexed"]
        self._in_data = [field[-1] for field in fields if field[1] != "indexed"]
        self._topics = self._layout(self._indexed)
        self._data = self._layout(self._in_data)
        self.signature = f"{self.name}{self._layout(list(self._types)).name}" if fields else f"{self.name}()"
        self.topic = keccak(self.signature.encode())

    @property
    def indexed(self) -> Sequence[str]:
        """The names of the fields that stand in topics."""
        return self._indexed

    def type_of(self, field: str) -> str:
        """How the contracts call a field's type."""
        return self._types[field]

    def _layout(self, names: Sequence[str]) -> TupleLayout:
        described = ", ".join(f"{self._types[name]} {name}" for name in names)
        # An empty list of parameters has no layout: one that is never read stands for it.
        return TupleLayout(described or "uint256 nothing", None, **{"FacetCut[]": _FACET_CUTS})

    def decode(self, log: RawLog) -> BridgeEvent:
        """Return the event that a log with this first topic holds. Raises `MalformedLog`."""
        if [len(topic) for topic in log.topics] != [WORD] * (1 + len(self._indexed)):
            raise MalformedLog(f"{self.name}: there must be {1 + len(self._indexed)} topics of 32 bytes")
        try:
            values: dict[str, Any] = {}
            if self._indexed:
                values |= zip(self._indexed, self._topics.read(b"".join(log.topics), WORD), strict=True)
            if self._in_data:
                values |= zip(self._in_data, self._data.read(log.data), strict=True)
            payload = msgspec.json.encode(self._shown(values))
        except MalformedData as fault:
            raise MalformedLog(f"{self.name}: {fault}") from fault
        return BridgeEvent(self.name, payload, _digest(log))

    def encode(self, **values: Any) -> tuple[tuple[bytes, ...], bytes]:  # noqa: ANN401 - what the declaration says
        """Return the topics and the data of a log with these values, addresses and hashes as bytes."""
        words = self._topics.write([values[name] for name in self._indexed]) if self._indexed else b""
        data = self._data.write([values[name] for name in self._in_data]) if self._in_data else b""
        return (self.topic, *(words[at : at + WORD] for at in range(0, len(words), WORD))), data

    def _shown(self, values: Mapping[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, kind in self._types.items():
            if name == "role":
                shown[name] = _of(_ROLES, values[name], name)
            elif kind == "FacetCut[]":
                shown |= _cuts(values[name])
            else:
                shown[name] = _SHOWN[kind](values[name]) if kind in _SHOWN else values[name]
        return shown


def _digest(log: RawLog) -> bytes:
    return sha256(b"".join([*log.topics, log.data])).digest()[:_DIGEST_BYTES]


@struct(frozen=True, slots=True)
class _Declared:
    """The kinds by their names, and by their topics."""

    by_name: Mapping[str, BridgeEventKind]
    by_topic: Mapping[bytes, BridgeEventKind]

    @classmethod
    def of(cls, *declarations: str) -> "_Declared":
        kinds = [BridgeEventKind(declaration) for declaration in declarations]
        return cls({kind.name: kind for kind in kinds}, {kind.topic: kind for kind in kinds})


_KINDS: Final = _Declared.of(
    "Paused()",
    "Unpaused()",
    "DiamondCut(FacetCut[] cuts, address init, bytes init_bytes)",
    "DiamondCutProposed(FacetCut[] cuts, address init, bytes init_bytes, uint256 deadline)",
    "DiamondCutRescinded(FacetCut[] cuts, address init, bytes init_bytes)",
    "OwnershipProposed(address indexed proposed_owner)",
    "OwnershipTransferred(address indexed previous_owner, address indexed new_owner)",
    "AssignRoleAdmin(address account)",
    "AssignRoleRouter(address account)",
    "AssignRoleWatcher(address account)",
    "RevokeRole(address account, uint8 role)",
    "RouterAllowlistRemovalProposed(uint256 timestamp)",
    "RouterAllowlistRemoved(bool renounced)",
    "SequencerAdded(address sequencer, address caller)",
    "SequencerRemoved(address sequencer, address caller)",
    "RelayerAdded(address relayer, address caller)",
    "RelayerRemoved(address relayer, address caller)",
    "RemoteAdded(uint32 domain, address remote, address caller)",
    "XAppConnectionManagerSet(address updated, address caller)",
    "AssetAdded(bytes32 indexed key, bytes32 indexed canonical_id, uint32 indexed domain, address adopted_asset, "
    "address local_asset, address caller)",
    "AssetRemoved(bytes32 indexed key, address caller)",
    "RouterAdded(address indexed router, address caller)",
    "RouterRemoved(address indexed router, address caller)",
    "RouterLiquidityAdded(address indexed router, address local, bytes32 key, uint256 amount, address caller)",
    "RouterLiquidityRemoved(address indexed router, address to, address local, bytes32 key, uint256 amount, "
    "address caller)",
    "AavePoolUpdated(address updated, address caller)",
    "AavePortalFeeUpdated(uint256 updated, address caller)",
    "AavePortalMintUnbacked(bytes32 indexed transfer_id, address indexed router, address asset, uint256 amount)",
    "AavePortalRepayment(bytes32 indexed transfer_id, address asset, uint256 amount, uint256 fee, address caller)",
)
BRIDGE_EVENTS: Final[Mapping[str, BridgeEventKind]] = _KINDS.by_name
"""The kinds of event by their names."""

OBSERVED_TOPICS: Final = (*EVENT_TOPICS, *_KINDS.by_topic)
"""The first topics of all that is observed: what a subscription or `eth_getLogs` asks for, as one list."""


def is_bridge_event(log: RawLog) -> bool:
    """Whether its first topic is that of one of these events."""
    return bool(log.topics) and log.topics[0] in _KINDS.by_topic


def decode_bridge_event(log: RawLog) -> BridgeEvent:
    """Return the event that a log holds of which `is_bridge_event` holds. Raises `MalformedLog`."""
    return _KINDS.by_topic[log.topics[0]].decode(log)
