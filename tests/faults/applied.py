"""The faults that a proxy suffers from at the moment, and how often each changed anything."""

from collections import Counter
from dataclasses import replace
from typing import Any, TypeVar

from tests.faults.hooks import Asked, Fault, Json, Reply

_F = TypeVar("_F", bound=Fault)


class Applied:
    """``bites`` counts, by the name of a fault's type, how often it changed anything."""

    def __init__(self) -> None:
        self.bites: Counter[str] = Counter()
        self._requests: dict[Fault, int] = {}

    def add(self, fault: Fault) -> None:
        """Suffer from it."""
        self._requests[fault] = 0

    def remove(self, *faults: Fault) -> None:
        """Suffer from these no longer; from none at all where none is named."""
        for fault in faults or tuple(self._requests):
            self._requests.pop(fault, None)

    def of(self, kind: type[_F]) -> _F | None:
        """The first fault of this type."""
        return next((fault for fault in self._requests if isinstance(fault, kind)), None)

    def bit(self, fault: Fault) -> None:
        """It changed something."""
        self.bites[type(fault).__name__] += 1

    def asked(self, method: str, params: list[Any], head: int) -> dict[Fault, Asked]:
        """A request as each fault sees it."""
        requests = {fault: Asked(method, params, number, head) for fault, number in self._requests.items()}
        for fault in requests:
            self._requests[fault] += 1
        return requests

    def reply(self, asked: dict[Fault, Asked]) -> Reply | None:
        """The answer that a fault gives in the node's place."""
        for fault, request in asked.items():
            if (reply := fault.answers(request)) is not None:
                self.bit(fault)
                return reply
        return None

    def forwarded(self, asked: dict[Fault, Asked], params: list[Any]) -> list[Any]:
        """What the node is asked with."""
        for fault, request in asked.items():
            params = self._noted(fault, params, fault.forwards(replace(request, params=params)))
        return params

    def edited(self, asked: dict[Fault, Asked], answer: Json) -> Json:
        """What is made of the node's answer."""
        for fault, request in asked.items():
            answer = self._noted(fault, answer, fault.edits(request, answer))
        return answer

    def written(self, asked: dict[Fault, Asked], answer: Json) -> str | None:
        """The text that a fault makes of an answer."""
        for fault, request in asked.items():
            if (text := fault.writes(request, answer)) is not None:
                self.bit(fault)
                return text
        return None

    def pushed(self, feed: str, results: list[Any]) -> list[Any]:
        """What is made of pushes."""
        for fault in tuple(self._requests):
            results = self._noted(fault, results, [new for old in results for new in fault.pushes(feed, old)])
        return results

    def _noted(self, fault: Fault, before: Any, after: Any) -> Any:
        if after != before:
            self.bit(fault)
        return after
