"""Reads one range of blocks so that the answer can be believed.

An answer to eth_getLogs counts only for blocks that the endpoint has; an event is taken back only when another block
is shown to stand at its height; and a block's time is read from its header.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from connext_monitor.core.coverage import BlockRange, StoredRange, doubtful
from connext_monitor.core.decoding import named_event
from connext_monitor.core.events import Address, BlockNumber, BlockRef, DomainId, Hash32, SeenLog
from connext_monitor.monitoring.chain_data import Header, MalformedEntry
from connext_monitor.monitoring.decoded_log import DecodedLog, decode_log
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.fetched_logs import FetchedLogs, LogsNotBelieved
from connext_monitor.monitoring.header_cache import HeaderCache
from connext_monitor.monitoring.unusable_answers import LongRead, PartialAnswer, UnreadableAnswer, Unsettled
from connext_monitor.monitoring.yielding import in_slices

_LONG = 20.0
"""Seconds after which a range whose blocks come slowly is cut short."""
_REMOVED_LOOKED_AT = 16
"""Blocks of logs that an answer calls removed; an honest one names hardly any."""
_NOTHING = StoredRange()
LogBlock = tuple[BlockNumber, Hash32]
_NO_HEADERS: Mapping[Hash32, Header] = {}


@dataclass(frozen=True, slots=True)
class ReadRange:
    """All logs of a range, its last block, and the blocks proven gone; ``known`` hold something, or have held it."""

    blocks: BlockRange
    end: BlockRef
    logs: list[DecodedLog]
    malformed: list[MalformedEntry]
    gone: frozenset[Hash32]
    known: frozenset[tuple[BlockNumber, Hash32]]

    def and_logs(self, logs: Sequence[DecodedLog]) -> "ReadRange":
        """With these logs too."""
        known = self.known.union(_blocks_of([decoded.log for decoded in logs]))
        return replace(self, logs=[*self.logs, *logs], known=known)


class RangeReader:
    """Reads ranges of one contract from one endpoint."""

    def __init__(self, endpoint: Endpoint, domain: DomainId, contract: Address, headers: HeaderCache) -> None:
        self._endpoint = endpoint
        self._domain = domain
        self._contract = contract
        self._headers = headers

    async def read(
        self,
        blocks: BlockRange,
        head: Header,
        final: BlockNumber,
        stored: StoredRange,
    ) -> ReadRange:
        """Read ``blocks``, which end at or below ``head``; ``stored`` is what is stored of them.

        1. The range's last block is looked at before and after its logs are asked for: the same hash means that the
           endpoint had the range and that it did not move meanwhile. A final block cannot move.
        2. Every log is decoded, unless its event is stored; its block's header gives its time and confirms its height.
        3. Every block that holds something stored and is missing from the answer is looked at, and so is every block of
           a log that the answer calls removed.

        Raises Unsettled, PartialAnswer, LongRead and what the endpoint raises.
        """
        before = await self._end_before(blocks, head, final)
        fetched = await self._fetch(blocks, stored)
        end = await self.header_at(blocks.last)
        if before is not None and before.hash != end.hash:
            raise Unsettled(f"changed block {blocks.last} while its logs were read")
        standing = _blocks_of(fetched.logs)
        headers = await self._headers_of(standing, blocks)
        logs = await self._decode(fetched.logs, standing, stored, headers)
        await self._check_removed(fetched)
        gone = await self._gone(doubtful(stored.blocks, standing))
        return ReadRange(blocks, end.ref, logs, fetched.malformed, gone, frozenset(standing).union(stored.blocks))

    async def _fetch(self, blocks: BlockRange, stored: StoredRange) -> FetchedLogs[SeenLog]:
        try:
            return await self._endpoint.events(self._domain, self._contract, blocks.first, blocks.last)
        except LogsNotBelieved as error:
            doubted, why = error.fetched, error.reason
        raise UnreadableAnswer(why, await self.decode_logs(doubted.logs, stored), doubted.malformed)

    async def _check_removed(self, fetched: FetchedLogs[SeenLog]) -> None:
        removed = [entry.removed for entry in fetched.malformed if entry.removed is not None]
        if not removed:
            return
        standing = {(raw.block_hash, raw.log_index) for raw in fetched.logs}
        missing = [raw for raw in removed if (raw.block_hash, raw.log_index) not in standing]
        blocks = {(raw.block_number, raw.block_hash) for raw in missing}
        for number, block_hash in sorted(blocks)[:_REMOVED_LOOKED_AT]:
            if (await self.header_at(number)).hash == block_hash:
                raise PartialAnswer(f"reports a log of block {number} as removed, but still has that block")

    async def decode_logs(self, logs: Sequence[SeenLog], stored: StoredRange = _NOTHING) -> list[DecodedLog]:
        """The logs with their blocks, decoded unless ``stored``. Raises Unsettled if a block is not there.

        Decoded here, and not when they are checked: while history is read, that is beside the commit of what came
        before.
        """
        return await self._decode(logs, _blocks_of(logs), stored, _NO_HEADERS)

    async def _decode(
        self,
        logs: Sequence[SeenLog],
        standing: Sequence[LogBlock],
        stored: StoredRange,
        headers: Mapping[Hash32, Header],
    ) -> list[DecodedLog]:
        blocks = await self._placed(standing, headers)
        decoded: list[DecodedLog] = []
        async for part in in_slices(logs, self._endpoint.yield_every):
            if stored.events:
                decoded += [self._unless_stored(log, blocks[log.block_hash], stored) for log in part]
            else:
                decoded += [decode_log(self._domain, log, blocks[log.block_hash]) for log in part]
        return decoded

    def _unless_stored(self, log: SeenLog, block: BlockRef, stored: StoredRange) -> DecodedLog:
        named = named_event(log)
        if named is not None and (log.block_hash, *named) in stored.events:
            return DecodedLog(log, block, None)
        return decode_log(self._domain, log, block)

    async def _placed(self, blocks: Iterable[LogBlock], headers: Mapping[Hash32, Header]) -> dict[Hash32, BlockRef]:
        """The blocks with their times, by hash. Raises Unsettled if one is not there, or not at this height."""
        # Held here as well: a range may have logs in more blocks than the cache keeps.
        by_hash = {block_hash: headers.get(block_hash) or self._headers.get(block_hash) for _, block_hash in blocks}
        missing = [block_hash for block_hash, header in by_hash.items() if header is None]
        # Hardly any is missing for a pushed log, and to ask for none took most of the time here.
        fetched = await self._endpoint.headers(missing, self._headers.add) if missing else []
        for block_hash, header in zip(missing, fetched, strict=True):
            if header is None:
                raise Unsettled(f"gave a log of block 0x{block_hash.hex()} but has no such block")
            by_hash[block_hash] = header
        placed: dict[Hash32, BlockRef] = {}
        for number, block_hash in blocks:
            header = by_hash[block_hash]
            if header is None or header.number != number:
                raise Unsettled(f"gave a log of block {number} with another block's hash")
            placed[block_hash] = header.ref
        return placed

    async def _headers_of(self, standing: Iterable[LogBlock], blocks: BlockRange) -> dict[Hash32, Header]:
        """The headers of the logs' blocks. Raises LongRead if they come slowly, once some of them are here."""
        heights = {block_hash: number for number, block_hash in standing}
        headers = {header.hash: header for header in map(self._headers.get, heights) if header is not None}

        def keep(header: Header) -> None:
            self._headers.add(header)
            headers[header.hash] = header

        while len(blocks) > 1 and (missing := [block_hash for block_hash in heights if block_hash not in headers]):
            had = len(headers)
            try:
                async with asyncio.timeout(_LONG):
                    await self._endpoint.headers(missing, keep)
                break
            except TimeoutError:
                # Where nothing at all came it is no matter of how many there are.
                if len(headers) > had:
                    first_missing = min(heights[block_hash] for block_hash in missing if block_hash not in headers)
                    raise LongRead(first_missing - blocks.first) from None
        return headers

    async def _end_before(self, blocks: BlockRange, head: Header, final: BlockNumber) -> Header | None:
        if blocks.last <= final:
            return None
        return head if blocks.last == head.number else await self.header_at(blocks.last)

    async def _gone(self, blocks: list[tuple[BlockNumber, Hash32]]) -> frozenset[Hash32]:
        gone: set[Hash32] = set()
        for number, block_hash in blocks:
            standing = await self.header_at(number)
            if standing.hash == block_hash:
                raise PartialAnswer(f"left out a log of block {number}, which stands")
            gone.add(block_hash)
        return frozenset(gone)

    def canonical(self, end: Hash32, first: BlockNumber) -> Iterator[Header]:
        """The headers at hand from the block ``end`` back to ``first``, as far as none is missing; asks nothing."""
        get = self._headers.get
        header = get(end)
        while header is not None and header.number >= first:
            yield header
            header = get(header.parent_hash)

    def leads_back(self, end: Hash32, number: BlockNumber, block_hash: Hash32) -> bool:
        """Whether the headers at hand lead from the block ``end`` back to this one; asks nothing."""
        get = self._headers.get
        header = get(end)
        while header is not None and header.number > number:
            header = get(header.parent_hash)
        return header is not None and header.hash == block_hash

    async def header_below(self, end: Hash32, number: BlockNumber) -> Header:
        """The block at a height that the block ``end`` leads back to; asks only where its headers are not at hand."""
        at_hand = self.canonical(end, number)
        return next((header for header in at_hand if header.number == number), None) or await self.header_at(number)

    async def of_standing_blocks(self, logs: Sequence[SeenLog], end: Hash32) -> list[SeenLog]:
        """Those of the logs whose blocks the block ``end`` leads back to; asks only where headers are not at hand.

        Raises Unsettled if the endpoint lacks a block.
        """
        if not logs:
            return []
        numbers = {log.block_number for log in logs}
        hashes = {header.number: header.hash for header in self.canonical(end, min(numbers))}
        missing = sorted(numbers - hashes.keys())
        for number, header in zip(missing, await self._endpoint.headers(missing), strict=True):
            if header is None:
                raise Unsettled(f"lacks block {number}, which was read before")
            hashes[number] = header.hash
        return [log for log in logs if hashes[log.block_number] == log.block_hash]

    def cached_header(self, block_hash: Hash32) -> Header | None:
        """The block with this hash, if it is at hand; asks nothing."""
        return self._headers.get(block_hash)

    async def header_at(self, number: BlockNumber) -> Header:
        """The block that stands at a height. Raises Unsettled if the endpoint has none."""
        header = await self._endpoint.header(number)
        if header is None:
            raise Unsettled(f"has no block {number}")
        self._headers.add(header)
        return header


def _blocks_of(logs: Iterable[SeenLog]) -> list[LogBlock]:
    """The blocks in which they stand, each once, in the order of the logs."""
    return list(dict.fromkeys([(log.block_number, log.block_hash) for log in logs]))
