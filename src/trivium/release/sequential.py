"""Bounds on a mean that hold at every look: asymptotic confidence sequences, for values that have no limits.

A confidence interval holds at one look; a canary is looked at on every tick. A confidence sequence holds at all looks
together, so the first look that shows harm may stop the canary without raising the false-alarm rate above alpha.
The guarantee is asymptotic, in the number of units before the first look. It takes units as independent: where
neighbours err together, hand in the means of blocks. Values with limits have an exact bound: `betting`.

Source:
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and asymptotic
    confidence sequences", Annals of Statistics 52(6), arXiv 2103.06476: the sequence for a mean, and the choice of rho.
    It is one-sided here: mixed over the positive half of the normal law; with Phi(x) >= 1 - exp(-x^2 / 2) that has the
    closed form used. Howard, Ramdas, McAuliffe and Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic
    confidence sequences", Annals of Statistics 49(2): the normal mixture that it stands on.
"""

import math


def rho_for(units: float, *, alpha: float) -> float:
    """Choose rho so that a two-sided sequence is tightest about so many units (to first order)."""
    weight = -2 * math.log(alpha)
    return math.sqrt((weight + math.log(weight) + 1) / units)


def lower_bound(units: int, mean: float, variance: float, *, alpha: float, tightest_at: float) -> float:
    """Bound a mean from below after so many units, so that it holds at all numbers of units together.

    Args:
        units: how many there are; none gives -inf.
        mean: of the units.
        variance: of the units, in the mean's unit squared. Whatever is not finite gives -inf.
        alpha: the chance, at most about, that the bound is ever above the true mean; 0 < alpha < 0.3.
        tightest_at: the number of units at which the bound is tightest.
    """
    if units < 1 or not (math.isfinite(mean) and math.isfinite(variance)):
        return -math.inf
    spread = units * rho_for(tightest_at, alpha=2 * alpha) ** 2
    grown = math.log1p(math.sqrt(spread + 1) / (2 * alpha))
    return mean - math.sqrt(2 * variance * (spread + 1) / (units * spread) * grown)


def upper_bound(units: int, mean: float, variance: float, *, alpha: float, tightest_at: float) -> float:
    """Bound a mean from above: the mirror image of `lower_bound`."""
    return -lower_bound(units, -mean, variance, alpha=alpha, tightest_at=tightest_at)
