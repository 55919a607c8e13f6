"""A loopback node in a process of its own that serves the made-up bridge over websockets, one path for each chain.

``prepared`` answers are made once, before the node says that it is there; else what is asked for is made on the spot.
With ``live`` it also mines: a head for each block, and the block's logs, pushed to every subscriber. Requests may come
in batches; each log has a transaction of its own, which full blocks list.
"""

import asyncio
import itertools
import json
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing.connection import Connection
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from connext_monitor.core.events import TransferEvent
from scripts.bench.made_up_bridge import (
    CHAIN_IDS,
    Bridge,
    block_hash,
    block_of,
    executed,
    first_topic,
    header_json,
    log_json,
    reconciled,
    transaction_json,
    xcalled,
)

MOST_LOGS = 2_000
"""A larger answer is refused, as providers do."""
_TAGS = ("latest", "safe", "finalized")
_UNTIL_LEGS = 50
"""A live transfer is executed so many transfers later, and reconciled twice as many later."""


@dataclass(frozen=True, slots=True)
class Live:
    """``blocks`` a second on each chain, and ``events`` a second on both together."""

    blocks: float
    events: int


class BridgeNode:
    """What the node answers."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._heads = [bridge.head(0), bridge.head(1)]
        self._prepared: dict[tuple[int, int], list[bytes]] = {}
        self._nonces: dict[int, int] = {}
        """After live blocks of chain 0."""
        self._subscribers: list[tuple[ServerConnection, int, str, str]] = []

    def prepare(self) -> None:
        """Make all logs now."""
        for chain, head in enumerate(self._heads):
            for block in self._bridge.blocks_with_logs(0, head):
                if logs := self._logs(chain, block):
                    self._prepared[chain, block] = logs

    def _logs(self, chain: int, block: int) -> list[bytes]:
        if (prepared := self._prepared.get((chain, block))) is not None:
            return prepared
        events = self._bridge.events_in(chain, block)
        return [
            log_json(event, chain, block, sha256(f"{chain} {block} {index}".encode()).digest(), index).encode()
            for index, event in enumerate(events)
        ]

    async def serve(self, connection: ServerConnection) -> None:
        """Answer one client until it goes."""
        chain = int(connection.request.path[1:]) if connection.request else 0
        with suppress(ConnectionClosed):
            async for message in connection:
                asked = msgspec.json.decode(message)
                if isinstance(asked, list):
                    answer = b"[%b]" % b",".join(self._reply(connection, chain, request) for request in asked)
                else:
                    answer = self._reply(connection, chain, asked)
                await connection.send(answer, text=True)

    def _reply(self, connection: ServerConnection, chain: int, request: dict[str, Any]) -> bytes:
        answer = self._answer(connection, chain, request["method"], request.get("params", []))
        return b'{"jsonrpc":"2.0","id":%b,%b}' % (msgspec.json.encode(request["id"]), answer)

    def _answer(  # noqa: PLR0911 - one for each method
        self, connection: ServerConnection, chain: int, method: str, params: list[Any]
    ) -> bytes:
        match method:
            case "eth_getLogs":
                return self._range(chain, params[0])
            case "eth_getBlockByNumber":
                return self._block(chain, self._heads[chain] if params[0] in _TAGS else int(params[0], 16), params[1])
            case "eth_getBlockByHash":
                return self._block(chain, block_of(bytes.fromhex(params[0][2:])), params[1])
            case "eth_blockNumber":
                return _text(hex(self._heads[chain]))
            case "eth_chainId":
                return _text(hex(CHAIN_IDS[chain]))
            case "net_version":
                return _text(str(CHAIN_IDS[chain]))
            case "eth_getCode":
                return _text("0x60")
            case "eth_call":
                block = int(params[1], 16)
                nonce = self._nonces.get(block, self._bridge.nonce_after(block)) if chain == 0 else 0
                return _text("0x" + nonce.to_bytes(32, "big").hex())
            case "eth_subscribe":
                self._subscribers.append((connection, chain, params[0], hex(len(self._subscribers) + 1)))
                return _text(self._subscribers[-1][3])
            case _:
                return b'"error":{"code":-32601,"message":"the method does not exist"}'

    def _range(self, chain: int, asked: dict[str, Any]) -> bytes:
        if "blockHash" in asked:
            first = last = block_of(bytes.fromhex(asked["blockHash"][2:]))
        else:
            first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        refusal = b'"error":{"code":-32005,"message":"query returned more than %d results"}' % MOST_LOGS
        if self._bridge.logs_between(first, last) > MOST_LOGS:
            return refusal
        topics = (asked.get("topics") or [None])[0]
        logs = [log for block in self._with_logs(chain, first, last) for log in self._logs(chain, block)]
        logs = logs if topics is None else [log for log in logs if first_topic(log) in topics]
        if len(logs) > MOST_LOGS:
            return refusal
        return b'"result":[%b]' % b",".join(logs)

    def _with_logs(self, chain: int, first: int, last: int) -> Iterable[int]:
        """The blocks that may have logs: those of the history, and all that were mined live."""
        ends = self._bridge.head(chain)
        return itertools.chain(
            self._bridge.blocks_with_logs(first, min(last, ends)),
            range(max(first, ends + 1), min(last, self._heads[chain]) + 1),
        )

    def _block(self, chain: int, block: int, full: bool) -> bytes:
        if block > self._heads[chain]:
            return b'"result":null'
        transactions = [transaction_json(log) for log in self._logs(chain, block)] if full else []
        return b'"result":' + header_json(chain, block, transactions).encode()

    async def mine(self, live: Live) -> None:
        """Add blocks with logs to both chains until cancelled; the transaction's hash says when its log was pushed."""
        started, blocks, nonce = time.monotonic(), 0, 0
        while True:
            blocks += 1
            await asyncio.sleep(max(0.0, started + blocks / live.blocks - time.monotonic()))
            for chain in (0, 1):
                self._heads[chain] += 1
                self._prepared[chain, self._heads[chain]] = []
                await self._push(chain, "newHeads", header_json(chain, self._heads[chain]))
            every = range(int((blocks - 1) * live.events / live.blocks), int(blocks * live.events / live.blocks))
            for number in every:
                if (live_event := _live_event(number)) is None:
                    continue
                chain, event = live_event
                stood = self._prepared[chain, self._heads[chain]]
                pushed_at = time.monotonic_ns().to_bytes(8, "big")
                tx_hash = block_hash(chain, self._heads[chain])[:16] + number.to_bytes(8, "big") + pushed_at
                pushed = log_json(event, chain, self._heads[chain], tx_hash, len(stood))
                stood.append(pushed.encode())
                nonce += chain == 0
                await self._push(chain, "logs", pushed)
            self._nonces[self._heads[0]] = nonce

    async def _push(self, chain: int, what: str, value: str) -> None:
        for connection, subscribed, topic, subscription in self._subscribers:
            if (subscribed, topic) == (chain, what):
                params = f'{{"subscription":"{subscription}","result":{value}}}'
                with suppress(ConnectionClosed):  # who has gone is told nothing more
                    await connection.send(f'{{"jsonrpc":"2.0","method":"eth_subscription","params":{params}}}')


