"""Lines through samples."""

import pytest

from tests.soak.slopes import Slope, common_slope, slope


def test_a_straight_line_has_its_slope_and_no_error() -> None:
    assert slope([(0, 5), (1, 7), (2, 9), (3, 11)]) == Slope(2, 0, 4)


def test_noise_widens_the_error() -> None:
    # By hand: residuals -0.1, 0.3, -0.3, 0.1 around 0.2 x + 0.1, so sqrt(0.2 / 2 / 5).
    noisy = slope([(0, 0), (1, 0.6), (2, 0.2), (3, 0.8)])
    assert noisy is not None
    assert noisy.growth == pytest.approx(0.2)
    assert noisy.error == pytest.approx(0.1414, abs=1e-4)


def test_lives_that_begin_at_different_heights_share_their_growth() -> None:
    low, high = [(0, 0), (1, 1), (2, 2)], [(10, 100), (11, 101), (12, 102)]
    assert common_slope([low, high, []]) == Slope(1, 0, 6)


def test_a_jump_between_two_lives_is_no_growth() -> None:
    jumping = common_slope([[(0, 1), (1, 1), (2, 1)], [(3, 9), (4, 9), (5, 9)]])
    assert jumping == Slope(0, 0, 6)


@pytest.mark.parametrize("points", [[], [(0, 1)], [(0, 1), (1, 2)], [(1, 1), (1, 2), (1, 3)]])
def test_too_little_determines_no_line(points: list[tuple[float, float]]) -> None:
    assert slope(points) is None


def test_other_units_scale_growth_and_error() -> None:
    assert Slope(2.0, 0.5, 7).times(10) == Slope(20.0, 5.0, 7)
