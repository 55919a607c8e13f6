"""What hypothesis draws for the core: events with every field anywhere in its range, honest and not."""

from dataclasses import replace

from hypothesis import strategies as st

from connext_monitor.core.decoding import encode_event, transfer_id_of
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    DomainId,
    Executed,
    Hash32,
    RawLog,
    Reconciled,
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)

words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(Address)
hashes = words.map(Hash32)
transfer_ids = words.map(TransferId)
domains = st.integers(0, 2**32 - 1).map(DomainId)
amounts = st.integers(0, 2**256 - 1)
nonces = st.integers(0, 2**63 - 1)
calldata = st.binary(max_size=100)
routers = st.lists(addresses, max_size=4).map(tuple)

transfer_infos = st.builds(
    TransferInfo,
    origin_domain=domains,
    destination_domain=domains,
    canonical_domain=domains,
    to=addresses,
    delegate=addresses,
    receive_local=st.booleans(),
    call_data=calldata,
    slippage=amounts,
    origin_sender=addresses,
    bridged_amount=amounts,
    normalized_in=amounts,
    nonce=nonces,
    canonical_id=words,
)

xcalleds = st.builds(
    XCalled,
    transfer_id=transfer_ids,
    nonce=nonces,
    message_hash=hashes,
    params=transfer_infos,
    asset=addresses,
    amount=amounts,
    local=addresses,
    message_body=calldata,
)
executeds = st.builds(
    Executed,
    transfer_id=transfer_ids,
    to=addresses,
    asset=addresses,
    params=transfer_infos,
    routers=routers,
    local=addresses,
    amount=amounts,
    caller=addresses,
)
reconcileds = st.builds(
    Reconciled,
    transfer_id=transfer_ids,
    origin_domain=domains,
    local=addresses,
    routers=routers,
    amount=amounts,
    caller=addresses,
)
events: st.SearchStrategy[TransferEvent] = st.one_of(xcalleds, executeds, reconcileds)
"""Events of any content: their params hash to nothing."""

honest_xcalleds = xcalleds.map(
    lambda event: replace(event, transfer_id=transfer_id_of(event.params), nonce=event.params.nonce)
)
honest_executeds = executeds.map(lambda event: replace(event, transfer_id=transfer_id_of(event.params)))
honest_events: st.SearchStrategy[TransferEvent] = st.one_of(honest_xcalleds, honest_executeds, reconcileds)
"""Events that an honest diamond could emit."""


def raw_log(topics: tuple[bytes, ...], data: bytes) -> RawLog:
    """Return a log with these topics and data, standing anywhere."""
    nowhere = Hash32(bytes(32))
    return RawLog(Address(bytes(20)), topics, data, BlockNumber(1), nowhere, nowhere, 0)


def log_of(event: TransferEvent) -> RawLog:
    """Return the log of ``event``, standing anywhere."""
    return raw_log(*encode_event(event))
