"""Asks for many headers: in batches where the endpoint takes them, and else, or for what those leave, one by one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Final, TypeAlias

from connext_monitor.core.events import BlockNumber, Hash32
from connext_monitor.core.rpc_refusal import BATCH, Reaction
from connext_monitor.monitoring.chain_data import Header, to_hex
from connext_monitor.monitoring.json_rpc import RpcCall, RpcError, RpcOutcome, RpcRefused
from connext_monitor.monitoring.pacer import Pacer, Urgency
from connext_monitor.monitoring.read_chain_data import Unreadable, read_header

_AT_ONCE: Final = 16
"""Headers asked for one by one at a time; more gain nothing, and look like a flood to a provider."""

Block: TypeAlias = BlockNumber | Hash32
"""A block's height or its hash."""


def header_call(block: Block | str) -> RpcCall:
    """The call for the header of a block, or of a tag like "finalized"."""
    if isinstance(block, bytes):
        return "eth_getBlockByHash", [to_hex(block), False]
    return "eth_getBlockByNumber", [block if isinstance(block, str) else hex(block), False]


def is_other(header: Header | None, block: Block | str) -> bool:
    """Whether a header is none of the block that was asked for."""
    if header is None or isinstance(block, str):
        return False
    return (header.hash if isinstance(block, bytes) else header.number) != block


def _refused_for_rate(outcomes: Sequence[RpcOutcome]) -> RpcRefused | None:
    """A refusal for the rate among what the calls of a batch came to."""
    for outcome in outcomes:
        if isinstance(outcome, RpcRefused) and outcome.refusal.reaction is Reaction.RATE:
            outcome.answered = sum(not isinstance(other, RpcError) for other in outcomes)
            return outcome
    return None


class HeaderRequests:
    """Requests for the headers of some blocks from one endpoint.

    ``ask_batch`` asks for several, see `RpcClient.request_batch`, and ``ask`` for one of them. ``on_header`` is called
    with each as soon as it is here, so that it is kept whatever becomes of the others.
    """

    def __init__(
        self,
        pacer: Pacer,
        urgency: Urgency,
        ask_batch: Callable[[Sequence[RpcCall]], Awaitable[list[RpcOutcome]]],
        ask: Callable[[Block], Awaitable[Header | None]],
        on_header: Callable[[Header], None] | None,
    ) -> None:
        self._pacer = pacer
        self._urgency = urgency
        self._ask_batch = ask_batch
        self._ask = ask
        self._on_header = on_header
        self._waiting: deque[Block] = deque()
        self._headers: dict[Block, Header | None] = {}
        self._unanswered = False

    async def of(self, blocks: Sequence[Block]) -> list[Header | None]:
        """The headers, in the order of the blocks; the first error of one that is asked for by itself ends all."""
        self._waiting.extend(blocks)
        while (calls := min(self._pacer.calls_in_a_batch, len(self._waiting))) > 1:
            await self._batch([self._waiting.popleft() for _ in range(calls)])
        self._waiting = deque(block for block in blocks if block not in self._headers)
        if self._unanswered and self._waiting:
            # One shows whether it is the batch that was refused, or whatever is asked.
            await self._next()
        workers = min(_AT_ONCE, len(self._waiting))
        await (_together(self._one_by_one() for _ in range(workers)) if workers > 1 else self._one_by_one())
        return [self._headers[block] for block in blocks]

    async def _one_by_one(self) -> None:
        while self._waiting:
            await self._next()

    async def _next(self) -> None:
        block = self._waiting.popleft()
        self._keep(block, await self._ask(block))

    async def _batch(self, blocks: Sequence[Block]) -> None:
        """Keep what a batch brings, and note how it fared; what it leaves is asked for again by itself."""
        calls, outcomes = [header_call(block) for block in blocks], list[RpcOutcome]()

        async def ask() -> None:
            outcomes.extend(await self._ask_batch(calls))
            if (refused := _refused_for_rate(outcomes)) is not None:
                raise refused

        error: RpcError | None = None
        try:
            await self._pacer.ask(ask, self._urgency, tries=1, kind=BATCH, calls=len(calls))
        except RpcError as raised:
            error = raised
        answered = [self._take(*each) for each in zip(blocks, outcomes, strict=bool(outcomes))]
        self._unanswered = not any(answered)
        if answered and all(answered):
            self._pacer.batching = self._pacer.batching.after_answer(len(calls))
            return
        # Fewer may be answered where some are, or where their number is refused. Not where the rate is, or nothing is
        # said at all: each further try would cost a pause, or the connection.
        fewer = any(answered) or (
            not outcomes and isinstance(error, RpcRefused) and error.refusal.reaction is not Reaction.RATE
        )
        now = asyncio.get_running_loop().time()
        self._pacer.batching = self._pacer.batching.after_failure(len(calls), now, for_size=fewer)

    def _take(self, block: Block, outcome: RpcOutcome) -> bool:
        """Keep what is said of a block; whether anything is that asking for it by itself could bring too."""
        if isinstance(outcome, RpcError):
            return isinstance(outcome, RpcRefused) and outcome.refusal.reaction is Reaction.LAG
        try:
            header = read_header(outcome)
        except Unreadable:
            return False
        if is_other(header, block):
            return False
        self._keep(block, header)
        return True

    def _keep(self, block: Block, header: Header | None) -> None:
        self._headers[block] = header
        if header is not None and self._on_header is not None:
            self._on_header(header)


async def _together(workers: Iterable[Coroutine[None, None, None]]) -> None:
    """Run them until the first error, which ends all."""
    tasks = [asyncio.ensure_future(worker) for worker in workers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
