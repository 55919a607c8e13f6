"""JSON-RPC 2.0 as Ethereum endpoints speak it: the one interface of both transports, its errors, and its messages.

An endpoint is a stranger on a bad line. Whatever it does, a request ends: with its undecoded `result`, with
`RpcRefused` if it answered with an error, or with `EndpointUnavailable` if it did not answer as it should.
"""

import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

import msgspec

from connext_monitor.core.revert import returned_data
from connext_monitor.core.rpc_refusal import Reaction, Refusal, classify
from connext_monitor.core.rpc_wait import in_data, in_words
from connext_monitor.monitoring.endpoint_address import EndpointAddress

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds a request may take, from its sending to the last byte of its answer."""

HEADER_BYTES: Final = 256 * 2**10
"""How long a line of an answer's head may be: some proxies send long cookies and policies with every answer."""

RpcCall: TypeAlias = tuple[str, Sequence[object]]
"""A method and its parameters."""

OnRequest: TypeAlias = Callable[[str, str], None]
"""Called once a request has ended, with its method and `answered`, `refused` or `unavailable`: for metrics."""


class RpcError(Exception):
    """What went wrong with an endpoint: ``host`` and then ``words`` make a sentence that is safe to show.

    ``retry_after`` is how many seconds the endpoint asked us to stay away, None if it did not.
    """

    def __init__(self, host: str, words: str, retry_after: float | None) -> None:
        super().__init__(f"{host} {words}")
        self.host = host
        self.words = words
        self.retry_after = retry_after


class EndpointUnavailable(RpcError):
    """The endpoint did not answer as it should; it is worth trying again, or trying another.

    ``reason`` follows the host in a sentence ("closed the connection"). ``busy``: it seems to have had too many
    requests.
    """

    def __init__(self, host: str, reason: str, retry_after: float | None = None, *, busy: bool = False) -> None:
        super().__init__(host, reason, retry_after)
        self.reason = reason
        self.busy = busy


class EndpointNotBelieved(EndpointUnavailable):
    """The endpoint answers, but not all that there is: another one is to be used for a good while."""


class RpcRefused(RpcError):
    """The endpoint answered with an error; ``refusal`` says what helps.

    ``blocks`` is how many of them were asked for, if a range of logs was refused; ``answered`` how many other calls of
    its batch were answered.
    """

    def __init__(self, host: str, method: str, refusal: Refusal, retry_after: float | None = None) -> None:
        code = "" if refusal.code is None else f" (code {refusal.code})"
        super().__init__(host, f"refused {method}: {refusal.message or 'without a message'}{code}", retry_after)
        self.method = method
        self.refusal = refusal
        self.blocks: int | None = None
        self.answered = 0


RpcOutcome: TypeAlias = msgspec.Raw | RpcError
"""How a request ended. An error stays a value until `settle` raises it: no library's exception becomes its context."""


class PushStream(Protocol):
    """What one subscription delivers, in the order it came; ends with `EndpointUnavailable` and never by itself.

    Only after our own ``aclose`` it ends as iterators do.
    """

    def __aiter__(self) -> AsyncIterator[msgspec.Raw]: ...

    async def __anext__(self) -> msgspec.Raw: ...

    async def burst(self, most: int) -> list[msgspec.Raw]:
        """The next one, with what has come behind it already: at most so many. It ends as `__anext__` does."""

    async def aclose(self) -> None:
        """Unsubscribe; the endpoint's refusal of that is ignored."""


class RpcClient(Protocol):
    """One endpoint over either transport. All methods may be called from many tasks at a time."""

    host: str
    pushes: bool

    async def request(
        self,
        method: str,
        params: Sequence[object],
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - see `_exchange`
    ) -> msgspec.Raw:
        """The undecoded `result`. Raises RpcRefused and EndpointUnavailable; ``timeout`` is in seconds."""

    async def request_batch(
        self,
        calls: Sequence[RpcCall],
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - as above
    ) -> list[RpcOutcome]:
        """What each call comes to, results and errors, asked for in one message.

        Raises RpcRefused if the batch was refused as a whole, and EndpointUnavailable if nothing of it was answered.
        """

    async def subscribe(self, *params: object) -> PushStream:
        """RpcCall `eth_subscribe`. Raises as `request` does; an endpoint that cannot push refuses as unsupported."""

    async def closed(self) -> EndpointUnavailable:
        """Wait until the connection is gone, and return why; over http only our own ``aclose`` ends it."""

    async def aclose(self) -> None:
        """Close the connection within a few seconds; what is in flight ends with EndpointUnavailable."""


@dataclass(frozen=True, slots=True)
class RpcLimits:
    """How long and how much: times in seconds, sizes in bytes. See `WebSocketClient` for a flood."""

    open_timeout: float = 10.0
    answer_timeout: float = DEFAULT_TIMEOUT
    ping_interval: float = 10.0
    ping_timeout: float = 10.0
    close_timeout: float = 2.0
    answer_bytes: int = 32 * 2**20
    queued_pushes: int = 10_000
    queued_push_bytes: int = 64 * 2**20
    flood: float = 0.1
    flood_rest: float = 0.004


_DIGITS: Final = re.compile("[0-9]{1,18}")


