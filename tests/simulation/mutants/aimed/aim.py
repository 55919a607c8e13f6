"""A story with the mutants that it is aimed at."""

from dataclasses import dataclass

from tests.simulation.story import Story

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Aim:
    """A story in which each of these mutants is found out before its end, and the monitor itself is found sound."""

    name: str
    story: Story
    mutants: tuple[str, ...]

    @property
    def days(self) -> float:
        """Within how many simulated days they are found out."""
        return self.story.seconds / _DAY
