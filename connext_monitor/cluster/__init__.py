"""Several instances on one database: which of them owns the work, and how it passes on."""
