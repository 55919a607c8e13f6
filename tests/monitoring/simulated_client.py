"""An endpoint under plans without a connection: by the loop's time, behind the product's own reading of answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec

from connext_monitor.core.rpc_refusal import BATCH, Reaction, Refusal
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.json_rpc import (
    EndpointUnavailable,
    MalformedMessage,
    OnRequest,
    PushStream,
    RpcCall,
    RpcClient,
    RpcError,
    RpcLimits,
    RpcOutcome,
    RpcRefused,
    decode_message,
    read_outcome,
    settle,
)
from connext_monitor.monitoring.rpc_batch import RpcBatch, decode_array
from tests.monitoring.answers import Answer
from tests.monitoring.nodes import QUICK, Transport, error
from tests.monitoring.plans import Asked, Plan

_T = TypeVar("_T")


@cache
def _address(host: str) -> EndpointAddress:
    return EndpointAddress(f"http://{host}")


class AnsweringNode(Protocol):
    """A made-up node: its answers, None for silence, and the heights of the blocks with a log, once for each."""

    @property
    def logs(self) -> Sequence[int]: ...

    def answer(self, request: dict[str, Any]) -> str | bytes | None: ...


@dataclass
class SimulatedClient:
    """An `RpcClient` of a made-up chain under plans; the first that does not admit a request refuses it.

    It keeps what `test_rpc_client` claims of every client.
    """

    pushes = False

    node: AnsweringNode
    plans: Sequence[Plan]
    on_request: OnRequest | None
    counts: Counter[str]
    cuts: bool
    host: str = "simulated"
    limits: RpcLimits = QUICK
    why_gone: EndpointUnavailable | None = None
    gone: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def request(self, method: str, params: Sequence[object], *, timeout: float = 10.0) -> msgspec.Raw:  # noqa: ASYNC109
        said = await self._within(self._ask(1, method, params), method, timeout)
        outcome = said if isinstance(said, EndpointUnavailable) else self._read(method, said)
        return settle(outcome, method, self.on_request)

    async def request_batch(self, calls: Sequence[RpcCall], *, timeout: float = 10.0) -> list[RpcOutcome]:  # noqa: ASYNC109
        """Under these plans a batch is no more than its calls, which are answered together."""
        batch = RpcBatch(_address(self.host), calls, range(1, len(calls) + 1))
        said = await self._within(self._ask_all(calls), BATCH, timeout)
        error = said if isinstance(said, EndpointUnavailable) else self._read_batch(batch, said)
        return batch.settle(error, self.on_request)

    async def _ask_all(self, calls: Sequence[RpcCall]) -> list[bytes]:
        return await asyncio.gather(*(self._ask(number, *call) for number, call in enumerate(calls, 1)))

    async def _within(self, answer: Coroutine[Any, Any, _T], what: str, seconds: float) -> _T | EndpointUnavailable:
        """What is answered in time on a connection that stands."""
        asking = asyncio.create_task(answer)
        either: set[asyncio.Future[Any]] = {asking, self.gone}
        try:
            if not self.gone.done():
                await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if self.gone.done():
                return await self.closed()
            if asking.done():
                return asking.result()
            return EndpointUnavailable(self.host, f"did not answer {what} within {seconds:g} s")
        finally:
            asking.cancel()

    async def _ask(self, request_id: int, method: str, params: Sequence[Any]) -> bytes:
        """What the node says; nothing comes of a connection that is gone."""
        request = {"id": request_id, "method": method, "params": params}
        self.counts[method] += 1
        asked, admitted = self._asked(method, params), list[Plan]()
        try:
            for plan in self.plans:
                wait = plan.admits(asyncio.get_running_loop().time(), asked)
                if wait is not None:
                    return await self._refuse(plan, wait, request)
                admitted.append(plan)
            await asyncio.sleep(max(plan.latency for plan in self.plans))
        finally:
            for plan in admitted:
                plan.ended()
        answer = self.node.answer(request)
        return await self._nothing() if answer is None else answer.encode() if isinstance(answer, str) else answer

    @staticmethod
    async def _nothing() -> bytes:
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets was set")

    def _asked(self, method: str, params: Sequence[Any]) -> Asked:
        if method != "eth_getLogs" or not params:
            return Asked(method)
        first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
        return Asked(method, last - first + 1, sum(first <= number <= last for number in self.node.logs))

    async def _refuse(self, plan: Plan, wait: float, request: dict[str, Any]) -> bytes:
        self.counts["refused"] += 1
        await asyncio.sleep(plan.latency)
        if self.cuts:
            self._go(EndpointUnavailable(self.host, "closed the connection (code 1013)", busy=True))
            return await self._nothing()
        said = plan.words(wait)
        data = {name: value for name, value in said.items() if name == "data"}
        return error(request, said["code"], said["message"], **data).encode()

    def _read(self, method: str, body: bytes) -> RpcOutcome:
        try:
            message = decode_message(self._in_bounds(body))
        except MalformedMessage as malformed:
            return EndpointUnavailable(self.host, str(malformed))
        return read_outcome(_address(self.host), method, message)

    def _read_batch(self, batch: RpcBatch, bodies: Sequence[bytes]) -> RpcError | None:
        try:
            return batch.take_all(decode_array(self._in_bounds(b"[" + b",".join(bodies) + b"]")))
        except MalformedMessage as malformed:
            return EndpointUnavailable(self.host, str(malformed))

    def _in_bounds(self, body: bytes) -> bytes:
        if len(body) > self.limits.answer_bytes:
            raise MalformedMessage("gave an answer that is too large")
        return body

    def _go(self, why: EndpointUnavailable) -> EndpointUnavailable:
        """The connection is gone; the first reason stands."""
        self.why_gone = self.why_gone or why
        if not self.gone.done():
            self.gone.set_result(None)
        return self.why_gone

    async def subscribe(self, *params: object) -> PushStream:
        del params
        refusal = Refusal(Reaction.UNSUPPORTED, None, "it cannot push")
        raise RpcRefused(self.host, "eth_subscribe", refusal)

    async def closed(self) -> EndpointUnavailable:
        await asyncio.shield(self.gone)
        return self._go(EndpointUnavailable(self.host, "closed the connection"))

    async def aclose(self) -> None:
        self._go(EndpointUnavailable(self.host, "was closed by us"))


@dataclass(frozen=True)
class Answers:
    """A node that answers by one function, and has no logs."""

    answer: Answer
    logs: Sequence[int] = ()


@dataclass(frozen=True)
class SimulatedTransport(Transport):
    """The simulated client where tests want a transport: nothing lies between it and its node."""

    @asynccontextmanager
    async def connected(
        self, answer: Answer, limits: RpcLimits = QUICK, on_request: OnRequest | None = None
    ) -> AsyncIterator[RpcClient]:
        node, plans = Answers(answer), [Plan(latency=0.0)]
        client = SimulatedClient(node, plans, on_request, Counter(), cuts=False, host="127.0.0.1", limits=limits)
        try:
            yield client
        finally:
            await client.aclose()
