"""The tables of reports, and of whom they are still to be told."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

from connext_monitor.store.schema import RowId, metadata

# Statistics of one period, up to ``until_at``, as they were when they were made.
reports = Table(
    "reports",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("until_at", BigInteger, nullable=False, unique=True),
    Column("content", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

report_deliveries = Table(
    "report_deliveries",
    metadata,
    Column("report_id", BigInteger, ForeignKey("reports.id"), primary_key=True, autoincrement=False),
    Column("provider", Text, primary_key=True),
    Column("pending", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger, nullable=False),
    Column("reason", Text),
    Column("done_ms", BigInteger),
    Index("report_deliveries_pending", "provider", "report_id", sqlite_where=text("pending = 1")),
)
