"""The tables. Migrations make them; queries are written against them here; a test holds the two together.

Hashes, ids and addresses are raw bytes. ``*_at`` of blocks and deadlines are Unix seconds; ``*_ms`` are Unix
milliseconds of our own clock.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

# SQLite numbers rows by itself only in a column of exactly this type.
RowId = BigInteger().with_variant(Integer, "sqlite")

chains = Table(
    "chains",
    metadata,
    Column("domain", BigInteger, primary_key=True, autoincrement=False),
    Column("start_block", BigInteger, nullable=False),
    Column("checkpoint", BigInteger, nullable=False),
    Column("covered_number", BigInteger),
    Column("covered_hash", LargeBinary),
    Column("covered_at", BigInteger),
    # Nonces: the first one watched, the one before which none is missing, and the one that the chain would give next.
    Column("first_nonce", BigInteger),
    Column("contiguous_nonce", BigInteger),
    Column("next_nonce", BigInteger),
    # Every nonce below it was watched and is settled; its transfer may have been pruned.
    Column("pruned_nonce", BigInteger),
)

# The blocks of past checkpoints: what a reorg below finality is found out by, and how deep it went.
anchors = Table(
    "anchors",
    metadata,
    Column("domain", BigInteger, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", LargeBinary, nullable=False),
)

# The blocks before a chain's first watched one that `backfill` has read, as ranges that neither touch nor overlap.
backfills = Table(
    "backfills",
    metadata,
    Column("domain", BigInteger, primary_key=True, autoincrement=False),
    Column("first_block", BigInteger, primary_key=True, autoincrement=False),
    Column("last_block", BigInteger, nullable=False),
)

transfers = Table(
    "transfers",
    metadata,
    # Its number, given by the one writer, so that its events can be stored without asking for it.
    Column("id", RowId, primary_key=True),
    Column("transfer_id", LargeBinary, nullable=False),
    Column("origin", BigInteger, nullable=False),
    Column("destination", BigInteger, nullable=False),
    Column("nonce", BigInteger),
    Column("started_at", BigInteger, nullable=False),
    Column("xcalled_at", BigInteger),
    Column("executed_at", BigInteger),
    Column("reconciled_at", BigInteger),
    Column("execute_due_at", BigInteger),
    Column("reconcile_due_at", BigInteger),
    # Once executed: the routers that fronted it, 20 bytes each; none on the slow path.
    Column("routers", LargeBinary),
    # As `core` says it: SQLite looks up the row of each entry of an index that holds a column computed by itself.
    Column("status", Text, nullable=False),
    Index("transfers_by_id", "transfer_id", unique=True),
    # Rows of one instant stand in it by their number, as lists do.
    Index("transfers_by_start", "started_at"),
    # Lists are merged from those of a pathway and status, and none is gone through for what it does not hold.
    Index("transfers_by_state", "origin", "destination", "status", "started_at"),
    Index("transfers_by_nonce", "origin", "nonce", sqlite_where=text("xcalled_at IS NOT NULL")),
    Index("transfers_without_origin", "origin", "nonce", sqlite_where=text("xcalled_at IS NULL")),
    # What is asked of it, the latest execution of each group, is read off in the index's order.
    Index(
        "transfers_by_router", "destination", "origin", "routers", "executed_at",
        sqlite_where=text("executed_at IS NOT NULL"),
    ),
    Index("transfers_awaiting_execute", "execute_due_at", sqlite_where=text("executed_at IS NULL")),
    Index("transfers_awaiting_reconcile", "reconcile_due_at", sqlite_where=text("reconciled_at IS NULL")),
)  # fmt: skip

events = Table(
    "events",
    metadata,
    Column("id", RowId, primary_key=True),
    # Its number, not the 32 bytes of its id: in no order, they took half of the time that SQLite took for an event.
    # On a server it is not a foreign key: a trigger has no transfer deleted that has events (v0027).
    Column("transfer", BigInteger, ForeignKey("transfers.id", deferrable=True, initially="DEFERRED"), nullable=False),
    # A number of `event_kinds`.
    Column("kind", SmallInteger, nullable=False),
    Column("domain", BigInteger, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary, nullable=False),
    Column("block_at", BigInteger, nullable=False),
    Column("tx_hash", LargeBinary, nullable=False),
    Column("log_index", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    # The first 8 bytes of tx_hash. Hashes come in no order: an index of whole ones is slow to grow, and one that calls
    # a function has SQLite keep a journal of each statement.
    Column("tx_start", LargeBinary, nullable=False),
    Index("events_by_transfer", "transfer", "kind", "domain", "block_hash", unique=True),
    Index("events_by_block", "domain", "block_number"),
    Index("events_by_tx", "tx_start"),
)

# The chain of an event that is looked for by its transfer: as a sum, because SQLite would else go through all events of
# that chain, block by block.
domain_of_event = events.c.domain + 0

malformed_logs = Table(
    "malformed_logs",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("domain", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    UniqueConstraint("domain", "digest"),
)

# Deliveries that are not those of their transfer, by the id that they claim: where they stand until a reorg.
mismatches = Table(
    "mismatches",
    metadata,
    Column("transfer_id", LargeBinary, primary_key=True),
    Column("domain", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", LargeBinary, primary_key=True),
    Column("block_number", BigInteger, nullable=False),
    Index("mismatches_by_block", "domain", "block_number"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("transfer_id", LargeBinary),
    Column("state", Text, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger),
    Column("resolution", Text),
    Column("details", Text, nullable=False),
    Column("causes", Text, nullable=False, server_default="[]"),
    # Grows with every change of any alert: what has changed since a look is found by it.
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
    # The alert because of which it is late; once it has ended, the last one.
    Column("inhibited_by", Text),
    Index("alerts_by_state", "state", "kind"),
    Index("alerts_by_revision", "revision"),
    Index("alerts_by_transfer", "transfer_id"),
    Index("alerts_by_cause", "inhibited_by", sqlite_where=text("inhibited_by IS NOT NULL")),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("alert_id", Text, ForeignKey("alerts.id"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("change", Text, nullable=False),
    # What is told is the change as it was made, even if the alert has opened again since.
    Column("resolution", Text),
    Column("resolved_ms", BigInteger),
    Column("pending", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger, nullable=False),
    Column("reference", Text),
    Column("reason", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
    # Of openings: what a burst of them would be grouped by, and whether seconds count (NULL counts as yes).
    Column("topic", Text),
    Column("fresh", Boolean),
    # The group whose message tells of it, where it is not told by itself.
    Column("group_id", BigInteger),
    # Of openings: whether it tells anew what has been told, which no other message stands for; of ends: whether it
    # changes a further message about an alert that was told anew (NULL counts as no).
    Column("anew", Boolean),
    # A partial index serves only queries that hold its very condition, and flags are written so in them.
    Index("deliveries_pending", "provider", "id", sqlite_where=text("pending = 1")),
    Index("deliveries_pending_by_alert", "alert_id", "provider", "id", sqlite_where=text("pending = 1")),
    Index("deliveries_told_alone", "provider", "done_ms", sqlite_where=text("pending = 0 AND group_id IS NULL")),
    Index("deliveries_by_alert", "alert_id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("domain", BigInteger, primary_key=True, autoincrement=False),
    Column("asset", LargeBinary, primary_key=True),
    Column("symbol", Text, nullable=False),
    Column("decimals", Integer, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Column("kind", Text),
    Column("origin", Text),
    Column("destination", Text),
    Column("subject", Text),
    Column("reason", Text, nullable=False),
    Column("ack", Boolean, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    # Whether what still stood at its end has been told.
    Column("done", Boolean, nullable=False),
    Index("silences_standing", "id", sqlite_where=text("done = 0")),
)

# One message of one provider about many alerts.
delivery_groups = Table(
    "delivery_groups",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("topic", Text, nullable=False),
    # How many others of its topic the provider knew of when it was formed.
    Column("before", Integer, nullable=False),
    Column("oldest_ms", BigInteger, nullable=False),
    Column("newest_ms", BigInteger, nullable=False),
    Column("formed_ms", BigInteger, nullable=False),
    # How many members its opening counted; what its message said last, and when.
    Column("opened_with", Integer),
    Column("told_members", Integer),
    Column("told_open", Integer),
    Column("told_ms", BigInteger),
    Column("ended", Boolean, nullable=False),
    Column("reference", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger, nullable=False),
    Column("reason", Text),
    # The alert because of which its members are late, where that is what they have in common.
    Column("cause_id", Text),
    Index("delivery_groups_standing", "provider", "id", sqlite_where=text("ended = 0")),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", BigInteger, ForeignKey("delivery_groups.id"), primary_key=True, autoincrement=False),
    Column("alert_id", Text, ForeignKey("alerts.id"), primary_key=True),
    Column("open", Boolean, nullable=False),
    # What the worst are found by: since when it stands, and 32 big-endian bytes of the amount in 18 decimals.
    Column("since_at", BigInteger, nullable=False),
    Column("amount", LargeBinary),
    Index("group_members_by_state", "group_id", "open", "since_at"),
    Index("group_members_by_amount", "group_id", "open", "amount"),
    Index("group_members_by_alert", "alert_id"),
)

channels = Table(
    "channels",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("since_ms", BigInteger, nullable=False),
)

# The first 16 bytes of the ids of transfers that are no longer kept: an event of theirs that is seen again, in an old
# range or pushed by mistake, begins nothing.
pruned = Table("pruned", metadata, Column("id_start", LargeBinary, primary_key=True), sqlite_with_rowid=False)
