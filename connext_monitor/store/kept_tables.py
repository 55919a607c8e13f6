"""The tables of numbers that are kept so that they need not be counted; triggers of the migrations keep most right."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, text

from connext_monitor.store.schema import RowId, metadata

# Transfers counted, of quarters of a day that are over; triggers on `transfers` remove what no longer holds.
kept_counts = Table(
    "kept_counts",
    metadata,
    Column("since", RowId, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# Those of eight days, made of their quarters; a trigger on these removes what no longer holds.
kept_spans = Table(
    "kept_spans",
    metadata,
    Column("since", RowId, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# The transfers that routers have fronted and that are not reconciled, by the numbers of their rows. Triggers on
# `transfers` keep it so. What was fronted, big-endian, and when (Unix seconds), is NULL until it is read; who stores
# another Executed of a transfer, or takes one back, makes it so again (`owed.forget`): a trigger on each event would be
# dear.
fronted = Table(
    "fronted",
    metadata,
    Column("transfer", RowId, primary_key=True),
    Column("origin", BigInteger, nullable=False),
    Column("destination", BigInteger, nullable=False),
    Column("routers", LargeBinary, nullable=False),
    Column("asset", LargeBinary),
    Column("amount", LargeBinary),
    Column("executed_at", BigInteger),
    Index("fronted_not_read", "transfer", sqlite_where=text("asset IS NULL")),
    # What is owed is read off in its order.
    Index(
        "fronted_by_routers", "destination", "routers", "asset", "origin", "amount", "executed_at",
        sqlite_where=text("asset IS NOT NULL"),
    ),
)  # fmt: skip

# What routers added, removed, fronted and got back, by router, chain and the bridge's own token: signed big-endian base
# units, changed in the transaction that records the events. What is pruned stays in it. The row without a router (no
# bytes) counts the fast fills of that token.
router_books = Table(
    "router_books",
    metadata,
    Column("router", LargeBinary, primary_key=True),
    Column("domain", BigInteger, primary_key=True, autoincrement=False),
    Column("asset", LargeBinary, primary_key=True),
    Column("added", LargeBinary, nullable=False),
    Column("removed", LargeBinary, nullable=False),
    Column("fronted", LargeBinary, nullable=False),
    Column("reimbursed", LargeBinary, nullable=False),
    Column("fills", BigInteger, nullable=False),
    # The latest of them, Unix seconds.
    Column("last_fill", BigInteger),
)

# When the transfers of a pathway were last executed by each set of routers (none of them on the slow path), Unix
# seconds. Triggers on `transfers` keep it so.
kept_executions = Table(
    "last_executions",
    metadata,
    Column("destination", BigInteger, primary_key=True, autoincrement=False),
    Column("origin", BigInteger, primary_key=True, autoincrement=False),
    Column("routers", LargeBinary, primary_key=True),
    # Never NULL, which would have SQLite check it (see `bulk.ending_all`).
    Column("last", BigInteger),
    sqlite_with_rowid=False,
)

# What each set of routers is owed on a chain in the bridge's own token, of what has been read of `fronted`, added up:
# for how many transfers, since when (Unix seconds), and what each of the routers gets back of it and what the last of
# them does, big-endian. Triggers on `fronted` set the count to NULL where that is to be added up anew.
debts = Table(
    "debts",
    metadata,
    Column("destination", BigInteger, primary_key=True, autoincrement=False),
    Column("routers", LargeBinary, primary_key=True),
    Column("asset", LargeBinary, primary_key=True),
    Column("transfers", BigInteger),
    Column("oldest", BigInteger),
    Column("share", LargeBinary),
    Column("last_share", LargeBinary),
    Index("debts_to_add_up", "destination", "routers", "asset", sqlite_where=text("transfers IS NULL")),
    sqlite_with_rowid=False,
)
