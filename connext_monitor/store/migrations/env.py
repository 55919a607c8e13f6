"""Alembic's entry: runs the versions on the connection that `Database.open` hands over."""

from alembic import context

from connext_monitor.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
