"""What can be wrong with an endpoint: values that a `Proxy` suffers from for as long as they are applied to it."""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal
from zlib import crc32

from tests.faults.hooks import Asked, Fault, Json, Reply, refusal, with_logs
from tests.faults.vendors import RANGES, RATES, Counts, RangeWords

Feed = Literal["heads", "logs"]


# Connections


@dataclass(frozen=True, slots=True)
class Drop(Fault):
    """Every connection is closed: those that stand at once, later ones when they ask anything.

    ``code`` is the websocket's close code; None cuts without a word, as over HTTP in any case.
    """

    code: int | None = None


@dataclass(frozen=True, slots=True)
class RefuseConnection(Fault):
    """Nothing listens any longer, and who was connected is cut off."""


@dataclass(frozen=True, slots=True)
class RefuseHandshake(Fault):
    """Every websocket handshake and every POST is answered with this HTTP status; ``retry_after`` is in seconds."""

    status: int
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Delay(Fault):
    """Every answer comes so many seconds late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Freeze(Fault):
    """Half-open: sockets stay open and nothing more comes, an answer to a ping if ``pings`` and to nothing else.

    Requests that came meanwhile are answered in the end; pushes are lost.
    """

    pings: bool = True


# Pushes


@dataclass(frozen=True, slots=True)
class Mute(Fault):
    """Nothing is pushed on this feed."""

    feed: Feed

    def pushes(self, feed: str, result: Json) -> list[Any]:
        return [] if feed == self.feed else [result]


@dataclass(frozen=True, slots=True)
class Duplicate(Fault):
    """Every log of an answer is given twice, and every push comes twice."""

    def edits(self, asked: Asked, answer: Json) -> Json:
        return with_logs(asked, answer, lambda logs: [log for log in logs for _ in range(2)])

    def pushes(self, _feed: str, result: Json) -> list[Any]:
        return [result, result]


@dataclass(frozen=True, slots=True)
class Shuffle(Fault):
    """The logs of an answer are in no order, and pushes that come close together arrive in the opposite one."""

    def edits(self, asked: Asked, answer: Json) -> Json:
        return with_logs(asked, answer, lambda logs: sorted(logs, key=_draw))


# Answers that say too little


@dataclass(frozen=True, slots=True)
class Empty(Fault):
    """No log is ever found."""

    def edits(self, asked: Asked, answer: Json) -> Json:
        return with_logs(asked, answer, lambda _logs: [])


@dataclass(frozen=True, slots=True)
class Partial(Fault):
    """This share of all logs, always the same ones, is left out of answers."""

    share: float

    def edits(self, asked: Asked, answer: Json) -> Json:
        return with_logs(asked, answer, lambda logs: [log for log in logs if _draw(log) >= self.share])


@dataclass(frozen=True, slots=True)
class Stale(Fault):
    """The head, and all that it answers, is so many ``blocks`` old.

    Asked for logs above its head it ``refuses``, as new nodes do, or gives those that it has. With ``announces`` it
    is a load-balanced node behind one that pushes the newest blocks; else its pushes come as late as its head.
    """

    blocks: int
    refuses: bool = False
    announces: bool = False

    def answers(self, asked: Asked) -> Reply | None:
        head = asked.head - self.blocks
        if asked.method == "eth_getLogs":
            if asked.blocks[0] > head and not self.refuses:
                return Reply({"result": []})
            if asked.blocks[1] > head and self.refuses:
                return Reply(refusal(-32602, "block range extends beyond current head block"))
        elif asked.block > head:
            missing = {"result": None} if asked.method.startswith("eth_getBlock") else None
            return Reply(missing or refusal(-32000, "header not found"))
        return None

    def forwards(self, asked: Asked) -> list[Any]:
        head = hex(max(0, asked.head - self.blocks))
        if asked.method == "eth_getLogs":
            last = min(asked.blocks[1], asked.head - self.blocks)
            return [asked.params[0] | {"toBlock": hex(last)}]
        return [head if param == "latest" else param for param in asked.params]

    def edits(self, asked: Asked, answer: Json) -> Json:
        head, result = asked.head - self.blocks, answer.get("result")
        if asked.method == "eth_blockNumber" and "result" in answer:
            return {"result": hex(head)}
        if asked.method == "eth_getBlockByHash" and result is not None and int(result["number"], 16) > head:
            return {"result": None}
        return answer


# Answers that say nothing


class Mangled(Enum):
    """What `Malform` does to an answer."""

    TEXT = "text"
    """It is no JSON."""
    SHAPE = "shape"
    """It is no JSON-RPC."""
    OTHER_ID = "other id"
    """It answers a request that nobody made."""
    NULL_ID = "null id"
    """It does not say which request it answers."""
    TYPE = "type"
    """The result is of a type that it may not have."""
    LOGS = "logs"
    """The data of each log is cut short, in pushes too."""


@dataclass(frozen=True, slots=True)
class Malform(Fault):
    """Every so many answers, one is mangled."""

    mangled: Mangled
    every: int = 1

    def edits(self, asked: Asked, answer: Json) -> Json:
        if not self._now(asked):
            return answer
        if self.mangled is Mangled.LOGS:
            return with_logs(asked, answer, lambda logs: [_cut(log) for log in logs])
        return {"result": {"no": "such thing"}} if self.mangled is Mangled.TYPE else answer

    def pushes(self, feed: str, result: Json) -> list[Any]:
        return [_cut(result)] if feed == "logs" and self.mangled is Mangled.LOGS else [result]

    def writes(self, asked: Asked, message: Json) -> str | None:
        if not self._now(asked):
            return None
        text = json.dumps(message)
        match self.mangled:
            case Mangled.TEXT:
                return text[: len(text) // 2]
            case Mangled.SHAPE:
                return "[17]"
            case Mangled.OTHER_ID:
                return json.dumps(message | {"id": 10**9})
            case Mangled.NULL_ID:
                return json.dumps(message | {"id": None})
        return None

    def _now(self, asked: Asked) -> bool:
        return asked.number % self.every == self.every - 1


@dataclass(frozen=True, slots=True)
class Oversize(Fault):
    """An answer about the logs of more than ``over`` blocks is ``size`` bytes long and more."""

    size: int
    over: int = 0

    def edits(self, asked: Asked, answer: Json) -> Json:
        if asked.method != "eth_getLogs" or asked.length <= self.over:
            return answer
        return with_logs(asked, answer, lambda logs: [*logs, {"padding": "0" * self.size}])


# Limits


@dataclass(frozen=True, slots=True)
class RangeLimit(Fault):
    """At most so many blocks, or logs where the vendor counts those, are asked for at once; a smaller range works."""

    vendor: str
    limit: int

    def answers(self, asked: Asked) -> Reply | None:
        words = RANGES[self.vendor]
        if asked.method != "eth_getLogs" or words.counts is not Counts.BLOCKS or asked.length <= self.limit:
            return None
        first = asked.blocks[0]
        return Reply(self._error(words, first, first + self.limit - 1))

    def edits(self, asked: Asked, answer: Json) -> Json:
        words = RANGES[self.vendor]
        if words.counts is not Counts.LOGS or asked.method != "eth_getLogs":
            return answer
        first, last = asked.blocks
        numbers = sorted(int(log["blockNumber"], 16) for log in answer.get("result", []))
        if len(numbers) <= self.limit or first == last:
            return answer
        return self._error(words, first, max(first, numbers[self.limit] - 1))

    def _error(self, words: RangeWords, first: int, last: int) -> Json:
        return refusal(words.code, words.text.format(limit=self.limit, first=first, last=last))


@dataclass(frozen=True, slots=True)
class RateLimit(Fault):
    """Every so many requests, one is refused in the words of this vendor; ``retry_after`` is in seconds."""

    vendor: str
    every: int = 1
    retry_after: int | None = None

    def answers(self, asked: Asked) -> Reply | None:
        if asked.number % self.every != self.every - 1:
            return None
        words = RATES[self.vendor]
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Reply(refusal(words.code, words.text), words.status, headers)


def _draw(log: Json) -> float:
    """A number from 0 to 1 that is a log's own."""
    return crc32(f"{log.get('transactionHash')} {log.get('logIndex')}".encode()) / 2**32


def _cut(log: Json) -> Json:
    return log | {"data": log["data"][:-64]}
