"""Two chains with Connext traffic made up by number: every id hashes to its params, and the nonces are contiguous.

Chain 0 holds every XCalled, chain 1 every Executed and Reconciled. Nothing is kept: what stands in a block is computed
when it is asked for, so a long history needs no memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import msgspec

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.overdue import OVERDUE, OverdueDetails
from connext_monitor.core.deadline import Leg
from connext_monitor.core.decoding import encode_event, transfer_id_of
from connext_monitor.core.events import (
    Address,
    DomainId,
    Executed,
    Hash32,
    Pathway,
    Reconciled,
    Timestamp,
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)

DOMAINS = (DomainId(1001), DomainId(1002))
CHAIN_IDS = (31337, 31338)
CONTRACT = Address(b"\x11" * 20)
GENESIS_TIME = 1_700_000_000
_RECONCILED_LATER = 1_000
"""How many more transfers are executed before one is reconciled: two legs of one transfer seldom share a batch."""
_FIRST_TOPIC = len('{"address":"0x') + 40 + len('","topics":["')
_APART = 50
"""Logs stand in every block of this many; the others are empty, as on a real chain."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """So many events of both chains together, so many of them in each block that has any."""

    events: int
    logs_per_block: int

    @property
    def transfers(self) -> int:
        """How many transfers the events are of: each has three."""
        return self.events // 3

    def head(self, chain: int) -> int:
        """The highest block: some final ones follow the last log."""
        logs = self.transfers * (1 if chain == 0 else 2)
        return (logs // self.logs_per_block + 1) * _APART + 100

    def logs_between(self, first: int, last: int) -> int:
        """At most how many logs stand in the blocks from ``first`` to ``last``, both included."""
        return (last // _APART - max(0, first - 1) // _APART) * self.logs_per_block

    def blocks_with_logs(self, first: int, last: int) -> range:
        """The blocks from ``first`` to ``last``, both included, in which logs may stand."""
        return range(max(1, -(-first // _APART)) * _APART, last + 1, _APART)

    def span(self, logs: int) -> int:
        """How many blocks hold at most so many logs, wherever they begin."""
        return max(1, logs // self.logs_per_block) * _APART

    def nonce_after(self, block: int) -> int:
        """What ``nonce()`` of chain 0 says after a block."""
        return min(self.transfers, block // _APART * self.logs_per_block)

    def events_in(self, chain: int, block: int) -> Iterator[TransferEvent]:
        """The events of one block, in the order of its logs."""
        if block % _APART or block == 0:
            return
        first = (block // _APART - 1) * self.logs_per_block
        for index in range(first, first + self.logs_per_block):
            event = self._event(chain, index)
            if event is not None:
                yield event

    def _event(self, chain: int, index: int) -> TransferEvent | None:
        if chain == 0:
            return xcalled(index) if index < self.transfers else None
        if index >= 2 * self.transfers:
            return None
        # Executed and Reconciled take turns while both are left; the last ones reconciled come at the end.
        later = min(_RECONCILED_LATER, self.transfers)
        if index < later:
            return executed(index)
        if index >= 2 * self.transfers - later:
            return reconciled(index - self.transfers)
        turn = index - later
        return reconciled(turn // 2) if turn % 2 else executed(later + turn // 2)


def block_hash(chain: int, block: int) -> Hash32:
    """A block's hash, which its number can be read from again; of the one before the first, zeros."""
    if block < 0:
        return Hash32(bytes(32))
    return Hash32(sha256(f"{chain} {block}".encode()).digest()[:24] + block.to_bytes(8, "big"))


def block_of(hash_: bytes) -> int:
    """The number of the block with this hash."""
    return int.from_bytes(hash_[24:], "big")


def log_json(event: TransferEvent, chain: int, block: int, tx_hash: bytes, log_index: int) -> str:
    """The log as a node gives it; it has a transaction to itself."""
    topics, data = encode_event(event)
    words = ",".join(f'"0x{topic.hex()}"' for topic in topics)
    return (
        f'{{"address":"0x{CONTRACT.hex()}","topics":[{words}],'
        f'"data":"0x{data.hex()}","blockNumber":"{hex(block)}","blockHash":"0x{block_hash(chain, block).hex()}",'
        f'"transactionHash":"0x{tx_hash.hex()}","transactionIndex":"{hex(log_index)}","logIndex":"{hex(log_index)}",'
        f'"blockTimestamp":"{hex(GENESIS_TIME + block)}","removed":false}}'
    )


