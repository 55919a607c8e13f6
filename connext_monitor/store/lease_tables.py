"""The tables by which several instances on one server know who owns the work; where the database is a file, unused.

``*_ms`` are Unix milliseconds of the server's clock.
"""

from sqlalchemy import BigInteger, Boolean, Column, SmallInteger, Table, Text

from connext_monitor.store.schema import metadata

ONLY_ROW = 1

# Who owns the work: one row. Its token and its number of the last beat are what instances go by; the rest is shown.
lease = Table(
    "lease",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    # Of the term; NULL where nobody owns the work.
    Column("token", Text),
    Column("beat", BigInteger, nullable=False),
    Column("holder", Text),
    Column("config_hash", Text),
    Column("since_ms", BigInteger),
    Column("beat_ms", BigInteger),
    # Where it was handed over: to whom, because of which chains (a JSON list), and when that was last done.
    Column("offered_to", Text),
    Column("unseen", Text),
    Column("handed_over_ms", BigInteger),
    # Whether the owner asks who sees the chains.
    Column("sight_wanted", Boolean),
)

# Whose writes are committed: one row, which each of them locks. A row beside the lease's, so that a long write does not
# hold up the owner's beat. ``n`` counts the owner's writes: one that was committed and lost by the server is missed.
turn = Table(
    "turn",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("token", Text),
    Column("n", BigInteger, nullable=False),
)

# The instances that there are: each says so itself, as often as an owner beats.
instances = Table(
    "instances",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen_ms", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    # By how much its clock is ahead of the server's.
    Column("ahead_ms", BigInteger, nullable=False),
    # The newest block of each chain that it saw (a JSON object by the chain's name), and when it looked.
    Column("heads", Text),
    Column("looked_ms", BigInteger),
)
