"""Transactions, and what came of them."""

from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

GAS = 15_000_000
"""Gas limit of each transaction: enough for the largest contract, and under EIP-7825's cap of 2^24."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """What to send: ``to`` "" creates a contract."""

    sender: str
    to: str
    data: str
    value: int = 0

    def as_json(self) -> dict[str, str]:
        """The transaction as JSON-RPC takes it."""
        request = {"from": self.sender, "data": self.data, "value": hex(self.value), "gas": hex(GAS)}
        return {**request, "to": self.to} if self.to else request


@dataclass(frozen=True, slots=True)
class Log:
    """One event log; ``topics`` and ``data`` are raw bytes."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that was mined and did not revert. Hashes are 0x hex, ``timestamp`` is Unix seconds."""

    tx_hash: str
    block_number: int
    block_hash: str
    timestamp: int
    created: str
    logs: tuple[Log, ...]


def read_receipt(raw: dict[str, Any], *, timestamp: int) -> Receipt:
    """From JSON-RPC's receipt, and the time of its block."""
    return Receipt(
        tx_hash=raw["transactionHash"],
        block_number=int(raw["blockNumber"], 16),
        block_hash=raw["blockHash"],
        timestamp=timestamp,
        created=to_checksum_address(raw["contractAddress"]) if raw.get("contractAddress") else "",
        logs=tuple(map(_read_log, raw["logs"])),
    )


def _read_log(raw: dict[str, Any]) -> Log:
    return Log(
        address=to_checksum_address(raw["address"]),
        topics=tuple(bytes.fromhex(topic.removeprefix("0x")) for topic in raw["topics"]),
        data=bytes.fromhex(raw["data"].removeprefix("0x")),
        log_index=int(raw["logIndex"], 16),
    )
