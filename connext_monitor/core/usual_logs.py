"""The three events as the contracts lay them out, each read in one step; the short way beside `decoding.decode`.

Solidity writes what an event points to one behind the other and without gaps, and what the contracts sign is 65 bytes
long: where nearly every word stands is known beforehand. One `Struct` takes out at once what must not differ, padding
and pointers among it, and another one all that may.

What is laid out otherwise, or contradicts itself, is left to `decode` and `broken_integrity`: tests hold what is read
here equal to what they say.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Final

from connext_monitor.core.abi import WORD
from connext_monitor.core.decoding import EXECUTED_TOPIC, RECONCILED_TOPIC, XCALLED_TOPIC
from connext_monitor.core.events import PackedEvent, PackedExecuted, PackedReconciled, PackedXCalled, RawLog
from connext_monitor.core.keccak import keccak
from connext_monitor.core.payload import encode
from connext_monitor.core.router_books import fronted

_CODES: Final = {
    "address": ("12x20s", "12s20x"),
    "bool": ("31xB", "31s1x"),  # to be 0 or 1
    "bytes1": ("32x", "1x31s"),  # of no interest
    "bytes32": ("32s", "32x"),
    "uint32": ("28xI", "28s4x"),
    "uint63": ("24xq", "24s8x"),  # a nonce: see `decoding`; not to be negative
    "uint256": ("32s", "32x"),
    "skipped": ("32x", "32x"),
}
_MOST_ROUTERS: Final = 8
_SIGNATURE: Final = ("skipped", "skipped", "bytes1")
_SIGNATURE_BYTES: Final = 65
_ZEROS: Final = bytes(WORD)
_ZERO: Final = b"\0"
_POINTER_TO_NEXT_WORD: Final = WORD.to_bytes(WORD, "big")


class _WordLayout:
    """Words that stand one behind the other: each one's type, or the number that it must be.

    ``unpack_from`` takes out their values, ``fixed_from`` whatever does not vary, which is to be ``fixed``.
    """

    def __init__(self, *words: str | int) -> None:
        codes = [("32x", "32s") if isinstance(word, int) else _CODES[word] for word in words]
        values, fixed = (Struct("".join((">", *parts))) for parts in zip(*codes, strict=True))
        self.size = values.size
        self.unpack_from = values.unpack_from
        self.fixed_from = fixed.unpack_from
        self.fixed = fixed.unpack(
            b"".join([(word if isinstance(word, int) else 0).to_bytes(WORD, "big") for word in words])
        )


# The words of TransferInfo, of which callData follows at once, and its length.
_PARAMS: Final = (
    "uint32", "uint32", "uint32", "address", "address", "bool", 13 * WORD, "uint256", "address", "uint256", "uint256",
    "uint63", "bytes32", "uint32",
)  # fmt: skip
# Topics first; then the data's own head, and in Executed that of the args.
_XCALLED: Final = _WordLayout(
    "bytes32", "uint63", "bytes32",
    5 * WORD, "address", "uint256", "address", "uint32",
    *_PARAMS,
)  # fmt: skip
_EXECUTED: Final = _WordLayout(
    "bytes32", "address", "address",
    4 * WORD, "address", "uint256", "address",
    5 * WORD, "uint32", "uint32", "address", "uint32",
    *_PARAMS,
)  # fmt: skip
_TOPICS: Final = 3 * WORD
_XCALLED_PARAMS: Final = _TOPICS + 5 * WORD
_EXECUTED_ARGS: Final = _TOPICS + 4 * WORD
_EXECUTED_PARAMS: Final = _EXECUTED_ARGS + 5 * WORD


def _routers_and_signatures(routers: int) -> _WordLayout:
    """What follows callData in the args of a delivery that routers have paid, each with its signature."""
    places = (WORD * routers + (1 + len(_SIGNATURE)) * WORD * index for index in range(routers))
    signature = (_SIGNATURE_BYTES, *_SIGNATURE)
    return _WordLayout(routers, *["address"] * routers, routers, *places, *signature * routers, *signature)


_UNPAID: Final = _WordLayout(0, 0, 0)
"""The same where the recipient has waited for the proven message: nobody signs."""
_AFTER_CALL_DATA: Final[Mapping[int, _WordLayout]] = {
    words.size: words for words in (_UNPAID, *map(_routers_and_signatures, range(1, _MOST_ROUTERS + 1)))
}
_RECONCILED: Final[Mapping[int, _WordLayout]] = {
    words.size: words
    for words in (
        _WordLayout("bytes32", "uint32", "address", 3 * WORD, "uint256", "address", routers, *["address"] * routers)
        for routers in range(_MOST_ROUTERS + 1)
    )
}


def usual_event(log: RawLog) -> PackedEvent | None:
    """The event of a log that is laid out as usual and contradicts itself in nothing, without its unbounded bytes.

    What `decode` and `slim` say of it, and neither `broken_integrity` nor `mismatch` says anything. None of
    any other log: ask them.
    """
    if len(log.topics) != 4:
        return None
    kind, first, second, third = log.topics
    read = USUAL_READERS.get(kind)
    if read is None or not len(first) == len(second) == len(third) == WORD:
        return None
    return read(b"".join((first, second, third, log.data)))


def _read_xcalled(words: bytes) -> PackedXCalled | None:
    head = _XCALLED
    if len(words) < head.size or head.fixed_from(words) != head.fixed:
        return None
    (
        transfer_id, nonce, message_hash, asset, amount, local, body_at, origin, destination, canonical, to, delegate,
        receive_local, slippage, sender, bridged, normalized, params_nonce, canonical_id, length,
    ) = head.unpack_from(words)  # fmt: skip
    after_call_data = _after_bytes(words, head.size, length)
    if nonce != params_nonce or nonce < 0 or receive_local > 1 or body_at != after_call_data - _TOPICS:
        return None
    body_length = int.from_bytes(words[after_call_data : after_call_data + WORD], "big")
    if _after_bytes(words, after_call_data + WORD, body_length) != len(words):
        return None
    if keccak(_POINTER_TO_NEXT_WORD + words[_XCALLED_PARAMS:after_call_data]) != transfer_id:
        return None
    info = (
        origin, destination, canonical, to, delegate, receive_local == 1, b"", slippage.lstrip(_ZERO), sender,
        bridged.lstrip(_ZERO), normalized.lstrip(_ZERO), nonce, canonical_id,
    )  # fmt: skip
    payload = encode((nonce, message_hash, info, asset, amount.lstrip(_ZERO), local, b""))
    return PackedXCalled(transfer_id, origin, destination, nonce, payload)


def _read_executed(words: bytes) -> PackedExecuted | None:
    head = _EXECUTED
    if len(words) < head.size or head.fixed_from(words) != head.fixed:
        return None
    (
        transfer_id, recipient, asset, local, amount, caller, routers_at, signatures_at, _, sequencer_signature_at,
        origin, destination, canonical, to, delegate, receive_local, slippage, sender, bridged, normalized, nonce,
        canonical_id, length,
    ) = head.unpack_from(words)  # fmt: skip
    after_call_data = _after_bytes(words, head.size, length)
    rest = words[after_call_data:]
    layout = _AFTER_CALL_DATA.get(len(rest))
    if layout is None or layout.fixed_from(rest) != layout.fixed:
        return None
    routers = layout.unpack_from(rest)
    words_of_routers = (1 + len(routers)) * WORD
    if (
        recipient != to
        or nonce < 0
        or receive_local > 1
        or routers_at != after_call_data - _EXECUTED_ARGS
        or signatures_at != routers_at + words_of_routers
        or sequencer_signature_at != signatures_at + words_of_routers + (1 + len(_SIGNATURE)) * WORD * len(routers)
        or keccak(_POINTER_TO_NEXT_WORD + words[_EXECUTED_PARAMS:after_call_data]) != transfer_id
    ):
        return None
    info = (
        origin, destination, canonical, to, delegate, receive_local == 1, b"", slippage.lstrip(_ZERO), sender,
        bridged.lstrip(_ZERO), normalized.lstrip(_ZERO), nonce, canonical_id,
    )  # fmt: skip
    payload = encode((to, asset, info, routers, local, amount.lstrip(_ZERO), caller))
    together, number = b"".join(routers), int.from_bytes
    paid = fronted(asset, local, number(amount, "big"), number(bridged, "big"))
    return PackedExecuted(transfer_id, origin, destination, nonce, together, local, paid, payload)


def _read_reconciled(words: bytes) -> PackedReconciled | None:
    layout = _RECONCILED.get(len(words))
    if layout is None or layout.fixed_from(words) != layout.fixed:
        return None
    transfer_id, origin, local, amount, caller, *routers = layout.unpack_from(words)
    payload = encode((origin, local, routers, amount.lstrip(_ZERO), caller))
    return PackedReconciled(
        transfer_id, origin, b"".join(routers), local, int.from_bytes(amount, "big"), payload
    )  # fmt: skip


USUAL_READERS: Final[Mapping[bytes, Callable[[bytes], PackedEvent | None]]] = {
    XCALLED_TOPIC: _read_xcalled,
    EXECUTED_TOPIC: _read_executed,
    RECONCILED_TOPIC: _read_reconciled,
}
"""By the first topic: what reads the other topics and the data, one behind the other, as `usual_event` does."""


def _after_bytes(words: bytes, start: int, length: int) -> int:
    """Where what follows so many bytes begins; behind all data where these are not there or not padded with zeros."""
    end = start + length
    if not length % WORD:
        return end
    padded = end + -length % WORD
    return padded if words[end:padded] == _ZEROS[: padded - end] else len(words) + 1
