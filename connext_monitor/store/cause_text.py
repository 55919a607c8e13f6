"""How the database keeps the causes of an alert."""

import json
from collections.abc import Iterable

from connext_monitor.core.alerts.cause import Cause, CauseKind


def written(causes: Iterable[Cause]) -> str:
    """Causes as the database keeps them."""
    return json.dumps([[cause.kind.value, dict(cause.facts), cause.past] for cause in causes])


def read_causes(stored: str) -> tuple[Cause, ...]:
    """The causes that `written` was given."""
    return tuple(Cause(CauseKind(kind), facts, past) for kind, facts, past in json.loads(stored))
