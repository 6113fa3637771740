"""Bounds by betting: a purse by hand, an independent computation, laws, and the error rate under constant peeking."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from trivium.release.betting import arm_values, least_mean, log_purses, most_mean, tallied

COIN = np.array([0.0, 1.0])
PAIR = np.array([-1.0, 0.0, 1.0])
counts_of = st.lists(st.integers(0, 300), min_size=3, max_size=3).map(lambda found: np.array(found, dtype=float))


def log_purse(values, counts, *, mean, low):
    return float(log_purses(values, counts, np.array([mean]), low=low)[0])


def counted(*numbers):
    return np.array(numbers, dtype=float)


def test_a_purse_by_hand():
    """One failure against a mean of 0.5: the k-th bet, 0.98 / 2^k of what can be lost, turns 1 into 1 + 0.98 / 2^k."""
    by_hand = sum(1 + 0.98 / 2**k for k in range(16)) / 16
    assert log_purse(COIN, counted(0, 1), mean=0.5, low=0.0) == pytest.approx(math.log(by_hand))


def test_a_purse_row_by_row():
    """Betting one row after the other, in any order, makes of the purse what the counts say."""
    rows = [1, 0, 0, -1, 1, 1, 0]
    for order in (rows, rows[::-1]):
        purses = [1.0] * 16
        for row in order:
            purses = [purse * (1 + 0.98 / 2**k / 1.01 * (row - 0.01)) for k, purse in enumerate(purses)]
        assert log_purse(PAIR, counted(1, 3, 3), mean=0.01, low=-1.0) == pytest.approx(math.log(sum(purses) / 16))


def test_the_bound_by_a_root_finder():
    """The bound is where the purse is 1 / alpha, found by somebody else's root finder."""
    found = least_mean(COIN, counted(900, 100), low=0.0, high=1.0, alpha=0.05)
    root = brentq(lambda mean: log_purse(COIN, counted(900, 100), mean=mean, low=0.0) - math.log(20), 1e-6, 0.1)
    assert found == pytest.approx(root, abs=4e-6)
    # Within a fifth of a bound for one look at a size known before (Clopper and Pearson (1934): 0.0847).
    assert 0.068 < found < 0.0847


def test_nothing_is_proven_of_nothing():
    """Without rows the bounds are the limits, and a purse is what it was."""
    assert least_mean(PAIR, counted(0, 0, 0), low=-1.0, high=1.0, alpha=0.05) == -1.0
    assert most_mean(PAIR, counted(0, 0, 0), low=-1.0, high=1.0, alpha=0.05) == 1.0
    assert log_purse(np.array([]), np.array([]), mean=0.1, low=0.0) == 0.0


def test_several_looks_at_once():
    """Purses at several looks against several means are those of each alone."""
    counts = np.array([[90.0, 900.0], [1.0, 30.0]])
    at_once = log_purses(COIN, counts, np.array([0.01, 0.02]), low=0.0)
    alone = [[log_purse(COIN, counts[:, look], mean=mean, low=0.0) for look in (0, 1)] for mean in (0.01, 0.02)]
    assert at_once == pytest.approx(np.array(alone))


def test_one_in_a_million_is_bounded():
    """A rate that no normal law knows has its bounds."""
    assert 0 <= least_mean(COIN, counted(999_999, 1), low=0.0, high=1.0, alpha=0.05) < 1e-6


def test_few_failures_are_enough_where_all_fail():
    """Of answers that all fail, eleven in a row prove more than one in a hundred, at a hundredth of doubt."""
    proven = [least_mean(PAIR, counted(0, 0, n), low=-1.0, high=1.0, alpha=0.01) > 0.01 for n in range(1, 20)]
    assert proven.index(True) + 1 == 11


@settings(max_examples=150, deadline=None)
@given(counts=counts_of, alpha=st.sampled_from([0.001, 0.05, 0.3]))
def test_laws_of_the_bounds(counts, alpha):
    """The bounds lie around what was seen, within the limits; more failures raise them; less doubt tightens them."""
    bounds = {"low": -1.0, "high": 1.0}
    low, high = least_mean(PAIR, counts, **bounds, alpha=alpha), most_mean(PAIR, counts, **bounds, alpha=alpha)
    assert -1.0 <= low <= high <= 1.0
    if counts.sum():
        assert low - 1e-5 <= float(counts @ PAIR / counts.sum()) <= high + 1e-5
    assert least_mean(PAIR, counts + counted(0, 0, 1), **bounds, alpha=alpha) >= low - 1e-5
    assert least_mean(PAIR, counts, **bounds, alpha=alpha / 2) <= low + 1e-5


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0.01, 0.99), canary=st.floats(0, 1), live=st.floats(0, 1))
def test_arms_weigh_by_their_share(share, canary, live):
    """Over the draw of the arm, a row's value has the mean that the arms' shares differ by."""
    expected = arm_values(share) @ np.array([share * canary, (1 - share) * live, 0.0])
    assert expected == pytest.approx(canary - live, abs=1e-9)


def test_tallies_round_down():
    """Values are counted by the step at or below them, and what is on a step stays there."""
    values, counts = tallied([0.3, 0.31, -0.05, 0.1], step=0.1)
    assert values == pytest.approx([-0.1, 0.1, 0.3]) and counts.tolist() == [1, 1, 2]


def test_the_error_rate_holds_under_peeking():
    """Of 300 canaries that fail as often as is borne, looked at 100 times each, few are ever called worse."""
    draw = np.random.default_rng(3)
    stopped = 0
    for _ in range(300):
        failures = np.cumsum(draw.random(4000) < 0.01)
        looks = range(39, 4000, 40)
        stopped += any(
            log_purse(COIN, counted(n + 1 - failures[n], failures[n]), mean=0.01, low=0.0) >= math.log(20)
            for n in looks
        )
    assert stopped / 300 <= 0.05


def test_a_regression_is_found():
    """Three in a hundred where one is borne is found within 4,000 rows, each time of 50."""
    draw = np.random.default_rng(4)
    for _ in range(50):
        failed = int((draw.random(4000) < 0.03).sum())
        assert least_mean(COIN, counted(4000 - failed, failed), low=0.0, high=1.0, alpha=0.05) > 0.01
