"""Confidence sequences: a number by hand, their edges, and their error rate under constant peeking."""

import math

import numpy as np
import pytest

from trivium.release.sequential import LEAST_ROWS, harm_test, harmed, lower_bound, mean_sequence, rho_for, two_sample


def test_the_bounds_by_hand():
    """The two-sided formula, written out, at n = 100, variance 4, alpha 0.05, tuned at 1,000."""
    rho2 = (-2 * math.log(0.05) + math.log(-2 * math.log(0.05)) + 1) / 1000
    assert rho_for(1000, alpha=0.05) == pytest.approx(math.sqrt(rho2))
    t = 100
    width = 2 * math.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * math.log(math.sqrt(t * rho2 + 1) / 0.05))
    assert mean_sequence(100, 1.0, 4.0, alpha=0.05) == (pytest.approx(1 - width), pytest.approx(1 + width))


def test_one_side_is_tighter_than_two():
    """The one-sided bound spends the whole alpha below."""
    assert lower_bound(500, 0.0, 1.0, alpha=0.05) > mean_sequence(500, 0.0, 1.0, alpha=0.05)[0]


def test_nothing_is_proven_of_nothing():
    """No rows, or a mean that is no number, bound nothing; few rows prove nothing."""
    assert mean_sequence(0, 0.0, 0.0, alpha=0.05) == (-math.inf, math.inf)
    assert lower_bound(9, math.nan, 1.0, alpha=0.05) == -math.inf
    assert harm_test(LEAST_ROWS - 1, 100.0, 0.0, margin=0.0).low == -math.inf
    assert two_sample((0, 0.0, 0.0), (5, 1.0, 1.0))[0] == 0


def test_two_arms_by_hand():
    """10 rows of variance 2 and 40 of variance 1: the mean difference has variance 2/10 + 1/40."""
    n, mean, variance = two_sample((10, 1.5, 2.0), (40, 1.0, 1.0))
    assert (n, mean) == (50, 0.5)
    assert variance / n == pytest.approx(2 / 10 + 1 / 40)


def _looks(losses: np.ndarray) -> bool:
    """Look after every tenth row."""
    n = np.arange(1, len(losses) + 1)
    mean = np.cumsum(losses) / n
    variance = np.maximum(np.cumsum(losses**2) / n - mean**2, 0)
    return any(harmed(int(n[k]), mean[k], variance[k], margin=0.0) for k in range(49, len(losses), 10))


def test_peeking_all_the_time_raises_few_false_alarms():
    """Of 400 canaries without any harm, looked at 196 times each, no more than alpha (and noise) are stopped."""
    rng = np.random.default_rng(5)
    stopped = sum(_looks(rng.exponential(size=2000) - 1) for _ in range(400))
    assert stopped / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_two_arms_hold_their_error_rate_too():
    """A 10 % canary beside live on other rows, looked at 40 times."""
    rng = np.random.default_rng(6)
    stopped = 0
    for _ in range(300):
        losses, is_canary = rng.exponential(size=4000), rng.random(4000) < 0.1
        for n in range(500, 4001, 100):
            a, b = losses[:n][is_canary[:n]], losses[:n][~is_canary[:n]]
            if harmed(*two_sample((len(a), a.mean(), a.var()), (len(b), b.mean(), b.var())), margin=0.0):
                stopped += 1
                break
    assert stopped / 300 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_real_harm_is_found():
    """Half a standard deviation of harm is found well within a thousand rows, each time of 50."""
    rng = np.random.default_rng(8)
    assert all(_looks(rng.normal(0.5, 1, size=1000)) for _ in range(50))
