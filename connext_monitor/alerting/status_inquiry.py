"""Asks a destination's contract about legs that are past due, many at once; ever more seldom while nobody answers."""

import asyncio
from collections.abc import Sequence

from connext_monitor.alerting.chains import JudgedChain
from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.alerting.waiting_legs import WaitingLeg
from connext_monitor.clock import Clock
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.hindrance import Hindrance, Obstacle


class StatusInquiry:
    """Questions to one destination, and how many in a row were ``fruitless``."""

    def __init__(self, chain: JudgedChain, pace: JudgingPace, clock: Clock) -> None:
        self._chain = chain
        self._pace = pace
        self._clock = clock
        self._at_once = asyncio.Semaphore(pace.asked_at_once)
        self._again_at = 0.0
        self._asking_since: float | None = None
        self.fruitless = 0

    @property
    def may_ask(self) -> bool:
        """Whether it is time to ask again, where nobody has answered."""
        return not self.fruitless or self._clock.monotonic() >= self._again_at

    @property
    def asked_for(self) -> float | None:
        """Seconds for which a question is being asked that has not been answered yet."""
        return None if self._asking_since is None else self._clock.monotonic() - self._asking_since

    async def ask(self, legs: Sequence[WaitingLeg]) -> list[TransferStatus | None]:
        """What the destination says of each leg's transfer; None where nobody answers."""
        if not legs:
            return []
        self._asking_since = self._clock.monotonic()
        try:
            answers = await asyncio.gather(*map(self._ask, legs))
        finally:
            self._asking_since = None
        self._note(any(answer is not None for answer in answers))
        return list(answers)

    def unanswered(self, leg: WaitingLeg) -> float:
        """Nobody answers for this leg: the seconds after which it is asked about again."""
        leg.unanswered += 1
        reason = self._chain.unanswered or "no endpoint answers"
        leg.hindrance = Hindrance(Obstacle.NOT_ANSWERED, f"transferStatus is not answered: {reason}")
        # At the earliest when somebody is to be asked about any leg again; where others are answered for, soon.
        return self._pace.pause_after(max(1, self.fruitless, leg.unanswered // 4))

    async def _ask(self, leg: WaitingLeg) -> TransferStatus | None:
        async with self._at_once:
            answer = await self._chain.transfer_status(leg.awaited.transfer_id)
        if answer is not None:
            leg.unanswered, leg.hindrance = 0, None
        return answer

    def _note(self, answered: bool) -> None:
        if answered:
            self.fruitless = 0
        else:
            self.fruitless += 1
            self._again_at = self._clock.monotonic() + self._pace.pause_after(self.fruitless)
