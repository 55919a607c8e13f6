"""Looks a second time at a range whose answer is in doubt, and finds the logs that were left out of it."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog

from connext_monitor.config import ChainConfig
from connext_monitor.core.bloom import LogMask, claims, denies
from connext_monitor.core.bridge_events import OBSERVED_TOPICS
from connext_monitor.core.coverage import BlockRange, left_out
from connext_monitor.core.decoding import EVENT_TOPICS, named_event
from connext_monitor.core.events import BlockNumber, EventLog, Hash32, SeenLog
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.decoded_log import DecodedLog
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.range_reader import RangeReader, ReadRange
from connext_monitor.monitoring.undecodable import undecodable
from connext_monitor.monitoring.witness import Testimony, Witness

_CLEARED_KEPT = 10_000

log = structlog.get_logger()


class Doubt(StrEnum):
    """Why an answer is looked at twice."""

    BLOOM = "a block's bloom claims a log that the answer does not hold"
    FINAL = "its blocks are about to count as final"
    UNDECODABLE = "it holds logs that cannot be decoded"


class Comparison(StrEnum):
    """What a second look has shown."""

    NO_WITNESS = "nobody else could be asked"
    AGREED = "another answer says the same"
    COMPLETED = "logs that were left out have been added"
    OTHER_CHAIN = "another endpoint has a different block at the same height"


@dataclass(frozen=True, slots=True)
class CheckedRange:
    """A range after the second look; ``found_at`` is the other endpoint that had the logs which were left out."""

    read: ReadRange
    comparison: Comparison
    found_at: str | None = None

    def then(self, later: "CheckedRange") -> "CheckedRange":
        """After another look at what this one left."""
        return replace(later, found_at=self.found_at or later.found_at)


class BloomMemory:
    """What second looks have learned of an endpoint's bloom filters.

    ``cleared`` are blocks whose claim was looked into; ``filled``: a filter that holds something was seen, so that an
    empty one is evidence too.
    """

    def __init__(self) -> None:
        self.filled = False
        self._cleared: dict[Hash32, None] = {}

    @property
    def cleared(self) -> AbstractSet[Hash32]:
        """The blocks whose claims were looked into."""
        return self._cleared.keys()

    def clear(self, blocks: Iterable[Hash32]) -> None:
        """Their claims were looked into; the oldest are forgotten."""
        self._cleared.update(dict.fromkeys(blocks))
        while len(self._cleared) > _CLEARED_KEPT:
            del self._cleared[next(iter(self._cleared))]


class SecondLook:
    """Second looks at one endpoint's answers, with the chain's other endpoints as witnesses."""

    def __init__(
        self,
        config: ChainConfig,
        endpoint: Endpoint,
        reader: RangeReader,
        witness: Witness,
        blooms: BloomMemory | None = None,
    ) -> None:
        self._config = config
        self._endpoint = endpoint
        self._reader = reader
        self._witness = witness
        self._transfer_mask = LogMask.of(config.contract, EVENT_TOPICS)
        self._mask = LogMask.of(config.contract, OBSERVED_TOPICS)
        self._blooms = BloomMemory() if blooms is None else blooms

    async def at_claims(self, read: ReadRange) -> CheckedRange:
        """Look again where a bloom claims a log that is not there; asks nobody if none does."""
        claimed = self._claimed(read)
        if not claimed:
            return CheckedRange(read, Comparison.AGREED)
        blocks = BlockRange(claimed[-1].number, claimed[0].number)
        looked = await self._testified(read, blocks, claimed[0].hash, Doubt.BLOOM)
        if looked.comparison in {Comparison.NO_WITNESS, Comparison.OTHER_CHAIN}:
            # Nobody else can say: a slip of the endpoint itself shows when it is asked again.
            again = await self._endpoint.events(
                self._config.domain_id, self._config.contract, blocks.first, blocks.last
            )
            looked = await self._compare(read, Testimony(self._endpoint.host, again.logs, own=True), Doubt.BLOOM)
        self._blooms.clear(header.hash for header in claimed)
        return looked

    async def before_final(self, read: ReadRange, last: BlockNumber) -> CheckedRange:
        """Ask another endpoint for the blocks up to ``last``, which are about to count as final."""
        blocks = BlockRange(read.blocks.first, last)
        end = await self._reader.header_below(read.end.hash, last)
        return await self._testified(read, blocks, end.hash, Doubt.FINAL)

    async def _testified(self, read: ReadRange, blocks: BlockRange, end: Hash32, doubt: Doubt) -> CheckedRange:
        """What another endpoint says of these blocks, the last of which has the hash ``end`` to us."""
        testimony = await self._witness.testify(blocks, end)
        if testimony is None:
            return CheckedRange(read, Comparison.NO_WITNESS)
        return await self._compare(read, testimony, doubt)

    async def at_undecodable(self, read: ReadRange, doubted: Sequence[DecodedLog]) -> CheckedRange:
        """Ask another endpoint for the blocks of logs that cannot be decoded; it agrees if it has the same logs."""
        last = max(doubted, key=lambda decoded: decoded.log.block_number).log
        blocks = BlockRange(min(decoded.log.block_number for decoded in doubted), last.block_number)
        testimony = await self._witness.testify(blocks, last.block_hash)
        if testimony is None or testimony.logs is None:
            return CheckedRange(read, Comparison.NO_WITNESS)
        looked = await self._compare(read, testimony, Doubt.UNDECODABLE)
        if looked.found_at is None and left_out(testimony.logs, [decoded.log for decoded in doubted]):
            return replace(looked, comparison=Comparison.NO_WITNESS)
        return looked

    async def vouches(self, seen: SeenLog, *, final: BlockNumber) -> bool | None:
        """Whether a log that accuses somebody really stands in its block; None while that cannot be known.

        1. The block's own bloom rules it out: no.
        2. The chain has no other endpoint, or none that answers: what is covered is believed, here as elsewhere.
        3. Another endpoint has the block: what it shows counts, or if it shows no delivery of the transfer there, what
           its contract says. Yes is believed; no only once the block is final, since some of its answers may be
           another chain's.
        4. It lacks the block, or has another one there: not known, until the block is final. It is read again before.
        """
        if any(self._denied(seen, LogMask.of(self._config.contract, [topic])) for topic in _topics(seen)):
            return False
        if not self._witness.exists:
            return True
        testimony = await self._witness.testify(BlockRange(seen.block_number, seen.block_number), seen.block_hash)
        if testimony is not None and testimony.logs is not None:
            if not left_out(testimony.logs, [seen]) or await self._hides(testimony.logs, seen):
                return True
            return False if seen.block_number <= final else None
        return True if seen.block_number <= final or not self._witness.answers else None

    async def _hides(self, shown: Sequence[SeenLog], seen: SeenLog) -> bool:
        """Whether a witness that shows no such log of the transfer knows all the same that its block delivered it.

        One that cannot be decoded shows nothing: the witness may mangle what it gives.
        """
        named = named_event(seen)
        if named is None:
            return False
        # Of its own block only: what a witness makes up of others shows nothing, and is not to be asked about.
        others = [other for other in shown if other.block_hash == seen.block_hash and named_event(other) == named]
        if len(undecodable(await self._reader.decode_logs(others))) < len(others):
            return False
        return await self._witness.says_executed(named[1], seen.block_number)

    async def _compare(self, read: ReadRange, testimony: Testimony, doubt: Doubt) -> CheckedRange:
        if testimony.logs is None:
            log.warning(
                "endpoints.disagree", chain=self._config.name, endpoint=self._endpoint.host, witness=testimony.host
            )
            return CheckedRange(read, Comparison.OTHER_CHAIN)
        missing = left_out((decoded.log for decoded in read.logs), testimony.logs)
        standing = missing if testimony.own else await self._reader.of_standing_blocks(missing, read.end.hash)
        added = [
            decoded for decoded in await self._reader.decode_logs(standing) if not self._denied(decoded.log, self._mask)
        ]
        if not added:
            # Who makes up blocks agrees with nobody.
            return CheckedRange(read, Comparison.AGREED if standing == missing else Comparison.NO_WITNESS)
        self._log_added(added, testimony.host, doubt)
        return CheckedRange(read.and_logs(added), Comparison.COMPLETED, None if testimony.own else testimony.host)

    def _claimed(self, read: ReadRange) -> list[Header]:
        """The blocks, the highest first, whose filters claim a log that was not answered, and not looked at yet."""
        settled = {block_hash for _, block_hash in read.known} | self._blooms.cleared
        claimed = []
        for header in self._reader.canonical(read.end.hash, read.blocks.first):
            bloom = header.logs_bloom
            self._blooms.filled = self._blooms.filled or (bloom is not None and any(bloom))
            if header.hash not in settled and bloom is not None and self._claims(bloom):
                claimed.append(header)
        return claimed

    def _claims(self, bloom: bytes) -> bool:
        # The more topics, the emptier a filter must be for its claim to mean something: what it says of transfers alone
        # still does where it is too full to say anything of all that is observed.
        return claims(bloom, self._mask) or claims(bloom, self._transfer_mask)

    def _denied(self, seen: SeenLog, mask: LogMask) -> bool:
        """Whether the block's own bloom rules the log out: then it is the witness who is not to be believed.

        Some chains leave every filter empty; only one that has been seen filled is evidence.
        """
        header = self._reader.cached_header(seen.block_hash)
        bloom = header.logs_bloom if header else None
        return self._blooms.filled and bloom is not None and denies(bloom, mask)

    def _log_added(self, added: list[DecodedLog], found_at: str, doubt: Doubt) -> None:
        numbers = [decoded.log.block_number for decoded in added]
        log.warning(
            "answer.partial",
            chain=self._config.name,
            endpoint=self._endpoint.host,
            logs_left_out=len(added),
            blocks=f"{min(numbers)}-{max(numbers)}",
            witness=found_at,
            doubt=doubt.value,
        )


def _topics(log: SeenLog) -> tuple[bytes, ...]:
    """Those of its topics that are known."""
    return (log.event.transfer_id,) if isinstance(log, EventLog) else log.topics
