"""What the HTTP server says of itself."""

from typing import Annotated, Literal

from connext_monitor.core.documents.fields import Document, says


class ErrorDocument(Document, frozen=True):
    """Why a request was refused."""

    error: Annotated[str, says("What is wrong, in words.")]


class HealthDocument(Document, frozen=True):
    """The process works."""

    status: Literal["ok"]


class ReadinessDocument(Document, frozen=True):
    """Whether the monitor can be relied on."""

    ready: bool
    reasons: Annotated[list[str], says("Why it is not ready; empty if it is.")]
