"""A made-up chain that a loopback node answers from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connext_monitor.core.bloom import LogMask
from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.core.events import Address, Hash32
from tests.monitoring.nodes import error, result

CONTRACT = Address(b"\x11" * 20)
GENESIS_TIME = 1_000_000
TOPIC = next(iter(EVENT_TOPICS))
_MASK = LogMask.of(CONTRACT, [TOPIC])
_FILTER = _MASK.address | _MASK.topics[0]


def hash_at(number: int, branch: int = 0) -> Hash32:
    return Hash32(bytes([branch]) + number.to_bytes(31))


@dataclass
class Node:
    """A chain up to ``head``: blocks of branch 0 unless ``branch`` says otherwise, with a log in each of ``logs``.

    The filters of the blocks ``blooms`` say that there is one. It calls the block ``lag`` below its head final.
    """

    head: int
    logs: list[int] = field(default_factory=list)
    branch: dict[int, int] = field(default_factory=dict)
    lacks: set[int] = field(default_factory=set)
    blooms: set[int] = field(default_factory=set)
    log_changes: dict[str, Any] = field(default_factory=dict)
    at_logs: Callable[[], None] = lambda: None
    lag: int = 5

    def answer(self, request: dict[str, Any]) -> str:
        method, params = request["method"], request["params"]
        if method == "eth_getBlockByNumber":
            numbers = {"latest": self.head, "finalized": self.head - self.lag}
            return result(request, self.block(numbers[params[0]] if params[0] in numbers else int(params[0], 16)))
        if method == "eth_getBlockByHash":
            number = int(params[0][4:], 16)
            block = self.block(number)
            return result(request, block if block and block["hash"] == params[0] else None)
        assert method == "eth_getLogs"
        first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
        logs = [self.log(number) for number in self.logs if first <= number <= last]
        self.at_logs()
        return result(request, logs)

    def block(self, number: int) -> dict[str, Any] | None:
        if number > self.head or number in self.lacks:
            return None
        return {
            "number": hex(number),
            "hash": "0x" + hash_at(number, self.branch.get(number, 0)).hex(),
            "parentHash": "0x" + hash_at(max(0, number - 1), self.branch.get(number - 1, 0)).hex(),
            "timestamp": hex(GENESIS_TIME + number),
            "logsBloom": "0x" + (_FILTER if number in self.blooms else 0).to_bytes(256).hex(),
        }

    def log(self, number: int) -> dict[str, Any]:
        return {
            "address": "0x" + CONTRACT.hex(),
            "topics": ["0x" + TOPIC.hex()],
            "data": "0x",
            "blockNumber": hex(number),
            "blockHash": "0x" + hash_at(number, self.branch.get(number, 0)).hex(),
            "transactionHash": "0x" + bytes(32).hex(),
            "logIndex": "0x0",
            "blockTimestamp": "0x1",
        } | self.log_changes


CONFIG = {
    "name": "devnet",
    "chain_id": 31337,
    "domain_id": 1001,
    "contract": "0x" + CONTRACT.hex(),
    "endpoints": ["http://127.0.0.1:1"],
    "block_time": "PT1S",
    "finality": 5,
}
"""Of the chain that the nodes of these tests serve."""


@dataclass
class Chain(Node):
    """As `Node`, and answers nonce() and refuses ranges of more than ``most`` blocks."""

    most: int = 10**9
    nonce: int | None = 7
    words: str = "missing trie node"
    ranges: list[tuple[int, int]] = field(default_factory=list)

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_call":
            if self.nonce is None:
                return error(request, -32000, self.words)
            return result(request, "0x" + self.nonce.to_bytes(32).hex())
        if request["method"] == "eth_chainId":
            return result(request, hex(31337))
        if request["method"] == "eth_getCode":
            return result(request, "0x00")
        if request["method"] == "eth_getLogs":
            first, last = (int(request["params"][0][name], 16) for name in ("fromBlock", "toBlock"))
            if last - first >= self.most:
                return error(request, -32000, "that is too much for me")
            self.ranges.append((first, last))
        return super().answer(request)
