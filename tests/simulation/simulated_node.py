"""One endpoint with what is wrong with it at the moment: what it answers, and what it would push."""

from bisect import bisect_right
from collections.abc import Sequence
from math import inf
from random import Random
from typing import Any
from zlib import crc32

from tests.faults.vendors import RANGES, RATES, Counts
from tests.simulation.endpoint_view import EndpointView, Refused
from tests.simulation.facts import Event
from tests.simulation.ledger import Block, Ledger, Mined
from tests.simulation.story import Deed, EndpointFault
from tests.simulation.troubles import EndpointTrouble
from tests.simulation.world import World
from tests.simulation.written_log import forged_data

_RANGE_WORDS = tuple(words for words in RANGES.values() if words.counts is Counts.BLOCKS)
_RATE_WORDS = tuple(RATES.values())
_ERRORS = (
    (-32603, "Internal error"),
    (-32000, "internal server error, please contact support"),
    (-32000, "upstream failed: context deadline exceeded"),
)
_NO_CALLS = (
    (-32601, "the method eth_call does not exist/is not available"),
    (-32000, "eth_call is not on your plan"),
    (-32603, "Internal error"),
)
_SUFFIX = 64
"""Hex digits that are cut off a malformed log's data."""

Troubles = dict[EndpointTrouble, float]


class BrokenAnswer(Exception):
    """The answer is no JSON-RPC."""


class SimulatedNode:
    """The endpoint at a position of a chain, over all connections to it."""

    def __init__(self, world: World, domain: int, index: int) -> None:
        self.world = world
        self.domain = domain
        self.index = index
        self.ledger = world.ledger(domain)
        self.traits = self.ledger.traits.endpoints[index]
        self.random = Random(f"{world.story.seed} {domain} {index}")  # noqa: S311
        self.timeline = Timeline(
            [fault for fault in world.story.endpoint_faults if (fault.domain, fault.endpoint) == (domain, index)]
        )
        others = [ledger for other, ledger in world.ledgers.items() if other != domain]
        self._other = others[domain % len(others)] if others else None
        self._usual = EndpointView(self.ledger, self.traits, -1, None)
        self._asked = 0
        self._second, self._in_second = -1, 0

    @property
    def troubles(self) -> Troubles:
        """What is wrong with it now, each with its amount."""
        now = self.world.now
        return self.timeline.now if now < self.timeline.same_until else self.timeline.at(now)

    def latency(self, troubles: Troubles) -> float:
        """Seconds until the next answer."""
        usual = self.traits.latency * (0.5 + self.random.random())
        return usual + troubles.get(EndpointTrouble.SLOW, 0.0)

    def answer(self, method: str, params: Sequence[Any]) -> bytes:
        """The result of a request as JSON. Raises Refused and BrokenAnswer."""
        troubles = self.troubles
        if not troubles:
            return self.view(troubles).answer(method, params)
        self._asked += 1
        self._limit(troubles, method, params)
        view = self.view(troubles)
        result = self._edited_logs(view, troubles, params) if method == "eth_getLogs" else view.answer(method, params)
        if self._every(troubles, EndpointTrouble.MALFORMED):
            raise BrokenAnswer
        return result

    def view(self, troubles: Troubles, *, pushing: bool = False) -> EndpointView:
        """The chain as it has it now, for an answer or for a push."""
        if not troubles:
            usual, ledger = self._usual, self.ledger
            head, final = len(ledger.blocks) - 1, ledger.honest_final
            if usual.head != head or usual.final != final:
                usual = self._usual = EndpointView(ledger, self.traits, head, final)
            return usual
        ledger = self._serves(troubles, pushing=pushing)
        newest = ledger.head.number
        behind = troubles.get(EndpointTrouble.LAG, 0.0)
        if not pushing and self.random.random() < 0.5:
            behind = max(behind, troubles.get(EndpointTrouble.UNEVEN, 0.0))
        head = max(0, newest - int(behind))
        oldest = max(0, newest - int(troubles.get(EndpointTrouble.PRUNE, newest)))
        return EndpointView(ledger, self.traits, head, self._final(ledger, head, troubles), oldest)

    def _serves(self, troubles: Troubles, *, pushing: bool) -> Ledger:
        routed = self._every(troubles, EndpointTrouble.OTHER_CHAIN, pushing=pushing)
        return self._other if routed and self._other is not None else self.ledger

    def _final(self, ledger: Ledger, head: int, troubles: Troubles) -> int | None:
        if EndpointTrouble.FINAL_MISSING in troubles:
            return None
        if EndpointTrouble.FINAL_HIGH in troubles:
            return head
        if EndpointTrouble.FINAL_STUCK in troubles:
            since = self.timeline.since(EndpointTrouble.FINAL_STUCK, self.world.now)
            earlier = [final for at, final in ledger.facts.final if at <= since]
            return min(head, earlier[-1] if earlier else 0)
        return min(head, ledger.honest_final)

    def _every(self, troubles: Troubles, trouble: EndpointTrouble, *, pushing: bool = False) -> bool:
        """Whether this answer is hit by what hits every so many; a push only by what hits all."""
        amount = troubles.get(trouble)
        return amount is not None and (amount <= 1 or (not pushing and self._asked % int(amount) == 0))

    # Refusals

    def _limit(self, troubles: Troubles, method: str, params: Sequence[Any]) -> None:
        vendor = self.traits.vendor
        if EndpointTrouble.RATE_LIMIT in troubles and self._too_many(troubles[EndpointTrouble.RATE_LIMIT]):
            rate = _RATE_WORDS[vendor % len(_RATE_WORDS)]
            raise Refused(rate.code, rate.text, None if rate.status == 200 or self.traits.pushes else rate.status)
        if EndpointTrouble.REFUSE in troubles:
            raise Refused(*_ERRORS[vendor % len(_ERRORS)])
        if EndpointTrouble.REFUSE_CALLS in troubles and method == "eth_call":
            raise Refused(*_NO_CALLS[vendor % len(_NO_CALLS)])
        if EndpointTrouble.REFUSE_LOGS in troubles and method == "eth_getLogs":
            raise Refused(*_ERRORS[vendor % len(_ERRORS)])
        if EndpointTrouble.RANGE_LIMIT in troubles and method == "eth_getLogs":
            self._limit_range(int(troubles[EndpointTrouble.RANGE_LIMIT]), params)

    def _limit_range(self, limit: int, params: Sequence[Any]) -> None:
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        if last - first + 1 > limit:
            words = _RANGE_WORDS[self.traits.vendor % len(_RANGE_WORDS)]
            raise Refused(words.code, words.text.format(limit=limit, first=first, last=first + limit - 1))

    def _too_many(self, limit: float) -> bool:
        second = int(self.world.now)
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return self._in_second > limit

    # Logs

    def _edited_logs(self, view: EndpointView, troubles: Troubles, params: Sequence[Any]) -> bytes:
        mined = view.mined(params[0])
        logs = [self.log(view, block, each, troubles) for block, each in mined if self.shows(each, troubles)]
        if EndpointTrouble.SHUFFLE in troubles:
            logs.reverse()
        if EndpointTrouble.TWICE in troubles:
            logs = [log for log in logs for _ in range(2)]
        return b"[" + b",".join(logs) + b"]"

    def shows(self, mined: Mined, troubles: Troubles) -> bool:
        """Whether a log is in its answers and pushes."""
        if EndpointTrouble.EMPTY in troubles:
            return False
        if EndpointTrouble.HIDE_LEGS in troubles and self._is_leg_that_the_contract_tells_of(mined):
            return crc32(mined.log.transfer_id) / 2**32 >= troubles[EndpointTrouble.HIDE_LEGS]
        share = troubles.get(EndpointTrouble.LEAVE_OUT, 0.0)
        return crc32(mined.tx_hash + bytes([self.index])) / 2**32 >= share

    def _is_leg_that_the_contract_tells_of(self, mined: Mined) -> bool:
        """Whether somebody asks the contract about it: it is awaited, since its call is seen, and is as was called."""
        if mined.log.event not in {Event.EXECUTED, Event.RECONCILED}:
            return False
        watched = {mined.log.info.origin_domain, mined.log.info.destination_domain} <= self.world.ledgers.keys()
        return watched and self.world.story.transfers[mined.log.transfer].deed is Deed.HONEST

    def log(
        self, view: EndpointView, block: Block, mined: Mined, troubles: Troubles, *, pushing: bool = False
    ) -> bytes:
        """A log as it writes it now."""
        json = view.log_json(block, mined)
        if pushing and EndpointTrouble.FORGE_PUSHES in troubles and mined.log.event is Event.EXECUTED:
            json = json.replace(mined.log.data.encode(), forged_data(mined.log).encode())
        if len(mined.log.data) < _SUFFIX or not self._every(troubles, EndpointTrouble.MALFORMED_LOGS, pushing=pushing):
            return json
        return json.replace(mined.log.data.encode(), mined.log.data[:-_SUFFIX].encode())


