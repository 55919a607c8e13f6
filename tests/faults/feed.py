"""What a node pushes, as the nodes of the real world would push it when a reorg comes."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum

import aiohttp

from tests.faults.hooks import Json

Push = tuple[str, Json]
"""The feed, "heads" or "logs", and what is pushed on it."""
_KEPT = 200


class NewHeads(Enum):
    """The heads that a reorg brings and that are announced."""

    ALL = "all"
    """Every block of the new branch, as anvil does."""
    LAST = "last"
    """None below the height that was announced before: go-ethereum announces where it arrived."""
    HIGHER = "higher"
    """None at that height either: only the next block shows it, by its parent."""


@dataclass(frozen=True, slots=True)
class ReorgNews:
    """How a node tells of a reorg: ``removed`` is whether it pushes the logs of the blocks that are gone again."""

    removed: bool
    heads: NewHeads


ANVIL = ReorgNews(removed=False, heads=NewHeads.ALL)
GETH = ReorgNews(removed=True, heads=NewHeads.LAST)
REMOVED_ONLY = ReorgNews(removed=True, heads=NewHeads.HIGHER)
SILENT = ReorgNews(removed=False, heads=NewHeads.HIGHER)


class Retelling:
    """Makes of anvil's pushes, which are ``ANVIL``, those of another kind of node."""

    def __init__(self) -> None:
        self.news = GETH
        self.head = 0
        self._announced = 0
        self._hashes: dict[int, str] = {}
        self._logs: dict[int, list[Json]] = {}

    def begin(self, head: int) -> None:
        """The node's head before anything was pushed."""
        self.head = self._announced = head

    def hear(self, feed: str, result: Json) -> list[Push]:
        """What is pushed in place of this."""
        number = height((feed, result))
        block_hash = result["hash" if feed == "heads" else "blockHash"]
        orphaned = list(self._orphaned(number, block_hash))
        self._hashes[number] = block_hash
        self._logs.pop(number - _KEPT, None)
        self._hashes.pop(number - _KEPT, None)
        if feed == "logs":
            self._logs.setdefault(number, []).append(result)
            return [*orphaned, (feed, result)]
        self.head = number
        return [*orphaned, (feed, result)] if self._announces(number) else orphaned

    def _orphaned(self, number: int, block_hash: str) -> Iterator[Push]:
        """Forget the blocks from this height on if another one stood there."""
        if self._hashes.get(number, block_hash) == block_hash:
            return
        for gone in sorted(height for height in self._hashes if height >= number):
            del self._hashes[gone]
            for log in self._logs.pop(gone, []):
                if self.news.removed:
                    yield "logs", log | {"removed": True}

    def _announces(self, number: int) -> bool:
        before, self._announced = self._announced, max(number, self._announced)
        match self.news.heads:
            case NewHeads.ALL:
                return True
            case NewHeads.LAST:
                return number >= before
            case NewHeads.HIGHER:
                return number > before


def height(push: Push) -> int:
    """The block that a push is about."""
    feed, result = push
    return int(result["number" if feed == "heads" else "blockNumber"], 16)


@asynccontextmanager
async def node_pushes(session: aiohttp.ClientSession, url: str) -> AsyncIterator[AsyncIterator[Push]]:
    """Every head and every log of a node, subscribed to once this is entered."""
    async with session.ws_connect(url, max_msg_size=0) as node:
        feeds: dict[str, str] = {}
        early: asyncio.Queue[Json] = asyncio.Queue()
        for feed, params in (("heads", ["newHeads"]), ("logs", ["logs", {}])):
            await node.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": params})
            while "id" not in (said := await node.receive_json()):
                early.put_nowait(said)
            feeds[said["result"]] = feed

        async def pushes() -> AsyncIterator[Push]:
            while not early.empty():
                push = early.get_nowait()["params"]
                yield feeds[push["subscription"]], push["result"]
            async for message in node:
                push = json.loads(message.data)["params"]
                yield feeds[push["subscription"]], push["result"]

        yield pushes()
