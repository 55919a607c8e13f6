"""A JSON-RPC batch: several calls in one message, and what each of them comes to, whatever the endpoint makes of it."""

from collections.abc import Sequence
from typing import Final

import msgspec

from connext_monitor.core.rpc_refusal import BATCH
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.json_rpc import (
    BYTE_ORDER_MARK,
    DECODE_ERRORS,
    EndpointUnavailable,
    MalformedMessage,
    OnRequest,
    RpcCall,
    RpcError,
    RpcMessage,
    RpcOutcome,
    RpcRefused,
    count_outcome,
    decode_message,
    encode_calls,
    read_outcome,
)

_SPACE: Final = b" \t\r\n"
_MOST_COMMAS: Final = 1_000_000
"""In an answer whose entries are taken apart one by one; the headers of a batch with all they name have fewer."""


class _Answered(msgspec.Struct):
    """An entry as an honest endpoint gives it."""

    id: int
    result: msgspec.Raw
    error: msgspec.Raw = msgspec.Raw()


_ANSWERED: Final = msgspec.json.Decoder(list[_Answered])
_ENTRIES: Final = msgspec.json.Decoder(list[msgspec.Raw])


class RpcBatch:
    """Calls that are sent in one message under these ids, and their outcomes as they come, in any order."""

    def __init__(self, url: EndpointAddress, calls: Sequence[RpcCall], ids: Sequence[int]) -> None:
        self._url = url
        self._methods = {request_id: method for request_id, (method, _) in zip(ids, calls, strict=True)}
        self._outcomes: dict[int, RpcOutcome] = {}
        self.message = encode_calls([(request_id, *call) for request_id, call in zip(ids, calls, strict=True)])

    def __len__(self) -> int:
        return len(self._methods)

    def __contains__(self, request_id: int | None) -> bool:
        return request_id in self._methods

    @property
    def begun(self) -> bool:
        """Whether any call has its outcome."""
        return bool(self._outcomes)

    @property
    def complete(self) -> bool:
        """Whether each call has its outcome."""
        return len(self._outcomes) == len(self._methods)

    def take(self, answer: RpcMessage) -> None:
        """Note what an answer says of the call that it belongs to, if it is the first that does."""
        request_id = answer.request_id
        method = self._methods.get(request_id) if request_id is not None else None
        if request_id is not None and method is not None and request_id not in self._outcomes:
            self._outcomes[request_id] = read_outcome(self._url, method, answer)

    def take_all(self, answers: Sequence[RpcMessage], http_status: int | None = None) -> RpcRefused | None:
        """Note all answers, or return why the batch was refused as a whole.

        For that go-ethereum gives the first call's id to a single error, and others give none at all.
        """
        if len(answers) == 1 and answers[0].failed and (len(self) > 1 or answers[0].id is None):
            refusal = read_outcome(self._url, BATCH, answers[0], http_status)
            if isinstance(refusal, RpcRefused):
                return refusal
        for answer in answers:
            self.take(answer)
        return None

    def outcomes(self) -> list[RpcOutcome]:
        """What each call has come to, in their order; one without an answer was not answered."""
        return [
            self._outcomes.get(request_id) or EndpointUnavailable(self._url.host, f"left out the answer to {method}")
            for request_id, method in self._methods.items()
        ]

    def settle(self, error: RpcError | None, on_request: OnRequest | None) -> list[RpcOutcome]:
        """Count how each call ended; return what each has come to, or raise the error that all ended with."""
        if self.begun:
            error = None  # what was answered before it came stands
        outcomes: list[RpcOutcome] = self.outcomes() if error is None else [error] * len(self)
        for method, outcome in zip(self._methods.values(), outcomes, strict=True):
            count_outcome(outcome, method, on_request)
        if error is not None:
            raise error
        return outcomes


def is_array(body: bytes) -> bool:
    """Whether a message is, or pretends to be, a list of several."""
    return body[:16].removeprefix(BYTE_ORDER_MARK).lstrip(_SPACE)[:1] == b"["


def decode_array(body: bytes) -> list[RpcMessage]:
    """Read what was answered to a batch; entries that are not messages are left out. Raises MalformedMessage."""
    body = body.removeprefix(BYTE_ORDER_MARK)
    try:
        return [RpcMessage(entry.id, entry.result, entry.error) for entry in _ANSWERED.decode(body)]
    except DECODE_ERRORS:
        pass
    if body.count(b",") > _MOST_COMMAS:
        raise MalformedMessage("gave an answer that is not JSON-RPC")
    try:
        entries = _ENTRIES.decode(body)
    except DECODE_ERRORS:
        raise MalformedMessage("gave an answer that is not JSON-RPC") from None
    messages = []
    for entry in entries:
        try:
            messages.append(decode_message(bytes(entry)))
        except MalformedMessage:
            continue
    return messages
