"""Confidence sequences: a number by hand, their edges, and their error rate under constant peeking."""

import math

import numpy as np
import pytest

from trivium.release.sequential import lower_bound, rho_for, upper_bound


def low_of(units, mean, variance, *, alpha=0.05):
    return lower_bound(units, mean, variance, alpha=alpha, tightest_at=1000)


def test_the_bound_by_hand():
    """The one-sided formula, written out, at 100 units of variance 4, alpha 0.05, tuned at 1,000."""
    rho2 = (-2 * math.log(0.1) + math.log(-2 * math.log(0.1)) + 1) / 1000
    assert rho_for(1000, alpha=0.1) == pytest.approx(math.sqrt(rho2))
    t = 100
    width = 2 * math.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * math.log(1 + math.sqrt(t * rho2 + 1) / 0.1))
    assert low_of(100, 1.0, 4.0) == pytest.approx(1 - width)
    assert upper_bound(100, 1.0, 4.0, alpha=0.05, tightest_at=1000) == pytest.approx(1 + width)


def test_it_covers_the_mixture_it_stands_on():
    """Where the half-normal mixture of bets, integrated by numbers, is 1 / alpha, the bound has not moved past it."""
    rho, units, alpha = rho_for(200, alpha=0.1), 150, 0.05
    bets = np.linspace(0, 12 * rho, 200_001)
    weights = 2 * np.exp(-((bets / rho) ** 2) / 2) / (rho * math.sqrt(2 * math.pi))
    reached = (lower_bound(units, 0.0, 1.0, alpha=alpha, tightest_at=200)) * -units
    purse = np.trapezoid(weights * np.exp(bets * reached - bets**2 * units / 2), bets)
    assert 1 / alpha <= purse <= 1.4 / alpha


def test_nothing_is_proven_of_nothing():
    """No units, or a mean that is no number, bound nothing; without a spread the mean is its own bound."""
    assert low_of(0, 0.0, 0.0) == -math.inf
    assert upper_bound(0, 0.0, 0.0, alpha=0.05, tightest_at=9) == math.inf
    assert low_of(9, math.nan, 1.0) == -math.inf
    assert low_of(9, 1.0, math.nan) == -math.inf
    assert low_of(9, 1.0, 0.0) == 1.0


def _ever_harmed(losses: np.ndarray) -> bool:
    """Look after every tenth row."""
    n = np.arange(1, len(losses) + 1)
    mean = np.cumsum(losses) / n
    variance = np.maximum(np.cumsum(losses**2) / n - mean**2, 0)
    return any(low_of(int(n[k]), mean[k], variance[k]) > 0 for k in range(49, len(losses), 10))


def test_peeking_all_the_time_raises_few_false_alarms():
    """Of 400 canaries without any harm, looked at 196 times each, no more than alpha (and noise) are stopped."""
    rng = np.random.default_rng(5)
    stopped = sum(_ever_harmed(rng.exponential(size=2000) - 1) for _ in range(400))
    assert stopped / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_real_harm_is_found():
    """Half a standard deviation of harm is found well within a thousand rows, each time of 50."""
    rng = np.random.default_rng(8)
    assert all(_ever_harmed(rng.normal(0.5, 1, size=1000)) for _ in range(50))
