"""How instants, hashes and ids are written wherever another program reads them."""

from datetime import UTC, datetime

from connext_monitor.core.events import TransferId

Json = dict[str, object]
"""A JSON object on its way out."""


def rfc3339(instant: datetime) -> str:
    """UTC with a ``Z``, milliseconds only where there are any."""
    utc = instant.astimezone(UTC)
    precision = "milliseconds" if utc.microsecond >= 1000 else "seconds"
    return utc.isoformat(timespec=precision).replace("+00:00", "Z")


def unix_rfc3339(timestamp: float) -> str:
    """Unix seconds in the same form."""
    return rfc3339(datetime.fromtimestamp(timestamp, UTC))


def hex_text(value: TransferId | bytes) -> str:
    """``0x`` and lower-case hex."""
    return f"0x{value.hex()}"
