"""Why an Ethereum endpoint refused a request, told apart in this one place.

JSON-RPC fixes neither codes nor words for what matters to a reader of logs, and each vendor has its own, which change.
So the text is matched loosely, and what is not understood is `OTHER`, for which halving the range is a safe answer.
Sources of the wordings: go-ethereum, reth and EIP-1474, and the vendors' answers listed in the tests.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reaction(StrEnum):
    """What helps against a refusal."""

    LAG = "lag"
    """The endpoint has not got the block yet: wait, or ask another one. It says nothing about a reorg."""
    RANGE = "range"
    """Too many blocks, logs or bytes at once: ask for less, then grow again slowly."""
    RATE = "rate"
    """Too many requests, or no credit left: wait; asking for less does not help."""
    PRUNED = "pruned"
    """The endpoint no longer has blocks or states so old: nothing helps but another one."""
    UNSUPPORTED = "unsupported"
    """The endpoint does not do this at all: use another method or endpoint."""
    REVERTED = "reverted"
    """The contract that was called says no: an answer about what was asked, and the only refusal that is one."""
    OTHER = "other"
    """Anything else, an internal error for one."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, classified.

    ``max_blocks`` is how many blocks at once the text allows (at least 1), ``block_range`` the first and last block,
    both included, that it says would work; each is None where the text names none. They are hints of a stranger, who
    may have named what was asked instead: a reader who is refused again must shrink by itself.

    ``exhausted``: it is no matter of seconds, the plan's day or month is used up. ``wait`` is how many seconds the
    error itself asks to be left alone, None where it does not say.
    """

    reaction: Reaction
    code: int | None
    message: str
    max_blocks: int | None = None
    block_range: tuple[int, int] | None = None
    exhausted: bool = False
    wait: float | None = None

    @property
    def may_pass(self) -> bool:
        """Whether the same request, refused without a word that anybody understands, may be answered when asked again.

        Not where the request itself is called wrong.
        """
        return self.reaction is Reaction.OTHER and self.code not in _WRONG_REQUEST_CODES

    @property
    def less_may_help(self) -> bool:
        """Whether to ask for fewer blocks: because it says so, or because nobody understands what it says."""
        return self.reaction in (Reaction.RANGE, Reaction.OTHER)


_READ_AT_MOST: Final = 2_000
"""Characters of a message that are looked at: hostile ones may be long."""

_LARGEST_BLOCK: Final = 2**63 - 1
"""What the database can hold as a block number."""


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.ASCII | re.IGNORECASE)


_LAG: Final = _words(
    r"beyond (?:the )?(?:current |latest )?(?:head|block)",
    r"unknown (?:block|header)",
    r"\b(?:block|blocks|header)\b[^.]{0,80}\b(?:not (?:found|available)|cannot be found|does not exist|in the future)",
    r"(?:after|greater than|higher than|ahead of) (?:the )?(?:last|latest|current|head)",
    r"resource not found",
)
_PRUNED: Final = _words(
    r"\bprun(?:ed|ing)\b",
    r"missing trie node",
    r"\bhistor(?:y|ical|ies)\b[^.]{0,60}\b(?:unavailable|not available|no longer|not found|expired|deleted)",
    r"\b(?:unavailable|no|without)\b[^.]{0,20}\bhistorical\b",
    r"\barchiv(?:e|al)\b[^.]{0,60}\b(?:requests?|nodes?|states?|data|access|plan|not)\b",
    r"(?:older|earlier|before|lower) than[^.]{0,40}\b(?:oldest|earliest|first) (?:available|stored|known)? ?block",
    r"\bbefore (?:the )?(?:oldest|earliest|first available)\b",
)
_RATE: Final = _words(
    r"\brate[ -]?limit",
    r"\blimit(?:ed|ing)?\b[^.]{0,20}\brate\b",
    r"\brate (?:is |was )?exceeded",
    r"\b(?:requests? |call )rate\b",
    r"\b(?:rps|qps|tps|cups?|cu/s)\b",
    r"too many (?:\w+ )?(?:requests?|connections|calls)",
    r"too many concurrent",
    r"\b(?:concurren(?:t|cy)|in[ -]flight|parallel|simultaneous)\b[^.]{0,40}\b(?:limit|exceed|max|requests|calls)",
    r"\b(?:limit|exceed|max)[^.]{0,40}\b(?:concurren(?:t|cy)|in[ -]flight|parallel|simultaneous)\b",
    r"compute[ -]units?",
    r"(?:requests?|calls?|units?)(?: per | an? |/)\s?(?:sec|s\b|min|hour|day|month)",
    r"/sec(?:ond)?\b",
    r"requests? (?:limit|count|quota|cap)",
    r"(?:limit|number) of (?:allowed )?requests",
    r"requests? (?:has |have |is |are )?(?:been )?(?:limited|exceeded)",
    r"\b(?:throughput|throttl|quota|credits?\b|payment required|daily limit|monthly|usage limit|plan(?:'s)? limit)",
    r"\b(?:capacity|traffic) (?:limit )?(?:is |was |has been )?exceeded",
    r"exceeded[^.]{0,30}\b(?:capacity|allowance)\b",
    r"\bslow(?:ing)? down\b",
    r"\bback(?:ing)?[ -]?off\b",
    r"\b(?:try|retry) (?:again )?(?:in|after)\b",
    r"\b(?:server|node|service|upstream|endpoint) (?:is )?(?:too )?(?:busy|overloaded)",
    r"\berror (?:code:? )?1015\b",
)
_EXHAUSTED: Final = _words(
    r"\b(?:daily|monthly|per (?:day|month)|24[ -]?h(?:ours?)?)\b",
    r"\b(?:requests?|calls?|units?|limit|quota) (?:of|for) (?:the|this|your) (?:day|month)\b",
    r"\b(?:credits?|payment required|billing)\b",
    r"\b(?:upgrade|renew)\b[^.]{0,40}\bplan\b[^.]{0,40}\b(?:exhaust|used up|depleted)",
    r"\b(?:quota|capacity|units?|requests?)\b[^.]{0,30}\b(?:exhausted|used up|depleted)",
)
_RANGE: Final = _words(
    r"range\b.{0,60}(?:too (?:wide|large|big|many)|exceed|limit|max|not supported|should work)",
    r"(?:exceed|limit|max|up to|over|large|wide|reduc).{0,60}\b(?:range|blocks|results|logs)\b",
    r"(?:too (?:many|large|big)|more than|greater than|exceed).{0,40}\b(?:range|blocks?|results?|logs?|bytes|size)\b",
    r"\b(?:range|response|result|query|request|content|entity)\b.{0,40}(?:too (?:big|large|many)|timeout|timed out)",
    r"limit (?:is |was )?exceeded",
    r"exceed(?:s|ed)? (?:the )?(?:max(?:imum)? )?limit",
)
_UNSUPPORTED: Final = _words(
    r"not supported",
    r"unsupported",
    r"not implemented",
    r"\bmethods?\b.{0,80}(?:not found|not (?:exist|available|allowed|whitelisted|enabled)|does not exist|disabled)",
)

_REVERTED: Final = _words(
    r"\brevert(?:ed|s)?\b", r"\binvalid opcode\b", r"\bout of gas\b", r"\bstack (?:under|over)flow\b"
)
"""What clients say of a call that the contract ended, wherever in the text: the rest is the contract's own words."""
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
_RANGED: Final = frozenset({"eth_getLogs", "eth_newFilter", "eth_getFilterLogs"})
_CALLS: Final = frozenset({"eth_call", "eth_estimateGas"})
_UNSUPPORTED_CODES: Final = frozenset({-32601, -32004})
"""JSON-RPC 2.0's "method not found" and EIP-1474's "method not supported"."""
_LIMIT_EXCEEDED_CODE: Final = -32005
"""EIP-1474's "limit exceeded": Infura uses it for rates and for sizes, other vendors mostly for sizes."""


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
    text = message[:_READ_AT_MOST]
    reaction = _for_method(_reaction(code, text, http_status, wait), method)
    if reaction is Reaction.RATE:
        exhausted = code in _EXHAUSTED_CODES or http_status == 402 or _EXHAUSTED.search(text) is not None
        return Refusal(reaction, code, message, exhausted=exhausted and wait is None, wait=wait)
    if reaction is not Reaction.RANGE:
        return Refusal(reaction, code, message)
    block_range = _suggested_range(text)
    max_blocks = _suggested_limit(text)
    if max_blocks is None and block_range is not None:
        max_blocks = block_range[1] - block_range[0] + 1
    return Refusal(reaction, code, message, max_blocks, block_range)


