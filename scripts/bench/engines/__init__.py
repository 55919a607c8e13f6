"""PostgreSQL beside SQLite."""
