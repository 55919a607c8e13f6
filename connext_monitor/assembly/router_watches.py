"""The watches over the routers that a config names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.balance_checks import BalanceChecks
from connext_monitor.alerting.liquidity_watch import LiquidityWatch
from connext_monitor.alerting.silence_watch import SilenceWatch
from connext_monitor.assembly.outside import LookIntervals
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.monitoring.token_reader import TokenReader
from connext_monitor.observed_chain import ObservedChain
from connext_monitor.process.parts import Part
from connext_monitor.store.store import Store


@dataclass(frozen=True, slots=True)
class RouterWatches:
    """What they have, and whether they fill; ``checks`` are their balances beside their books."""

    liquidity: LiquidityWatch
    silence: SilenceWatch
    checks: RouterChecks

    def parts(self) -> Sequence[Part]:
        """Both."""
        return [Part("liquidity watch", self.liquidity.run), Part("silence watch", self.silence.run)]


def watch_routers(
    config: Config,
    store: Store,
    chains: Mapping[DomainId, ObservedChain],
    desk: AlertDesk,
    tokens: TokenReader,
    labels: ChainLabels,
    clock: AgreedClock,
    looks: LookIntervals,
) -> RouterWatches:
    """The watches over all of them; nothing is asked before they run."""
    routers = list(config.routers.values())
    checks = RouterChecks({router.address: router.name for router in routers})
    compare = BalanceChecks(store.bridge, checks)
    return RouterWatches(
        LiquidityWatch(desk, chains, routers, tokens.token, compare, clock, every=looks.balances),
        SilenceWatch(desk, chains, routers, store.router_fills, labels, clock, every=looks.silence),
        checks,
    )
