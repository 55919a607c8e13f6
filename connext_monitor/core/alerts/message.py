"""What messages are made of: words, named facts and links. How they are written is each channel's matter.

Strings in here may come from strangers; each provider defuses them for its channel.
"""

from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.structs import struct


@struct(frozen=True, slots=True)
class Link:
    """A link with a name of our own; the URL is built from an explorer that the operator configured."""

    name: str
    url: str


@struct(frozen=True, slots=True)
class Instant:
    """A moment that the reader wants in local time; Unix seconds."""

    timestamp: int


@struct(frozen=True, slots=True)
class Field:
    """One fact, named."""

    name: str
    value: str | Instant


@struct(frozen=True, slots=True)
class Message:
    """An alert in words: a title of one line, a sentence or two, facts, links."""

    title: str
    text: str
    severity: Severity
    resolved: bool
    fields: tuple[Field, ...] = ()
    links: tuple[Link, ...] = ()
    drill: bool = False
