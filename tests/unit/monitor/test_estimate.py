"""Estimates before labels, and their record."""

import math

import numpy as np
import pytest

from trivium.monitor.estimate import LEAST_RECORD, Past, backtest, draws, expected_loss, surely_beyond
from trivium.monitor.reliability import calibrated, measure


def test_the_expected_loss_by_hand() -> None:
    """At chances 0.25 and 0.5, losses 1 and 3 if it comes, 0 and 1 if not: (0.25 + 0.5 x 3 + 0.5) / 2 = 1.125."""
    found = expected_loss(np.array([0.25, 0.5]), np.array([1.0, 3.0]), np.array([0.0, 1.0]))
    assert found == pytest.approx(1.125)
    assert math.isnan(expected_loss(np.array([]), np.array([]), np.array([])))


def test_draws_keep_to_the_chances() -> None:
    """Each draw has the chances' sum to within one, each row comes as often as its chance says to within an eighth."""
    chance = np.random.default_rng(0).random(200)
    drawn = np.array(draws(chance))
    assert set(np.unique(drawn)) <= {0.0, 1.0}
    assert np.all(np.abs(drawn.sum(axis=1) - chance.sum()) <= 1)
    assert np.all(np.abs(drawn.mean(axis=0) - chance) <= 1 / 8 + 1e-9)
    assert [one.tolist() for one in draws(np.array([0.0, 1.0]), 2)] == [[0.0, 1.0], [0.0, 1.0]]


def test_the_error_is_the_conformal_quantile() -> None:
    """Of 19 misses 0.01 to 0.19 the error is the 18th, ceil(20 x 0.9); they are biased by 0.1."""
    past = [Past(estimate=0.5 + k / 100, truth=0.5, error=None) for k in range(1, 20)]
    found = backtest(past)
    assert found.error == pytest.approx(0.18)
    assert found.bias == pytest.approx(0.10)
    assert (found.periods, found.within, found.stated) == (19, 0, 0)


def test_the_record_counts_what_was_stated() -> None:
    """Of three that had stated an error, two kept to it."""
    past = [
        Past(estimate=0.5, truth=0.5, error=None),
        Past(estimate=0.5, truth=0.55, error=0.1),
        Past(estimate=0.5, truth=0.4, error=0.1),
        Past(estimate=0.5, truth=0.7, error=0.1),
    ]
    found = backtest(past)
    assert (found.within, found.stated, found.periods) == (2, 3, 4)


@pytest.mark.parametrize("count", [0, 1, LEAST_RECORD - 1])
def test_a_short_record_is_unknown(count: int) -> None:
    """Below 10 periods no error is known, and then nothing is foretold."""
    found = backtest([Past(estimate=0.5, truth=0.4, error=None)] * count)
    assert found.error is None
    assert not surely_beyond(9.0, found.error, limit=0.1, better="lower")


def test_values_that_are_no_numbers_are_left_out() -> None:
    """A NaN on either side is no record."""
    past = [Past(estimate=math.nan, truth=0.4, error=None), Past(estimate=0.4, truth=math.nan, error=None)]
    assert backtest(past).periods == 0


@pytest.mark.parametrize(
    ("estimate", "better", "surely"),
    [(0.71, "lower", True), (0.69, "lower", False), (0.49, "higher", True), (0.51, "higher", False)],
)
def test_beyond_the_limit_by_more_than_the_error(estimate: float, better: str, surely: bool) -> None:
    """With a limit of 0.6 and an error of 0.1."""
    assert surely_beyond(estimate, 0.1, limit=0.6, better=better) is surely


def test_the_error_covers_nine_periods_of_ten() -> None:
    """Over 600 periods of days that differ, the error stated before each holds in 90 of 100, and 600 days' spread of it."""
    draw = np.random.default_rng(3)
    misses = draw.normal(0, 0.05, 600) * draw.choice([1.0, 2.0], 600)
    kept = []
    for day in range(40, 600):
        past = [Past(estimate=float(miss), truth=0.0, error=None) for miss in misses[day - 40 : day]]
        error = backtest(past).error
        assert error is not None
        kept.append(abs(misses[day]) <= error)
    assert 0.87 <= np.mean(kept) <= 0.95


def test_an_estimate_follows_a_covariate_shift_and_not_a_concept_shift() -> None:
    """Harder rows raise the estimate as they raise the loss; labels that turn do not move it: that is its blind side."""
    draw = np.random.default_rng(5)

    def day(low: float, high: float, *, turn: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        chance = draw.uniform(low, high, 4000)
        return chance, (draw.random(4000) < chance + turn).astype(float)

    def loss(chance: np.ndarray, label: np.ndarray) -> float:
        return float(np.mean(-label * np.log(chance) - (1 - label) * np.log(1 - chance)))

    said, label = day(0.05, 0.6)
    table = measure(label, said, is_probability=True)

    def estimate(chance: np.ndarray) -> float:
        return expected_loss(calibrated(table, chance), -np.log(chance), -np.log(1 - chance))

    hard, its_label = day(0.35, 0.6)
    assert estimate(hard) == pytest.approx(loss(hard, its_label), abs=0.02)
    assert estimate(hard) > estimate(said) + 0.1
    same, turned = day(0.05, 0.6, turn=0.3)
    assert estimate(same) == pytest.approx(estimate(said), abs=0.02)
    assert loss(same, turned) > estimate(same) + 0.2
