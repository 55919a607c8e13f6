"""A lane that has no time for all tests runs some of each file, and in the course of time each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.selection import all_but_one_of_each_file, paths_that_exist, samples_between

TESTS = Path("/tests")


@dataclass(frozen=True)
class Item:
    """As much of a test as is asked for."""

    nodeid: str

    @property
    def path(self) -> Path:
        return TESTS / self.nodeid.partition("::")[0]


def items(*names: str) -> list[Any]:
    return [Item(name) for name in names]


def kept(tests: list[Any], left_out: set[Any]) -> Sequence[str]:
    return [test.nodeid for test in tests if test not in left_out]


def test_the_first_and_the_last_sample_are_kept() -> None:
    tests = items("a.py::one", "a.py::many[1]", "a.py::many[2]", "a.py::many[3]", "b.py::many[1]")
    assert kept(tests, samples_between(tests)) == ["a.py::one", "a.py::many[1]", "a.py::many[3]", "b.py::many[1]"]


def test_one_test_of_each_file_is_kept_and_whole_ones_whole() -> None:
    tests = items("a.py::1", "a.py::2", "b/c.py::1", "b/c.py::2", "d.py::1", "d.py::2", "bc.py::1")
    names = kept(tests, all_but_one_of_each_file(tests, [TESTS / "b", TESTS / "d.py"], "seed"))
    assert names[0] in {"a.py::1", "a.py::2"}
    assert names[1:] == ["b/c.py::1", "b/c.py::2", "d.py::1", "d.py::2", "bc.py::1"]


def test_each_test_of_a_file_is_drawn_by_some_seed() -> None:
    tests = items("a.py::1", "a.py::2", "a.py::3")
    drawn = {name for seed in range(100) for name in kept(tests, all_but_one_of_each_file(tests, [], str(seed)))}
    assert drawn == {"a.py::1", "a.py::2", "a.py::3"}


def test_a_whole_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert paths_that_exist([str(tmp_path)]) == [tmp_path]
    with pytest.raises(pytest.UsageError, match=r"there is no .*gone\.py"):
        paths_that_exist([str(tmp_path), str(tmp_path / "gone.py")])


def test_a_seed_draws_the_same_tests_again() -> None:
    tests = items(*(f"{file}.py::{number}" for file in "abcdefgh" for number in range(9)))
    assert len({tuple(kept(tests, all_but_one_of_each_file(tests, [], "seed"))) for _ in range(20)}) == 1
