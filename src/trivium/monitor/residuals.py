"""How far partitions lie from where they were expected: the arithmetic under `drift.py`, on plain arrays.

Rows are partitions in order of time, columns are statistics; NaN stands where a partition lacks a statistic.
"""

from datetime import datetime

import numpy as np
import numpy.typing as npt

from trivium.monitor.statistics import TABLE, Statistic

Array = npt.NDArray[np.float64]

# The level a partition is compared with: the median of the 7 before it, which hold each weekday once.
LEVEL = 7
# Below this many partitions no spread can be told at all, whatever the project file asks for.
LEAST_PARTITIONS = 2 * LEVEL
# Weekday effects are taken out once each weekday has been seen about 4 times; with fewer they would be noise.
LEAST_FOR_WEEKDAYS = 4 * 7
# However quiet the history, drift is at least this many spreads away from what was expected.
LEAST_SCORE = 3.5
# The least spread a statistic may have, so that one null after weeks without any is no alarm: absolute for shares and
# logarithms; for `mean` and quantiles as a share of the column's own range between quantiles.
LEAST_SPREADS = {
    "rows": 0.05, "nulls": 0.005, "mean": 0.02, "q10": 0.02, "q50": 0.02, "q90": 0.02, "spread": 0.03, "zeros": 0.01,
    "distinct": 0.03, "shares": 0.01, "unseen": 0.002,
}  # fmt: skip
ONLY_UPWARD = ("shares", "unseen")
SHARES = ("nulls", "zeros", "shares", "unseen")
# What the history holds once already counts for so many spreads, and no more. Below LEAST_SCORE: it is no drift.
ONCE_SEEN = 3.0
IN_THE_COLUMNS_UNIT = ("mean", "q10", "q50", "q90")


def residuals(values: Array, starts: list[datetime]) -> tuple[Array, Array]:
    """Take weekday, level and steady growth out of each statistic; return what is left, and what was expected last.

    Shape (partitions - 7, statistics). Where a partition lacks a statistic, so does the result (NaN).
    """
    weekdays = np.array([start.weekday() for start in starts])
    left = _from_level(values)
    if len(left) >= LEAST_FOR_WEEKDAYS and len(set(weekdays[LEVEL:].tolist())) == 7:
        effects = np.array([_median(left[weekdays[LEVEL:] == weekday]) for weekday in range(7)])
        # From the values, not from what is left of them: a week that lacks days has another level.
        left = _from_level(values - np.nan_to_num(effects)[weekdays])
    left = left - _median(left)
    return left, values[-1] - left[-1]


def _from_level(values: Array) -> Array:
    """Subtract from each partition, from the 8th on, the median of the 7 before it."""
    missing = np.isnan(values)
    filled = np.where(missing, _median(values), values) if missing.any() else values
    windows = np.stack([filled[place : len(filled) - LEVEL + place] for place in range(LEVEL)])
    windows.sort(axis=0)
    left: Array = values[LEVEL:] - windows[LEVEL // 2]
    return left


def _median(values: Array) -> Array:
    """Each statistic's upper median, over the partitions that have it."""
    return _at(np.sort(values, axis=0), share=0.5)


def _at(ordered: Array, *, share: float) -> Array:
    """Read each column at a share of its length, NaN (sorted last) left out."""
    held = np.sum(~np.isnan(ordered), axis=0)
    places = np.minimum((share * held).astype(np.intp), np.maximum(held - 1, 0))
    found: Array = np.take_along_axis(ordered, places[np.newaxis], axis=0)[0]
    return found


def spreads(left: Array, *, least: Array, seen_before: Array) -> Array:
    """Measure the usual size of each residual, shape as `left`: the greatest of four.

    The middle of all sizes; their far end, for a statistic that is mostly still and at times wild; a share of the
    greatest of the *other* partitions, so that what comes first is a full surprise and what comes again is less of
    one; and a share of `seen_before`, what came and went. `least` bounds it from below, shape (statistics,).
    """
    ordered = np.sort(np.abs(left), axis=0)
    usual = np.maximum(1.4826 * _at(ordered, share=0.5), _at(ordered, share=0.95) / 1.96)
    usual = np.maximum(np.maximum(usual, least), seen_before / ONCE_SEEN)
    sizes = np.nan_to_num(np.abs(left))
    second, greatest = np.sort(sizes, axis=0)[-2:]
    others = np.where(sizes >= greatest, second, greatest)
    spread: Array = np.maximum(usual, others / ONCE_SEEN)
    return spread


def floors(keys: list[Statistic], values: Array) -> Array:
    """Tell each statistic's least spread; a share cannot be told more finely than one row."""
    places = {key: place for place, key in enumerate(keys)}
    middles = _median(values[:-1])
    one_row = 1.0 / max(1.0, float(np.expm1(middles[places[TABLE, "rows"]])))
    found = np.empty(len(keys))
    for place, (column, statistic) in enumerate(keys):
        least = LEAST_SPREADS[statistic]
        if statistic in IN_THE_COLUMNS_UNIT:
            low, high = (middles[places[column, end]] for end in ("q10", "q90"))
            deviation = np.exp(middles[places[column, "spread"]]) if (column, "spread") in places else 0.0
            least *= max(high - low, deviation) or abs(middles[places[column, "mean"]]) or 1.0
        elif statistic in SHARES:
            least = max(least, one_row)
        found[place] = max(least, np.finfo(np.float64).tiny)
    return found


def tail(scores: Array, *, score: float, rate: float) -> tuple[float, float]:
    """Place a score among those of ordinary partitions.

    Args:
        scores: the others', shape (n,), n >= 1, in any order.
        score: the one to place; ties count as at least as high.
        rate: the share of ordinary partitions that may lie above the threshold.

    Returns:
        The threshold, at least `LEAST_SCORE`, and the p-value. Where `rate` is finer than 1 / (n + 1), and for a score
        above all others, the tail is taken as exponential, with the mean excess over the upper quartile.
    """
    ordered = np.sort(scores)
    finest = 1.0 / (len(ordered) + 1)
    upper = ordered[int(0.75 * (len(ordered) - 1))]
    excess = max(float(np.mean(ordered[ordered >= upper] - upper)), 1e-9)
    greatest = float(ordered[-1])
    place = max(0, int(np.ceil((1.0 - rate) / finest)) - 1)
    beyond = greatest + excess * float(np.log(finest / rate))
    threshold = float(ordered[place]) if place < len(ordered) else beyond
    if score > greatest:
        p_value = finest * float(np.exp(-(score - greatest) / excess))
    else:
        p_value = (1 + int(np.sum(ordered >= score))) * finest
    return max(threshold, LEAST_SCORE), p_value
