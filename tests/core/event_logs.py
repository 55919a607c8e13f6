"""Logs of the bridge, real ones and made-up ones, and how eth-abi reads them."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import strategies as st

from connext_monitor.core.decoding import (
    EXECUTED_TOPIC,
    RECONCILED_TOPIC,
    XCALLED_TOPIC,
    MalformedLog,
    decode,
    encode_event,
)
from connext_monitor.core.events import Executed, RawLog, Reconciled, TransferEvent, TransferInfo, XCalled
from tests.core.eth_abi_oracle import ARGS, INFO, eth_abi_reads
from tests.world.strategies import addresses, calldata, events, executeds, log_of, raw_log

INDEXED = {
    XCALLED_TOPIC: ("bytes32", "uint256", "bytes32"),
    EXECUTED_TOPIC: ("bytes32", "address", "address"),
    RECONCILED_TOPIC: ("bytes32", "uint32", "address"),
}
DATA = {
    XCALLED_TOPIC: (INFO, "address", "uint256", "address", "bytes"),
    EXECUTED_TOPIC: (ARGS, "address", "uint256", "address"),
    RECONCILED_TOPIC: ("address[]", "uint256", "address"),
}
SIGNATURES = {
    XCALLED_TOPIC: f"XCalled(bytes32,uint256,bytes32,{INFO},address,uint256,address,bytes)",
    EXECUTED_TOPIC: f"Executed(bytes32,address,address,{ARGS},address,uint256,address)",
    RECONCILED_TOPIC: "Reconciled(bytes32,uint32,address,address[],uint256,address)",
}
REAL_LOGS = json.loads(Path(__file__).with_name("real_logs.json").read_text())

logs = events.map(log_of)


def real_log(name: str) -> RawLog:
    log = REAL_LOGS[name]
    return raw_log(tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]), bytes.fromhex(log["data"][2:]))


def decoded(log: RawLog) -> TransferEvent | None:
    """Return the event, or None where it is refused."""
    try:
        return decode(log)
    except MalformedLog:
        return None


def eth_abi_decodes(log: RawLog) -> TransferEvent | None:
    """Return the event as eth_abi reads it, or None where it refuses; the first topic must be one of ours."""
    topic = log.topics[0]
    indexed, data = eth_abi_reads(INDEXED[topic], b"".join(log.topics[1:])), eth_abi_reads(DATA[topic], log.data)
    if indexed is None or data is None:
        return None
    if topic == XCALLED_TOPIC:
        return XCalled(*(*indexed, TransferInfo(*data[0]), *data[1:]))
    if topic == EXECUTED_TOPIC:
        params, routers, *_ = data[0]
        return Executed(*(*indexed, TransferInfo(*params), routers, *data[1:]))
    return Reconciled(*(*indexed, *data))


def nonces_of(event: TransferEvent) -> list[int]:
    if isinstance(event, Reconciled):
        return []
    return [event.params.nonce, *([event.nonce] if isinstance(event, XCalled) else [])]


def values_of(record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, field.name) for field in fields(record))


def refusal(log: RawLog) -> str:
    with pytest.raises(MalformedLog) as caught:
        decode(log)
    return str(caught.value)


@st.composite
def foreign_executed_logs(draw: st.DrawFn) -> tuple[Executed, RawLog]:
    """An Executed, and its log with any sequencer and any signatures, as eth_abi encodes it."""
    event = draw(executeds)
    signatures = draw(st.lists(calldata, max_size=3))
    args = (values_of(event.params), event.routers, signatures, draw(addresses), draw(calldata))
    data = encode(DATA[EXECUTED_TOPIC], (args, event.local, event.amount, event.caller))
    return event, raw_log(encode_event(event)[0], data)
