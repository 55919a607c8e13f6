"""Why an Ethereum endpoint refused a request, told apart in this one place.

JSON-RPC fixes neither codes nor words for what matters to a reader of logs, and each vendor has its own. What is not
understood is `OTHER`, for which halving the range is a safe answer.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from connext_monitor.core.range_hints import names_a_range, suggested_limit, suggested_range
from connext_monitor.core.rpc_wordings import EXHAUSTED, LAG, PRUNED, RANGE, RATE, REVERTED, UNSUPPORTED
from connext_monitor.core.structs import struct


class Reaction(StrEnum):
    """What helps against a refusal."""

    LAG = "lag"
    """The endpoint does not have the block yet: wait, or ask another one. That says nothing about a reorg."""
    RANGE = "range"
    """Too many blocks, logs or bytes at once: ask for less, then grow again slowly."""
    RATE = "rate"
    """Too many requests, or no credit left: wait; asking for less does not help."""
    PRUNED = "pruned"
    """The endpoint no longer has blocks or states so old: nothing helps but another one."""
    UNSUPPORTED = "unsupported"
    """The endpoint does not do this at all: use another method or endpoint."""
    REVERTED = "reverted"
    """The contract that was called says no: the only refusal that answers what was asked."""
    OTHER = "other"
    """Anything else, an internal error for one."""


@struct(frozen=True, slots=True)
class Refusal:
    """An error answer, classified.

    ``max_blocks`` is how many blocks at once the text allows (at least 1), ``block_range`` the first and last block,
    both included, that it says would work; each is None if the text names none. They are hints from a stranger, who
    may have named what was asked instead: a reader that is refused again must shrink the range by itself.

    ``exhausted``: it is not a matter of seconds, the plan's day or month is used up. ``wait`` is how many seconds the
    error itself asks to be left alone, None if it does not say. ``returned`` is what a call reverted with, where the
    error says that.
    """

    reaction: Reaction
    code: int | None
    message: str
    max_blocks: int | None = None
    block_range: tuple[int, int] | None = None
    exhausted: bool = False
    wait: float | None = None
    returned: bytes = b""

    @property
    def may_pass(self) -> bool:
        """Whether the same request, refused for no reason that anybody understands, may be answered when made again.

        Not if the request itself is called wrong.
        """
        return self.reaction is Reaction.OTHER and self.code not in _WRONG_REQUEST_CODES

    @property
    def less_may_help(self) -> bool:
        """Whether asking for fewer blocks may help: because it says so, or because nobody understands what it says."""
        return self.reaction in (Reaction.RANGE, Reaction.OTHER)


_READ_AT_MOST: Final = 2_000
"""Characters of a message that are looked at: hostile ones may be long."""

_REVERTED_CODE: Final = 3
"""go-ethereum's code of a reverted call."""
_PRUNED_CODES: Final = frozenset({4444})
"""EIP-4444's "pruned history unavailable", as go-ethereum and others answer it."""
_RATE_CODES: Final = frozenset({429, -32007, -32012, -32029, -32097})
"""HTTP's own code used as an error code, QuickNode's rate and credits, Ankr's and Chainstack's too many requests."""
_WRONG_REQUEST_CODES: Final = frozenset({-32600, -32602, -32700})
"""JSON-RPC 2.0's invalid request, invalid params and parse error."""
_EXHAUSTED_CODES: Final = frozenset({402, -32012})
"""HTTP's payment required, QuickNode's credits."""
_UNSUPPORTED_CODES: Final = frozenset({-32601, -32004})
"""JSON-RPC 2.0's "method not found" and EIP-1474's "method not supported"."""
_LIMIT_EXCEEDED_CODE: Final = -32005
"""EIP-1474's "limit exceeded": Infura uses it for rates and for sizes, other vendors mostly for sizes."""
BATCH: Final = "a batch"
"""What stands for the method where a batch of calls is refused as a whole."""
_RANGED: Final = frozenset({"eth_getLogs", "eth_newFilter", "eth_getFilterLogs", BATCH})
_CALLS: Final = frozenset({"eth_call", "eth_estimateGas"})


