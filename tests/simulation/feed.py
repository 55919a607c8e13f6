"""What one connection to a simulated node is pushed: heads and logs as blocks are made and replaced."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connext_monitor.monitoring.subscriptions import PushQueue
from tests.simulation.endpoint_view import EndpointView
from tests.simulation.ledger import Block, Ledger
from tests.simulation.simulated_node import SimulatedNode, Troubles
from tests.simulation.troubles import EndpointTrouble

_SOON = 1e-3
"""Seconds after an instant at which what happens then has surely happened."""
_APART = 0.3
"""Seconds by which heads and logs of the same block may come apart."""
_MUTE_LOGS = frozenset({EndpointTrouble.MUTE, EndpointTrouble.MUTE_LOGS, EndpointTrouble.HANG})
_MUTE_HEADS = frozenset({EndpointTrouble.MUTE, EndpointTrouble.MUTE_HEADS, EndpointTrouble.HANG})
_NOTHING = frozenset[EndpointTrouble]()


@dataclass(slots=True)
class _News:
    """What has happened to a chain since it was last looked at."""

    gone: list[Block]
    new: list[Block]


class Feed:
    """The subscriptions of one connection. It wakes when its chain changes, until it is ended."""

    def __init__(
        self,
        node: SimulatedNode,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        advance: Callable[[], None],
    ) -> None:
        self._node = node
        self._loop = loop
        self._clock = clock
        self._advance = advance
        self._heads: list[PushQueue] = []
        self._logs: list[tuple[PushQueue, dict[str, Any]]] = []
        view = node.view(node.troubles, pushing=True)
        self._ledger, self._last = view.ledger, view.ledger.blocks[view.head]
        self._ended = False
        self._timer = self._wake_later()

    def add(self, queue: PushQueue, params: Sequence[Any]) -> None:
        """Push to one more queue."""
        if params[0] == "logs":
            self._logs.append((queue, params[1]))
        else:
            self._heads.append(queue)

    def remove(self, queue: PushQueue) -> None:
        """Push nothing more to a queue."""
        self._heads = [other for other in self._heads if other is not queue]
        self._logs = [(other, asked) for other, asked in self._logs if other is not queue]

    def kill(self) -> None:
        """Nothing more comes, and nobody is told so."""
        self._ended = True
        self._timer.cancel()

    def end(self, why: Callable[[], Exception]) -> None:
        """Nothing more comes."""
        self.kill()
        for queue in (*self._heads, *(queue for queue, _ in self._logs)):
            queue.end(why)

    def _wake_later(self) -> asyncio.TimerHandle:
        changes_at = self._node.world.next_change_at(self._node.domain)
        wait = max(0.0, changes_at - self._clock()) + _SOON
        return self._loop.call_later(wait, self._wake)

    def _wake(self) -> None:
        self._advance()
        if self._ended:
            return
        self._timer = self._wake_later()
        troubles = self._node.troubles
        view = self._node.view(troubles, pushing=True)
        news = self._news(view)
        if news.gone or news.new:
            self._push(view, news, troubles)

    def _news(self, view: EndpointView) -> _News:
        """What stands now and did not, and the other way round; another chain is all new, and nothing of it is told."""
        ledger, last = view.ledger, self._last
        if ledger is not self._ledger:
            self._ledger, self._last = ledger, ledger.blocks[view.head]
            return _News([], [self._last])
        gone = _orphans(ledger, last)
        known = gone[0].number - 1 if gone else last.number
        if view.head <= known:
            return _News([], [])
        new = ledger.blocks[known + 1 : view.head + 1]
        self._last = new[-1]
        return _News(gone, new)

    def _push(self, view: EndpointView, news: _News, troubles: Troubles) -> None:
        mute = troubles.keys() if troubles else _NOTHING
        heads = [] if mute & _MUTE_HEADS else self._head_pushes(view.ledger, news, troubles)
        logs = [] if mute & _MUTE_LOGS else self._log_pushes(view, news, troubles)
        if not logs:
            _put(heads)
            return
        first, second = (logs, heads) if self._node.traits.logs_first else (heads, logs)
        _put(first)
        self._loop.call_later(self._node.random.random() * _APART, self._put_unless_ended, second)

    def _put_unless_ended(self, pushes: list[tuple[PushQueue, bytes]]) -> None:
        if not self._ended:
            _put(pushes)

    def _head_pushes(self, ledger: Ledger, news: _News, troubles: Troubles) -> list[tuple[PushQueue, bytes]]:
        # After a reorg only the newest head is announced, as some nodes do.
        announced = news.new[-1:] if news.gone else news.new
        times = 1 + (EndpointTrouble.TWICE in troubles)
        return [(queue, ledger.header(block)) for queue in self._heads for block in announced for _ in range(times)]

    def _log_pushes(self, view: EndpointView, news: _News, troubles: Troubles) -> list[tuple[PushQueue, bytes]]:
        pushes = []
        times = 1 + (EndpointTrouble.TWICE in troubles)
        for queue, asked in self._logs:
            if news.gone and self._node.traits.tells_removed:
                pushes += [(queue, log) for log in self._removed(view, news.gone, asked, troubles)]
            for block in news.new:
                for mined in block.mined:
                    if view.matches(mined, asked) and self._node.shows(mined, troubles):
                        pushes += [(queue, self._node.log(view, block, mined, troubles, pushing=True))] * times
            if EndpointTrouble.FORGE_PUSHES in troubles:
                pushes += [(queue, log) for block in news.new if (log := view.made_up(block, asked))]
            if EndpointTrouble.FALSE_REMOVED in troubles:
                still = self._said_to_be_gone(view, news.new, troubles)
                pushes += [(queue, log) for log in self._removed(view, still, asked, troubles)]
        return pushes

    def _said_to_be_gone(self, view: EndpointView, new: list[Block], troubles: Troubles) -> list[Block]:
        """Blocks that stand, of which this endpoint says that they do not."""
        before = int(troubles[EndpointTrouble.FALSE_REMOVED])
        earlier = [view.ledger.blocks[block.number - before] for block in new if before and block.number > before]
        return [*earlier, *new]

    def _removed(
        self, view: EndpointView, blocks: list[Block], asked: dict[str, Any], troubles: Troubles
    ) -> list[bytes]:
        return [
            view.log_json(block, mined, removed=True)
            for block in blocks
            for mined in block.mined
            if view.matches(mined, asked) and self._node.shows(mined, troubles)
        ]


def _orphans(ledger: Ledger, block: Block) -> list[Block]:
    """The blocks from one down to its chain's that no longer stand, the lowest first."""
    orphans = []
    while not ledger.stands(block):
        orphans.append(block)
        block = ledger.by_hash[block.parent]
    return orphans[::-1]


def _put(pushes: list[tuple[PushQueue, bytes]]) -> None:
    for queue, push in pushes:
        queue.put(msgspec.Raw(push))