class RpcMessage(msgspec.Struct):
    """An endpoint's message: an answer has an ``id``, a notification a ``method``. An absent field is an empty Raw.

    Some servers send all fields, those that mean nothing as null.
    """

    id: int | float | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw()

    @property
    def request_id(self) -> int | None:
        """The request that it answers: we send a number, and some servers give it back as text."""
        if isinstance(self.id, str):
            return int(self.id) if _DIGITS.fullmatch(self.id) else None
        return int(self.id) if self.id is not None and self.id == int(self.id) else None

    @property
    def failed(self) -> bool:
        """Whether it carries an error; some servers send a null one beside every result."""
        return size(self.error) > 0 and bytes(self.error) != b"null"


class MalformedMessage(ValueError):
    """A message that JSON-RPC does not allow; its words follow the host in a sentence."""


class _Error(msgspec.Struct):
    code: int | float | str | None = None
    message: str | None = None
    data: msgspec.Raw = msgspec.Raw()


_LARGEST_CODE: Final = 2**31
"""No honest error has a larger code, and hostile ones may have thousands of digits."""
_ENCODER: Final = msgspec.json.Encoder()
_ANSWER: Final = msgspec.json.Decoder(RpcMessage)
_ERROR: Final = msgspec.json.Decoder(_Error | str)
_LONGEST_DATA: Final = 65_536
"""Bytes of an error's data that are looked at."""
_DETAILS: Final = ("message", "reason", "see", "error", "details")
"""Members of an error's data that vendors put words into."""
DECODE_ERRORS: Final = (ValueError, RecursionError)
"""What msgspec raises at bad JSON: its own errors, UnicodeDecodeError, and RecursionError at deep nesting."""


BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def encode_request(request_id: int, method: str, params: Sequence[object]) -> bytes:
    """One request as JSON."""
    return _ENCODER.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def encode_calls(calls: Sequence[tuple[int, str, Sequence[object]]]) -> bytes:
    """A batch as JSON: the id, the method and the parameters of each of its calls."""
    return _ENCODER.encode(
        [{"jsonrpc": "2.0", "id": call_id, "method": method, "params": params} for call_id, method, params in calls]
    )


def decode_message(body: bytes) -> RpcMessage:
    """Read one message. Raises MalformedMessage."""
    try:
        return _ANSWER.decode(body.removeprefix(BYTE_ORDER_MARK))
    except DECODE_ERRORS:
        raise MalformedMessage("gave an answer that is not JSON-RPC") from None


def read_outcome(url: EndpointAddress, method: str, answer: RpcMessage, http_status: int | None = None) -> RpcOutcome:
    """What an answer says about the request that it belongs to."""
    if answer.failed:
        refusal = _read_refusal(url, method, answer.error, http_status)
        return RpcRefused(url.host, method, refusal, refusal.wait)
    if not size(answer.result):
        return EndpointUnavailable(url.host, f"answered {method} with neither a result nor an error")
    return answer.result


def size(raw: msgspec.Raw) -> int:
    """Bytes of undecoded JSON; 0 stands for a field that was absent."""
    return memoryview(raw).nbytes


def settle(outcome: RpcOutcome, method: str, on_request: OnRequest | None) -> msgspec.Raw:
    """Count how a request ended; return its result or raise its error."""
    count_outcome(outcome, method, on_request)
    if isinstance(outcome, RpcError):
        raise outcome
    return outcome


def count_outcome(outcome: RpcOutcome, method: str, on_request: OnRequest | None) -> None:
    """Count how a request ended."""
    if on_request is not None:
        refused = isinstance(outcome, RpcRefused)
        failed = isinstance(outcome, RpcError)
        on_request(method, "refused" if refused else "unavailable" if failed else "answered")


def _read_refusal(url: EndpointAddress, method: str, error: msgspec.Raw, http_status: int | None) -> Refusal:
    try:
        read = _ERROR.decode(error)
    except DECODE_ERRORS:
        read = "its error cannot be read"
    if isinstance(read, str):
        read = _Error(message=read)
    data = _data(read.data)
    detail = _detail(data)
    words = " ".join(filter(None, [read.message, detail]))
    wait = in_data(data, time.time())
    if wait is None:
        wait = in_words(words)
    # The whole text is classified: what a vendor suggests stands at the end of a long one.
    refusal = classify(_code(read.code), words, http_status, method=method, wait=wait)
    returned = returned_data(data) if refusal.reaction is Reaction.REVERTED else b""
    return replace(refusal, message=url.quote(words), returned=returned)


def _data(data: msgspec.Raw) -> object:
    """An error's data, decoded; None if it is absent, cannot be read, or is longer than any explanation."""
    if not 0 < size(data) <= _LONGEST_DATA:
        return None
    try:
        return msgspec.json.decode(data)
    except DECODE_ERRORS:
        return None


def _detail(data: object) -> str:
    """What an error's data adds in words: Nethermind puts the cause there; hex is what a call reverted with."""
    if isinstance(data, dict):
        data = " ".join(text for name in _DETAILS if isinstance(text := data.get(name), str))
    return data if isinstance(data, str) and not data.startswith("0x") else ""


def _code(code: float | str | None) -> int | None:
    try:
        number = None if code is None else int(code)
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) <= _LARGEST_CODE else None
