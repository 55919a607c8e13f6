"""Chains: how others name them, how the monitor sees them, and the clock that it compares with theirs."""

from typing import Annotated

from msgspec import Meta

from connext_monitor.core.chain_status import ChainStatus, RequestKind
from connext_monitor.core.clock_agreement import ClockState
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.documents.fields import Count, Document, InstantText, ListDocument, says
from connext_monitor.core.events import DomainId
from connext_monitor.core.formats import unix_rfc3339
from connext_monitor.core.labels import ChainLabels


class ChainName(Document, frozen=True):
    """How other documents refer to a chain."""

    chain: Annotated[str | None, says("The chain's name; null where the monitor knows none.")]
    domain_id: Annotated[Count, says("Connext's number of the chain.")]


class NonceHolesDocument(Document, frozen=True):
    """Gaps in the nonces of an origin, counted since the monitor started."""

    found: Annotated[Count, says("Gaps found.")]
    closed: Annotated[Count, says("Gaps closed since.")]


class RequestCount(Document, frozen=True):
    """How many requests of one method an endpoint was sent, and what became of them."""

    endpoint: Annotated[str, says("A host.")]
    method: Annotated[str, says("A JSON-RPC method.")]
    outcome: Annotated[
        str, Meta(description="How it ended.", extra_json_schema={"enum": ["answered", "refused", "unavailable"]})
    ]
    count: Annotated[Count, says("Since the monitor started.")]


class ChainDocument(Document, frozen=True):
    """A configured chain as the monitor sees it."""

    name: Annotated[str, says("As in the config.")]
    chain_id: Annotated[Count, says("The EVM chain id.")]
    domain_id: Annotated[Count, says("Connext's number of the chain.")]
    head: Annotated[Count | None, says("The highest block that an endpoint has announced; null before the first one.")]
    watermark: Annotated[
        InstantText | None,
        says("The block time up to which every block has been read; null until something has been covered."),
    ]
    lag_seconds: Annotated[Count | None, says("The age of the watermark; null until something has been covered.")]
    observed: Annotated[bool, says("Whether its covered head has risen recently.")]
    endpoint: Annotated[str | None, says("The host of the endpoint in use; null where there is none.")]
    nonces_contiguous: Annotated[
        bool | None, says("Whether no transfer is missing; null until the contract has been asked.")
    ]
    nonce_holes: NonceHolesDocument
    requests: list[RequestCount]


class ChainList(ListDocument[ChainDocument], frozen=True):
    """All configured chains, in the order of the config."""


class ClockDocument(Document, frozen=True):
    """How the machine's clock compares with the chains' block times."""

    ahead_seconds: Annotated[
        float | None,
        says("How far ahead of the block times it is, negative if behind; null until a chain has told the time."),
    ]
    trouble: Annotated[str | None, says("What is wrong with it; null where nothing is.")]


def chain_name(domain: DomainId, labels: ChainLabels) -> ChainName:
    """How another document refers to this chain."""
    return ChainName(labels.name(domain), domain)


def chain_document(status: ChainStatus, nonces: Nonces | None, now: float) -> ChainDocument:
    """One chain; ``lag_seconds`` is the age of the watermark at ``now`` (Unix seconds)."""
    return ChainDocument(
        name=status.name,
        chain_id=status.chain_id,
        domain_id=status.domain,
        head=status.head,
        watermark=unix_rfc3339(status.covered.timestamp) if status.covered else None,
        lag_seconds=status.lag(now),
        observed=status.observed,
        endpoint=status.endpoint,
        nonces_contiguous=nonces.complete if nonces else None,
        nonce_holes=NonceHolesDocument(status.holes_found, status.holes_closed),
        requests=[
            RequestCount(kind.endpoint, kind.method, kind.outcome, count)
            for kind, count in sorted(status.requests.items(), key=_by_endpoint)
        ],
    )


def clock_document(clock: ClockState) -> ClockDocument:
    """How the machine's clock compares with the chains' block times."""
    return ClockDocument(None if clock.ahead is None else round(clock.ahead, 1), clock.words)


def _by_endpoint(counted: tuple[RequestKind, int]) -> tuple[str, str, str]:
    kind, _ = counted
    return (kind.endpoint, kind.method, kind.outcome)
