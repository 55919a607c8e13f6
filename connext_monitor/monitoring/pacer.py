"""Paces the requests to one endpoint: no faster than it takes them, urgent ones first.

A request that is refused for the rate is made again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from connext_monitor.core.rpc_batching import MOST_CALLS, RpcBatching
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.core.throttle import LONGEST_PAUSE, Throttle
from connext_monitor.monitoring.intervals import USUAL
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcRefused

TRIES: Final = 8
_TRIES_BESIDE_OTHERS: Final = 4
"""How often in a row, whoever asks, an endpoint may refuse for the rate before its refusal is passed on."""
_TRIES_OF_LOGS: Final = 3
_REFUSED_ALONE: Final = 6
"""Refusals of one kind of request, and answers to others, between which nothing of that kind was answered."""
_BEFORE_OTHERS: Final = 2
"""Requests that may overtake a less urgent one that waits: nothing waits for ever."""

_T = TypeVar("_T")


class Urgency(IntEnum):
    """Who goes first when not all can be asked at once."""

    QUESTION = 0
    """Somebody waits for the answer: what the contract says of an overdue leg, for one."""
    USUAL = 1
    """What it takes to watch the head."""
    HISTORY = 2
    """What is read to catch up."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A request that waits for its turn, and how many calls it makes; ``begun`` is how many are in flight then."""

    begun: asyncio.Future[int]
    calls: int


