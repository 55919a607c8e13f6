"""The table of what the bridge says besides its transfers."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from connext_monitor.store.schema import RowId, metadata

bridge_events = Table(
    "bridge_events",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("domain", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary, nullable=False),
    Column("block_at", BigInteger, nullable=False),
    Column("tx_hash", LargeBinary, nullable=False),
    Column("log_index", BigInteger, nullable=False),
    # What it says, whole, and how many of the same transaction said the same before it: what it is known by.
    Column("digest", LargeBinary, nullable=False),
    Column("ordinal", Integer, nullable=False),
    # Its fields as JSON.
    Column("payload", LargeBinary, nullable=False),
    # Whether all was read of its block; what was only pushed is provisional.
    Column("covered", Boolean, nullable=False),
    Index("bridge_events_by_identity", "domain", "block_hash", "tx_hash", "digest", "ordinal", unique=True),
    Index("bridge_events_by_block", "domain", "block_number"),
    # Rows of one instant stand in them by their number, as lists do.
    Index("bridge_events_by_time", "block_at"),
    Index("bridge_events_by_kind", "kind", "block_at"),
    # The same event in another block is found by its transaction.
    Index("bridge_events_by_tx", "tx_hash"),
)
