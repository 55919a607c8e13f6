"""What a monitor reaches the world beyond its event loop by, and how often it looks there without being woken."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random, SystemRandom

from connext_monitor.alerting.outgoing_report import Draw
from connext_monitor.monitoring import endpoint
from connext_monitor.monitoring.endpoint_pool import OpenEndpoint
from connext_monitor.monitoring.intervals import USUAL, Intervals
from connext_monitor.process.garbage import collect_by_time
from connext_monitor.reporting.picture import draw
from connext_monitor.store.engine import FindServer, server_of
from connext_monitor.store.executor import MakeExecutor, Threads


@dataclass(frozen=True, slots=True)
class LookIntervals:
    """How often the parts look at what nobody tells them of, in seconds.

    - ``lease``: at the lease of the work, which may have been given back; an owner's beats are no further apart;
    - ``clocks``: at the machine's clock, which may have jumped, beside the chains';
    - ``silences``: whether people have silenced anything, or ended a silence;
    - ``database``: whether the database can be used;
    - ``deliveries``, ``deadlines``, ``origins``, ``causes``: into the store, for what no wake-up was heard of;
    - ``arrivals``: at contracts, for what has become of legs that are called late;
    - ``phantoms``, ``unjudged``, ``escalation``: at deliveries without an origin, at legs that nobody could judge, at
      alerts that become critical;
    - ``stalls``: at the pathways on which transfers wait;
    - ``without_suspects``: at deliveries without an origin, in the store, where none is known or none is due to be
      looked into;
    - ``balances``: at what named routers have, by asking each chain once;
    - ``silence``: into the store, whether a named router is silent;
    - ``reports``: whether a report is due, where the time of day may have been set;
    - ``unseen``: of an owner, whether it has lost sight of a chain;
    - ``sight``: of an instance that stands by, at the chains, by asking each once;
    - ``numbers``: whether there is something to count and to keep for statistics;
    - ``monitoring``: what the parts that observe a chain wait.
    """

    lease: float = 1.0
    clocks: float = 1.0
    silences: float = 1.0
    database: float = 1.0
    deliveries: float = 60.0
    deadlines: float = 30.0
    origins: float = 30.0
    causes: float = 60.0
    arrivals: float = 300.0
    phantoms: float = 2.0
    unjudged: float = 5.0
    escalation: float = 5.0
    stalls: float = 5.0
    without_suspects: float = 60.0
    balances: float = 60.0
    silence: float = 5.0
    reports: float = 60.0
    unseen: float = 1.0
    sight: float = 300.0
    numbers: float = 300.0
    monitoring: Intervals = USUAL


@dataclass(frozen=True, slots=True)
class Outside:
    """The real things, unless the composition root is handed others. Beside them there are the clock and the loop.

    Threads come from the loop, by its ``run_in_executor``; ``built`` is called once everything has been. ``draw`` makes
    a report's picture, in a process of its own.
    """

    open_endpoint: OpenEndpoint = endpoint.open_endpoint
    executor: MakeExecutor = Threads
    server: FindServer = server_of
    random: Random = field(default_factory=SystemRandom)
    built: Callable[[], None] = collect_by_time
    draw: Draw = draw
    looks: LookIntervals = field(default_factory=LookIntervals)

    def new_token(self) -> str:
        """What nobody else's term of the work is known by."""
        return f"{self.random.getrandbits(64):016x}"
