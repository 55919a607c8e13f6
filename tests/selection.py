"""Which tests a lane leaves out that has no time for all: samples of a test, and tests of a file."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random

import pytest


def samples_between(tests: Iterable[pytest.Item]) -> set[pytest.Item]:
    """All samples of a test with parameters but the first and the last."""
    return {test for samples in _grouped(tests, lambda test: test.nodeid.partition("[")[0]) for test in samples[1:-1]}


def paths_that_exist(names: Iterable[str]) -> list[Path]:
    """These files and folders. Raises UsageError for one that is not there: its tests would silently be left out."""
    paths = [Path(name).resolve() for name in names]
    if missing := [str(path) for path in paths if not path.exists()]:
        raise pytest.UsageError(f"--whole: there is no {', '.join(missing)}")
    return paths


def all_but_one_of_each_file(tests: Iterable[pytest.Item], whole: Sequence[Path], seed: str) -> set[pytest.Item]:
    """All tests of each file but one, which the seed determines; none of the files and folders in ``whole``."""
    chance = Random(seed)  # noqa: S311 - a choice of tests
    left_out: set[pytest.Item] = set()
    for of_file in _grouped(tests, lambda test: test.path):
        if not any(of_file[0].path.is_relative_to(path) for path in whole):
            left_out.update({*of_file} - {chance.choice(of_file)})
    return left_out


def _grouped(tests: Iterable[pytest.Item], key: Callable[[pytest.Item], object]) -> list[list[pytest.Item]]:
    groups: dict[object, list[pytest.Item]] = {}
    for test in tests:
        groups.setdefault(key(test), []).append(test)
    return list(groups.values())
