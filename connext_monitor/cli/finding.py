"""What ``check-config --online`` finds out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question: ``ok`` is None where it could not be asked."""

    subject: str
    ok: bool | None
    words: str
