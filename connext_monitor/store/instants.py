"""Instants as the database keeps them: Unix milliseconds."""

from datetime import UTC, datetime


def to_ms(at: datetime) -> int:
    """The column's value."""
    return round(at.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The instant of a column's value."""
    return datetime.fromtimestamp(ms / 1000, UTC)
