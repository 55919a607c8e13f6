"""The reactions to refusals, against the wordings of the vendors and whatever else may come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.rpc_refusal import Reaction, classify

RANGES = [
    # who, code, text, the limit it names
    ("geth", -32602, "exceed maximum block range 5000", 5_000),
    ("reth blocks", -32602, "query exceeds max block range 100000", 100_000),
    ("reth results", -32602, "query exceeds max results 20000, retry with the range 100-299", 200),
    ("alchemy range", -32602, "Log response size exceeded. This block range should work: [0x10, 0x1f]", 16),
    ("alchemy 2K", -32602, "You can make eth_getLogs requests with up to a 2K block range.", 2_000),
    ("alchemy 500", -32600, "You can make eth_getLogs requests with up to a 500 block range", 500),
    ("infura", -32005, "query returned more than 10000 results. Try with this block range [0x1, 0x64].", 100),
    ("quicknode", -32614, "eth_getLogs is limited to a 10,000 range", 10_000),
    ("ankr", -32600, "block range is too wide", None),
    ("drpc", 35, "ranges over 10000 blocks are not supported on freetier", 10_000),
    ("limited", -32000, "eth_getLogs is limited to 1024 block range. Please check the parameter requirements", 1_024),
    ("limit exceeded with range", -32000, "Block range limit exceeded.", None),
    ("1k", -32000, "range is too large, max is 1k blocks", 1_000),
    ("maximum block range", -32000, "maximum block range: 2048", 2_048),
    ("max range", -32000, "Max range: 800", 800),
    ("requested blocks", -32000, "Maximum allowed number of requested blocks is 9000", 9_000),
    ("at most", -32000, "limit the query to at most 3000 blocks", 3_000),
    ("bytes", -32000, "response size should not greater than 150000000 bytes", None),
    ("too large", -32000, "block range too large", None),
    ("backend", -32000, "backend response too large", None),
    ("matched", -32000, "logs matched by query exceeds limit of 10000", None),
    ("bare limit", -32005, "limit exceeded", None),
    ("too big", -32008, "Response is too big", None),
    ("asked and allowed", -32000, "block range 50000 exceeds the maximum of 2000 blocks", 2_000),
    ("from zero", -32000, "eth_getLogs is limited to 0 - 10,000 blocks range", 10_000),
    ("hex limit", -32000, "max block range 0x400", 1_024),
    ("asked for, echoed", -32000, "block range [0x1, 0xffff] is too large", None),
    ("timeout", -32000, "Query timeout exceeded. Consider reducing your block range.", None),
    ("plan", -32600, "your plan limits requests per call: max block range 500, upgrade your plan", 500),
    ("by status", None, "Request Entity Too Large", None),
    ("by code alone", -32005, "no", None),
]

OTHERS = [
    ("geth beyond head", -32602, "block range extends beyond current head block", None, Reaction.LAG),
    ("reth beyond head", -32602, "block range extends beyond current head block: 5 > 4", None, Reaction.LAG),
    ("geth header", -32000, "header not found", None, Reaction.LAG),
    ("geth hash", -32000, "header for hash not found", None, Reaction.LAG),
    ("unknown block", -39001, "Unknown block", None, Reaction.LAG),
    (
        "nethermind",
        -32001,
        "One of the blocks specified in filter (fromBlock, toBlock) cannot be found.",
        None,
        Reaction.LAG,
    ),
    ("avalanche", -32000, "requested to block 12 after last accepted block 10", None, Reaction.LAG),
    ("eip-1474", -32001, "Resource not found", None, Reaction.LAG),
    ("http 429", None, "", 429, Reaction.RATE),
    ("http 429 speaking of ranges", -32005, "block range too large", 429, Reaction.RATE),
    ("http 402", None, "", 402, Reaction.RATE),
    ("code 429", 429, "slow down", None, Reaction.RATE),
    ("alchemy units", -32000, "Your app has exceeded its compute units per second capacity.", None, Reaction.RATE),
    ("infura rate", -32005, "project ID request rate exceeded", None, Reaction.RATE),
    ("infura daily", -32005, "daily request count exceeded, request rate limited", None, Reaction.RATE),
    ("quicknode rate", -32007, "50/second request limit reached - reduce calls per second", None, Reaction.RATE),
    ("quicknode credits", -32012, "You have used up your credits", None, Reaction.RATE),
    ("base", -32016, "over rate limit", None, Reaction.RATE),
    ("too many requests", -32005, "Too Many Requests", None, Reaction.RATE),
    ("chainstack", -32005, "You have exceeded the RPS limit", None, Reaction.RATE),
    ("chainstack plan", -32097, "Requests have reached the throughput limit", None, Reaction.RATE),
    (
        "quicknode 15",
        -32007,
        "15/second request limit reached - reduce calls per second or upgrade",
        None,
        Reaction.RATE,
    ),
    ("ankr", -32029, "Too many requests, reason: call rate limit exhausted, retry in 10s", None, Reaction.RATE),
    ("publicnode", -32000, "rate limited", None, Reaction.RATE),
    ("blast", -32098, "Capacity limit exceeded", None, Reaction.RATE),
    ("getblock", -32000, "You have reached the requests per second limit", None, Reaction.RATE),
    ("tenderly", -32005, "rate limit exceeded, please upgrade your plan", None, Reaction.RATE),
    ("llama", -32000, "Rate limit exceeded", None, Reaction.RATE),
    ("1rpc", -32001, "You've reached the usage limit for your current plan", None, Reaction.RATE),
    ("drpc", 15, "Too many request, try again later", None, Reaction.RATE),
    ("infura cu", -32005, "exceeded maximum number of requests per second", None, Reaction.RATE),
    ("concurrent", -32000, "too many concurrent requests", None, Reaction.RATE),
    ("in flight", -32000, "max number of in-flight requests reached", None, Reaction.RATE),
    ("cloudflare", None, "error code: 1015", None, Reaction.RATE),
    ("slow down", -32000, "please slow down", None, Reaction.RATE),
    ("moralis", 141, "This request would exceed your plan's CU/s limit", None, Reaction.RATE),
    ("busy", -32000, "server is busy", None, Reaction.RATE),
    (
        "method not found",
        -32601,
        "the method eth_subscribe does not exist/is not available",
        None,
        Reaction.UNSUPPORTED,
    ),
    ("by words", -32000, "Method eth_getBlockByNumber not found", None, Reaction.UNSUPPORTED),
    ("geth over http", -32000, "notifications not supported", None, Reaction.UNSUPPORTED),
    ("revert", 3, "execution reverted: rate limit exceeded, block not found", None, Reaction.REVERTED),
    ("revert by words", -32000, "execution reverted: too many requests", None, Reaction.REVERTED),
    ("gas", -32000, "gas required exceeds allowance (50000000)", None, Reaction.OTHER),
    ("params", -32602, "invalid block range params", None, Reaction.OTHER),
    ("nothing", None, "", None, Reaction.OTHER),
    ("eip-4444", 4444, "pruned history unavailable", None, Reaction.PRUNED),
    ("geth state", -32000, "missing trie node 5f2a (path ) state 0x5f2a is not available", None, Reaction.PRUNED),
    ("geth history", -32000, "required historical state unavailable (reexec=128)", None, Reaction.PRUNED),
    ("publicnode", -32701, "History has been pruned for this block. To remove restrictions", None, Reaction.PRUNED),
    ("besu", -32000, "Block 5 not found: history has been pruned", None, Reaction.PRUNED),
    ("infura", -32002, "project ID does not have access to archive state", None, Reaction.PRUNED),
    ("quicknode", -32000, "Archive requests require a plan with archive access", None, Reaction.PRUNED),
    (
        "nethermind",
        -32000,
        "No historical logs before block 100 are stored: older than the oldest stored block",
        None,
        Reaction.PRUNED,
    ),
    ("reverted about history", 3, "execution reverted: history unavailable", None, Reaction.REVERTED),
    ("rate, speaking of archives", -32005, "archive requests are limited to 5 per second", 429, Reaction.RATE),
]


@pytest.mark.parametrize(("code", "text", "limit"), [row[1:] for row in RANGES], ids=[row[0] for row in RANGES])
def test_a_range_or_size_refusal_is_known_with_the_limit_it_names(
    code: int | None, text: str, limit: int | None
) -> None:
    refusal = classify(code, text, 413 if code is None else None)
    assert (refusal.reaction, refusal.max_blocks) == (Reaction.RANGE, limit)


@pytest.mark.parametrize(
    ("code", "text", "status", "reaction"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS]
)
def test_every_other_refusal_gets_its_reaction(
    code: int | None, text: str, status: int | None, reaction: Reaction
) -> None:
    assert classify(code, text, status).reaction is reaction


@pytest.mark.parametrize(
    "text",
    [
        "this block range should work: [0x64, 0x12b]",
        "query exceeds max results 20000, retry with the range 100-299",
        "query returned more than 10000 results. Try with this block range [0x64, 0x12B].",
    ],
)
def test_a_suggested_range_is_read_in_hex_and_decimal(text: str) -> None:
    assert classify(-32602, text).block_range == (100, 299)


def test_a_suggested_range_that_ends_before_it_begins_is_ignored() -> None:
    assert classify(-32602, "this block range should work: [0x64, 0x1]").block_range is None


def test_the_code_and_the_words_are_kept() -> None:
    refusal = classify(-32000, "header not found")
    assert (refusal.code, refusal.message) == (-32000, "header not found")


VOCABULARY = st.sampled_from(
    [
        "block",
        "range",
        "limit",
        "exceeded",
        "max",
        "[0x",
        "0",
        "k",
        "2K",
        "10,000",
        "-",
        "to",
        "try",
        "1" * 30,
        "0x" + "f" * 40,
        "²",
        ",",
        ":",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(VOCABULARY).map(" ".join), st.lists(VOCABULARY).map("".join))


@given(st.none() | st.integers(), TEXTS, st.none() | st.integers(100, 599))
def test_whatever_comes_a_suggestion_is_positive_and_nothing_raises(
    code: int | None, text: str, status: int | None
) -> None:
    refusal = classify(code, text, status)
    first, last = refusal.block_range or (0, 0)
    assert refusal.max_blocks is None or 0 < refusal.max_blocks < 2**63
    assert 0 <= first <= last < 2**63


@given(st.integers(1, 10**12), st.sampled_from(["{}", "{:,}", "{:#x}"]))
def test_a_limit_is_read_however_its_number_is_written(limit: int, shape: str) -> None:
    assert classify(-32000, f"exceed maximum block range {shape.format(limit)}").max_blocks == limit


@pytest.mark.parametrize(
    ("code", "text", "exhausted"),
    [
        (-32005, "daily request count exceeded, request rate limited", True),
        (-32012, "You have used up your credits", True),
        (402, "Payment Required", True),
        (-32000, "Monthly capacity limit exceeded. Visit https://example.com", True),
        (-32005, "project ID request rate exceeded", False),
        (429, "Your app has exceeded its compute units per second capacity", False),
    ],
)
def test_a_used_up_day_or_month_is_not_waited_out(code: int, text: str, exhausted: bool) -> None:
    refusal = classify(code, text)
    assert (refusal.reaction, refusal.exhausted) == (Reaction.RATE, exhausted)


def test_whoever_names_a_wait_means_the_rate() -> None:
    assert classify(-32005, "limit exceeded", wait=0.25).reaction is Reaction.RATE
    assert classify(-32000, "header not found, try again in 1s", wait=1).reaction is Reaction.LAG
    assert classify(-32000, "block range too large, retry with less", wait=None).reaction is Reaction.RANGE


@pytest.mark.parametrize(
    ("method", "reaction"),
    [
        ("eth_getLogs", Reaction.RANGE),
        ("eth_getBlockByHash", Reaction.RATE),
        ("eth_chainId", Reaction.RATE),
        ("eth_call", Reaction.OTHER),
    ],
)
def test_what_has_no_range_is_not_refused_for_it(method: str, reaction: Reaction) -> None:
    assert classify(-32005, "limit exceeded", method=method).reaction is reaction


@pytest.mark.parametrize(
    "text",
    [
        "VM Exception while processing transaction: reverted with reason string 'too many requests'",
        "VM execution error. Reverted 0x",
        "The execution failed due to an exception. Reverted: rate limit",
    ],
)
def test_a_revert_worded_like_a_limit_slows_nothing_down(text: str) -> None:
    assert classify(-32000, text, method="eth_call").reaction is Reaction.REVERTED
