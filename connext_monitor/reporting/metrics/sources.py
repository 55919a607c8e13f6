"""The sources of the numbers of a scrape."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.clock_agreement import ClockState
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.core.stored_numbers import StoredNumbers


@dataclass(frozen=True, slots=True)
class Sources:
    """What the parts of the program report about themselves.

    ``chains`` are the configured chains' names and ``providers`` the configured channels'; ``database`` is the
    database's file, None where a server keeps it; ``checks`` knows the names of the routers that the config names,
    and what the contract said that they have; ``stored`` looks into the
    database, given the time of day (Unix seconds), and never writes; ``malformed`` counts logs since the process
    started; ``observations_waiting`` is the length of the transfer checker's queue; ``failing`` names the channels
    that take nothing; ``backup_every`` is in seconds, None without periodic backups; ``last_backup`` says when the
    newest one was begun (Unix seconds), and may block: it is not called on the event loop; ``log_lines_dropped``
    counts those that stderr did not take since the process started; ``clock`` says how the machine's clock goes
    beside the chains'.
    """

    chains: ChainNames
    providers: Collection[str]
    database: Path | None
    statuses: Callable[[], Sequence[ChainStatus]]
    stored: Callable[[float], Awaitable[StoredNumbers]]
    malformed: Callable[[], Mapping[DomainId, int]]
    observations_waiting: Callable[[], int]
    failing: Callable[[], Collection[str]]
    backup_every: float | None
    last_backup: Callable[[], float | None]
    log_lines_dropped: Callable[[], int]
    clock: Callable[[], ClockState] = ClockState
    checks: RouterChecks = field(default_factory=RouterChecks)
