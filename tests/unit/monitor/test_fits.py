"""Explanations of a column of numbers, against numbers worked out by hand and columns made to be explained."""

import numpy as np
import pytest

from trivium.monitor.fits import by_moments, mixture, moved_by, rescaled

ONES = (np.array([1.0]), np.array([10.0]))
FIVES = (np.array([5.0]), np.array([10.0]))


def ladder(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    held, counts = np.unique(values, return_counts=True)
    return held, counts.astype(float)


def drawn(seed: int = 0, size: int = 4000) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(3, 0.6, size))


def test_the_share_of_a_mixture() -> None:
    """3 of 10 at 5 where all were at 1: 30 % of the rows, and all of the distance."""
    fit = mixture((np.array([1.0, 5.0]), np.array([7.0, 3.0])), ONES, FIVES)
    assert (fit.share, fit.explained, fit.left) == (pytest.approx(0.3), pytest.approx(1.0), pytest.approx(0.0))


def test_what_lies_elsewhere_is_not_explained() -> None:
    """Rows at 3 are no mixture of rows at 1 and 5; and what did not move leaves nothing to explain."""
    assert mixture((np.array([3.0]), np.array([10.0])), ONES, FIVES).explained < 0.6
    assert mixture(ONES, ONES, FIVES) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("factor", "unit"),
    [(1.609344, "kilometres"), (0.3048, "metres"), (100, "hundredths"), (60, "minutes"), (-1, "sign")],
)
def test_known_factors_are_named(factor, unit) -> None:
    """Another draw times a known factor is that factor of all rows."""
    found = rescaled(ladder(np.sort(drawn(1) * factor)), ladder(drawn()))
    assert found.factor == pytest.approx(factor)
    assert unit in found.unit
    assert found.fit.share == 1.0
    assert found.fit.explained > 0.95


def test_a_factor_of_its_own_has_no_name() -> None:
    """1.3 times is 1.3 times, near enough."""
    found = rescaled(ladder(drawn(1) * 1.3), ladder(drawn()))
    assert found.factor == pytest.approx(1.3, rel=0.03)
    assert found.unit == ""


def test_temperatures_have_an_offset_as_well() -> None:
    """Fahrenheit read as Celsius, and only where numbers can be temperatures."""
    warm = np.random.default_rng(0).normal(60, 8, 4000)
    found = rescaled(ladder((warm - 32) / 1.8), ladder(np.random.default_rng(1).normal(60, 8, 4000)))
    assert "Celsius" in found.unit
    prices = ladder(np.random.default_rng(1).normal(600, 80, 4000))
    assert "Celsius" not in rescaled(ladder((warm * 10 - 32) / 1.8), prices).unit


def test_some_rows_times_a_far_factor() -> None:
    """A fifth of the rows in cents."""
    values = drawn(1)
    values[:800] *= 100
    found = rescaled(ladder(values), ladder(drawn()))
    assert found.factor == 100
    assert found.fit.share == pytest.approx(0.2, abs=0.02)


def test_a_mere_move_is_explained_by_a_move() -> None:
    """Ten more of everything."""
    values = np.random.default_rng(0).normal(50, 5, 4000)
    assert moved_by(ladder(values + 10), ladder(values)).explained > 0.99


def test_moments_alone_name_a_factor_where_both_follow_it() -> None:
    """1013 +- 8 in inches of mercury; not where the spread stayed, nor without a known factor."""
    assert by_moments((1013 / 33.8639, 8 / 33.8639), (1013, 8)).unit.startswith("inches of mercury")
    assert by_moments((1013 / 33.8639, 8), (1013, 8)) is None
    assert by_moments((1013 * 1.3, 8 * 1.3), (1013, 8)) is None
    assert by_moments((0.0, 1.0), (1013, 8)) is None
