"""Asking a chain for a token: which refusals say something about it."""

from typing import Any

import pytest

from connext_monitor.monitoring.chain_queries import Unanswered
from tests.monitoring.made_up_chain import CONTRACT
from tests.monitoring.nodes import error
from tests.monitoring.querying import Answering, querying

REFUSALS = [
    (429, "Too many requests"),
    (-32005, "You have exceeded the RPS limit"),
    (-32000, "header not found"),
    (-32000, "missing trie node 5f2a"),
    (-32603, "Internal error"),
    (-32600, "eth_call is not available on your plan"),
    (-32601, "the method eth_call does not exist/is not available"),
    (-32000, "execution aborted (timeout = 5s)"),
    (-32005, "limit exceeded"),
]


class Refusing(Answering):
    """As `Answering`, and refuses eth_call."""

    refusal: tuple[int, str] = (3, "execution reverted")

    def answer(self, request: dict[str, Any]) -> str:
        return error(request, *self.refusal) if request["method"] == "eth_call" else super().answer(request)


@pytest.mark.parametrize("refusal", REFUSALS, ids=[text for _, text in REFUSALS])
async def test_a_refusal_that_is_not_about_a_token_is_no_answer(
    refusal: tuple[int, str],
) -> None:
    node = Refusing(120)
    node.refusal = refusal
    async with querying(node, patience=0.1) as (queries, _, _):
        with pytest.raises(Unanswered):
            await queries.token(CONTRACT)


@pytest.mark.parametrize(
    "refusal",
    [
        (3, "execution reverted"),
        (-32000, "execution reverted: too many requests"),
        (-32000, "VM Exception while processing transaction: reverted with reason string 'rate limit exceeded'"),
        (-32015, "VM execution error. Reverted 0x"),
        (-32000, "invalid opcode: INVALID"),
    ],
)
async def test_a_token_that_reverts_has_no_name(refusal: tuple[int, str]) -> None:
    node = Refusing(120)
    node.refusal = refusal
    async with querying(node) as (queries, _, state):
        assert await queries.token(CONTRACT) is None
        assert state.endpoint is not None
        assert state.endpoint.pacer.throttle.refusals == 0
