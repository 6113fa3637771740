"""Exact bounds on the mean of bounded values that hold at every look: bets against each mean it could have.

Whoever holds that values have a mean of at most m sells bets on them at fair odds. A bet of b turns a purse of 1 into
prod(1 + b (x - m)). If they are right, the purse grows beyond 1 / alpha with a chance of at most alpha, however often
one looks (Ville's inequality); so once it does, the mean is above m. No law of large numbers is called upon: the bounds
hold from the first row on, for shares of a thousandth as well. The values need not be alike nor apart: what is bounded
is their mean as it was to be expected of each, given those before.

Not a test of one hypothesis alone: `least_mean` is the greatest m that is refuted, so comparing it with a margin is
that test. `sequential` bounds means of values that have no limits.

Source:
    Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting", JRSS B 86(1), 1-27: the
    purse of a bet and the bounds that come of it. The purse here is spread over bets of many sizes (their section 5.2),
    so no size has to be guessed. Ramdas, Gruenwald, Vovk and Shafer (2023), "Game-theoretic statistics and safe
    anytime-valid inference", Statistical Science 38(4): why such a purse may be looked at whenever one likes.
    Waudby-Smith, Wu, Ramdas, Karampatziakis and Mineiro (2024), "Anytime-valid off-policy inference for contextual
    bandits", ACM/IMS JDS 1(3): values weighted by the chance of the arm that they were seen in, as in `arm_values`.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# Shares of the greatest bet that can be lost. Half as much each: the best of them is at most a factor of 1.4 off the
# best of all, for means from a half down to some 1e-5 above the null.
_SIZES = 0.98 * 2.0 ** -np.arange(16.0)
# A bound is looked for on a grid of so many means, then between two of them, and so on: to 24^-4 of the values' range.
_GRID, _ROUNDS = 24, 4


def log_purses(values: Values, counts: Values, means: Values, *, low: float) -> Values:
    """Tell what betting on values above each mean has made of a purse of 1, as natural logarithms.

    Args:
        values: the values that were seen, shape (k,), none below `low`.
        counts: how often each was, shape (k,), or (k, looks). The order in which they came makes no difference.
        means: those that are bet against, above `low`, shape (means,).
        low: the least value that there can be.

    Returns:
        Shape (means,), or (means, looks); 0 for no values. Over all looks together it reaches log(1 / alpha) with a
        chance of at most alpha if the mean is the one bet against, or less.
    """
    bets = _SIZES / (means[:, None] - low)
    gains = np.log1p(bets[:, :, None] * (values - means[:, None])[:, None, :]) @ counts
    most = gains.max(axis=1)
    purses: Values = most + np.log(np.exp(gains - most[:, None]).mean(axis=1))
    return purses


def least_mean(values: Values, counts: Values, *, low: float, high: float, alpha: float) -> float:
    """Bound the mean of values in [low, high] from below, so that it holds at all looks together.

    Args:
        values: see `log_purses`; none outside of the limits.
        counts: how often each was seen.
        low: the least value that there can be.
        high: the greatest.
        alpha: the chance, at most, that the bound is ever above the mean.

    Returns:
        The greatest mean that is refuted, to three millionths of the range; `low` where none is.
    """
    won = math.log(1 / alpha)
    below, above = low, high
    for _ in range(_ROUNDS):
        means = np.linspace(below, above, _GRID + 1)[1:]
        # The purse only falls as the mean grows, so those that are refuted come first; against `high` nothing is won.
        refuted = int((log_purses(values, counts, means, low=low) >= won).sum())
        below, above = float(means[refuted - 1]) if refuted else below, float(means[refuted])
    return below


def most_mean(values: Values, counts: Values, *, low: float, high: float, alpha: float) -> float:
    """Bound the mean from above; see `least_mean`, of which it is the mirror image."""
    return -least_mean(-values, counts, low=-high, high=-low, alpha=alpha)


def arm_values(share: float) -> Values:
    """Tell what one row adds to the difference of two arms' shares: in the canary, in the live arm, of neither kind.

    A row that is drawn into the canary with chance `share` stands for 1 / share rows, one of the live arm for
    1 / (1 - share); so the mean of these values is the canary's share of such rows minus the live version's, whatever
    rows there are and however their kinds come and go. Rows must be drawn apart: one row an entity.
    """
    return np.array([1 / share, -1 / (1 - share), 0.0])


def tallied(values: Sequence[float] | Values, *, step: float) -> tuple[Values, Values]:
    """Count values rounded down to whole steps, which makes a bound from below smaller by a step at most."""
    steps = np.floor(np.asarray(values, dtype=np.float64) / step + 1e-9).astype(np.int64)
    if not len(steps):
        return np.zeros(0), np.zeros(0)
    first = int(steps.min())
    counts = np.bincount(steps - first)
    places = np.flatnonzero(counts)
    held: Values = (places + first).astype(np.float64) * step
    return held, counts[places].astype(np.float64)
