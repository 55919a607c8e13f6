"""What an execution would come to, asked of loopback nodes that answer, revert, refuse and lie."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from connext_monitor.core.decoding import encode_event, transfer_id_of
from connext_monitor.core.events import Address, BlockNumber, DomainId, TransferInfo
from connext_monitor.core.execution import (
    SimulatedExecution,
    approved_relayer_call,
    execute_call,
    recipient_call,
)
from connext_monitor.core.keccak import keccak
from connext_monitor.monitoring.any_endpoint import Unanswered
from tests.monitoring.made_up_chain import CONTRACT
from tests.monitoring.nodes import error, result
from tests.monitoring.querying import Answering, querying
from tests.world.alerts import INFO, RECIPIENT, SENDER, sighting
from tests.world.transfers import xcalled

MESSAGE = replace(INFO, canonical_domain=DomainId(0), bridged_amount=0, call_data=b"\x01\x02")
ID = transfer_id_of(MESSAGE)
STRANGER, RELAYER = Address(b"\x51" * 20), Address(b"\x52" * 20)
NO, YES = bytes(32), (1).to_bytes(32)
NOT_RECONCILED = keccak(b"BridgeFacet__execute_notReconciled()")[:4]
REVERTED = "execution reverted"


class Simulating(Answering):
    """As `Answering`; ``answers`` says by a call's first bytes what it returns, or reverts with where that is text."""

    def __init__(self, answers: Mapping[bytes, bytes | str] | None = None) -> None:
        super().__init__(120)
        self.answers = {execute_call(MESSAGE): ID, **(answers or {})}

    def answer(self, request: dict[str, Any]) -> str:
        usual = super().answer(request)
        if request["method"] != "eth_call" or "eth_call" in self.refuses:
            return usual
        asked = bytes.fromhex(request["params"][0]["data"][2:])
        answer = next((answer for start, answer in self.answers.items() if asked.startswith(start)), NO)
        if isinstance(answer, bytes):
            return result(request, "0x" + answer.hex())
        failed = json.loads(error(request, 3, REVERTED))
        failed["error"]["data"] = answer
        return json.dumps(failed)

    def shows_xcalled(self, info: TransferInfo) -> None:
        topics, data = encode_event(replace(xcalled(info, sighting(1)).event, transfer_id=ID))
        self.logs = [90]
        self.log_changes = {"topics": ["0x" + topic.hex() for topic in topics], "data": "0x" + data.hex()}


async def simulated(node: Answering, info: TransferInfo = MESSAGE, *others: Answering) -> SimulatedExecution:
    async with querying(node, others=others) as (queries, _, _):
        return await queries.simulated_execution(ID, info, [STRANGER, RELAYER])


async def test_it_is_made_by_the_first_approved_relayer_after_the_covered_block() -> None:
    node = Simulating({approved_relayer_call(RELAYER): YES})
    assert await simulated(node) == SimulatedExecution(BlockNumber(100), by_relayer=True)
    (call,) = [call for call in node.calls("eth_call") if call[0]["data"] == "0x" + execute_call(MESSAGE).hex()]
    assert call[0]["from"] == "0x" + RELAYER.hex()
    assert {call[1] for call in node.calls("eth_call")} == {hex(100)}


async def test_where_no_relayer_is_approved_the_delegate_makes_it() -> None:
    node = Simulating()
    assert await simulated(node) == SimulatedExecution(BlockNumber(100), by_relayer=False)
    assert "0x" + SENDER.hex() in [call[0].get("from") for call in node.calls("eth_call")]


async def test_a_revert_is_named() -> None:
    node = Simulating({execute_call(MESSAGE): "0x" + NOT_RECONCILED.hex()})
    assert (await simulated(node)).reverts == "BridgeFacet__execute_notReconciled"


async def test_a_recipient_that_would_revert_is_named() -> None:
    receive = recipient_call(ID, MESSAGE)
    assert receive is not None
    node = Simulating({receive: "Reverted 0x" + NOT_RECONCILED.hex()})
    said = await simulated(node)
    assert (said.reverts, said.recipient_reverts) == (None, "BridgeFacet__execute_notReconciled")
    assert node.calls("eth_call")[-1][0] == {
        "from": "0x" + CONTRACT.hex(), "to": "0x" + RECIPIENT.hex(), "data": "0x" + receive.hex(),
    }  # fmt: skip


@pytest.mark.parametrize("answer", [b"", YES])
async def test_another_answer_than_the_transfers_id_is_none(answer: bytes) -> None:
    with pytest.raises(Unanswered, match="not the executed transfer's id"):
        await simulated(Simulating({execute_call(MESSAGE): answer}))


async def test_what_a_chain_other_than_ours_says_is_no_answer() -> None:
    node = Simulating()
    node.branch = dict.fromkeys(range(121), 1)
    with pytest.raises(Unanswered, match="different block"):
        await simulated(node)


async def test_where_one_endpoint_refuses_another_answers() -> None:
    node = Simulating()
    node.refuses = ("eth_call",)
    assert (await simulated(node, MESSAGE, Simulating())).reverts is None


async def test_the_params_are_read_from_the_block_of_their_xcalled() -> None:
    node = Simulating()
    async with querying(node) as (queries, _, _):
        node.shows_xcalled(MESSAGE)
        assert await queries.sent_params(ID, BlockNumber(90)) == MESSAGE
    (criteria,) = node.calls("eth_getLogs")[0]
    assert (criteria["fromBlock"], criteria["toBlock"], criteria["topics"][1]) == (hex(90), hex(90), "0x" + ID.hex())


async def test_params_that_do_not_hash_to_the_transfer_are_not_taken() -> None:
    liar, honest = Simulating(), Simulating()
    async with querying(liar, others=[honest]) as (queries, _, _):
        liar.shows_xcalled(replace(MESSAGE, call_data=b"\x03"))
        assert await queries.sent_params(ID, BlockNumber(90)) is None
        honest.shows_xcalled(MESSAGE)
        assert await queries.sent_params(ID, BlockNumber(90)) == MESSAGE
