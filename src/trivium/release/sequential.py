"""Tests that may be looked at after every row: asymptotic confidence sequences on a mean of loss differences.

A confidence interval holds at one look; a canary is looked at on every tick. A confidence sequence holds at all looks
together, so the first look that shows harm may stop the canary without raising the false-alarm rate above alpha.
The guarantee is asymptotic, in the number of rows before the first look: use `LEAST_ROWS` or more. It takes rows (or
whatever a unit is) as independent: where neighbours err together, hand in the means of blocks as units.

Source:
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and asymptotic
    confidence sequences", Annals of Statistics 52(6), arXiv 2103.06476: the two-sided sequence for a mean, the choice
    of rho, and two arms of a randomised experiment. The one-sided bound mixes over the positive half of the normal
    law; with Phi(x) >= 1 - exp(-x^2 / 2) it has the closed form used here.
"""

import math

import msgspec

LEAST_ROWS = 50
# The sequence is tightest about this many rows; the bounds hold at any other.
TIGHTEST_AT = 1000


class HarmTest(msgspec.Struct, frozen=True, kw_only=True):
    """How much greater the candidate's mean loss is, the lower bound of that, and how much is borne."""

    rows: int
    mean: float
    low: float
    margin: float

    @property
    def is_harmed(self) -> bool:
        """Tell whether harm beyond the margin is proven."""
        return self.low > self.margin


def rho_for(n: float, *, alpha: float) -> float:
    """Choose rho so that the sequence is tightest about `n` rows (to first order)."""
    weight = -2 * math.log(alpha)
    return math.sqrt((weight + math.log(weight) + 1) / n)


def mean_sequence(
    n: int, mean: float, variance: float, *, alpha: float, rho_n: float = TIGHTEST_AT
) -> tuple[float, float]:
    """Bound a mean after `n` rows, on both sides, so that it holds at all `n` together.

    Args:
        n: rows so far; none gives (-inf, inf).
        mean: of the rows so far.
        variance: of the rows so far, in the mean's unit squared.
        alpha: the chance, at most, that the sequence ever leaves out the true mean; 0 < alpha < 0.6.
        rho_n: the number of rows at which the bounds are tightest.

    Returns:
        The lower and the upper bound. Whatever is not finite gives (-inf, inf).
    """
    if n < 1 or not (math.isfinite(mean) and math.isfinite(variance)):
        return -math.inf, math.inf
    spread = n * rho_for(rho_n, alpha=alpha) ** 2
    width = math.sqrt(2 * variance * (spread + 1) / (n * spread) * math.log(math.sqrt(spread + 1) / alpha))
    return mean - width, mean + width


def lower_bound(n: int, mean: float, variance: float, *, alpha: float, rho_n: float = TIGHTEST_AT) -> float:
    """Bound a mean from below only, which is tighter than `mean_sequence`; arguments and edges as there."""
    if n < 1 or not (math.isfinite(mean) and math.isfinite(variance)):
        return -math.inf
    spread = n * rho_for(rho_n, alpha=min(2 * alpha, 0.5)) ** 2
    grown = math.log1p(math.sqrt(spread + 1) / (2 * alpha))
    return mean - math.sqrt(2 * variance * (spread + 1) / (n * spread) * grown)


def two_sample(canary: tuple[int, float, float], live: tuple[int, float, float]) -> tuple[int, float, float]:
    """Put two arms on different rows into one mean difference, for `mean_sequence` and `harm_test`.

    Args:
        canary: rows, mean and variance of its losses.
        live: the same of the live version's, over the same period; who gets which must be drawn by `in_canary`.

    Returns:
        Rows of both, the canary's mean minus the live's, and the variance of one row's influence on it
        (n * (v1 / n1 + v2 / n2)). An empty arm gives no rows.
    """
    if canary[0] < 1 or live[0] < 1:
        return 0, math.nan, math.nan
    n = canary[0] + live[0]
    return n, canary[1] - live[1], n * (canary[2] / canary[0] + live[2] / live[0])


def harm_test(
    n: int,
    mean: float,
    variance: float,
    *,
    margin: float,
    alpha: float = 0.05,
    rho_n: float = TIGHTEST_AT,
    least_rows: int = LEAST_ROWS,
) -> HarmTest:
    """Test whether the candidate's mean loss is greater than the live's by more than `margin`; at any number of looks.

    `mean` and `variance` are of candidate-minus-live losses, paired per row or from `two_sample`. Before `least_rows`
    nothing is proven (the bound is -inf). Over all looks, a candidate no worse than `margin` is found harmful with a
    chance of at most about `alpha`.
    """
    low = lower_bound(n, mean, variance, alpha=alpha, rho_n=rho_n) if n >= least_rows else -math.inf
    return HarmTest(rows=n, mean=mean, low=low, margin=margin)


def harmed(n: int, mean: float, variance: float, *, margin: float, alpha: float = 0.05) -> bool:
    """Tell whether harm beyond `margin` is proven; see `harm_test`."""
    return harm_test(n, mean, variance, margin=margin, alpha=alpha).is_harmed
