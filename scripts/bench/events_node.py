"""A loopback node that serves made-up Connext events of the real layout: a process of its own for the benchmarks.

Two chains, at the paths ``/1001`` and ``/1002``. Each transfer's id hashes to its params, and its nonce follows the one
before: XCalled stands on the first chain, Executed and Reconciled on the second, a hundred events in a block.
"""

import asyncio
import json
from collections.abc import Callable
from functools import lru_cache

from websockets.asyncio.server import ServerConnection, serve

from connext_monitor.core.decoding import encode_event, transfer_id_of
from connext_monitor.core.events import Address, DomainId, Executed, Hash32, Reconciled, TransferInfo, XCalled

ORIGIN, DESTINATION = 1001, 1002
CONTRACT = Address(b"\x11" * 20)
LOGS_IN_A_BLOCK = 100
MOST_BLOCKS = 20
"""In one answer; the node refuses more in a vendor's words."""
_TIME = 1_700_000_000
_SOMEBODY = Address(b"\x22" * 20)
_TOKEN = Address(b"\x33" * 20)


def blocks_of(transfers: int, chain: int) -> int:
    """How many blocks of a chain the events of so many transfers fill."""
    logs = transfers if chain == ORIGIN else 2 * transfers
    return -(-logs // LOGS_IN_A_BLOCK)


def _transfer(nonce: int) -> tuple[XCalled, Executed, Reconciled]:
    info = TransferInfo(
        DomainId(ORIGIN), DomainId(DESTINATION), DomainId(ORIGIN), _SOMEBODY, _SOMEBODY, False, b"\x01" * 64, 30,
        _SOMEBODY, 10**18 + nonce, 10**18 + nonce, nonce, bytes(32),
    )  # fmt: skip
    of = transfer_id_of(info)
    return (
        XCalled(of, nonce, Hash32(nonce.to_bytes(32)), info, _TOKEN, 10**18, _TOKEN, b"\x02" * 228),
        Executed(of, _SOMEBODY, _TOKEN, info, (_SOMEBODY,), _TOKEN, 10**18, _SOMEBODY),
        Reconciled(of, DomainId(ORIGIN), _TOKEN, (_SOMEBODY,), 10**18, _SOMEBODY),
    )


def _hash(chain: int, number: int) -> str:
    return "0x" + (chain.to_bytes(4) + number.to_bytes(28)).hex()


def header(chain: int, number: int) -> dict[str, object]:
    """A block as JSON-RPC has it; without a bloom, as some vendors leave it out."""
    return {
        "number": hex(number),
        "hash": _hash(chain, number),
        "parentHash": _hash(chain, max(0, number - 1)),
        "timestamp": hex(_TIME + number),
    }


def log_json(chain: int, index: int) -> bytes:
    """The ``index``-th log of a chain."""
    xcalled, executed, reconciled = _transfer(index if chain == ORIGIN else index // 2)
    event = xcalled if chain == ORIGIN else (executed, reconciled)[index % 2]
    topics, data = encode_event(event)
    number = 1 + index // LOGS_IN_A_BLOCK
    log = {
        "address": "0x" + CONTRACT.hex(),
        "topics": ["0x" + topic.hex() for topic in topics],
        "data": "0x" + data.hex(),
        "blockNumber": hex(number),
        "blockHash": _hash(chain, number),
        "transactionHash": "0x" + (chain.to_bytes(4) + index.to_bytes(28)).hex(),
        "transactionIndex": hex(index % LOGS_IN_A_BLOCK),
        "logIndex": hex(index % LOGS_IN_A_BLOCK),
        "removed": False,
    }
    return json.dumps(log, separators=(",", ":")).encode()


class Node:
    """Serves ``transfers`` transfers; with ``keep`` each block's logs are made once and kept."""

    def __init__(self, transfers: int, *, keep: bool) -> None:
        self._transfers = transfers
        self._block: Callable[[int, int], bytes] = lru_cache(None)(self._make) if keep else self._make

    def warm(self) -> None:
        """Make all that is kept."""
        for chain in (ORIGIN, DESTINATION):
            for number in range(1, blocks_of(self._transfers, chain) + 1):
                self._block(chain, number)

    async def serve(self, connection: ServerConnection) -> None:
        """Answer one connection's requests."""
        assert connection.request is not None  # noqa: S101 - the library has read it before it calls us
        chain = int(connection.request.path.strip("/"))
        async for message in connection:
            asked = json.loads(message)
            result = self._answer(chain, asked["method"], asked["params"])
            await connection.send(b'{"jsonrpc":"2.0","id":%d,%s}' % (asked["id"], result), text=True)

    def _answer(self, chain: int, method: str, params: list[object]) -> bytes:  # noqa: PLR0911 - one line per method
        head = blocks_of(self._transfers, chain)
        match method:
            case "eth_getLogs":
                first, last = (int(params[0][end], 16) for end in ("fromBlock", "toBlock"))  # type: ignore[index] # as the client writes it
                if last - first >= MOST_BLOCKS:
                    return b'"error":{"code":-32600,"message":"limited to a %d block range"}' % MOST_BLOCKS
                blocks = [self._block(chain, number) for number in range(first, min(last, head) + 1)]
                return b'"result":[' + b",".join(filter(None, blocks)) + b"]"
            case "eth_getBlockByNumber":
                number = head if params[0] == "latest" else int(str(params[0]), 16)
                return self._said(header(chain, number) if number <= head else None)
            case "eth_getBlockByHash":
                return self._said(header(chain, int(str(params[0])[10:], 16)))
            case "eth_call":
                return self._said("0x" + (self._transfers if chain == ORIGIN else 0).to_bytes(32).hex())
            case "eth_chainId":
                return self._said(hex(chain))
            case "eth_subscribe":
                return self._said("0x1" if params[0] == "newHeads" else "0x2")
            case _:
                return self._said("0x60")

    @staticmethod
    def _said(result: object) -> bytes:
        return b'"result":' + json.dumps(result).encode()

    def _make(self, chain: int, number: int) -> bytes:
        logs = self._transfers if chain == ORIGIN else 2 * self._transfers
        first = (number - 1) * LOGS_IN_A_BLOCK
        return b",".join(log_json(chain, index) for index in range(first, min(logs, first + LOGS_IN_A_BLOCK)))


async def run(transfers: int, port: int, *, keep: bool) -> None:
    """Serve until the process ends; says the port once all is ready."""
    node = Node(transfers, keep=keep)
    if keep:
        node.warm()
    async with serve(node.serve, "127.0.0.1", port, max_size=None, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    import sys

    asyncio.run(run(int(sys.argv[1]), 0, keep=sys.argv[2] == "keep"))
