"""What is sampled from a process, and the growth that samples show."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak.samples import (
    HOUR,
    MB,
    WARM_UP,
    Sample,
    append_to,
    by_life,
    descriptors_of,
    growth,
    lag_in,
    memory_of,
    stored_in,
    waited_by,
    wal_of,
)


def life(
    number: int, began: float, *, memory: float = 100.0, memory_an_hour: float = 0.0, stored_an_hour: float = 0.0
) -> list[Sample]:
    """An hour's samples; sizes in MB."""
    return [
        Sample(
            at=began + age,
            life=number,
            age=age,
            memory=round((memory + (memory_an_hour + stored_an_hour) * age / HOUR) * MB),
            descriptors=30,
            wal=4 * MB,
            database=round((1 + stored_an_hour * (began + age) / HOUR) * MB),
            stored=round(500 * stored_an_hour * (began + age) / HOUR),
            lag=0.01,
        )
        for age in range(0, round(HOUR), 60)
    ]


def test_growth_beyond_what_is_stored_leaves_out_the_database() -> None:
    grown = growth(life(1, 0.0, memory_an_hour=3.0, stored_an_hour=2.0))
    assert grown.memory is not None
    assert grown.memory.growth == pytest.approx(5.0, rel=1e-3)
    assert grown.beyond_stored is not None
    assert grown.beyond_stored.growth == pytest.approx(3.0, rel=1e-3)
    assert grown.per_event is not None
    assert grown.per_event.growth == pytest.approx(MB / 500, rel=1e-2)


def test_what_a_restart_changes_is_no_growth() -> None:
    grown = growth([*life(1, 0.0, memory=100), *life(2, HOUR, memory=150)])
    assert grown.memory is not None
    assert grown.memory.growth == pytest.approx(0, abs=1e-6)


def test_the_beginning_of_a_life_is_left_out() -> None:
    samples: Sequence[Sample] = life(1, 0.0)
    assert growth(samples).seconds == samples[-1].age - WARM_UP
    assert growth([sample for sample in samples if sample.age < WARM_UP]).memory is None


def test_a_growth_that_ends_is_not_in_the_later_half() -> None:
    filling = [replace(sample, memory=sample.memory + round(min(sample.age, 900) * 1000)) for sample in life(1, 0.0)]
    grown = growth([*filling, *life(2, HOUR)[:10]])
    assert grown.beyond_stored is not None
    assert grown.beyond_stored.growth > 0.1
    assert grown.settled is not None
    assert grown.settled.growth == pytest.approx(0, abs=1e-6)
    assert grown.settled_seconds == pytest.approx(HOUR / 2, rel=0.05)


def test_lives_are_told_apart_in_their_order() -> None:
    first, second = life(1, 0.0), life(2, HOUR)
    assert by_life([*first, *second]) == [first, second]


def test_this_process_has_memory_and_descriptors() -> None:
    before = descriptors_of(os.getpid())
    with Path("/dev/null").open(encoding="ascii"):
        assert descriptors_of(os.getpid()) == before + 1
    assert 10 * MB < memory_of(os.getpid()) < 10_000 * MB


def test_this_process_has_waited_for_a_processor() -> None:
    assert 0 <= waited_by(os.getpid()) < 100_000


def test_what_is_stored_is_counted_wherever_it_is(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        with connection:
            connection.execute("CREATE TABLE events (id INTEGER)")
            connection.execute("INSERT INTO events VALUES (1), (2)")
        assert stored_in(file) == (2 * 4096, 2)
        assert wal_of(file) > 2 * 4096
    assert wal_of(file) == 0


def test_the_lag_is_read_off_a_scrape() -> None:
    scrape = "# TYPE connext_monitor_loop_lag_max_seconds gauge\nconnext_monitor_loop_lag_max_seconds 0.0125\n"
    assert lag_in(scrape) == 0.0125
    assert lag_in("") is None


def test_samples_are_kept_as_a_table(tmp_path: Path) -> None:
    for sample in life(1, 0.0)[:2]:
        append_to(tmp_path / "samples.csv", sample)
    lines = (tmp_path / "samples.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("at,life,age,memory")
    assert len(lines) == 3
