"""The batches that wait for their answers on one connection, where an answer may come in any message at any time."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from connext_monitor.monitoring.json_rpc import EndpointUnavailable, MalformedMessage, RpcError, RpcMessage
from connext_monitor.monitoring.rpc_batch import RpcBatch


@dataclass(slots=True, eq=False)
class _WaitingBatch:
    """``ended`` says why a batch got no answers, None if it did."""

    batch: RpcBatch
    ended: asyncio.Future[RpcError | None]

    def end(self, error: RpcError | None) -> None:
        if not self.ended.done():
            self.ended.set_result(error)


class BatchesInFlight:
    """Hands each message to the batches that it is for; how many there are is its length."""

    def __init__(self) -> None:
        self._waiting: list[_WaitingBatch] = []
        self._given_up = 0
        """Batches that nobody waits for any more, and whose answers may still come."""

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def waiting(self, batch: RpcBatch) -> Iterator["asyncio.Future[RpcError | None]"]:
        """What a batch ends with, while somebody waits for it."""
        waiting = _WaitingBatch(batch, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            yield waiting.ended
        finally:
            self._waiting.remove(waiting)
            self._given_up += waiting.ended.cancelled() or not waiting.ended.done()

    def take(self, answer: RpcMessage) -> None:
        """An answer that came by itself: some servers give those of a batch one by one, or a single error for all."""
        for waiting in self._waiting:
            if answer.request_id not in waiting.batch:
                continue
            if answer.failed and not waiting.batch.begun:
                waiting.end(waiting.batch.take_all([answer]))
                continue
            waiting.batch.take(answer)
            if waiting.batch.complete:
                waiting.end(None)

    def take_array(self, answers: Sequence[RpcMessage]) -> None:
        """Several answers at once are all that a batch gets; if they name none, they are for all or for one given up.

        Raises MalformedMessage where nobody ever asked for several.
        """
        concerned = [each for each in self._waiting if any(answer.request_id in each.batch for answer in answers)]
        if not concerned and self._given_up:
            self._given_up -= 1
            return
        concerned = concerned or list(self._waiting)
        if not concerned:
            raise MalformedMessage("gave an answer that is not JSON-RPC")
        for waiting in concerned:
            waiting.end(waiting.batch.take_all(answers))

    def end(self, error: Callable[[], EndpointUnavailable] | RpcError) -> None:
        """None of them gets an answer any more."""
        for waiting in self._waiting:
            waiting.end(error if isinstance(error, RpcError) else error())
