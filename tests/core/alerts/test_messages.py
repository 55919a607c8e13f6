"""What an alert says."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import Alert, compose
from connext_monitor.core.alerts.kinds.overdue import OverdueDetails
from connext_monitor.core.alerts.message import Field, Instant, Message
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Executed
from connext_monitor.core.labels import ChainLabels, KnownTokens
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import Transfer
from connext_monitor.core.words import duration_words
from tests.world.alerts import (
    ARRIVED,
    DUE_AT,
    INFO,
    LABELS,
    LATE,
    NOW,
    OPENED,
    ORIGIN,
    RESOLVED,
    SENT_AT,
    TOKEN,
    TRANSFER_ID,
    UNOBSERVED,
    sighting,
)
from tests.world.kinds import chain_unobserved, delivery_mismatch, overdue

UNITS = {"d": 86400, "h": 3600, "min": 60, "s": 1}


def fact(message: Message, name: str) -> str | Instant | None:
    return next((field.value for field in message.fields if field.name == name), None)


def resolved(alert: Alert, resolution: Resolution) -> Alert:
    return alert.resolved(resolution, NOW)


# --- overdue legs ---


def test_an_overdue_execution_says_what_is_late_where_and_how_long() -> None:
    message = compose(OPENED, LATE, LABELS)
    assert message.title == "Execution overdue: ethereum → gnosis"
    assert message.text == "Due 1 min before this alert, and the recipient has not received the funds."
    assert not message.resolved


def test_an_overdue_reconciliation_speaks_of_the_routers() -> None:
    alert = overdue(TRANSFER_ID, Leg.RECONCILE, DUE_AT, NOW)
    message = compose(alert, ARRIVED, LABELS)
    assert message.title == "Reconciliation overdue: ethereum → gnosis"
    assert "the routers have not got their funds back" in message.text


def test_its_facts_are_the_full_id_amount_parties_and_moments() -> None:
    assert compose(OPENED, LATE, LABELS).fields == (
        Field("Transfer", "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        Field("Amount", "1.5 of token 0x0303030303030303030303030303030303030303"),
        Field("From", "0x0101010101010101010101010101010101010101"),
        Field("To", "0x0202020202020202020202020202020202020202"),
        Field("Sent", Instant(SENT_AT)),
        Field("Due", Instant(DUE_AT)),
    )


def test_a_late_arrival_says_how_late_and_who_fronted_the_funds() -> None:
    message = compose(RESOLVED, ARRIVED, LABELS)
    assert message.title == "Execution arrived late: ethereum → gnosis"
    assert message.text == "Arrived 1 min 15 s after it was due."
    assert fact(message, "Arrived") == Instant(DUE_AT + 75)
    assert fact(message, "Routers") == "0x0404040404040404040404040404040404040404"
    assert message.resolved


@pytest.mark.parametrize("early", [0, 1, 200])
def test_an_arrival_stamped_by_the_deadline_is_not_called_late(early: int) -> None:
    transfer = replace(ARRIVED, executed=sighting(DUE_AT - early))
    assert compose(RESOLVED, transfer, LABELS).text == "Arrived in time after all."


def test_an_alert_whose_xcalled_is_gone_is_withdrawn() -> None:
    message = compose(resolved(OPENED, Resolution.REORGED), None, LABELS)
    assert message.title == "Execution alert withdrawn: a transfer"
    assert fact(message, "Transfer") == OPENED.subject


def test_a_withdrawn_alert_still_says_between_which_chains() -> None:
    between = OverdueDetails(due_at=DUE_AT, origin=LATE.origin, destination=LATE.destination)
    message = compose(resolved(replace(OPENED, details=between), Resolution.REORGED), None, LABELS)
    assert message.title == "Execution alert withdrawn: ethereum → gnosis"


def test_links_lead_to_both_explorers() -> None:
    links = compose(RESOLVED, ARRIVED, LABELS).links
    assert [(link.name, link.url.split("/")[2]) for link in links] == [
        ("XCalled", "origin.example"),
        ("Executed", "destination.example"),
    ]


def test_without_explorers_or_names_it_goes_by_domain_ids() -> None:
    message = compose(RESOLVED, ARRIVED, ChainLabels({}))
    assert message.title == "Execution arrived late: domain 6648936 → domain 6778479"
    assert message.links == ()


def test_a_transfer_without_funds_is_called_a_message() -> None:
    empty = replace(LATE, amount=0, info=replace(INFO, bridged_amount=0, normalized_in=0))
    assert fact(compose(OPENED, empty, LABELS), "Amount") == "0 (a message without funds)"


def test_a_transfer_known_by_its_reconciled_only_is_told_without_parties() -> None:
    bare = replace(LATE, info=None, asset=None, amount=None)
    message = compose(OPENED, bare, LABELS)
    assert [field.name for field in message.fields] == ["Transfer", "Sent", "Due"]


# --- chains out of sight ---


def test_an_unobserved_chain_says_how_long_why_and_what_waits() -> None:
    message = compose(UNOBSERVED, None, LABELS)
    assert message.title == "Chain gnosis is not observed"
    assert "for 2 min 5 s (no endpoint answers)" in message.text
    assert message.text.endswith("3 deadlines wait for it.")


@pytest.mark.parametrize(("waiting", "words"), [(0, "No deadline waits for it."), (1, "1 deadline waits for it.")])
def test_what_waits_is_counted_in_proper_words(waiting: int, words: str) -> None:
    alert = chain_unobserved("gnosis", NOW, silent_for=60, waiting=waiting, why="w")
    assert compose(alert, None, LABELS).text.endswith(words)


def test_a_chain_back_in_sight_is_resolved() -> None:
    message = compose(resolved(UNOBSERVED, Resolution.OBSERVED), None, LABELS)
    assert message.title == "Chain gnosis is observed again"
    assert message.resolved


# --- words for numbers ---


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (42.4, "42 s"),
        (59.6, "1 min"),
        (302, "5 min 2 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (11_100, "3 h 5 min"),
        (90_061, "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@given(st.integers(0, 10**10))
def test_a_duration_in_words_is_rounded_down_to_its_smaller_unit(seconds: int) -> None:
    parts = re.findall(r"(\d+) (d|h|min|s)", duration_words(seconds))
    in_words = sum(int(count) * UNITS[unit] for count, unit in parts)
    next_unit = {"d": 3600, "h": 60, "min": 1, "s": 1}[parts[0][1]]
    assert 0 <= seconds - in_words < next_unit


def test_a_known_token_is_shown_by_symbol_and_address() -> None:
    labels = ChainLabels(LABELS.by_domain, KnownTokens({(ORIGIN, TOKEN): Token("USDC", 6)}))
    words = fact(compose(OPENED, LATE, labels), "Amount")
    assert words == "1.5 USDC (token 0x0303030303030303030303030303030303030303)"


# --- deliveries of something else ---


def diverted(transfer: Transfer | None) -> Message:
    executed = Executed(
        TRANSFER_ID, TOKEN, TOKEN, replace(INFO, to=TOKEN, bridged_amount=9, nonce=3), (), TOKEN, 9, TOKEN
    )
    delivered = sighting(DUE_AT, number=9)
    return compose(
        delivery_mismatch(INFO.destination_domain, executed, delivered, Mismatch.PARAMS, NOW), transfer, LABELS
    )


def test_a_mismatch_says_how_the_delivery_differs_and_links_to_both_ends() -> None:
    message = diverted(LATE)
    assert message.title == "Delivery mismatch: ethereum → gnosis"
    assert "what it delivered does not hash to the transfer's id" in message.text
    assert "It differs from what was sent in its recipient, amount, nonce." in message.text
    assert fact(message, "To") == "0x0202020202020202020202020202020202020202"
    assert fact(message, "Delivered to") == "0x0303030303030303030303030303030303030303"
    assert [link.name for link in message.links] == ["XCalled", "Executed"]


def test_a_mismatch_of_an_unknown_transfer_says_so() -> None:
    message = diverted(None)
    assert "No XCalled of this id is known." in message.text
    assert fact(message, "Transfer") == OPENED.subject


def test_what_has_not_happened_yet_is_linked_by_its_account() -> None:
    assert [(link.name, link.url) for link in compose(OPENED, LATE, LABELS).links] == [
        ("XCalled", f"https://origin.example/tx/0x{'cd' * 32}"),
        ("Recipient", "https://destination.example/address/0x0202020202020202020202020202020202020202"),
    ]
