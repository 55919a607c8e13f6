"""The chains of a monitor: an observer for each, and what can be asked of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connext_monitor.assembly.outside import Outside
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config
from connext_monitor.core.events import DomainId
from connext_monitor.core.handover import OwnSight
from connext_monitor.monitoring.chain_queries import ChainQueries
from connext_monitor.monitoring.observation_queue import ObservationQueue
from connext_monitor.monitoring.observer import Observer
from connext_monitor.observed_chain import ObservedChain
from connext_monitor.process.parts import Part
from connext_monitor.store.store import Store


@dataclass(frozen=True, slots=True)
class ObservedChains:
    """The observers and the queues that they feed, and each chain as those see it who ask it.

    What is fetched of the time before the watch goes into a queue of its own, ``past``: such transfers get no
    deadlines.
    """

    live: ObservationQueue
    past: ObservationQueue
    observers: Sequence[Observer]
    queries: Mapping[DomainId, ChainQueries]
    chains: Mapping[DomainId, ObservedChain]

    @property
    def names(self) -> list[str]:
        """The chains' names in the config, in its order."""
        return [observer.state.config.name for observer in self.observers]

    def own_sights(self, store_works_for: float) -> dict[str, OwnSight]:
        """How each is seen now, by its name; what was not stored for a while for want of the database is not unseen."""
        states = [observer.state for observer in self.observers]
        return {
            state.config.name: OwnSight(
                state.covered.number if state.covered else None, min(state.silent_for, store_works_for)
            )
            for state in states
        }

    def parts(self) -> list[Part]:
        """The observers."""
        return [Part(f"observer {observer.state.config.name}", observer.run) for observer in self.observers]


def observe_chains(config: Config, store: Store, clock: AgreedClock, outside: Outside) -> ObservedChains:
    """An observer for each chain of the config; nothing is asked before they run."""
    live, past = ObservationQueue(), ObservationQueue()
    unobserved_after = config.alerts.unobserved_after.total_seconds()
    observers = [
        Observer(
            chain,
            unobserved_after,
            outside.open_endpoint,
            store.chains,
            live,
            clock,
            outside.random,
            outside.looks.monitoring,
            clock.saw_head,
            lambda: store.database.condition.works_for,
        )
        for chain in config.chains.values()
    ]
    by_domain = {observer.state.config.domain_id: observer for observer in observers}
    queries = {
        domain: ChainQueries(observer.state, live, past, observer.pool) for domain, observer in by_domain.items()
    }
    chains = {domain: ObservedChain(observer, queries[domain]) for domain, observer in by_domain.items()}
    return ObservedChains(live, past, observers, queries, chains)
