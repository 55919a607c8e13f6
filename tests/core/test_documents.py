"""Transfers and alerts as JSON."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import compose
from connext_monitor.core.deadline import DueDates, Leg
from connext_monitor.core.documents.alerts import alert_document
from connext_monitor.core.documents.chains import ChainName
from connext_monitor.core.documents.fields import Document, encode
from connext_monitor.core.documents.transfers import transfer_document
from connext_monitor.core.events import Address, BlockNumber, BlockRef, Timestamp
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Sighting, Transfer
from connext_monitor.core.transfer_view import TransferView
from tests.world.alerts import ARRIVED, DUE, DUE_AT, LABELS, LATE, RESOLVED, UNOBSERVED, sighting
from tests.world.strategies import addresses, amounts, domains, hashes, routers, transfer_ids, transfer_infos

BEFORE, AFTER = float(DUE_AT - 1), float(DUE_AT + 1)
timestamps = st.integers(0, 253402300799 - 10**6).map(Timestamp)
sightings = st.builds(
    Sighting,
    block=st.builds(BlockRef, number=st.integers(0, 2**53).map(BlockNumber), hash=hashes, timestamp=timestamps),
    tx_hash=hashes,
    log_index=st.integers(0, 1000),
)
transfers = st.builds(
    Transfer,
    transfer_id=transfer_ids,
    origin=domains,
    destination=domains,
    info=st.none() | transfer_infos,
    asset=st.none() | addresses,
    amount=st.none() | amounts,
    routers=routers,
    xcalled=st.none() | sightings,
    executed=st.none() | sightings,
    reconciled=st.none() | sightings,
)
views = st.builds(
    TransferView,
    transfer=transfers,
    due=st.none() | st.builds(DueDates, execute=timestamps, reconcile=timestamps),
    overdue=st.frozensets(st.sampled_from(Leg)),
    observed=st.booleans(),
)


def numbers_in(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, int | float):
        yield value


def written(document: Document) -> Any:
    return json.loads(encode(document))


def state_of(view: TransferView, leg: Leg, now: float) -> object:
    return written(transfer_document(view, LABELS, now))["deadlines"][leg]["state"]


# --- transfers ---


def test_a_transfer_that_has_arrived_has_the_documented_shape() -> None:
    assert written(transfer_document(TransferView(ARRIVED, DUE), LABELS, AFTER)) == {
        "transfer_id": "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "status": "Executed",
        "origin": {"chain": "ethereum", "domain_id": 6648936},
        "destination": {"chain": "gnosis", "domain_id": 6778479},
        "nonce": "1152921504606846976",
        "asset": "0x0303030303030303030303030303030303030303",
        "amount": "1500000",
        "bridged_amount": "1499000",
        "to": "0x0202020202020202020202020202020202020202",
        "sender": "0x0101010101010101010101010101010101010101",
        "routers": ["0x0404040404040404040404040404040404040404"],
        "path": "fast",
        "xcalled": {
            "block_number": 7,
            "block_hash": "0x" + "ab" * 32,
            "tx_hash": "0x" + "cd" * 32,
            "timestamp": "2026-03-01T11:54:00Z",
        },
        "executed": {
            "block_number": 9,
            "block_hash": "0x" + "ab" * 32,
            "tx_hash": "0x" + "cd" * 32,
            "timestamp": "2026-03-01T12:00:15Z",
        },
        "reconciled": None,
        "deadlines": {
            "execute": {"due_at": "2026-03-01T11:59:00Z", "state": "late"},
            "reconcile": {"due_at": "2026-03-01T14:54:00Z", "state": "pending"},
        },
    }


@given(views, st.floats(0, 2**40))
def test_every_number_in_a_transfer_fits_a_double(view: TransferView, now: float) -> None:
    document = written(transfer_document(view, LABELS, now))
    assert all(abs(number) <= 2**53 for number in numbers_in(document))


@given(views)
def test_hashes_are_lower_case_and_times_are_utc(view: TransferView) -> None:
    document = written(transfer_document(view, LABELS, 0.0))
    assert re.fullmatch("0x[0-9a-f]{64}", str(document["transfer_id"]))
    for leg in ("xcalled", "executed", "reconciled"):
        seen = document[leg]
        if seen is not None:
            assert re.fullmatch("0x[0-9a-f]{64}", seen["tx_hash"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", seen["timestamp"])


def test_addresses_are_checksummed() -> None:
    mixed = replace(LATE, asset=Address(bytes.fromhex("6b175474e89094c44da98b954eedeac495271d0f")))
    document = transfer_document(TransferView(mixed, DUE), LABELS, BEFORE)
    assert document.asset == "0x6B175474E89094C44Da98b954EedeAC495271d0F"


def test_what_nobody_watches_has_no_deadlines() -> None:
    assert transfer_document(TransferView(LATE, None), LABELS, AFTER).deadlines is None


def test_a_chain_without_a_name_has_its_domain_id() -> None:
    document = transfer_document(TransferView(LATE, DUE), ChainLabels({}), AFTER)
    assert document.origin == ChainName(None, 6648936)


@pytest.mark.parametrize(
    ("view", "now", "state"),
    [
        (TransferView(LATE, DUE), BEFORE, "pending"),
        (TransferView(LATE, DUE), AFTER, "pending"),
        (TransferView(LATE, DUE, observed=False), BEFORE, "pending"),
        (TransferView(LATE, DUE, observed=False), AFTER, "unobserved"),
        (TransferView(LATE, DUE, frozenset({Leg.EXECUTE})), AFTER, "overdue"),
        (TransferView(LATE, DUE, frozenset({Leg.EXECUTE}), observed=False), AFTER, "overdue"),
        (TransferView(replace(ARRIVED, executed=sighting(DUE_AT)), DUE), AFTER, "met"),
        (TransferView(replace(ARRIVED, executed=sighting(DUE_AT + 1)), DUE), AFTER, "late"),
    ],
)
def test_a_deadline_is_overdue_only_once_that_is_established(view: TransferView, now: float, state: str) -> None:
    assert state_of(view, Leg.EXECUTE, now) == state


# --- alerts ---


def test_an_alert_has_the_documented_shape() -> None:
    message = compose(RESOLVED, ARRIVED, LABELS)
    assert written(alert_document(RESOLVED, message)) == {
        "id": "execute_overdue:0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "kind": "execute_overdue",
        "severity": "critical",
        "subject": "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "state": "resolved",
        "opened_at": "2026-03-01T12:00:00Z",
        "resolved_at": "2026-03-01T12:00:20Z",
        "resolution": "executed",
        "title": message.title,
        "text": message.text,
        "links": [{"name": link.name, "url": link.url} for link in message.links],
        "simulated_execution": None,
        "inhibited_by": None,
    }


def test_an_open_alert_has_no_end() -> None:
    document = alert_document(UNOBSERVED, compose(UNOBSERVED, None, LABELS))
    assert (document.state, document.resolved_at, document.resolution) == ("open", None, None)
