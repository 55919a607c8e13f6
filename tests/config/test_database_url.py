"""``monitor.database`` as a URL: what is taken, what is shown, and what is refused without a word of the password."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from pydantic_core import PydanticCustomError

from connext_monitor.config import DatabaseUrl
from tests.config.configs import CHAIN, SECRET, load, refused

URL = f"postgresql://monitor:{SECRET}@db.example:5433/connext"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def shown_of(url: str) -> str | None:
    """What the URL shows; None where it is refused, without the secret."""
    try:
        return str(DatabaseUrl(url))
    except PydanticCustomError as error:
        return None if SECRET not in error.message() else SECRET


def of(url: str) -> str:
    return f'[monitor]\ndatabase = "{url}"\n{CHAIN}'


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, "postgresql://db.example:5433/connext"),
        (f"postgres://u:{SECRET}@DB/m?sslmode=verify-full", "postgresql://db/m"),
        (f"postgresql://u:{SECRET}%40%2F@one:1,[::1]:2,three/m", "postgresql://one:1,[::1]:2,three/m"),
        (f"postgresql:///m?host=/run/postgresql&password={SECRET}", "postgresql:///m"),
        (f"postgresql://u:{SECRET}@%2Frun%2Fpostgresql/m%20n", "postgresql://%2frun%2fpostgresql/m n"),
    ],
)
def test_hosts_and_name_are_all_that_a_url_shows(file: Path, url: str, shown: str) -> None:
    database = load(file, of(url)).monitor.database
    assert isinstance(database, DatabaseUrl)
    assert (str(database), repr(database)) == (shown, f"DatabaseUrl('{shown}')")
    assert database.get_secret_value() == url


def test_a_url_may_come_from_the_environment(file: Path) -> None:
    config = load(file, of("${DATABASE_URL}"), DATABASE_URL=URL)
    assert str(config.monitor.database) == "postgresql://db.example:5433/connext"
    assert SECRET not in f"{config!r}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        f"postgresql:{SECRET}",
        f"postgresql://u:{SECRET}@host",
        f"postgresql://u:{SECRET}@host/",
        f"postgresql:///{SECRET}",
        f"postgresql://u:1/{SECRET}@host/m",
        f"postgresql://u:1?{SECRET}@host/m",
        f"postgresql://u:1#{SECRET}@host/m",
        f"postgresql://u:1@{SECRET}@host/m",
        f"postgresql://u:%{SECRET}@host/m",
        f"postgresql://u:{SECRET}@host:99999/m",
        f"postgresql://u:{SECRET}@ho st/m",
        f"postgresql://u:{SECRET}@-host/m",
        f"postgresql://host/m?pass={SECRET}",
        f"postgresql://host/m?{SECRET}",
        f"POSTGRESQL://u:{SECRET}@host/m",
        f"host=db dbname=m password={SECRET}",
        f"postgresql://u:{SECRET}ä@host/m",
        f"postgresql://u:{SECRET}@host/{'m' * 5000}",
    ],
)
def test_what_may_be_cut_at_the_wrong_place_is_refused(file: Path, url: str) -> None:
    error = refused(file, of(url))
    assert [problem.key for problem in error.problems] == ["monitor.database"]
    assert SECRET not in f"{error} {error!r}"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\0"), min_size=1))
def test_any_password_is_taken_when_it_is_percent_encoded(password: str) -> None:
    url = DatabaseUrl(f"postgresql://u:{quote(password, safe='')}@host:1/m")
    assert conninfo_to_dict(url.get_secret_value())["password"] == password
    assert str(url) == "postgresql://host:1/m"


@given(st.text(st.sampled_from("p:/?#@%[],&=12aé "), max_size=12))
def test_of_a_raw_password_nothing_is_shown_as_host_or_name(drawn: str) -> None:
    assert shown_of(f"postgresql://u:{drawn}{SECRET}{drawn}@host/m") in {None, "postgresql://host/m"}


def test_backups_beside_a_server_are_refused_with_words(file: Path) -> None:
    error = refused(file, f'{of(URL)}\n[backup]\nevery = "PT6H"\n')
    assert re.search(r"backup: is for a SQLite file.*pg_dump", str(error))


def test_without_its_driver_the_extra_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "pip install 'connext-monitor[postgres]'" in str(refused(file, of(URL)))
