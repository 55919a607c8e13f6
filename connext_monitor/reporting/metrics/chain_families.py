"""The present state of each chain."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import Metric

from connext_monitor.core.chain_status import ChainStatus, RequestKind
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.events import DomainId
from connext_monitor.core.hindrance import Obstacle
from connext_monitor.core.labels import ChainNames
from connext_monitor.reporting.metrics.families import FROM_DATABASE, SINCE_START, counter, gauge

_CHAIN = ("chain",)


def chain_families(statuses: Sequence[ChainStatus], malformed: Mapping[DomainId, int], now: float) -> Iterator[Metric]:
    """Blocks, times and requests of all chains; ``now`` in Unix seconds."""
    covered = [(status, block) for status in statuses if (block := status.covered) is not None]
    yield gauge(
        "chain_head_block",
        "The highest block that the endpoint in use has announced; absent while there is none.",
        _CHAIN,
        [((status.name,), status.head) for status in statuses if status.head is not None],
    )
    yield gauge(
        "chain_covered_block",
        "The last block of the chain of which all logs, and those of all before it, have been read.",
        _CHAIN,
        [((status.name,), block.number) for status, block in covered],
    )
    yield gauge(
        "chain_checkpoint_block",
        "The last block that is covered and final.",
        _CHAIN,
        [((status.name,), status.coverage.checkpoint) for status in statuses if status.coverage is not None],
    )
    yield gauge(
        "chain_watermark_timestamp_seconds",
        "The block time up to which the chain is covered, as a Unix time.",
        _CHAIN,
        [((status.name,), block.timestamp) for status, block in covered],
    )
    yield gauge(
        "chain_lag_seconds",
        "How old the watermark is; up to a minute is normal at rest.",
        _CHAIN,
        [((status.name,), max(0.0, now - block.timestamp)) for status, block in covered],
    )
    yield from _states(statuses)
    yield from _counts(statuses, malformed)


def nonce_families(nonces: Mapping[DomainId, Nonces], names: ChainNames) -> Iterator[Metric]:
    """Whether each origin's nonces are known without a hole; absent for a chain that has not been asked yet."""
    known = [(names[domain], chain_nonces) for domain, chain_nonces in sorted(nonces.items()) if domain in names]
    yield gauge(
        "nonces_contiguous",
        f"1 where no nonce of the origin is missing up to what its contract said at a covered block. {FROM_DATABASE}",
        _CHAIN,
        [((name,), chain_nonces.complete) for name, chain_nonces in known],
    )
    yield gauge(
        "nonces_unproven",
        "How many nonces lie between the first that is missing and what the contract said; 0 where none is missing. "
        f"{FROM_DATABASE}",
        _CHAIN,
        [((name,), max(0, chain_nonces.next - chain_nonces.contiguous)) for name, chain_nonces in known],
    )


def _states(statuses: Sequence[ChainStatus]) -> Iterator[Metric]:
    yield gauge(
        "chain_observed",
        "1 while the covered head of the chain has risen lately (alerts.unobserved_after).",
        _CHAIN,
        [((status.name,), status.observed) for status in statuses],
    )
    yield gauge(
        "chain_unjudged",
        "Legs past due on the chain, and deliveries that seem to have no origin, which have waited to be judged for "
        "longer than alerts.unobserved_after, by what keeps them from it.",
        ("chain", "obstacle"),
        [((status.name, obstacle.value), _unjudged(status, obstacle)) for status in statuses for obstacle in Obstacle],
    )
    yield gauge(
        "chain_caught_up",
        "1 where everything up to the head has been covered since the endpoint in use was connected.",
        _CHAIN,
        [((status.name,), status.caught_up) for status in statuses],
    )
    yield gauge(
        "chain_endpoint_info",
        "The host of the endpoint in use; absent while there is none.",
        ("chain", "endpoint"),
        [((status.name, status.endpoint), 1) for status in statuses if status.endpoint is not None],
    )


def _unjudged(status: ChainStatus, obstacle: Obstacle) -> int:
    held = status.unjudged
    return held.legs + held.deliveries if held is not None and held.hindrance.obstacle is obstacle else 0


def _counts(statuses: Sequence[ChainStatus], malformed: Mapping[DomainId, int]) -> Iterator[Metric]:
    yield counter(
        "nonce_holes_found_total",
        f"Holes in an origin's nonces that a second look confirmed. {SINCE_START}",
        _CHAIN,
        [((status.name,), status.holes_found) for status in statuses],
    )
    yield counter(
        "nonce_holes_closed_total",
        f"Holes in an origin's nonces that were fetched. {SINCE_START}",
        _CHAIN,
        [((status.name,), status.holes_closed) for status in statuses],
    )
    yield counter(
        "malformed_logs_total",
        f"Logs that could not be read and were skipped, as often as they came. {SINCE_START}",
        _CHAIN,
        [((status.name,), malformed.get(status.domain, 0)) for status in statuses],
    )
    yield counter(
        "requests_total",
        f"JSON-RPC requests to endpoints (hosts), by method and by how they ended. {SINCE_START}",
        ("chain", "endpoint", "method", "outcome"),
        [
            ((status.name, kind.endpoint, kind.method, kind.outcome), count)
            for status in statuses
            for kind, count in sorted(status.requests.items(), key=_by_endpoint)
        ],
    )


def _by_endpoint(counted: tuple[RequestKind, int]) -> tuple[str, str, str]:
    kind, _ = counted
    return (kind.endpoint, kind.method, kind.outcome)
