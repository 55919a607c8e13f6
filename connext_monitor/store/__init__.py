"""The database: the only place with SQL."""

from connext_monitor.store.uncounted_memory import leave_memory_uncounted

leave_memory_uncounted()
