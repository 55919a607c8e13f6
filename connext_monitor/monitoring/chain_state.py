"""What an observer knows of its chain at this moment; the database holds what must outlive it."""

import heapq
import math
from collections import OrderedDict
from collections.abc import Callable

from connext_monitor.clock import Clock
from connext_monitor.config import ChainConfig
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import PooledEndpoint
from connext_monitor.monitoring.header_cache import HeaderCache
from connext_monitor.monitoring.intervals import USUAL, LossProof
from connext_monitor.monitoring.lineage import VerifiedBlocks
from connext_monitor.monitoring.lost_history import LostHistory
from connext_monitor.monitoring.undecodable import Undecodable

_HEADS_KEPT = 1024
_HISTORY = 300
"""Seconds of block time behind the head from which on covering is reading history."""
_LONGEST_CATCH_UP = 3600.0
_FAIR_CHANCE = 20.0
"""Seconds: ten for which an endpoint may let us wait for its answer, and ten until one that failed is tried again."""
_BLOCKS_AWAITED = 3
"""As many blocks of a chain should come before it counts that none did."""

OnHead = Callable[[DomainId, Timestamp], None]
"""Hears of each head that a chain's endpoint announces; must not raise."""


def unheard(_domain: DomainId, _timestamp: Timestamp) -> None:
    """An `OnHead` for where nobody compares clocks with heads."""


