"""What the oracle finds wrong with a run."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Wrong(StrEnum):
    """In which way; each is counted by itself, and each count is 0 for a sound monitor."""

    MISSED = "missed"
    FALSE = "false"
    TWICE = "told twice"
    LATE = "late"
    DIFFERS = "differs from the truth"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong, found at an instant of the story, with the rule that says so."""

    at: float
    wrong: Wrong
    rule: str
    subject: str
    words: str

    def __str__(self) -> str:
        return f"{self.at:12.3f}  {self.wrong}: {self.words}  [{self.rule}; {self.subject}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that the oracle has to say about a run, in the order of the story."""

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Verdict":
        """The findings, sorted."""
        return cls(tuple(sorted(findings)))

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def counts(self) -> dict[Wrong, int]:
        """How many findings of each sort there are; 0 where there is none."""
        counted = Counter(finding.wrong for finding in self.findings)
        return {wrong: counted[wrong] for wrong in Wrong}
