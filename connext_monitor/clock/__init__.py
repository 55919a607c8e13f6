"""Where the program's time comes from; the core gets it as an argument."""

from connext_monitor.clock.system import Clock, SystemClock

__all__ = ["Clock", "SystemClock"]
