"""How alerts end."""

from enum import StrEnum


class Resolution(StrEnum):
    """Every way in which an alert can end; which of them a kind of alert has, its `endings` say."""

    EXECUTED = "executed"
    RECONCILED = "reconciled"
    REORGED = "reorged"
    OBSERVED = "observed"
    COVERED_AGAIN = "covered_again"
    ORIGIN_FOUND = "origin_found"
    RECOVERED = "recovered"
    BACKED_UP = "backed_up"
    CAUGHT_UP = "caught_up"
    ACKNOWLEDGED = "acknowledged"
    NOTED = "noted"
    UNPAUSED = "unpaused"
    EXECUTING = "executing"
    REFILLED = "refilled"
    FILLING = "filling"
    REMOVED = "removed"
