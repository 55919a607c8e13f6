"""Which revisions of the schema there are, and which one a file has.

Both are asked at every start, also of a command that only reads; Alembic, which takes longer to load than most of them
take to answer, is needed only where the schema changes (`migration`).
"""

from pathlib import Path

from connext_monitor.store.connection import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
KNOWN = tuple(sorted(file.name[1:5] for file in (MIGRATIONS / "versions").glob("v[0-9][0-9][0-9][0-9]_*.py")))
"""Of this version of the program, oldest first: a migration's file is named by its revision."""
NEWEST = KNOWN[-1]
TABLE = "alembic_version"
"""Where a file says its own, in the one row of its column ``version_num``; a file without it is not ours."""
_UNFINISHED = "moving to"


def current(connection: Connection) -> str | None:
    """The file's revision; None where it says none."""
    if not connection.has_table(TABLE):
        return None
    row = connection.run(f"SELECT version_num FROM {TABLE}").fetchone()  # noqa: S608 - our own name
    return None if row is None else str(row[0])


def unfinished(revision: str) -> str:
    """What stands in the place of this revision while a database is still being copied (`moving`)."""
    return f"{_UNFINISHED} {revision}"


def is_unfinished(revision: str) -> bool:
    """Whether it says that the database is not whole."""
    return revision.startswith(_UNFINISHED)