def first_topic(log: bytes) -> str:
    """The first topic of a log of `log_json`, 0x and hex digits."""
    return log[_FIRST_TOPIC : _FIRST_TOPIC + 66].decode()


def transaction_json(log: bytes) -> str:
    """The transaction of a log of `log_json`, with what has to be there."""
    parsed = msgspec.json.decode(log)
    same = {key: parsed[key] for key in ("blockHash", "blockNumber", "transactionIndex")}
    sender = "0x" + parsed["transactionHash"][-40:]
    transaction = {**same, "hash": parsed["transactionHash"], "from": sender, "to": parsed["address"], "type": "0x2"}
    return msgspec.json.encode(transaction).decode()


def header_json(chain: int, block: int, transactions: Sequence[str] = ()) -> str:
    """The block as a node gives it, with the fields that are looked at and the longest of the others."""
    return (
        f'{{"number":"{hex(block)}","hash":"0x{block_hash(chain, block).hex()}",'
        f'"parentHash":"0x{block_hash(chain, block - 1).hex()}","timestamp":"{hex(GENESIS_TIME + block)}",'
        f'"receiptsRoot":"0x{bytes(32).hex()}","logsBloom":"0x{bytes(256).hex()}","gasUsed":"0x0",'
        f'"transactions":[{",".join(transactions)}]}}'
    )


def xcalled(nonce: int) -> XCalled:
    """The XCalled of a nonce."""
    info = _info(nonce)
    return XCalled(
        transfer_id=transfer_id_of(info),
        nonce=nonce,
        message_hash=Hash32(_word("message", nonce)),
        params=info,
        asset=Address(b"\x21" * 20),
        amount=info.bridged_amount,
        local=Address(b"\x22" * 20),
        message_body=_word("body", nonce) * 6,
    )


def executed(nonce: int) -> Executed:
    """The Executed of a nonce, by the fast path."""
    info = _info(nonce)
    return Executed(
        transfer_id=transfer_id_of(info),
        to=info.to,
        asset=Address(b"\x23" * 20),
        params=info,
        routers=(Address(b"\x24" * 20),),
        local=Address(b"\x23" * 20),
        amount=info.bridged_amount * 9995 // 10_000,
        caller=Address(b"\x25" * 20),
    )


def reconciled(nonce: int) -> Reconciled:
    """The Reconciled of a nonce."""
    info = _info(nonce)
    return Reconciled(
        transfer_id=transfer_id_of(info),
        origin_domain=info.origin_domain,
        local=Address(b"\x23" * 20),
        routers=(Address(b"\x24" * 20),),
        amount=info.bridged_amount,
        caller=Address(b"\x26" * 20),
    )


def _info(nonce: int) -> TransferInfo:
    user = Address(_word("user", nonce)[:20])
    return TransferInfo(
        origin_domain=DOMAINS[0],
        destination_domain=DOMAINS[1],
        canonical_domain=DOMAINS[0],
        to=user,
        delegate=user,
        receive_local=False,
        call_data=_word("call", nonce) * 2,
        slippage=300,
        origin_sender=user,
        bridged_amount=10**18 + nonce,
        normalized_in=10**18 + nonce,
        nonce=nonce,
        canonical_id=b"\x27" * 32,
    )


def _word(name: str, nonce: int) -> bytes:
    return sha256(f"{name} {nonce}".encode()).digest()


def overdue(transfer_id: TransferId, leg: Leg, due_at: Timestamp, at: datetime, pathway: Pathway) -> Alert:
    """The alert about a leg that was due then, opened ``at``."""
    origin, destination = pathway
    return OVERDUE[leg].open(transfer_id, at, OverdueDetails(due_at=due_at, origin=origin, destination=destination))