@struct(frozen=True, slots=True)
class _ErrorAnswer:
    """An error answer, as `classify` is given it."""

    code: int | None
    text: str
    http_status: int | None
    wait: float | None


_RULES: Final[tuple[tuple[Reaction, Callable[[_ErrorAnswer], object]], ...]] = (
    # Reverts first: their words are a contract's own, and prove nothing about the endpoint.
    (Reaction.REVERTED, lambda answer: answer.code == _REVERTED_CODE),
    (Reaction.REVERTED, lambda answer: REVERTED.search(answer.text) and answer.http_status != 429),
    # Codes that leave no doubt.
    (Reaction.RATE, lambda answer: answer.http_status == 429 or answer.code in _RATE_CODES),
    (Reaction.UNSUPPORTED, lambda answer: answer.code in _UNSUPPORTED_CODES),
    (Reaction.PRUNED, lambda answer: answer.code in _PRUNED_CODES),
    # Before lag: "block 5 is not available, history has been pruned" will never come.
    (Reaction.PRUNED, lambda answer: PRUNED.search(answer.text)),
    # Before ranges: "block range extends beyond current head block" is no matter of size.
    (Reaction.LAG, lambda answer: LAG.search(answer.text)),
    # What names a wait is a rate, whatever it is called.
    (Reaction.RATE, lambda answer: answer.wait is not None),
    # What says how many blocks would work is a range, whatever else it says.
    (Reaction.RANGE, lambda answer: names_a_range(answer.text)),
    # Before other ranges: "request limit exceeded" is no matter of size either.
    (Reaction.RATE, lambda answer: RATE.search(answer.text)),
    # Before what is unsupported: "ranges over 10000 blocks are not supported on freetier".
    (Reaction.RANGE, lambda answer: RANGE.search(answer.text)),
    (Reaction.UNSUPPORTED, lambda answer: UNSUPPORTED.search(answer.text)),
    # Codes that only suggest something.
    (Reaction.RATE, lambda answer: 402 in (answer.http_status, answer.code)),
    (Reaction.RANGE, lambda answer: answer.code == _LIMIT_EXCEEDED_CODE or answer.http_status == 413),
)
"""The first that fits says what helps."""


def classify(
    code: int | None,
    message: str,
    http_status: int | None = None,
    *,
    method: str = "eth_getLogs",
    wait: float | None = None,
) -> Refusal:
    """Tell what helps against an error answer; never raises.

    ``code`` and ``message`` are the error object's, ``http_status`` that of the HTTP answer with it, if any; ``wait``
    is how many seconds it asks to be left alone, which only a rate does.
    """
    answer = _ErrorAnswer(code, message[:_READ_AT_MOST], http_status, wait)
    first = next((reaction for reaction, fits in _RULES if fits(answer)), Reaction.OTHER)
    reaction = _for_method(first, method)
    if reaction is Reaction.RATE:
        exhausted = code in _EXHAUSTED_CODES or http_status == 402 or EXHAUSTED.search(answer.text) is not None
        return Refusal(reaction, code, message, exhausted=exhausted and wait is None, wait=wait)
    if reaction is not Reaction.RANGE:
        return Refusal(reaction, code, message)
    block_range, max_blocks = suggested_range(answer.text), suggested_limit(answer.text)
    if max_blocks is None and block_range is not None:
        max_blocks = block_range[1] - block_range[0] + 1
    return Refusal(reaction, code, message, max_blocks, block_range)


def _for_method(reaction: Reaction, method: str) -> Reaction:
    """What has no range cannot be refused for it: then it is the rate, or what a call was about."""
    if reaction is not Reaction.RANGE or method in _RANGED:
        return reaction
    return Reaction.OTHER if method in _CALLS else Reaction.RATE
