"""Estimates of a score before its labels have come, and how far earlier estimates were from the truth.

A calibrated probability says how often the label will be 1, and so what each metric will be; of a number, the errors
that predictions like it had say the same. Both hold while the label at given predictions is as it was. So an estimate
sees harm that comes from *which* rows are asked about, and is blind to a concept shift: that shows when the labels
come.

The error is no theory of the estimate's but its record: the past estimates, each made before its labels, against what
came. With fewer than 10 of those the error is unknown, and an estimate without its error foretells nothing.

Source:
    Guillory et al. (2021), "Predicting with confidence on unseen distributions", ICCV; Garg et al. (2022), ICLR, for
    estimating from confidence and for its limits. The error: split conformal quantile, Vovk et al. (2005), "Algorithmic
    Learning in a Random World", section 2.2.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# The share of periods that must lie within the stated error, the record it is read from, and the least of it.
COVERED = 0.9
WINDOW = 56
LEAST_RECORD = 10
# Periods with labels that a calibration is learnt from: enough rows, and no older than a season; and the least.
LEARNT_FROM = 28
LEAST_LEARNT_FROM = 10
# How many draws of labels a metric that is no mean over rows is averaged over.
DRAWS = 8


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """The record of an estimate: its error now (None while unknown), its mean miss, and how often it kept its word.

    `within` of `stated` past estimates lay no further from the truth than they had said; `periods` were compared.
    """

    error: float | None
    bias: float | None
    periods: int
    within: int
    stated: int


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """One estimate that met its truth; `error` is what it had said of itself."""

    estimate: float
    truth: float
    error: float | None


def expected_loss(chance: Array, loss_if_one: Array, loss_if_none: Array) -> float:
    """Tell the mean loss that is to be expected where the label is 1 with these chances; NaN without rows."""
    if not len(chance):
        return float("nan")
    return float(np.mean(chance * loss_if_one + (1.0 - chance) * loss_if_none))


def draws(chance: Array, count: int = DRAWS) -> list[Array]:
    """Draw labels with these chances, by no accident: systematically along them, from `count` evenly spaced starts.

    Over the draws each row is 1 as often as its chance says (to within 1 / count), and each draw's sum is that of the
    chances to within one.
    """
    order = np.argsort(chance, kind="stable")
    ends = np.cumsum(chance[order])
    found = []
    for place in range(count):
        # Rounded, else the order of summation could tip a row that lies on the edge.
        steps = np.floor(np.round(ends, 9) + (place + 0.5) / count)
        label = np.empty(len(chance))
        label[order] = np.diff(steps, prepend=0.0)
        found.append(np.clip(label, 0.0, 1.0))
    return found


def backtest(past: Sequence[Past]) -> Backtest:
    """Read an estimate's record, in order of time; the last 56 count.

    The error is the smallest that, for periods exchangeable with these, holds in 90 of 100.
    """
    held = [one for one in past if math.isfinite(one.estimate) and math.isfinite(one.truth)][-WINDOW:]
    misses = [one.estimate - one.truth for one in held]
    stated = [one for one in held if one.error is not None]
    return Backtest(
        error=_quantile([abs(miss) for miss in misses]),
        bias=math.fsum(misses) / len(misses) if misses else None,
        periods=len(held),
        within=sum(abs(one.estimate - one.truth) <= (one.error or 0.0) for one in stated),
        stated=len(stated),
    )


def _quantile(sizes: Sequence[float]) -> float | None:
    place = math.ceil((len(sizes) + 1) * COVERED)
    return sorted(sizes)[place - 1] if len(sizes) >= LEAST_RECORD and place <= len(sizes) else None


def surely_beyond(estimate: float, error: float | None, *, limit: float, better: str) -> bool:
    """Tell whether an estimate lies on the bad side of a limit by more than its own error."""
    if error is None or not math.isfinite(estimate):
        return False
    return estimate - error > limit if better == "lower" else estimate + error < limit
