"""Where a fault takes hold of what a proxy does: requests, answers and pushes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the ``number``-th, from 0, that comes under a fault; ``head`` is the node's own head."""

    method: str
    params: list[Any]
    number: int
    head: int

    @property
    def blocks(self) -> tuple[int, int]:
        """The first and the last block that an eth_getLogs is about."""
        first, last = (self.params[0].get(name, "latest") for name in ("fromBlock", "toBlock"))
        return self._number(first), self._number(last)

    @property
    def length(self) -> int:
        """How many blocks an eth_getLogs is about."""
        first, last = self.blocks
        return last - first + 1

    @property
    def block(self) -> int:
        """The height that another request is about; -1 where it names none, or a tag."""
        position = {"eth_getBlockByNumber": 0, "eth_call": 1, "eth_getCode": 1}.get(self.method)
        block = self.params[position] if position is not None and position < len(self.params) else ""
        return int(block, 16) if block.startswith("0x") else -1

    def _number(self, block: str) -> int:
        return int(block, 16) if block.startswith("0x") else self.head


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its ``result`` or ``error`` member, and over HTTP its status and headers."""

    body: Json
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def refusal(code: int, message: str) -> Json:
    """The ``error`` member of an answer."""
    return {"error": {"code": code, "message": message}}


class Fault:
    """Hooks of a proxy; a fault changes what it overrides, and those without any are known to the proxy by type."""

    __slots__ = ()

    def answers(self, _asked: Asked) -> Reply | None:
        """Answer in the node's place; None lets the node answer."""
        return None

    def forwards(self, asked: Asked) -> list[Any]:
        """The parameters that the node is asked with."""
        return asked.params

    def edits(self, _asked: Asked, answer: Json) -> Json:
        """What is made of the node's answer; it may not be changed in place."""
        return answer

    def pushes(self, _feed: str, result: Json) -> list[Any]:
        """What is pushed for one push of the node's."""
        return [result]

    def writes(self, _asked: Asked, _message: Json) -> str | None:
        """The text that is sent for an answer; None leaves it as it is."""
        return None


def with_logs(asked: Asked, answer: Json, edit: Callable[[list[Json]], list[Any]]) -> Json:
    """The answer with its logs edited; any other answer as it is."""
    if asked.method != "eth_getLogs" or "result" not in answer:
        return answer
    return {"result": edit(answer["result"])}
