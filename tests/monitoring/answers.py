"""What loopback nodes answer to requests and to batches of them."""

from collections.abc import Callable
from typing import Any

Answer = Callable[[dict[str, Any]], str | bytes | None]
"""From a request to the whole message that answers it; None is silence."""
BatchAnswer = Callable[[list[dict[str, Any]]], str | bytes | None]
"""The same for the requests of a batch."""


def each(answer: Answer) -> BatchAnswer:
    """A batch is answered by what answers each of its requests; it is silent where that is silent."""

    def answer_all(requests: list[dict[str, Any]]) -> bytes | None:
        replies = [answer(request) for request in requests]
        if None in replies:
            return None
        written = [reply.encode() if isinstance(reply, str) else reply for reply in replies if reply is not None]
        return b"[" + b",".join(written) + b"]"

    return answer_all


def block(number: int, **changes: object) -> dict[str, object]:
    """A block as a node gives it."""
    return {
        "number": hex(number),
        "hash": f"0x{number:064x}",
        "parentHash": f"0x{number - 1:064x}" if number else "0x" + "00" * 32,
        "timestamp": hex(1000 + number),
    } | changes


def answer_to(answer: Answer, batch: BatchAnswer | None, message: Any) -> str | bytes | None:
    """What answers a message, be it a request or a batch."""
    if isinstance(message, list):
        return (batch or each(answer))(message)
    return answer(message)
