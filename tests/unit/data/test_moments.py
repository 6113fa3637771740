"""Power sums kept exactly, against Python's fractions."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.data.moments import LARGEST, add, exact, moments, power_sums, sum_of, within

floats = st.floats(allow_nan=False, allow_infinity=False)
small = st.floats(-1e30, 1e30)


def fraction(of: tuple[int, int]) -> Fraction:
    return Fraction(of[0]) * Fraction(2) ** of[1]


def test_one_two_and_six_worked_out_by_hand() -> None:
    """Mean 3; deviations -2, -1, 3: squares 4 + 1 + 9 = 14, cubes -8 - 1 + 27 = 18, fourth powers 16 + 1 + 81 = 98."""
    sums = power_sums(3, 3.0, (14.0, 18.0, 98.0))
    assert [fraction(held) for held in sums] == [9, 41, 225, 1313]
    assert moments(3, sums, least=1.0, most=6.0) == (3.0, 14.0, 18.0, 98.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(floats, max_size=20), st.randoms(use_true_random=False))
def test_adding_is_exact_in_any_order(values: list[float], random: object) -> None:
    """The sum is the fraction's, written in one way."""
    terms = [exact(value) for value in values]
    whole = add(terms)
    assert fraction(whole) == sum(map(Fraction, values))
    assert whole[0] % 2 == 1 or whole == (0, 0)
    random.shuffle(terms)  # type: ignore[attr-defined]
    assert add([add(terms[:7]), add(terms[7:])]) == whole


@settings(max_examples=100, deadline=None)
@given(st.lists(small, min_size=1, max_size=20), st.integers(0, 20))
def test_moments_of_parts_are_those_of_the_whole(values: list[float], cut: int) -> None:
    """To the rounding of the parts' own moments."""
    parts = [part for part in (values[:cut], values[cut:]) if part]
    known = [power_sums(len(part), *_reckoned(part)) for part in parts]
    sums = tuple(add(terms) for terms in zip(*known, strict=True))
    mean, *powers = moments(len(values), sums, least=min(values), most=max(values))
    true_mean, true_powers = _reckoned(values)
    size = max(map(abs, values))
    assert mean == pytest.approx(true_mean, rel=1e-12, abs=1e-12 * size)
    for power, (told, true) in enumerate(zip(powers, true_powers, strict=True), start=2):
        assert told == pytest.approx(true, rel=1e-9, abs=1e-12 * len(values) * size**power)


def _reckoned(values: list[float]) -> tuple[float, tuple[float, float, float]]:
    mean = sum(map(Fraction, values)) / len(values)
    rounded = float(mean)
    powers = [float(sum((Fraction(value) - Fraction(rounded)) ** power for value in values)) for power in (2, 3, 4)]
    return rounded, (powers[0], powers[1], powers[2])


def test_without_higher_powers_these_are_zero() -> None:
    """Summaries from before know two sums."""
    assert moments(3, power_sums(3, 3.0, (14.0,)), least=1.0, most=6.0) == (3.0, 14.0, 0.0, 0.0)


def test_what_is_past_the_largest_float_stays_at_it() -> None:
    """Neither a mean of the largest nor its square overflows."""
    sums = add([exact(LARGEST)] * 4), add([exact(LARGEST)] * 4)
    assert moments(2, sums, least=-LARGEST, most=LARGEST)[0] == LARGEST
    assert sum_of([LARGEST, LARGEST]) == sum_of([math.inf, -math.inf]) == math.inf
    assert within(math.inf, -2.0, 4.0) == 1.0
