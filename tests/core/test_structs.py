"""What is made for every log behaves as the frozen dataclass that mypy takes it for."""

from collections.abc import Callable
from dataclasses import field, fields
from dataclasses import replace as changed_dataclass
from typing import ClassVar

import pytest

from connext_monitor.core.structs import replace, struct


@struct(frozen=True, slots=True)
class Point:
    """A place."""

    kind: ClassVar[str] = "point"

    across: int
    up: int = 0

    @property
    def sum(self) -> int:
        """Both."""
        return self.across + self.up


@struct(frozen=True, slots=True)
class Path:
    """Points, of which each path has its own."""

    points: list[Point] = field(default_factory=list)


def test_it_has_its_fields_defaults_and_members() -> None:
    assert (Point(1).up, Point(1, up=2).sum, Point.kind, Point.__doc__) == (0, 3, "point", "A place.")
    assert [field.name for field in fields(Point)] == ["across", "up"]


def test_nothing_can_be_assigned_to_it() -> None:
    with pytest.raises(AttributeError):
        Point(1).across = 2  # type: ignore[misc]


def test_equal_structs_are_one_and_changed_ones_another() -> None:
    assert len({Point(1), Point(1), replace(Point(1), up=1)}) == 2
    assert replace(Point(1, 2), up=1) == changed_dataclass(Point(1, 2), up=1) == Point(1, 1)


def test_each_has_a_value_of_its_own_where_one_is_made() -> None:
    first, second = Path(), Path()
    first.points.append(Point(1))
    assert (first.points, second.points, replace(second, points=first.points)) == ([Point(1)], [], first)


class Base:
    """What a struct would not inherit from."""


def with_a_base() -> None:
    @struct(frozen=True, slots=True)
    class Derived(Base):
        across: int


def with_a_field_that_is_not_compared() -> None:
    @struct(frozen=True, slots=True)
    class Noted:
        note: str = field(compare=False)


@pytest.mark.parametrize("declare", [with_a_base, with_a_field_that_is_not_compared])
def test_what_it_would_silently_lose_is_refused(declare: Callable[[], None]) -> None:
    with pytest.raises(TypeError):
        declare()
