"""One simulated chain: its blocks as they stand now, those that were replaced, and what was true when."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from tests.simulation.facts import BlockFact, ChainFacts, Event, Fact
from tests.simulation.routers import Liquidity, Tokens
from tests.simulation.story import ChainTraits
from tests.simulation.written_log import WrittenLog

_EMPTY_BLOOM = "0" * 512
_LOG_INDEX_STEP = 3
"""Between two of the diamond's logs stand those of tokens."""


@dataclass(slots=True)
class Mined:
    """A transaction with the log that it wrote in its block."""

    tx_hash: bytes
    log: WrittenLog
    fact: Fact
    json: bytes = b""


@dataclass(slots=True)
class Block:
    """A block; ``next_nonce`` is what ``nonce()`` says after it, ``paused`` whether the diamond is."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int
    next_nonce: int
    paused: bool
    fact: BlockFact
    mined: list[Mined] = field(default_factory=list)
    header: bytes = b""


class Ledger:
    """A chain's blocks; nothing in it decides anything."""

    def __init__(self, traits: ChainTraits, timestamp: int, since: float, liquidity: Liquidity | None = None) -> None:
        self.traits = traits
        self._liquidity = liquidity or Liquidity(traits.domain, (), ())
        self.facts = ChainFacts(traits.domain)
        self.blocks: list[Block] = []
        self.by_hash: dict[bytes, Block] = {}
        self.legs: dict[bytes, list[tuple[int, Event]]] = {}
        """The legs that stand, with their blocks' numbers, by transfer id."""
        self.with_logs: list[int] = []
        """The numbers of the blocks that stand and hold logs, the lowest first."""
        self.about: dict[str, list[int]] = {}
        """The same by the second topic of their logs: the transfer that they are about."""
        self.honest_final = 0
        """The highest block that honest endpoints have ever called final."""
        self._forks = 0
        self.extend(timestamp, since, traits.first_nonce, paused=False, logs=())

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def extend(
        self, timestamp: int, since: float, next_nonce: int, *, paused: bool, logs: Sequence[tuple[bytes, WrittenLog]]
    ) -> Block:
        """Put a block on top, with these transactions and their logs."""
        number, parent = len(self.blocks), self.blocks[-1].hash if self.blocks else bytes(32)
        block_hash = sha256(b"%d %d %d %b" % (self.traits.domain, number, self._forks, parent)).digest()
        fact = BlockFact(number, f"0x{block_hash.hex()}", f"0x{parent.hex()}", timestamp, next_nonce, since, paused)
        fact.tokens = self._tokens(since, logs)
        block = Block(number, block_hash, parent, timestamp, next_nonce, paused, fact)
        for index, (tx_hash, log) in enumerate(logs):
            self._mine(block, tx_hash, log, _LOG_INDEX_STEP * index + 1)
        self.blocks.append(block)
        self.by_hash[block_hash] = block
        self.facts.blocks.append(fact)
        if block.mined:
            self.with_logs.append(number)
        final = number - self.traits.final_depth
        if final > self.honest_final:
            self.honest_final = final
            self.facts.final.append((since, final))
        return block

    def _tokens(self, since: float, logs: Sequence[tuple[bytes, WrittenLog]]) -> Tokens:
        if not self.blocks or not self._liquidity.before:
            return self._liquidity.before
        parent = self.blocks[-1].fact
        said = [log.moves for _, log in logs if log.moves is not None]
        return self._liquidity.after(parent.tokens, parent.since, since, said)

    def _mine(self, block: Block, tx_hash: bytes, log: WrittenLog, log_index: int) -> None:
        info = log.info
        fact = Fact(
            domain=self.traits.domain,
            event=log.event,
            transfer_id=f"0x{log.transfer_id.hex()}",
            transfer=log.transfer,
            origin=info.origin_domain,
            destination=info.destination_domain,
            nonce=info.nonce,
            honest=log.honest,
            fast=log.fast,
            amount=info.bridged_amount,
            tx_hash=f"0x{tx_hash.hex()}",
            log_index=log_index,
            block_number=block.number,
            block_hash=block.fact.hash,
            timestamp=block.timestamp,
            since=block.fact.since,
            says=log.says,
        )
        self.facts.facts.append(fact)
        block.mined.append(Mined(tx_hash, log, fact))
        if log.event is Event.BESIDE:
            return
        self.about.setdefault(log.topics[1], []).append(block.number)
        if log.event is not Event.XCALLED:
            self.legs.setdefault(log.transfer_id, []).append((block.number, log.event))

    def cut(self, depth: int, until: float) -> list[Block]:
        """Take the newest blocks away, the genesis never; the lowest of them comes first."""
        first = max(1, len(self.blocks) - depth)
        removed = self.blocks[first:]
        del self.blocks[first:]
        del self.with_logs[bisect_left(self.with_logs, first) :]
        self._forks += 1
        for block in removed:
            block.fact.until = until
            for mined in block.mined:
                mined.fact.until = until
                if mined.log.event is Event.BESIDE:
                    continue
                self.about[mined.log.topics[1]].remove(block.number)
                if mined.log.event is not Event.XCALLED:
                    self.legs[mined.log.transfer_id].remove((block.number, mined.log.event))
        return removed

    def stands(self, block: Block) -> bool:
        """Whether it has not been replaced."""
        return block.number < len(self.blocks) and self.blocks[block.number] is block

    def with_logs_between(self, first: int, last: int, about: str | None = None) -> list[Block]:
        """The blocks of a range, both ends included, that hold logs, or such ``about`` a transfer."""
        if about is not None:
            numbers = sorted({number for number in self.about.get(about, ()) if first <= number <= last})
        else:
            numbers = self.with_logs[bisect_left(self.with_logs, first) : bisect_left(self.with_logs, last + 1)]
        return [self.blocks[number] for number in numbers]

    def status(self, transfer_id: bytes, number: int) -> int:
        """What ``transferStatus`` says after a block: 1 for reconciled, 2 for executed, their sum for both."""
        legs = {event for at, event in self.legs.get(transfer_id, ()) if at <= number}
        return (Event.RECONCILED in legs) + 2 * (Event.EXECUTED in legs)

    def header(self, block: Block) -> bytes:
        """A block's header as JSON."""
        if not block.header:
            block.header = (
                f'{{"number":"{block.number:#x}","hash":"{block.fact.hash}","parentHash":"{block.fact.parent_hash}",'
                f'"timestamp":"{block.timestamp:#x}","logsBloom":"0x{self._bloom(block)}"}}'
            ).encode()
        return block.header

    def _bloom(self, block: Block) -> str:
        if not block.mined or not self.traits.blooms:
            return _EMPTY_BLOOM
        bloom = 0
        for mined in block.mined:
            bloom |= mined.log.bloom
        return f"{bloom:0512x}"