def _live_event(number: int) -> tuple[int, TransferEvent] | None:
    """The events of live transfers in turn: an XCalled, an Executed of an earlier one, a Reconciled of one before.

    None where there is no such transfer yet.
    """
    nonce, leg = divmod(number, 3)
    if leg == 0:
        return 0, xcalled(nonce)
    if nonce < leg * _UNTIL_LEGS:
        return None
    return 1, executed(nonce - _UNTIL_LEGS) if leg == 1 else reconciled(nonce - 2 * _UNTIL_LEGS)


def _text(value: str) -> bytes:
    return b'"result":' + json.dumps(value).encode()


@contextmanager
def running(bridge: Bridge, *, prepared: bool = True, live: Live | None = None) -> Iterator[list[str]]:
    """The node, as long as the context lasts: the URLs of its chains."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_run, args=(theirs, bridge, prepared, live), daemon=True)
    process.start()
    theirs.close()
    try:
        port = ours.recv()
        yield [f"ws://127.0.0.1:{port}/{chain}" for chain in (0, 1)]
    finally:
        process.terminate()
        process.join()


def _run(parent: Connection, bridge: Bridge, prepared: bool, live: Live | None) -> None:
    asyncio.run(_serve(parent, BridgeNode(bridge), prepared, live))


async def _serve(parent: Connection, node: BridgeNode, prepared: bool, live: Live | None) -> None:
    if prepared:
        node.prepare()
    async with serve(node.serve, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None) as server:
        parent.send(server.sockets[0].getsockname()[1])
        if live is not None:
            await node.mine(live)
        await server.wait_closed()
