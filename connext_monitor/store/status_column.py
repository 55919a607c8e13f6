"""How a transfer's status follows from the other columns of its row, as `core.transfer.Transfer.status` says it."""

STATUS = (
    "CASE WHEN xcalled_at IS NULL THEN 'Unknown'"
    " WHEN executed_at IS NULL AND reconciled_at IS NULL THEN 'XCalled'"
    " WHEN executed_at IS NULL THEN 'Reconciled'"
    " WHEN reconciled_at IS NULL THEN 'Executed'"
    " WHEN length(routers) > 0 THEN 'CompletedFast'"
    " ELSE 'CompletedSlow' END"
)
"""In SQL."""
