"""The words in which endpoints refuse, by what they mean.

Sources: go-ethereum, reth and EIP-1474, and the vendors' answers listed in the tests. They are matched loosely: each
vendor has its own, and changes them.
"""

import re
from typing import Final


def words(*alternatives: str) -> re.Pattern[str]:
    """What matches any of these, whatever its capitals."""
    return re.compile("|".join(alternatives), re.ASCII | re.IGNORECASE)


LAG: Final = words(
    r"beyond (?:the )?(?:current |latest )?(?:head|block)",
    r"unknown (?:block|header)",
    r"\b(?:block|blocks|header)\b[^.]{0,80}\b(?:not (?:found|available)|cannot be found|does not exist|in the future)",
    r"(?:after|greater than|higher than|ahead of) (?:the )?(?:last|latest|current|head)",
    r"resource not found",
)
"""The endpoint does not have the block yet."""
PRUNED: Final = words(
    r"\bprun(?:ed|ing)\b",
    r"missing trie node",
    r"\bhistor(?:y|ical|ies)\b[^.]{0,60}\b(?:unavailable|not available|no longer|not found|expired|deleted)",
    r"\b(?:unavailable|no|without)\b[^.]{0,20}\bhistorical\b",
    r"\barchiv(?:e|al)\b[^.]{0,60}\b(?:requests?|nodes?|states?|data|access|plan|not)\b",
    r"(?:older|earlier|before|lower) than[^.]{0,40}\b(?:oldest|earliest|first) (?:available|stored|known)? ?block",
    r"\bbefore (?:the )?(?:oldest|earliest|first available)\b",
)
"""It does not have blocks or states so old any more."""
RATE: Final = words(
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
"""Too many requests, or no credit left."""
EXHAUSTED: Final = words(
    r"\b(?:daily|monthly|per (?:day|month)|24[ -]?h(?:ours?)?)\b",
    r"\b(?:requests?|calls?|units?|limit|quota) (?:of|for) (?:the|this|your) (?:day|month)\b",
    r"\b(?:credits?|payment required|billing)\b",
    r"\b(?:upgrade|renew)\b[^.]{0,40}\bplan\b[^.]{0,40}\b(?:exhaust|used up|depleted)",
    r"\b(?:quota|capacity|units?|requests?)\b[^.]{0,30}\b(?:exhausted|used up|depleted)",
)
"""Of a rate: it is not a matter of seconds, the plan's day or month is used up."""
RANGE: Final = words(
    r"range\b.{0,60}(?:too (?:wide|large|big|many)|exceed|limit|max|not supported|should work)",
    r"(?:exceed|limit|max|up to|over|large|wide|reduc).{0,60}\b(?:range|blocks|results|logs)\b",
    r"(?:too (?:many|large|big)|more than|greater than|exceed).{0,40}\b(?:range|blocks?|results?|logs?|bytes|size)\b",
    r"\b(?:range|response|result|query|request|content|entity)\b.{0,40}(?:too (?:big|large|many)|timeout|timed out)",
    r"limit (?:is |was )?exceeded",
    r"exceed(?:s|ed)? (?:the )?(?:max(?:imum)? )?limit",
)
"""Too many blocks, logs or bytes at once."""
UNSUPPORTED: Final = words(
    r"not supported",
    r"unsupported",
    r"not implemented",
    r"\bmethods?\b.{0,80}(?:not found|not (?:exist|available|allowed|whitelisted|enabled)|does not exist|disabled)",
)
"""It does not do this at all."""

REVERTED: Final = words(
    r"\brevert(?:ed|s)?\b", r"\binvalid opcode\b", r"\bout of gas\b", r"\bstack (?:under|over)flow\b"
)
"""What clients say of a call that the contract ended, wherever in the text: the rest is the contract's own words."""
