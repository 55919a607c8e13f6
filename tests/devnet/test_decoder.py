"""The decoder held against web3.py's, on the logs that real diamonds wrote."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.contract_errors import error_names
from connext_monitor.core.decoding import EVENT_TOPICS, decode
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    EventKind,
    Executed,
    RawLog,
    Reconciled,
    TransferEvent,
    TransferInfo,
    XCalled,
)
from connext_monitor.monitoring.endpoint import open_endpoint
from scripts.devnet import Chain, Devnet, contracts
from scripts.devnet.contracts import artifact

pytestmark = pytest.mark.asyncio(loop_scope="session")

Says = Mapping[str, Any]


@pytest.fixture(scope="module")
def web3_reads() -> Callable[[RawLog], Says]:
    """From a log to the arguments that web3.py finds in it, by the published contracts' own interface."""
    recursion = sys.getrecursionlimit()
    from hexbytes import HexBytes  # in here, since web3 takes seconds to import
    from web3 import Web3

    # A library that it imports raises the limit so far that deep JSON overflows the stack of all later tests here.
    sys.setrecursionlimit(recursion)

    facets = [entry for facet in ("BridgeFacet", "InboxFacet") for entry in artifact(facet).abi]
    contract = Web3().eth.contract(abi=[entry for entry in facets if entry["type"] == "event"])

    def read(raw: RawLog) -> Says:
        name = ("XCalled", "Executed", "Reconciled")[EVENT_TOPICS.index(raw.topics[0])]
        log = {
            "address": to_checksum_address(raw.address),
            "topics": [HexBytes(topic) for topic in raw.topics],
            "data": HexBytes(raw.data),
            "blockNumber": raw.block_number,
            "blockHash": HexBytes(raw.block_hash),
            "transactionHash": HexBytes(raw.tx_hash),
            "transactionIndex": 0,
            "logIndex": raw.log_index,
        }
        arguments: Says = contract.events[name]().process_log(log)["args"]
        return arguments

    return read


def ours(event: TransferEvent) -> Says:
    """An event's fields under the contracts' names, written as web3.py writes them."""
    said: dict[str, Any] = {"transferId": event.transfer_id, "local": to_checksum_address(event.local)}
    said["amount"] = event.amount
    if isinstance(event, XCalled):
        said |= {"nonce": event.nonce, "messageHash": event.message_hash, "messageBody": event.message_body}
        return said | {"asset": to_checksum_address(event.asset), "params": ours_of_info(event.params)}
    said |= {"caller": to_checksum_address(event.caller)}
    routers = [to_checksum_address(router) for router in event.routers]
    if isinstance(event, Reconciled):
        return said | {"originDomain": event.origin_domain, "routers": routers}
    said |= {"to": to_checksum_address(event.to), "asset": to_checksum_address(event.asset)}
    return said | {"args": {"params": ours_of_info(event.params), "routers": routers}}


def ours_of_info(info: TransferInfo) -> Says:
    return {
        "originDomain": info.origin_domain,
        "destinationDomain": info.destination_domain,
        "canonicalDomain": info.canonical_domain,
        "to": to_checksum_address(info.to),
        "delegate": to_checksum_address(info.delegate),
        "receiveLocal": info.receive_local,
        "callData": info.call_data,
        "slippage": info.slippage,
        "originSender": to_checksum_address(info.origin_sender),
        "bridgedAmt": info.bridged_amount,
        "normalizedIn": info.normalized_in,
        "nonce": info.nonce,
        "canonicalId": info.canonical_id,
    }


def without_signatures(said: Says) -> Says:
    """What web3.py says without the signatures, which we check and do not keep."""
    if "args" not in said:
        return said
    return {**said, "args": {name: said["args"][name] for name in ("params", "routers")}}


async def logs_of(chain: Chain) -> list[RawLog]:
    """All transfer events of a chain, read as the monitor reads them."""
    contract = Address(bytes.fromhex(chain.contract[2:]))
    async with open_endpoint(chain.http_url) as endpoint:
        head = await endpoint.head()
        return (await endpoint.logs(contract, [EVENT_TOPICS], BlockNumber(0), head.number)).logs


async def test_every_error_of_the_published_facets_is_known_by_name() -> None:
    known = error_names()
    assert {selector: known.get(selector) for selector in contracts.error_names()} == contracts.error_names()


async def test_web3_reads_every_real_log_as_we_do(devnet: Devnet, web3_reads: Callable[[RawLog], Says]) -> None:
    alpha, beta = devnet.chains
    calldata = bytes(range(256))
    fast = await devnet.xcall(alpha, beta, amount=5 * 10**18, call_data=calldata, slippage=42)
    await devnet.execute_fast(fast, routers=2)
    await devnet.reconcile(fast)
    slow = await devnet.xcall(beta, alpha)
    await devnet.reconcile(slow)
    await devnet.execute_slow(slow)

    logs = [raw for chain in devnet.chains for raw in await logs_of(chain)]
    events = [decode(raw) for raw in logs]
    assert {event.kind for event in events} == set(EventKind)
    assert {bool(event.routers) for event in events if isinstance(event, Executed)} == {True, False}
    assert any(isinstance(event, XCalled) and event.params.call_data == calldata for event in events)
    for raw, event in zip(logs, events, strict=True):
        assert ours(event) == without_signatures(web3_reads(raw))
