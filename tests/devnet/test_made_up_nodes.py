"""The made-up nodes of the tests answer as a real one does, in form and in what they know nothing of."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connext_monitor.core.calls import NONCE_CALL
from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.monitoring.chain_data import to_hex
from scripts.devnet import Devnet
from tests.monitoring.covering import Whole
from tests.simulation.endpoint_view import EndpointView
from tests.simulation.small_worlds import HERE, POLLED, story, transfer
from tests.simulation.world import World
from tests.simulation.written_log import contract_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

Ask = Callable[[str, list[Any]], Awaitable[Any]]
"""From a method and its parameters to the result."""

UNKNOWN = "0x" + "ab" * 32
QUANTITY = re.compile("0x(0|[1-9a-f][0-9a-f]*)")


def form(value: object) -> object:
    """How a value is written: hex of a fixed length, a number, bytes of any length, null, or what holds such."""
    if isinstance(value, dict):
        return {name: form(member) for name, member in value.items()}
    if isinstance(value, list):
        return [form(member) for member in value]
    if not isinstance(value, str):
        return value
    if len(value) in (42, 66, 514):
        return f"{len(value) // 2 - 1} bytes"
    return "quantity" if QUANTITY.fullmatch(value) else "bytes"


def forms_alike(made_up: object, real: object) -> bool:
    """Whether all that the made-up node says has the form of what the real one says; that may say more."""
    if isinstance(made_up, dict) and isinstance(real, dict):
        return all(name in real and forms_alike(member, real[name]) for name, member in made_up.items())
    if isinstance(made_up, list) and isinstance(real, list) and made_up and real:
        return all(forms_alike(member, real[0]) for member in made_up)
    return made_up == real


async def answers(ask: Ask, contract: str, with_log: int, empty: int) -> dict[str, object]:
    """The forms of a node's answers to all that the monitor asks; block ``with_log`` has a log, ``empty`` none."""
    head = await ask("eth_getBlockByNumber", ["latest", False])
    number = int(head["number"], 16)
    topics = [[to_hex(topic) for topic in EVENT_TOPICS]]

    def logs_in(block: int) -> list[Any]:
        return [{"address": contract, "topics": topics, "fromBlock": hex(block), "toBlock": hex(block)}]

    said = {
        "the head": head,
        "the head by its height": await ask("eth_getBlockByNumber", [hex(number), False]),
        "the head by its hash": await ask("eth_getBlockByHash", [head["hash"], False]),
        "a block above the head": await ask("eth_getBlockByNumber", [hex(number + 10), False]),
        "a block of an unknown hash": await ask("eth_getBlockByHash", [UNKNOWN, False]),
        "logs where there are some": await ask("eth_getLogs", logs_in(with_log)),
        "logs where there are none": await ask("eth_getLogs", logs_in(empty)),
        "the chain id": await ask("eth_chainId", []),
        "the nonce": await ask("eth_call", [{"to": contract, "data": to_hex(NONCE_CALL)}, hex(number)]),
    }
    assert said["the head by its height"] == said["the head by its hash"] == head
    return {question: form(answer) for question, answer in said.items()}


async def real_answers(devnet: Devnet) -> dict[str, object]:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta)
    await alpha.mine()
    return await answers(alpha.rpc, alpha.contract, transfer.block_number, await alpha.head())


async def test_a_made_up_node_answers_in_the_forms_of_a_real_one(devnet: Devnet) -> None:
    real = await real_answers(devnet)
    node = Whole(20, logs=[5])

    async def ask(method: str, params: list[Any]) -> Any:
        return json.loads(node.answer({"id": 1, "method": method, "params": params}))["result"]

    made_up = await answers(ask, "0x" + "11" * 20, 5, 20)
    differ = [question for question in real if not forms_alike(made_up[question], real[question])]
    assert differ == [], {question: (made_up[question], real[question]) for question in differ}


async def test_a_simulated_endpoint_answers_in_the_forms_of_a_real_one(devnet: Devnet) -> None:
    real = await real_answers(devnet)
    world = World(story(transfer()))
    world.advance(50.0)
    ledger = world.ledger(HERE)
    view = EndpointView(ledger, POLLED, ledger.head.number, ledger.honest_final)

    async def ask(method: str, params: list[Any]) -> Any:
        return json.loads(view.answer(method, params))

    (with_log,) = ledger.with_logs
    simulated = await answers(ask, to_hex(contract_of(HERE)), with_log, ledger.head.number)
    differ = [question for question in real if not forms_alike(simulated[question], real[question])]
    assert differ == [], {question: (simulated[question], real[question]) for question in differ}