def _for_method(reaction: Reaction, method: str) -> Reaction:
    """What has no range cannot be refused for it: there it is the rate, or what a call was about."""
    if reaction is not Reaction.RANGE or method in _RANGED:
        return reaction
    return Reaction.OTHER if method in _CALLS else Reaction.RATE


def _reaction(code: int | None, text: str, http_status: int | None, wait: float | None) -> Reaction:
    """The first of these that fits, in this order.

    1. Reverts: their words are a contract's, and prove nothing about the endpoint.
    2. Codes that leave no doubt: a rate by HTTP 429, an unknown method, pruned history.
    3. Pruned history, before lag: "block 5 is not available, history has been pruned" will never come.
    4. Lag, before ranges: "block range extends beyond current head block" is no matter of size.
    5. A wait that the error names: that is a rate, whatever it is called.
    6. Ranges that say how many blocks would work, which no rate does.
    7. Rates, before other ranges: "request limit exceeded" is no matter of size either.
    8. Ranges, before what is unsupported: "ranges over 10000 blocks are not supported on freetier".
    9. Codes that only suggest something.
    """
    certain = _certain(code, text, http_status)
    by_words = next((reaction for words, reaction in _BY_WORDS if words(text)), None)
    if certain is not None:
        return certain
    if wait is not None and by_words not in (Reaction.PRUNED, Reaction.LAG):
        return Reaction.RATE
    if by_words is not None:
        return by_words
    if 402 in (http_status, code):
        return Reaction.RATE
    return Reaction.RANGE if code == _LIMIT_EXCEEDED_CODE or http_status == 413 else Reaction.OTHER


