"""Queries to a made-up chain, through loopback nodes that answer, refuse or hang."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, BlockRef, Timestamp, TransferId
from connext_monitor.monitoring.chain_queries import ChainQueries
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.intervals import USUAL
from connext_monitor.monitoring.json_rpc import RpcLimits
from connext_monitor.monitoring.observer import Observer
from connext_monitor.monitoring.pacer import Pacer
from tests.monitoring.answers import BatchAnswer
from tests.monitoring.covering import Memory
from tests.monitoring.made_up_chain import CONTRACT, GENESIS_TIME, TOPIC, Node, hash_at
from tests.monitoring.nodes import error, http_node, posting, result

TRANSFER = TransferId(b"\x77" * 32)


def config(*endpoints: str) -> ChainConfig:
    return ChainConfig.model_validate(
        {
            "name": "devnet",
            "chain_id": 31337,
            "domain_id": 1001,
            "contract": "0x" + CONTRACT.hex(),
            "endpoints": endpoints,
            "block_time": "PT1S",
            "finality": 5,
        }
    )


class Answering(Node):
    """As `Node`, and answers eth_call, except about ``nameless``; ``asked`` are the methods and their parameters."""

    status: object = "0x" + (0).to_bytes(32).hex()
    chain_id = 31337
    most = 10**9
    words = "limited to a {most} block range"
    refuses: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    nameless: TransferId | None = None
    a_second = 0
    taken: Sequence[float] = ()

    def heard(self, request: dict[str, Any]) -> str | None:
        """The answer; None is silence."""
        answer = self.answer(request)
        return None if request["method"] in self.silent else answer

    def answer(self, request: dict[str, Any]) -> str:
        self.__dict__.setdefault("asked", []).append((request["method"], request["params"]))
        if (refused := self._refused(request)) is not None:
            return refused
        if request["method"] == "eth_chainId":
            return result(request, hex(self.chain_id))
        if request["method"] == "eth_call":
            return result(request, self.status)
        if request["method"] == "eth_getCode":
            return result(request, "0x60")
        if request["method"] == "eth_getLogs":
            criteria = request["params"][0]
            if int(criteria["toBlock"], 16) - int(criteria["fromBlock"], 16) >= self.most:
                return error(request, -32600, self.words.format(most=self.most))
        return super().answer(request)

    def _refused(self, request: dict[str, Any]) -> str | None:
        if request["method"] in self.refuses:
            return error(request, -32601, "not available on your plan")
        if self.nameless is not None and self.nameless.hex() in str(request["params"]):
            return error(request, -32000, "an internal error")
        if request["method"] != "eth_call" or not self.a_second:
            return None
        lately = [at for at in self.taken if at > time.monotonic() - 1]
        self.taken = [*lately, time.monotonic()][: self.a_second]
        return error(request, 429, "Too Many Requests") if len(lately) >= self.a_second else None

    def calls(self, method: str) -> list[Any]:
        return [params for name, params in self.__dict__.get("asked", []) if name == method]


@asynccontextmanager
async def querying(
    node: Answering,
    covered: int | None = 100,
    others: Sequence[Answering] = (),
    limits: RpcLimits | None = None,
    patience: float = USUAL.question,
    batch: BatchAnswer | None = None,
) -> AsyncIterator[tuple[ChainQueries, Memory, ChainState]]:
    """Queries to a chain that is covered up to there through ``node``, and has other endpoints too.

    ``batch`` is how they answer batches of calls, by default call by call.
    """
    async with observed(node, covered, others, limits, patience, batch) as (observer, queries, checker):
        yield queries, checker, observer.state


@asynccontextmanager
async def observed(
    node: Answering,
    covered: int | None = 100,
    others: Sequence[Answering] = (),
    limits: RpcLimits | None = None,
    patience: float = USUAL.question,
    batch: BatchAnswer | None = None,
) -> AsyncIterator[tuple[Observer, ChainQueries, Memory]]:
    """The same with the observer, which is connected and does not run."""
    async with AsyncExitStack() as stack:
        urls = []
        for asked in (node, *others):
            asked.log_changes = {"topics": ["0x" + TOPIC.hex(), "0x" + TRANSFER.hex()]}
            urls.append(await stack.enter_async_context(http_node(posting(asked.heard, batch))))
        checker = Memory()
        observer = Observer(config(*urls), 60, open_endpoint, checker, checker, SystemClock(), Random(1))  # noqa: S311
        state, pool = observer.state, observer.pool
        endpoint = await stack.enter_async_context(open_endpoint(urls[0], limits=limits))
        endpoint.pacer = Pacer(patience=patience)
        state.connected(endpoint, pool.endpoints[0])
        if covered is not None:
            block = BlockRef(BlockNumber(covered), hash_at(covered), Timestamp(GENESIS_TIME + covered))
            state.reached(Coverage(BlockNumber(1), BlockNumber(1), block))
        yield observer, ChainQueries(state, checker, checker, pool), checker


def executed(head: int = 120) -> Answering:
    """A node that says that the transfer was executed."""
    node = Answering(head)
    node.status = "0x" + TransferStatus.EXECUTED.to_bytes(32).hex()
    return node


def refusing(*methods: str, head: int = 120) -> Answering:
    """A node that refuses these."""
    node = Answering(head)
    node.refuses = methods
    return node


def on_another_chain() -> Answering:
    """A node whose blocks are others, as those of another chain."""
    return Answering(120, branch=dict.fromkeys(range(121), 1))
