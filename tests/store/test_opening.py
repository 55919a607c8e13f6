"""Opening the file: what is made in it, and what is said when it cannot be."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from connext_monitor.store import lease_tables
from connext_monitor.store.database import Database
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.schema import metadata


def schema(file: Path) -> set[tuple[str, str | None]]:
    """Every table and index of the file, with the SQL that makes it; how that is broken into lines says nothing."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic_version%' AND type != 'trigger'"
        )
        return {(name, sql and " ".join(sql.split())) for name, sql in rows}


def other_program_s(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE books (title TEXT)")


async def opened_and_closed(file: Path) -> None:
    await (await Database.open(file)).close()


async def test_migrations_make_the_very_tables_and_indexes_of_the_schema(file: Path, tmp_path: Path) -> None:
    # More than Alembic compares: the conditions of partial indexes too.
    assert lease_tables.lease.name in metadata.tables
    await opened_and_closed(file)
    engine = create_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    metadata.create_all(engine)
    engine.dispose()
    assert schema(file) == schema(tmp_path / "direct.db")


@pytest.mark.parametrize("name", ["with space.db", "per%20cent.db", "quest?ion.db", "ha#sh.db", "ümlaut.db"])
async def test_a_file_of_any_name_is_made_and_read(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    await opened_and_closed(file)
    await (await Database.open_readonly(file)).close()
    assert file.exists()


async def test_another_programs_database_is_refused_and_left_alone(file: Path) -> None:
    other_program_s(file)
    before = file.read_bytes()
    with pytest.raises(DatabaseError, match=r"monitor\.db is not a connext-monitor database; name another file"):
        await Database.open(file)
    assert file.read_bytes() == before


async def test_a_folder_in_place_of_the_file_is_refused_in_words(file: Path) -> None:
    file.mkdir()
    with pytest.raises(DatabaseError, match=r"check monitor\.database"):
        await Database.open(file)


async def test_a_file_in_place_of_the_folder_is_refused_in_words(file: Path) -> None:
    file.write_text("")
    with pytest.raises(DatabaseError, match=r"check monitor\.database"):
        await Database.open(file / "monitor.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_read_only_folder_is_refused_in_words(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DatabaseError, match=r"its folder can be written to"):
        await Database.open(tmp_path / "monitor.db")


async def test_a_damaged_database_is_refused_in_words(file: Path) -> None:
    await opened_and_closed(file)
    content = bytearray(file.read_bytes())
    content[100:4096] = b"\xff" * 3996
    file.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"monitor\.db cannot be opened"):
        await Database.open(file)


async def test_reading_makes_no_file(file: Path) -> None:
    with pytest.raises(DatabaseError, match="does not exist yet; the first run of the monitor makes it"):
        await Database.open_readonly(file)
    assert not file.exists()


async def test_reading_another_programs_database_is_refused_in_words(file: Path) -> None:
    other_program_s(file)
    with pytest.raises(DatabaseError, match="is not a connext-monitor database"):
        await Database.open_readonly(file)


async def test_reading_a_database_of_a_newer_version_is_refused_in_words(file: Path) -> None:
    await opened_and_closed(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(DatabaseError, match="written by a newer version"):
        await Database.open_readonly(file)


# The lock


def test_a_database_under_two_names_is_one(file: Path, tmp_path: Path) -> None:
    file.touch()
    other_name = tmp_path / "link.db"
    other_name.symlink_to(file)
    with DatabaseLock(file), pytest.raises(DatabaseError, match="in use by another monitor"), DatabaseLock(other_name):
        pass


def test_databases_side_by_side_are_locked_apart(file: Path, tmp_path: Path) -> None:
    with DatabaseLock(file), DatabaseLock(tmp_path / "other.db"):
        pass


def test_a_lock_is_free_once_it_is_let_go(file: Path) -> None:
    for _ in range(2):
        with DatabaseLock(file):
            pass


def test_a_lock_in_a_missing_folder_is_refused_in_words(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseError, match=r"cannot be made .*check monitor\.database"),
        DatabaseLock(tmp_path / "nowhere" / "monitor.db"),
    ):
        pass
