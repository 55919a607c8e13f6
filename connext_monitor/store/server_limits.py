"""For how long a PostgreSQL server, and whoever uses it, may hold others up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Seconds.

    - ``connect``: until a connection stands;
    - ``answer``, ``lease_answer``, ``migration_answer``: for which the server may say nothing at all, whoever waits;
      more than it gives any statement of the first two kinds;
    - ``idle_in_transaction``: for which a program may stand still in the midst of a transaction, 0 for any time.
    """

    connect: int = 5
    answer: float = 65.0
    lease_answer: float = 10.0
    migration_answer: float = 3600.0
    idle_in_transaction: float = 10.0


USUAL_LIMITS = ServerLimits()
