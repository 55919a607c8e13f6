"""Parameters of a query, read and checked; the command line reads its options with the same functions.

Refusals name the values that are valid and never quote the one that was given.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from multidict import MultiMapping
from pydantic_core import PydanticCustomError

from connext_monitor.config import parse_duration
from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.bridge_events import BRIDGE_EVENTS
from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Status

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 500
DEFAULT_SINCE = timedelta(days=1)

_HASH = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")
_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_LARGEST_DOMAIN = 2**32 - 1

T = TypeVar("T")


class BadValueError(ValueError):
    """An invalid value; the message says what is valid."""


def read_statuses(text: str) -> frozenset[Status]:
    """One or more statuses, separated by commas. Raises BadValueError."""
    try:
        return frozenset(Status(word.strip()) for word in text.split(","))
    except ValueError:
        known = ", ".join(status.value for status in Status)
        raise BadValueError(f"write one or more of {known}, separated by commas") from None


def read_state(text: str) -> AlertState:
    """The state of an alert. Raises BadValueError."""
    try:
        return AlertState(text)
    except ValueError:
        raise BadValueError(f"write {' or '.join(state.value for state in AlertState)}") from None


def read_chain(text: str, labels: ChainLabels) -> DomainId:
    """A chain's name, or a domain id, whether anything is known of it or not. Raises BadValueError."""
    domains = {label.name: domain for domain, label in labels.by_domain.items()}
    if text in domains:
        return domains[text]
    if _NUMBER.fullmatch(text) and int(text) <= _LARGEST_DOMAIN:
        return DomainId(int(text))
    raise BadValueError(f"write a chain's name ({', '.join(sorted(domains))}) or a domain id")


def read_bridge_event_kind(text: str) -> str:
    """The name of a kind of event besides transfers. Raises BadValueError."""
    if text not in BRIDGE_EVENTS:
        raise BadValueError(f"write one of {', '.join(BRIDGE_EVENTS)}")
    return text


def read_limit(text: str) -> int:
    """The maximum number of items, 1 to 500. Raises BadValueError."""
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise BadValueError(f"write a number from 1 to {LARGEST_LIMIT}")
    return int(text)


def read_duration(text: str) -> timedelta:
    """An ISO 8601 duration, 365 days at most. Raises BadValueError."""
    try:
        return parse_duration(text)
    except PydanticCustomError as error:
        raise BadValueError(error.message()) from None


def read_width(text: str) -> int:
    """The width of a timeline's parts in seconds: a duration of at least a second. Raises BadValueError."""
    width = int(read_duration(text).total_seconds())
    if width < 1:
        raise BadValueError('is shorter than a second; write a duration such as "PT1H"')
    return width


def read_hash(text: str) -> bytes:
    """The 32 bytes of a transfer id or transaction hash. Raises BadValueError."""
    match = _HASH.fullmatch(text)
    if match is None:
        raise BadValueError("write a transfer id or a transaction hash: 0x and 64 hex digits")
    return bytes.fromhex(match[1])


def read_address(text: str) -> Address:
    """The 20 bytes of an address, in any case: without regard to a checksum. Raises BadValueError."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise BadValueError("write an address: 0x and 40 hex digits")
    return Address(bytes.fromhex(match[1]))


def read_search(text: str) -> bytes:
    """What a user searches for: an id or a hash (32 bytes), or an address (20). Raises BadValueError."""
    match = _HASH.fullmatch(text) or _ADDRESS.fullmatch(text)
    if match is None:
        raise BadValueError("write a transfer id or a transaction hash (0x and 64 hex digits), or an address (40)")
    return bytes.fromhex(match[1])


def valid_cursor(cursor: T | None) -> T:
    """The cursor, where the text was one. Raises BadValueError."""
    if cursor is None:
        raise BadValueError(
            "write next_cursor of the previous answer, unchanged; after an update of the monitor, begin without it"
        )
    return cursor


def value(query: Mapping[str, str], name: str, read: Callable[[str], T]) -> T | None:
    """The value of a parameter, None where it is not given. Raises BadValueError, which names it."""
    if name not in query:
        return None
    try:
        return read(query[name])
    except BadValueError as error:
        raise BadValueError(f"{name}: {error}") from None


def only(query: MultiMapping[str], *known: str) -> Mapping[str, str]:
    """The query's parameters, each given at most once; an empty one counts as not given. Raises BadValueError."""
    unknown = next((name for name in query if name not in known), None)
    if unknown is not None:
        shown = f"parameter {unknown}" if _PLAIN_NAME.fullmatch(unknown) else "parameter"
        raise BadValueError(f"unknown {shown}; valid parameters: {', '.join(known) or 'none'}")
    repeated = next((name for name in query if len(query.getall(name)) > 1), None)
    if repeated is not None:
        raise BadValueError(f"{repeated}: give it only once")
    return {name: value for name, value in query.items() if value}