def _certain(code: int | None, text: str, http_status: int | None) -> Reaction | None:
    if code == _REVERTED_CODE or (_REVERTED.search(text) and http_status != 429):
        return Reaction.REVERTED
    if http_status == 429 or code in _RATE_CODES:
        return Reaction.RATE
    if code in _UNSUPPORTED_CODES:
        return Reaction.UNSUPPORTED
    return Reaction.PRUNED if code in _PRUNED_CODES else None


def _is_range(text: str) -> bool:
    """Whether it says which blocks, or how many, would work: no rate does, however it is worded."""
    if _RANGE.search(text) is not None and _suggested_limit(text) is not None:
        return True
    return _SUGGESTS_RANGE.search(text) is not None and _suggested_range(text) is not None


_BY_WORDS: Final[tuple[tuple[Callable[[str], object], Reaction], ...]] = (
    (_PRUNED.search, Reaction.PRUNED),
    (_LAG.search, Reaction.LAG),
    (_is_range, Reaction.RANGE),
    (_RATE.search, Reaction.RATE),
    (_RANGE.search, Reaction.RANGE),
    (_UNSUPPORTED.search, Reaction.UNSUPPORTED),
)

_RANGE_IN_TEXT: Final = re.compile(
    r"(?P<first>0x[0-9a-f]{1,16}|[0-9]{1,18})\s*(?:,|-|\.\.|\bto\b)\s*(?P<last>0x[0-9a-f]{1,16}|[0-9]{1,18})",
    re.ASCII | re.IGNORECASE,
)
_SUGGESTS: Final = _words(r"should work", r"\b(?:re)?try\b", r"suggest", r"\binstead\b", r"\buse\b")
_SUGGESTS_RANGE: Final = _words(r"\b(?:block )?range\b")
_THOUSANDS: Final = re.compile(r"(?<=[0-9])[,_'](?=[0-9]{3}(?![0-9]))", re.ASCII)
_NUMBER: Final = r"(?<![0-9a-zx.])(?P<n>0x[0-9a-f]{1,16}|[0-9]{1,18})\s?(?P<unit>[km]?)(?![0-9a-z])"
_LIMIT_IN_TEXT: Final = (
    re.compile(_NUMBER + r"[\s-]{0,2}(?:blocks?\b|range)", re.ASCII | re.IGNORECASE),
    re.compile(
        r"\b(?:range|blocks)\b[^0-9.]{0,40}" + _NUMBER + r"(?!\s*(?:results|logs|bytes|[kmg]i?b\b))",
        re.ASCII | re.IGNORECASE,
    ),
)
_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000}


def _suggested_range(text: str) -> tuple[int, int] | None:
    """The block range that the text says would work, None where it only repeats what was asked."""
    if not _SUGGESTS.search(text):
        return None
    for match in _RANGE_IN_TEXT.finditer(_THOUSANDS.sub("", text)):
        first, last = _number(match["first"]), _number(match["last"])
        if first <= last <= _LARGEST_BLOCK:
            return first, last
    return None


def _suggested_limit(text: str) -> int | None:
    """The smallest number of blocks in the text: where two are named, the larger one is what was asked."""
    return min(_limits(_RANGE_IN_TEXT.sub(_without_blocks, _THOUSANDS.sub("", text))), default=None)


def _without_blocks(match: re.Match[str]) -> str:
    """Drop a range of blocks, whose ends are no limits; "limited to 0 - 10,000 blocks" is one."""
    return match["last"] if match["first"] == "0" else " "


def _limits(text: str) -> Iterator[int]:
    for pattern in _LIMIT_IN_TEXT:
        for match in pattern.finditer(text):
            limit = _number(match["n"]) * _UNITS[match["unit"].lower()]
            if 0 < limit <= _LARGEST_BLOCK:
                yield limit


def _number(digits: str) -> int:
    return int(digits, 16) if digits[:2].lower() == "0x" else int(digits)
