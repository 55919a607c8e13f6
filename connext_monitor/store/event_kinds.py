"""The numbers that the kinds of event are stored as. They stand in files, and do not change."""

from connext_monitor.core.events import EventKind

NUMBERS = {EventKind.XCALLED: 1, EventKind.EXECUTED: 2, EventKind.RECONCILED: 3}
KINDS = {number: kind for kind, number in NUMBERS.items()}
XCALLED, EXECUTED = NUMBERS[EventKind.XCALLED], NUMBERS[EventKind.EXECUTED]
