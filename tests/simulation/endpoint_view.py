"""What an honest endpoint answers about its chain up to a head: JSON as bytes, or a refusal in a node's words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from connext_monitor.core.bridge_events import OBSERVED_TOPICS
from tests.simulation.facts import Event
from tests.simulation.ledger import Block, Ledger, Mined
from tests.simulation.routers import BASE_UNITS
from tests.simulation.sayings import Saying
from tests.simulation.story import EndpointTraits, Transfer
from tests.simulation.troubles import Beyond
from tests.simulation.written_log import ASSET, contract_of, router_address, write_saying, write_xcalled

_WORD, _ADDRESS = 32, 20
_NONCE, _STATUS, _PAUSED = "0xaffed0e0", "0xbfd79030", "0x5c975abb"
_ROUTER_BALANCES = "0x41258b5c"
_SYMBOL, _DECIMALS = "0x95d89b41", "0x313ce567"
_TEST = "0x" + (_WORD).to_bytes(_WORD).hex() + (4).to_bytes(_WORD).hex() + b"TEST".ljust(_WORD, b"\0").hex()
_WRITTEN = tuple(f"0x{topic.hex()}" for topic in OBSERVED_TOPICS)
"""The first topics of all logs that there are."""
_MADE_UP = 1_000_000
"""The first number of calls that nobody made: no story has as many transfers."""

Params = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """The members of an error object, and the status of an answer over HTTP."""

    code: int
    message: str
    status: int | None = None


@dataclass(slots=True)
class EndpointView:
    """A chain as one endpoint has it now: up to ``head``, with logs and states from ``oldest`` on.

    ``final`` is the block that it calls final, None if it refuses to say.
    """

    ledger: Ledger
    traits: EndpointTraits
    head: int
    final: int | None
    oldest: int = 0

    def answer(self, method: str, params: Params) -> bytes:
        """The result as JSON. Raises Refused."""
        answer = _METHODS.get(method)
        if answer is None:
            raise Refused(-32601, f"the method {method} does not exist/is not available")
        return answer(self, params)

    def _chain_id(self, _params: Params) -> bytes:
        return f'"{self.ledger.traits.chain_id:#x}"'.encode()

    def _code(self, params: Params) -> bytes:
        return b'"0x60"' if params[0] == self._contract() else b'"0x"'

    def _contract(self) -> str:
        return _written_contract_of(self.ledger.traits.domain)

    # Blocks

    def _block_by_number(self, params: Params) -> bytes:
        tag = params[0]
        if tag in ("finalized", "safe"):
            if self.final is None:
                raise Refused(-39001, "Unknown block")
            number = self.final
        else:
            number = self.head if tag == "latest" else int(tag, 16)
        return self.ledger.header(self.ledger.blocks[number]) if 0 <= number <= self.head else b"null"

    def _block_by_hash(self, params: Params) -> bytes:
        block = self.ledger.by_hash.get(bytes.fromhex(params[0][2:]))
        if block is None or block.number > self.head:
            return b"null"
        if not self.traits.keeps_orphans and not self.ledger.stands(block):
            return b"null"
        return self.ledger.header(block)

    # Logs

    def _logs(self, params: Params) -> bytes:
        return b"[" + b",".join(self.log_json(block, mined) for block, mined in self.mined(params[0])) + b"]"

    def mined(self, asked: dict[str, Any]) -> list[tuple[Block, Mined]]:
        """The logs that a filter asks for. Raises Refused."""
        first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        if last > self.head and self.traits.beyond is Beyond.REFUSE:
            raise Refused(-32602, "block range extends beyond current head block")
        if first < self.oldest:
            raise Refused(4444, "pruned history unavailable")
        if asked["address"] != self._contract():
            return []
        topics = asked["topics"]
        if topics and topics[0] is not None and not any(topic in topics[0] for topic in _WRITTEN):
            return []  # nothing here writes such logs, and looking through all would take long
        about = topics[1] if len(topics) > 1 and isinstance(topics[1], str) else None
        blocks = self.ledger.with_logs_between(first, min(last, self.head), about)
        return [(block, mined) for block in blocks for mined in block.mined if _has_topics(mined, topics)]

    def matches(self, mined: Mined, asked: dict[str, Any]) -> bool:
        """Whether a log is one of those that a filter, of a subscription for one, asks for."""
        return bool(asked["address"] == self._contract()) and _has_topics(mined, asked["topics"])

    def log_json(self, block: Block, mined: Mined, *, removed: bool = False) -> bytes:
        """A log as JSON."""
        if self.traits.loose:
            where = (
                f'"blockNumber":"{block.number}","blockHash":"{block.fact.hash}",'
                f'"transactionHash":"{mined.fact.tx_hash}","logIndex":{mined.fact.log_index},'
                f'"removed":{"true" if removed else "null"}}}'
            )
            return mined.log.json + where.encode()
        if removed or not mined.json:
            where = (
                f'"blockNumber":"{block.number:#x}","blockHash":"{block.fact.hash}",'
                f'"blockTimestamp":"{block.timestamp:#x}","transactionHash":"{mined.fact.tx_hash}",'
                f'"logIndex":"{mined.fact.log_index:#x}","removed":{"true" if removed else "false"}}}'
            )
            if removed:
                return mined.log.json + where.encode()
            mined.json = mined.log.json + where.encode()
        return mined.json

    def made_up(self, block: Block, asked: dict[str, Any]) -> bytes | None:
        """A log of a block that does not hold it: its diamond was paused, or changed, nobody knows by whom; or a call.

        A call only where the block's own filter rules it out: nothing else shows that it is made up.
        """
        if not block.mined:
            return None
        domain = self.ledger.traits.domain
        if block.number % 3 == 0:
            if not self.ledger.traits.blooms or any(mined.log.event is Event.XCALLED for mined in block.mined):
                return None
            called = Transfer(0.0, domain, domain + 1, 1, None, None)
            log = write_xcalled(called, _MADE_UP + block.number, block.next_nonce)
        else:
            log = write_saying(Saying.DIAMOND_CUT if block.number % 3 == 1 else Saying.PAUSED, block.number, domain)
        if log.topics[0] not in asked["topics"][0]:
            return None
        where = (
            f'"blockNumber":"{block.number:#x}","blockHash":"{block.fact.hash}",'
            f'"transactionHash":"0x{sha256(block.hash).hexdigest()}","logIndex":"0x3e7","removed":false}}'
        )
        return log.json + where.encode()

    # Calls

    def _call(self, params: Params) -> bytes:
        to, data = params[0]["to"], params[0]["data"]
        number = self.head if params[1] == "latest" else int(params[1], 16)
        if number > self.head:
            raise Refused(-32000, "header not found")
        if number < self.oldest:
            raise Refused(-32000, "missing trie node 5d2e (path ) state is not available")
        block = self.ledger.blocks[number]
        if to != self._contract():
            return self._token(data)
        if data == _NONCE:
            return _word(block.next_nonce)
        if data == _PAUSED:
            return _word(block.paused)
        if data.startswith(_STATUS):
            return _word(self.ledger.status(bytes.fromhex(data[len(_STATUS) :]), number))
        if data.startswith(_ROUTER_BALANCES):
            return _word(_router_balance(block, bytes.fromhex(data[len(_ROUTER_BALANCES) :])))
        raise Refused(3, "execution reverted: Diamond: Function does not exist")

    def _token(self, data: str) -> bytes:
        if data == _SYMBOL:
            return f'"{_TEST}"'.encode()
        if data == _DECIMALS:
            return _word(18)
        raise Refused(3, "execution reverted")


@lru_cache(64)
def _written_contract_of(domain: int) -> str:
    return f"0x{contract_of(domain).hex()}"


def _router_balance(block: Block, asked: bytes) -> int:
    """What a router has of an asset after a block, in base units."""
    router, asset = asked[_WORD - _ADDRESS : _WORD], asked[-_ADDRESS:]
    tokens = (of for number, of in block.fact.tokens.items() if asset == ASSET and router == router_address(number))
    return max(0, next(tokens, 0)) * BASE_UNITS


def _has_topics(mined: Mined, asked: Sequence[Any]) -> bool:
    for topic, allowed in zip(mined.log.topics, asked, strict=False):
        if allowed is not None and topic != allowed and topic not in allowed:
            return False
    return True


def _word(number: int) -> bytes:
    return f'"0x{number:064x}"'.encode()


_METHODS: dict[str, Callable[[EndpointView, Params], bytes]] = {
    "eth_chainId": EndpointView._chain_id,
    "eth_getCode": EndpointView._code,
    "eth_getBlockByNumber": EndpointView._block_by_number,
    "eth_getBlockByHash": EndpointView._block_by_hash,
    "eth_getLogs": EndpointView._logs,
    "eth_call": EndpointView._call,
    "eth_unsubscribe": lambda _view, _params: b"true",
}
