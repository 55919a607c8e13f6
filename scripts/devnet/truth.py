"""What the chains of a devnet themselves say happened on their bridge, to compare a monitor with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.devnet.chain import Chain
from scripts.devnet.contracts import EXECUTED, RECONCILED, XCALLED

_LEGS = {XCALLED: "xcalled", EXECUTED: "executed", RECONCILED: "reconciled"}
"""By the event's topic: what a transfer's document calls it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What happened, by transfer id and ``"xcalled"``, ``"executed"`` or ``"reconciled"``: transaction, block time."""

    happened: Mapping[tuple[str, str], tuple[str, int]]
    at: int
    """The block time of the chain that is behind the others: up to then all of them were asked."""

    def count(self, leg: str) -> int:
        """How often this happened."""
        return sum(what == leg for _, what in self.happened)

    def unknown_to(self, documents: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """What a monitor's transfers, by their id, do not have, or have otherwise: one line each."""
        return [
            f"{transfer_id} {leg} in {tx_hash}"
            for (transfer_id, leg), (tx_hash, _) in self.happened.items()
            if ((documents.get(transfer_id) or {}).get(leg) or {}).get("tx_hash") != tx_hash
        ]

    def late(self, leg: str, deadline: float, margin: float) -> set[str]:
        """The transfers whose leg has not happened, and was due (seconds after xcalled) longer ago than the margin."""
        return {
            transfer_id
            for (transfer_id, what), (_, sent_at) in self.happened.items()
            if what == "xcalled" and (transfer_id, leg) not in self.happened
            if sent_at + deadline + margin < self.at
        }


async def truth(chains: Sequence[Chain]) -> Truth:
    """All that happened since the bridge was made. Raises `DevnetError` where a chain does not answer."""
    happened, heads = {}, []
    for chain in chains:
        head = await chain.rpc("eth_getBlockByNumber", ["latest", False])
        heads.append(int(head["timestamp"], 16))
        criteria = {
            "address": chain.contract,
            "fromBlock": hex(chain.start_block),
            "toBlock": head["number"],
            "topics": [["0x" + topic.hex() for topic in _LEGS]],
        }
        for log in await chain.rpc("eth_getLogs", [criteria]):
            leg = _LEGS[bytes.fromhex(log["topics"][0][2:])]
            happened[log["topics"][1], leg] = (log["transactionHash"], int(log["blockTimestamp"], 16))
    return Truth(happened, min(heads))
