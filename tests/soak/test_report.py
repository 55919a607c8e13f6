"""What a run prints, and what it says by its exit code."""

from dataclasses import replace

import pytest

from tests.soak.evidence import EXECUTE, Evidence, Leg
from tests.soak.judging import SoakVerdict
from tests.soak.lives import Life
from tests.soak.report import is_clean, leaks, report
from tests.soak.run import Soaked
from tests.soak.samples import MB, Growth, Sample
from tests.soak.slopes import Slope

LEG = Leg("0x01", EXECUTE, "alpha", "beta", 1_000, None)
SAMPLE = Sample(1_060.0, 1, 60.0, 90 * MB, 30, 2 * MB, MB, 10, 0.02)
FLAT = Slope(0.2, 0.1, 300)
GROWTH = Growth(FLAT, FLAT, FLAT, FLAT, FLAT, FLAT, Slope(900.0, 1.0, 300), seconds=3_000.0, settled_seconds=4_000.0)
SOAKED = Soaked(
    SoakVerdict(delays=[2.0, 3.0, 9.0]),
    Evidence([LEG], [], {"ops": []}, [], 45.0, 2_000.0),
    [SAMPLE],
    [Life(1, 1_000.0, 1_900.0, "SIGTERM"), Life(2, 1_900.0, 1_901.0, "kill -9")],
    [],
    {"Drop": 3},
)


def test_a_run_without_faults_is_clean() -> None:
    assert is_clean(SOAKED, GROWTH)


@pytest.mark.parametrize(
    "soaked",
    [
        replace(SOAKED, verdict=SoakVerdict(missed=["so"])),
        replace(SOAKED, verdict=SoakVerdict(false=["so"])),
        replace(SOAKED, verdict=SoakVerdict(twice=["so"])),
        replace(SOAKED, verdict=SoakVerdict(late=["so"])),
        replace(SOAKED, verdict=SoakVerdict(differ=["so"])),
        replace(SOAKED, mishaps=["life 1 ended by itself"]),
    ],
)
def test_whatever_is_wrong_fails_the_run_and_is_printed(soaked: Soaked) -> None:
    assert not is_clean(soaked, GROWTH)
    said = list(report(soaked, GROWTH))
    assert any(line.endswith((": so", ": life 1 ended by itself")) for line in said)


def test_growth_beyond_chance_is_a_leak() -> None:
    assert not leaks(replace(GROWTH, settled=Slope(1.5, 0.4, 300)))
    assert leaks(replace(GROWTH, settled=Slope(1.5, 0.2, 300)))
    assert not is_clean(SOAKED, replace(GROWTH, settled=Slope(1.5, 0.2, 300)))


def test_a_short_run_claims_no_leak() -> None:
    assert not leaks(replace(GROWTH, settled=Slope(9.0, 0.1, 300), settled_seconds=1_000.0))
    assert leaks(replace(GROWTH, settled=Slope(9.0, 0.1, 300), settled_seconds=1_200.0))
    assert not leaks(replace(GROWTH, settled=None))


def test_lives_growth_and_counts_are_printed() -> None:
    said = "\n".join(report(SOAKED, GROWTH))
    assert "900 s  SIGTERM" in said
    assert "not sampled" in said
    assert "+0.20 ± 0.10 MB" in said
    assert "900 bytes" in said
    assert "from its beginning to its end, in MB: 90.0" in said
    assert "1 transfers, 1 legs owed, of which 1 came late or never" in said
    assert "missed 0, false 0, told twice 0, late 0, records that differ 0, mishaps 0" in said
    assert "after 3.0 s in the middle, 9.0 s at most" in said


def test_a_long_list_is_cut() -> None:
    said = list(report(replace(SOAKED, verdict=SoakVerdict(missed=["so"] * 30)), GROWTH))
    assert said[-1] == "  missed: and 10 more"
