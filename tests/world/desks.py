"""An alert desk whose every alert goes to the same providers."""

from collections.abc import Callable

from connext_monitor.alerting.alert_desk import AlertDesk, AlertStore
from connext_monitor.clock import Clock, SystemClock
from connext_monitor.core.alerts.effects import Route


def desk_on(
    store: AlertStore,
    *providers: str,
    route: Route | None = None,
    woken: Callable[[], None] | None = None,
    clock: Clock | None = None,
) -> AlertDesk:
    """A desk on this store; ``woken`` is called when there is something to deliver."""
    desk = AlertDesk(store, route or (lambda _alert: providers), clock or SystemClock())
    if woken is not None:
        desk.on_change(woken)
    return desk