class Timeline:
    """What is wrong with one endpoint at each instant; ``now`` is what was asked for last, and so ``same_until``."""

    def __init__(self, faults: Sequence[EndpointFault]) -> None:
        self._faults = faults
        ends = {fault.at for fault in faults} | {fault.at + fault.seconds for fault in faults}
        self._ends = sorted(ends)
        self.same_until = -inf
        self.now: Troubles = {}
        self._troubles: list[Troubles] = [{}]
        for end in self._ends:
            lasting = [fault for fault in faults if fault.at <= end < fault.at + fault.seconds]
            self._troubles.append({fault.trouble: fault.amount for fault in lasting})

    def at(self, now: float) -> Troubles:
        """What is wrong then, each with its amount; no earlier than what was asked about before."""
        if now >= self.same_until:
            number = bisect_right(self._ends, now)
            self.now = self._troubles[number]
            self.same_until = self._ends[number] if number < len(self._ends) else inf
        return self.now

    def since(self, trouble: EndpointTrouble, now: float) -> float:
        """Since when it has had the trouble that it has then."""
        return min(fault.at for fault in self._faults if fault.trouble is trouble and fault.at <= now)

    def next_start(self, trouble: EndpointTrouble, now: float) -> float | None:
        """When it has this trouble next, None if never."""
        return min((fault.at for fault in self._faults if fault.trouble is trouble and fault.at > now), default=None)
