"""What a node that has every block answers to batches of requests for them."""

import json
from typing import Any

from tests.monitoring.answers import block
from tests.monitoring.nodes import result

Requests = list[dict[str, Any]]


def answer(request: dict[str, Any]) -> str:
    """A node with every block."""
    return result(request, block(int(request["params"][0], 16)))


def answers(requests: Requests) -> list[Any]:
    return [json.loads(answer(request)) for request in requests]
