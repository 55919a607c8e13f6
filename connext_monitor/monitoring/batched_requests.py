"""Asks many questions alike: in batches where the endpoint takes them, and else, or what those leave, one by one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from connext_monitor.core.rpc_refusal import BATCH, Reaction
from connext_monitor.monitoring.json_rpc import RpcCall, RpcError, RpcOutcome, RpcRefused
from connext_monitor.monitoring.pacer import Pacer, Urgency
from connext_monitor.monitoring.read_chain_data import Unreadable

_AT_ONCE: Final = 16
"""What is asked one by one at a time; more gains nothing, and looks like a flood to a provider."""
_ALONE: Final = frozenset({Reaction.LAG, Reaction.REVERTED})
"""What a batch may say of one of its calls that has nothing to do with the batch."""

_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")


def _refused_for_rate(outcomes: Sequence[RpcOutcome]) -> RpcRefused | None:
    """A refusal for the rate among what the calls of a batch came to."""
    for outcome in outcomes:
        if isinstance(outcome, RpcRefused) and outcome.refusal.reaction is Reaction.RATE:
            outcome.answered = sum(not isinstance(other, RpcError) for other in outcomes)
            return outcome
    return None


class BatchedRequests(Generic[_Question, _Answer]):
    """Questions of one kind to one endpoint.

    ``ask_batch`` asks several, see `RpcClient.request_batch`, and ``ask`` one of them. ``call`` writes one for a batch;
    ``read`` reads what that came to, and raises Unreadable where it does not answer this question.
    """

    def __init__(
        self,
        pacer: Pacer,
        urgency: Urgency,
        ask_batch: Callable[[Sequence[RpcCall]], Awaitable[list[RpcOutcome]]],
        ask: Callable[[_Question], Awaitable[_Answer]],
        call: Callable[[_Question], RpcCall],
        read: Callable[[_Question, msgspec.Raw], _Answer],
    ) -> None:
        self._pacer = pacer
        self._urgency = urgency
        self._ask_batch = ask_batch
        self._ask = ask
        self._call = call
        self._read = read
        self._waiting: deque[_Question] = deque()
        self._answers: dict[_Question, _Answer] = {}
        self._unanswered = False

    async def of(self, questions: Sequence[_Question]) -> list[_Answer]:
        """The answers, in the order of the questions; the first error of one that is asked by itself ends all."""
        self._waiting.extend(questions)
        while (calls := min(self._pacer.calls_in_a_batch, len(self._waiting))) > 1:
            await self._batch([self._waiting.popleft() for _ in range(calls)])
        self._waiting = deque(question for question in questions if question not in self._answers)
        if self._unanswered and self._waiting:
            # One shows whether it is the batch that was refused, or whatever is asked.
            await self._next()
        workers = min(_AT_ONCE, len(self._waiting))
        await (_together(self._one_by_one() for _ in range(workers)) if workers > 1 else self._one_by_one())
        return [self._answers[question] for question in questions]

    async def _one_by_one(self) -> None:
        while self._waiting:
            await self._next()

    async def _next(self) -> None:
        question = self._waiting.popleft()
        self._answers[question] = await self._ask(question)

    async def _batch(self, questions: Sequence[_Question]) -> None:
        """Keep what a batch brings, and note how it fared; what it leaves is asked for again by itself."""
        calls, outcomes = list(map(self._call, questions)), list[RpcOutcome]()

        async def ask() -> None:
            outcomes.extend(await self._ask_batch(calls))
            if (refused := _refused_for_rate(outcomes)) is not None:
                raise refused

        error: RpcError | None = None
        try:
            await self._pacer.ask(ask, self._urgency, tries=1, kind=BATCH, calls=len(calls))
        except RpcError as raised:
            error = raised
        answered = [self._take(*each) for each in zip(questions, outcomes, strict=bool(outcomes))]
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

    def _take(self, question: _Question, outcome: RpcOutcome) -> bool:
        """Keep what is said; whether it is anything that asking by itself could bring too."""
        if isinstance(outcome, RpcError):
            return isinstance(outcome, RpcRefused) and outcome.refusal.reaction in _ALONE
        try:
            self._answers[question] = self._read(question, outcome)
        except Unreadable:
            return False
        return True


async def _together(workers: Iterable[Coroutine[None, None, None]]) -> None:
    """Run them until the first error, which ends all."""
    tasks = [asyncio.ensure_future(worker) for worker in workers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
