"""What is asked about a block: its header, by height, hash or tag, and what a call answers in the state after it."""

from typing import TypeAlias

import msgspec

from connext_monitor.core.events import Address, BlockNumber, Hash32
from connext_monitor.monitoring.chain_data import Header, to_hex
from connext_monitor.monitoring.json_rpc import RpcCall
from connext_monitor.monitoring.read_chain_data import Unreadable, read_header

Block: TypeAlias = BlockNumber | Hash32
"""A block's height or its hash."""


def header_call(block: Block | str) -> RpcCall:
    """The call for the header of a block, or of a tag like "finalized"."""
    if isinstance(block, bytes):
        return "eth_getBlockByHash", [to_hex(block), False]
    return "eth_getBlockByNumber", [block if isinstance(block, str) else hex(block), False]


def is_other(header: Header | None, block: Block | str) -> bool:
    """Whether a header is none of the block that was asked for."""
    if header is None or isinstance(block, str):
        return False
    return (header.hash if isinstance(block, bytes) else header.number) != block


def read_header_of(block: Block, answer: msgspec.Raw) -> Header | None:
    """The header of this very block, or None where the endpoint has none; else raises Unreadable."""
    header = read_header(answer)
    if is_other(header, block):
        raise Unreadable("another block")
    return header


def view_call(to: Address, data: bytes, block: BlockNumber | str, sender: Address | None = None) -> RpcCall:
    """What a call answers in the state after a block; ``sender`` makes it, or nobody in particular."""
    call = {"to": to_hex(to), "data": to_hex(data)} | ({} if sender is None else {"from": to_hex(sender)})
    return "eth_call", [call, block if isinstance(block, str) else hex(block)]