class ChainState:
    """The live state of one chain.

    ``final`` is the checkpoint, from when it is on its way to the database: what is below it is not read again.
    ``endpoint`` is the connection to ``in_use``, None while there is none; ``head`` the head announced last;
    ``awaited`` the block times (a heap) that someone waits to see covered; ``first_nonce_after`` the block before the
    first watched one, while its nonce is still to be asked for; ``looks_again`` that what is not final is read again
    with the next head: a log accuses somebody and the other endpoints lack its block, or it was pushed before its
    block's head; ``read_at`` when the last cover began that read again what is not final; ``holes`` the first nonce of
    each hole that was logged; ``final_trouble`` why the endpoint names no final block, in words; ``lost_history`` what
    its endpoints have said of blocks that they do not have any more; ``failed`` the endpoints, by index in the config,
    of which a use has failed. Times named ``*_at`` are on the monotonic clock.
    """

    def __init__(
        self,
        config: ChainConfig,
        clock: Clock,
        unobserved_after: float,
        loss_proof: LossProof = USUAL.loss,
        on_head: OnHead = unheard,
        store_works_for: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self.config = config
        self.coverage: Coverage | None = None
        self.final = BlockNumber(-1)
        self.endpoint: Endpoint | None = None
        self.in_use: PooledEndpoint | None = None
        self.head: Header | None = None
        self.head_risen_at = clock.monotonic()
        self.headers = HeaderCache()
        self.verified = VerifiedBlocks()
        self.undecodable = Undecodable(clock)
        self.lost_history = LostHistory(len(config.endpoints), clock, loss_proof)
        self.covered_risen_at = clock.monotonic()
        self.checkpoint_risen_at = clock.monotonic()
        self.caught_up = False
        self.read_at = -math.inf
        self.trouble: str | None = None
        self.final_trouble: str | None = None
        self.awaited: list[Timestamp] = []
        self.looks_again = False
        self.nonce_trouble: tuple[float, str] | None = None
        self.first_nonce_after: BlockNumber | None = None
        self.holes: set[int] = set()
        self.holes_found = 0
        self.holes_closed = 0
        self.failed: set[int] = set()
        self.clock = clock
        self._unobserved_after = unobserved_after
        self._on_head = on_head
        self._store_works_for = store_works_for
        self._covered_once = False
        self._covered_before: Timestamp | None = None
        self._connected_at = clock.monotonic()
        self._highest: BlockNumber | None = None
        self._heads: OrderedDict[BlockNumber, Hash32] = OrderedDict()

    def recall(self, stored: Coverage | None) -> None:
        """How far the chain had been read before this program started."""
        self._covered_before = stored.covered.timestamp if stored and stored.covered else None

    @property
    def begun(self) -> Coverage:
        """The coverage; there is one once covering has begun."""
        if self.coverage is None:
            raise RuntimeError("nothing of the chain is covered before Coverer.begin()")
        return self.coverage

    @property
    def covered(self) -> BlockRef | None:
        """The last block covered."""
        return self.coverage.covered if self.coverage else None

    def saw_head(self, head: Header) -> None:
        """An endpoint announced a head; only one higher than all that it announced before is progress."""
        if self._highest is None or head.number > self._highest:
            self._highest = head.number
            self.head_risen_at = self.clock.monotonic()
        self.head = head
        self._on_head(self.config.domain_id, head.timestamp)
        self.headers.add(head)
        self._heads[head.number] = head.hash
        if len(self._heads) > _HEADS_KEPT:
            self._heads.popitem(last=False)

    def replaces(self, head: Header) -> bool:
        """Whether a head does not follow what was announced or covered before: a hint of a reorg, no more."""
        stood = self._heads.get(head.number, head.hash)
        parent = self._heads.get(BlockNumber(head.number - 1), head.parent_hash)
        covered = self.covered
        if covered is not None and covered.number == head.number:
            stood = covered.hash
        if covered is not None and covered.number == head.number - 1:
            parent = covered.hash
        return stood != head.hash or parent != head.parent_hash

    def connected(self, endpoint: Endpoint, in_use: PooledEndpoint) -> None:
        """An endpoint is in use; what another one announced no longer counts."""
        self.endpoint = endpoint
        self.in_use = in_use
        self._connected_at = self.clock.monotonic()
        self.head = None
        self._highest = None
        self.head_risen_at = self.clock.monotonic()

    def disconnected(self) -> None:
        """No endpoint is in use."""
        self.endpoint = None
        self.caught_up = False

    def reached_head(self, read_at: float, *, again: bool = True) -> None:
        """All up to the head is stored; ``again``: as it was read from that time on, what is not final included."""
        self.caught_up = True
        if again:
            self.read_at = read_at

    def reached(self, coverage: Coverage) -> None:
        """The coverage that has just been committed."""
        before = self.covered
        if self.coverage is None or coverage.checkpoint > self.coverage.checkpoint:
            self.checkpoint_risen_at = self.clock.monotonic()
            self._forget_below(coverage.checkpoint)
        elif coverage.checkpoint < self.coverage.checkpoint:
            self.caught_up = False  # what follows a replaced block may be gone as well, and is read again
        self.coverage = coverage
        self.final = coverage.checkpoint
        if coverage.covered and (before is None or coverage.covered.number > before.number):
            self.covered_risen_at = self.clock.monotonic()
            self._covered_once = True
        while self.awaited and self.covered and self.covered.timestamp > self.awaited[0]:
            heapq.heappop(self.awaited)

    def _forget_below(self, checkpoint: BlockNumber) -> None:
        """What is final is not read again: of the blocks below a checkpoint nothing is needed."""
        self.headers.forget_below(checkpoint)
        self.verified.forget_without(self.headers)
        for number in [number for number in self._heads if number < checkpoint]:
            del self._heads[number]

    def await_cover(self, past: Timestamp) -> None:
        """Someone waits to see the chain covered past this block time."""
        if self.covered is None or self.covered.timestamp <= past:
            heapq.heappush(self.awaited, past)

    def nonce_not_said(self, why: str | None) -> None:
        """No endpoint says the chain's nonce at its head; ``why`` is None once one has."""
        since = self.nonce_trouble[0] if self.nonce_trouble else self.clock.monotonic()
        self.nonce_trouble = None if why is None else (since, why)

    @property
    def observed(self) -> bool:
        """Whether the covered head has risen lately, since this program started."""
        return self._covered_once and self.silent_for < self._unobserved_after

    def reads_history(self, watermark: Timestamp) -> bool:
        """Whether a chain covered up to there is catching up: more than a few minutes of blocks are still to be read.

        Not indefinitely: a chain that never catches up is judged by what is covered of it.
        """
        if self.head is None or self.caught_up:
            return False
        behind = self.head.timestamp - watermark
        return behind > _HISTORY and self.clock.monotonic() - self._connected_at < _LONGEST_CATCH_UP

    def has_reread(self, number: BlockNumber, since: float = -math.inf) -> bool:
        """Whether a block of that height, read before, would be known to be gone, or nobody can know for long.

        It is final, or what is not has been read again since then (on the monotonic clock), since the endpoint in use
        was connected, and since the last outage of the store: what waited meanwhile was seen before. Where the chain
        has been out of sight for as long as people are not told of that, what was read last is all there is.
        """
        if number <= self.final or (self.caught_up and self.read_at >= self.read_after(since)):
            return True
        return min(self.unseen_for, self._store_works_for()) >= self._unobserved_after

    def read_after(self, since: float) -> float:
        """The later of ``since`` and the end of the last outage of the store; both on the monotonic clock."""
        return max(since, self.clock.monotonic() - self._store_works_for())

    @property
    def silent_for(self) -> float:
        """Seconds since the covered head last rose with logs that can be decoded, or since this program started."""
        since = self.undecodable.since
        seen_at = self.covered_risen_at if since is None else min(since, self.covered_risen_at)
        return self.clock.monotonic() - seen_at

    @property
    def unseen_for(self) -> float:
        """The same, whichever program saw that, once this one has had a fair chance to see it.

        Where it has covered nothing yet, the block that was covered last says by its stamp when that was.
        """
        silent, before = self.silent_for, self._seen_before
        if before is None or not self._has_had_its_chance(silent):
            return silent
        return max(silent, self.clock.now().timestamp() - before)

    @property
    def _seen_before(self) -> float | None:
        """When the chain was seen last before this program started (Unix seconds); None where that does not count."""
        if self.undecodable.seen_before is not None:
            return self.undecodable.seen_before.timestamp()
        return None if self._covered_once else self._covered_before

    def _has_had_its_chance(self, silent: float) -> bool:
        """Whether this program, silent for so long, would have covered something if it could.

        1. Not before what failed at first was tried again.
        2. All up to the head was read, and no block came though some should have.
        3. Each endpoint has failed, and none has been connected for so short a time that it may still answer.
        4. So much time has passed that an endpoint would be given up.
        """
        chance = min(_FAIR_CHANCE, self._unobserved_after / 2)
        if silent < chance:
            return False
        if self.caught_up and silent >= _BLOCKS_AWAITED * self.config.block_time.total_seconds():
            return True
        answers = self.endpoint is not None and self.clock.monotonic() - self._connected_at < chance
        if len(self.failed) == len(self.config.endpoints) and not answers:
            return True
        return silent >= self._unobserved_after / 2

    def works(self) -> None:
        """What was wrong is over, except that no log can be decoded, while that lasts."""
        self.trouble = self.undecodable.why

    def sight(self) -> ChainStatus:
        """How the chain is seen now."""
        return ChainStatus(
            domain=self.config.domain_id,
            name=self.config.name,
            chain_id=self.config.chain_id,
            head=self.head.number if self.head else None,
            coverage=self.coverage,
            observed=self.observed,
            caught_up=self.caught_up,
            endpoint=self.endpoint.host if self.endpoint else None,
            trouble=self.trouble,
            final_still_for=self.clock.monotonic() - self.checkpoint_risen_at,
            nonce_trouble=self._lasting_nonce_trouble(),
            final_trouble=self.final_trouble,
            holes_found=self.holes_found,
            holes_closed=self.holes_closed,
        )

    def _lasting_nonce_trouble(self) -> str | None:
        since, why = self.nonce_trouble or (math.inf, None)
        return why if self.clock.monotonic() - since >= self._unobserved_after else None
