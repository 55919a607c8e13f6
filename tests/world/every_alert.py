"""Alerts of every kind, open and ended in every way, with whatever strangers could write into them."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import About, Alert, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.events import TransferId
from tests.world.alerts import DESTINATION, ORIGIN, TRANSFER_ID
from tests.world.hostile import hostile

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERY_KIND = list(KINDS.values())

_numbers = st.integers(0, 2**256 - 1).map(str)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "to": st.binary(min_size=20, max_size=20).map(lambda address: f"0x{address.hex()}"),
    "sender": st.binary(min_size=20, max_size=20).map(lambda address: f"0x{address.hex()}"),
    "tx_hash": st.binary(min_size=32, max_size=32).map(lambda digest: f"0x{digest.hex()}"),
    "nonce": _numbers,
    "bridged_amount": _numbers,
}


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) in {Union, UnionType}:
        return st.one_of(*map(_values, get_args(hint)))
    hint = getattr(hint, "__supertype__", hint)
    if hint is NoneType:
        return st.none()
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return {bool: st.booleans(), int: st.integers(0, 2**53), str: hostile}[hint]


@cache
def details_of(kind: KindOf[Any]) -> st.SearchStrategy[Details]:
    """Details of this kind: hostile words, any numbers."""
    fields = get_type_hints(kind.details)
    return st.builds(
        kind.details,
        **{name: _FIELDS.get(name, _values(fields[name])) for name in kind.details.__struct_fields__},
    )


_SAMPLES: dict[str, Any] = {
    "origin": ORIGIN,
    "destination": DESTINATION,
    "to": f"0x{'11' * 20}",
    "sender": f"0x{'22' * 20}",
    "tx_hash": f"0x{'33' * 32}",
    "nonce": "7",
    "bridged_amount": "12",
}


def details_saying(kind: KindOf[Any], words: str) -> Details:
    """Details of this kind, with these words in every text that can be anybody's."""
    hints = get_type_hints(kind.details)
    fields = [name for name in kind.details.__struct_fields__ if name != "escalated_at"]
    details: Details = kind.details(**{name: _SAMPLES.get(name, _sample(hints[name], words)) for name in fields})
    return details


def _sample(hint: Any, words: str) -> Any:
    if get_origin(hint) in {Union, UnionType}:
        hint = get_args(hint)[0]
    hint = getattr(hint, "__supertype__", hint)
    if issubclass(hint, Enum):
        return next(iter(hint))
    return {bool: True, int: 1, str: words}[hint]


def opened(kind: KindOf[Any], words: str = "words") -> Alert:
    """An open alert of this kind, with these words in every text that can be anybody's."""
    return kind.open(TRANSFER_ID if kind.about is About.TRANSFER else words, AT, details_saying(kind, words))


@st.composite
def open_alerts(draw: st.DrawFn, kind: KindOf[Any]) -> Alert:
    """An open alert of this kind."""
    about_transfer = kind.about is About.TRANSFER
    subject = draw(st.binary(min_size=32, max_size=32).map(TransferId) if about_transfer else hostile)
    return kind.open(subject, AT, draw(details_of(kind)))


@st.composite
def alerts(draw: st.DrawFn, kind: KindOf[Any]) -> Alert:
    """An alert of this kind, open or ended."""
    alert = draw(open_alerts(kind))
    resolution = draw(st.sampled_from([None, *kind.resolutions]))
    return alert if resolution is None else alert.resolved(resolution, AT + timedelta(minutes=5))
