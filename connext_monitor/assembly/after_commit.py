"""What happens once a batch is durable."""

from collections.abc import Callable, Collection

from connext_monitor.alerting.cause_watch import CauseWatch
from connext_monitor.alerting.chain_watch import ChainWatch
from connext_monitor.alerting.liquidity_watch import LiquidityWatch
from connext_monitor.alerting.pause_watch import PauseWatch
from connext_monitor.alerting.phantom_watch import PhantomWatch
from connext_monitor.alerting.scheduler import AlertScheduler
from connext_monitor.alerting.stall_watch import StallWatch
from connext_monitor.core.events import EXECUTED, TransferId
from connext_monitor.monitoring.observation import Committed
from connext_monitor.monitoring.origin_search import OriginSearch
from connext_monitor.reporting.metrics.tally import Tally


class AfterCommit:
    """Hands on what a transfer checker has committed: to the deadlines, the watches, the page and the metrics."""

    def __init__(
        self,
        scheduler: AlertScheduler,
        chain_watch: ChainWatch,
        cause_watch: CauseWatch,
        phantom_watch: PhantomWatch,
        pause_watch: PauseWatch,
        stall_watch: StallWatch,
        liquidity_watch: LiquidityWatch,
        origins: OriginSearch,
        transfers_changed: Callable[[Collection[TransferId]], None] | None,
        tally: Tally,
    ) -> None:
        self._scheduler = scheduler
        self._chain_watch = chain_watch
        self._cause_watch = cause_watch
        self._phantom_watch = phantom_watch
        self._pause_watch = pause_watch
        self._stall_watch = stall_watch
        self._liquidity_watch = liquidity_watch
        self._origins = origins
        self._transfers_changed = transfers_changed
        self._tally = tally

    def committed(self, news: Committed) -> None:
        """Arm and cancel deadlines, look at the chains, show, count."""
        self._scheduler.committed(news.effects, news.progress)
        if news.progress:
            self._chain_watch.progressed()
        if news.changed_alerts:
            self._cause_watch.resolved(news.effects, news.changed_alerts)
        self._phantom_watch.committed(news.changes, news.progress)
        self._pause_watch.committed(news.changes.bridge)
        executed = any(record.event.kind is EXECUTED for record in news.changes.added)
        self._stall_watch.committed(executed, news.progress)
        self._liquidity_watch.committed(news.changes.bridge)
        self._origins.committed(news.changes)
        touched = [*(transfer.transfer_id for transfer in news.changes.transfers), *news.changes.vanished]
        if self._transfers_changed is not None and (touched or news.changed_alerts):
            self._transfers_changed(touched)
        self._tally.committed(news.changes, news.progress, news.malformed)
