"""How vendors word their refusals, and the limits behind them.

Sources: go-ethereum and reth, and the answers of the vendors' endpoints.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Counts(Enum):
    """What a vendor's limit is on."""

    BLOCKS = "blocks"
    """The blocks of the range that is asked about."""
    LOGS = "logs"
    """The logs that are found in it."""


@dataclass(frozen=True, slots=True)
class RangeWords:
    """The error of a range that is too large.

    ``text`` may name the ``{limit}``, and the range that would work by its ``{first}`` and ``{last}`` block, in hex
    as ``{first:#x}``.
    """

    code: int
    text: str
    counts: Counts = Counts.BLOCKS


@dataclass(frozen=True, slots=True)
class RateWords:
    """The error of too many requests; ``status`` is that of the answer over HTTP."""

    code: int
    text: str
    status: int = 200


RANGES: Final = {
    "geth": RangeWords(-32602, "exceed maximum block range {limit}"),
    "reth blocks": RangeWords(-32602, "query exceeds max block range {limit}"),
    "reth results": RangeWords(
        -32602, "query exceeds max results {limit}, retry with the range {first}-{last}", Counts.LOGS
    ),
    "alchemy size": RangeWords(
        -32602,
        "Log response size exceeded. Based on your parameters, this block range should work: [{first:#x}, {last:#x}]",
        Counts.LOGS,
    ),
    "alchemy range": RangeWords(-32600, "You can make eth_getLogs requests with up to a {limit} block range"),
    "infura": RangeWords(
        -32005,
        "query returned more than {limit} results. Try with this block range [{first:#x}, {last:#x}].",
        Counts.LOGS,
    ),
    "quicknode": RangeWords(-32614, "eth_getLogs is limited to a {limit:,} range"),
    "ankr": RangeWords(-32600, "block range is too wide"),
    "drpc": RangeWords(35, "ranges over {limit} blocks are not supported on freetier"),
    "limited to": RangeWords(-32000, "eth_getLogs is limited to {limit} block range"),
    "limit exceeded": RangeWords(-32000, "Block range limit exceeded."),
    "too large": RangeWords(-32000, "range is too large, max is {limit} blocks"),
    "maximum": RangeWords(-32000, "maximum block range: {limit}"),
    "max range": RangeWords(-32000, "Max range: {limit}"),
    "requested": RangeWords(-32000, "Maximum allowed number of requested blocks is {limit}"),
    "at most": RangeWords(-32000, "limit the query to at most {limit} blocks"),
    "bytes": RangeWords(-32000, "response size should not greater than 150000000 bytes", Counts.LOGS),
    "backend": RangeWords(-32000, "backend response too large", Counts.LOGS),
    "matched": RangeWords(-32000, "logs matched by query exceeds limit of {limit}", Counts.LOGS),
    "bare": RangeWords(-32005, "limit exceeded", Counts.LOGS),
    "too big": RangeWords(-32008, "Response is too big", Counts.LOGS),
}
"""By a name for the vendor, or for the wording where several share it."""

RATES: Final = {
    "http": RateWords(429, "Too Many Requests", 429),
    "payment": RateWords(402, "Payment Required", 402),
    "infura": RateWords(-32005, "project ID request rate exceeded", 429),
    "alchemy": RateWords(429, "Your app has exceeded its compute units per second capacity."),
    "quicknode": RateWords(-32007, "50/second request limit reached - reduce calls per second"),
    "quicknode credits": RateWords(-32012, "You have used up your credits"),
    "base": RateWords(-32016, "over rate limit"),
}
"""By a name for the vendor."""
