"""Values as an endpoint writes them."""

import json
from typing import Any

import msgspec

from connext_monitor.core.events import RawLog
from connext_monitor.monitoring.chain_data import to_hex


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def entry(log: RawLog, **changes: object) -> dict[str, Any]:
    return {
        "address": to_hex(log.address),
        "topics": [to_hex(topic) for topic in log.topics],
        "data": to_hex(log.data),
        "blockNumber": hex(log.block_number),
        "blockHash": to_hex(log.block_hash),
        "transactionHash": to_hex(log.tx_hash),
        "transactionIndex": "0x0",
        "logIndex": hex(log.log_index),
        "removed": False,
    } | changes
