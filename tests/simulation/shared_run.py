"""What a run has to tell where its instances share a database on a server, beside what any run has."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf

from tests.simulation.disk import AlertHistory
from tests.simulation.intervals import minus, union
from tests.simulation.server import SimulatedServer
from tests.simulation.sharing import Cluster, Cut, Failover
from tests.simulation.story import Story, Suspension
from tests.simulation.trace import Interval, Life, Sharing, Trace

MENDED_WITHIN = 330.0
"""Seconds after which an owner that has forgotten nothing of what the server has lost has written, and so found out:
it looks after its database every 300 s, as simulated monitors are set, and a look writes."""


def shared(trace: Trace, story: Story, cluster: Cluster, server: SimulatedServer, history: AlertHistory) -> Trace:
    """The trace of a run of this story on this server; the time of its end is now."""
    terms = server.terms()
    rewound = tuple(server.rewound)
    everybody = {life.instance for life in trace.lives}
    down = [_lasting(failover) for failover in story.failovers]
    sharing = Sharing(
        takeover_after=cluster.takeover_after,
        terms=terms,
        beats=tuple(server.beats),
        halts=tuple((halt.instance, _lasting(halt)) for halt in story.suspensions),
        cut_off=(
            *((cut.instance, _lasting(cut)) for cut in story.cuts),
            *((instance, away) for instance in sorted(everybody) for away in down),
        ),
        trespasses=tuple(server.trespasses),
        rewound=rewound,
        lost=tuple(history.lost),
    )
    return replace(
        trace,
        suspended=tuple(_hitting(story.suspensions, terms)),
        disk_failing=(*_hitting(story.cuts, terms), *down, *(_forgotten(lost, terms) for lost in rewound)),
        sharing=sharing,
    )


def _hitting(troubles: Iterable[Suspension | Cut], terms: tuple[Life, ...]) -> Iterator[Interval]:
    """When they troubled whoever owned the work: not while another instance did."""
    for trouble in troubles:
        others = union(term.during for term in terms if term.instance != trouble.instance)
        yield from minus((_lasting(trouble),), others)


def _lasting(trouble: Suspension | Cut | Failover) -> Interval:
    return Interval(trouble.at, trouble.at + trouble.seconds)


def _forgotten(lost: Interval, terms: tuple[Life, ...]) -> Interval:
    """When an owner may have gone by what the server has lost: until the next term, which begins anew."""
    next_term = min((term.during.begin for term in terms if term.during.begin > lost.end), default=inf)
    return Interval(lost.begin, min(next_term, lost.end + MENDED_WITHIN))