class Pacer:
    """Every request to one endpoint passes here, over all connections to it.

    ``tries_of_logs`` is how often a range is asked for: a refusal that is called a rate may be for the range's size,
    so whoever chose the range has to learn of it. ``batching`` is what is known of its batches of calls.
    """

    def __init__(self, *, has_others: bool = False, patience: float = USUAL.question) -> None:
        """``has_others``: the chain has other endpoints to ask instead.

        What is not history waits for ``patience`` seconds at most, for its turn and for further tries.
        """
        self.throttle = Throttle()
        self.batching = RpcBatching()
        self.tries_of_logs = _TRIES_OF_LOGS
        self._tries = _TRIES_BESIDE_OTHERS if has_others else TRIES
        self._patience = patience
        self._in_flight = 0
        self._waiting: dict[Urgency, deque[_Turn]] = {urgency: deque() for urgency in Urgency}
        self._turns = 0
        self._served_at = dict.fromkeys(Urgency, 0)
        self._timer: asyncio.TimerHandle | None = None
        self._last_refusal: RpcRefused | None = None
        self._refused_alone: dict[str, tuple[int, int]] = {}

    @property
    def interval(self) -> float:
        """Seconds between two requests, 0 if no limit is known."""
        return 1 / self.throttle.rate if self.throttle.rate is not None else 0.0

    @property
    def calls_in_a_batch(self) -> int:
        """How many calls to put into one batch; 1 for none."""
        most = self.throttle.most_at_a_time
        return min(self.batching.calls(asyncio.get_running_loop().time()), MOST_CALLS if most is None else most)

    async def ask(
        self,
        request: Callable[[], Awaitable[_T]],
        urgency: Urgency = Urgency.USUAL,
        tries: int = TRIES,
        *,
        kind: str = "",
        plain: bool = False,
        calls: int = 1,
    ) -> _T:
        """What ``request`` returns or raises, in its turn; it makes so many ``calls``.

        A refusal for the rate is raised after ``tries`` of them, once the endpoint has refused everything several times
        in a row, or if it asks to be left alone for longer than the answer can wait. A ``plain`` request cannot be
        refused for what it asks: after a refusal that nobody understands it is made again as well, the first time at
        once. If only one ``kind`` of request is refused while others are answered, nothing else is slowed down.
        """
        clock = asyncio.get_running_loop()
        ends_at = None if urgency is Urgency.HISTORY else clock.time() + self._patience
        once_more = plain
        while True:
            tries -= 1
            in_flight = await self._turn_before(urgency, ends_at, calls)
            began_at = clock.time()
            try:
                answer = await request()
            except RpcRefused as error:
                if once_more and error.refusal.may_pass:
                    once_more = False
                    continue
                if not self._may_be_rate(error, kind, began_at, in_flight, plain=plain):
                    raise
                if tries <= 0 or self._is_hopeless(error, ends_at):
                    raise
            except EndpointUnavailable as error:
                if error.busy:
                    self.throttle.refused(clock.time(), began_at, in_flight, error.retry_after)
                raise
            else:
                self._answered(kind, began_at, in_flight, calls)
                return answer
            finally:
                self._ended()

    def ease(self) -> None:
        """Something was refused in words that do not name a rate, and may be about the rate all the same."""
        now = asyncio.get_running_loop().time()
        self.throttle.refused(now, now, max(1, self._in_flight))
        self.tries_of_logs = _TRIES_OF_LOGS

    def forget(self) -> None:
        """What was refused was refused for its size, whatever it was called: learn that sooner the next time."""
        self.throttle.forget()
        self.tries_of_logs = 1
        self._give_turns()

    def _answered(self, kind: str, began_at: float, in_flight: int, calls: int = 1) -> None:
        self._refused_alone.pop(kind, None)
        for refused, (refusals, answers) in self._refused_alone.items():
            self._refused_alone[refused] = (refusals, answers + 1)
        self.throttle.answered(asyncio.get_running_loop().time(), began_at, in_flight, calls)

    def _is_refused_alone(self, kind: str) -> bool:
        """Whether only this kind of request is refused again and again: the plan does not include it."""
        refusals, answers = self._refused_alone.get(kind, (0, 0))
        self._refused_alone[kind] = (refusals + 1, answers)
        return min(refusals, answers) >= _REFUSED_ALONE

    def _may_be_rate(self, error: RpcRefused, kind: str, began_at: float, in_flight: int, *, plain: bool) -> bool:
        """Whether a refusal counts as one for the rate; it is noted as that or as an answer."""
        if error.refusal.reaction is not Reaction.RATE and not (plain and error.refusal.may_pass):
            self._answered(kind, began_at, in_flight)
            return False
        if self._is_refused_alone(kind):
            return False
        self._last_refusal = error
        self.throttle.count(asyncio.get_running_loop().time(), error.answered)
        self.throttle.refused(asyncio.get_running_loop().time(), began_at, in_flight, error.retry_after)
        return True

    def _is_hopeless(self, error: RpcRefused, ends_at: float | None) -> bool:
        now = asyncio.get_running_loop().time()
        if error.refusal.exhausted or self.throttle.refusals >= self._tries:
            return True
        longest = LONGEST_PAUSE if ends_at is None else ends_at - now
        return max(error.retry_after or 0.0, self.throttle.paused_until - now) > longest

    async def _turn_before(self, urgency: Urgency, ends_at: float | None, calls: int) -> int:
        """Wait for a turn; returns how many requests are in flight then. Raises the last refusal after too long."""
        now = asyncio.get_running_loop().time()
        last = self._last_refusal
        if ends_at is None or last is None:
            return await self._turn(urgency, calls)
        if self.throttle.paused_until <= ends_at and now < ends_at:
            try:
                async with asyncio.timeout_at(ends_at):
                    return await self._turn(urgency, calls)
            except TimeoutError:
                pass
        pause = max(0.0, self.throttle.paused_until - now)
        raise RpcRefused(last.host, "more requests for now", last.refusal, pause)

    async def _turn(self, urgency: Urgency, calls: int) -> int:
        if self._is_free():
            return self._begin(calls)
        turn = _Turn(asyncio.get_running_loop().create_future(), calls)
        self._waiting[urgency].append(turn)
        self._give_turns()
        try:
            return await turn.begun
        except asyncio.CancelledError:
            if turn.begun.done() and not turn.begun.cancelled():
                self._ended()
            raise

    def _ended(self) -> None:
        self._in_flight -= 1
        if any(self._waiting.values()):
            self._give_turns()

    def _give_turns(self) -> None:
        """Begin every request that may begin now, and come back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while (urgency := self._next()) is not None:
            wait = self.throttle.wait(loop.time(), self._in_flight)
            if wait is None:
                return
            if wait > 0:
                self._timer = loop.call_later(wait, self._give_turns)
                return
            self._turns += 1
            self._served_at[urgency] = self._turns
            turn = self._waiting[urgency].popleft()
            turn.begun.set_result(self._begin(turn.calls))

    def _is_free(self) -> bool:
        """Whether a request may begin at once, and nobody waits who could be passed over."""
        if any(self._waiting.values()):
            return False
        return self.throttle.wait(asyncio.get_running_loop().time(), self._in_flight) == 0

    def _begin(self, calls: int) -> int:
        """How many requests are in flight with this one."""
        self._in_flight += 1
        self.throttle.began(asyncio.get_running_loop().time(), calls)
        return self._in_flight

    def _next(self) -> Urgency | None:
        """Whose turn it is: the most urgent, and now and then those that were passed over."""
        for urgency, queue in self._waiting.items():
            while queue and queue[0].begun.done():
                queue.popleft()
            if not queue:
                self._served_at[urgency] = self._turns
        waiting = [urgency for urgency, queue in self._waiting.items() if queue]
        passed_over = [urgency for urgency in waiting if self._turns - self._served_at[urgency] >= _BEFORE_OTHERS]
        if passed_over:
            return min(passed_over, key=self._served_at.__getitem__)
        return min(waiting, default=None)
