"""How far partitions lie from where they were expected, and how far they usually do: arithmetic on plain arrays.

Rows are partitions in order of time, columns are statistics; NaN stands where a partition lacks a statistic.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from trivium.monitor.statistics import Array

Slots = npt.NDArray[np.int64]

# The level a partition is compared with: the median of the 7 before it, which hold each weekday once.
LEVEL = 7
YEAR = timedelta(days=365.25)
# Where so many begin on a day, the season is the hour, and the level is the median of the day before.
BY_HOUR = 4
# Season's effects are taken out once each slot has been seen about 4 times; with fewer they would be noise.
LEAST_SEEN = 4
# A median of 7 errs by sqrt(pi / 2 / 7) of what one value errs by, and so adds to the error of the difference.
LEVEL_ERROR = 1.0 + np.pi / 2 / LEVEL
# What the history holds twice already counts for so many spreads, and no more: less than any threshold, so no alarm.
TWICE_SEEN = 3.0
# A change as large as its floor lies this many spreads away, in the quietest history; no threshold is lower.
LEAST_SCORE = 4.0


def season(starts: Sequence[datetime]) -> tuple[Slots, int]:
    """Number each partition's place in its season, and tell the season's length: 7 weekdays, or a day's hours."""
    days = {start.date() for start in starts}
    if len(starts) < BY_HOUR * len(days):
        return np.array([start.weekday() for start in starts], dtype=np.int64), LEVEL
    slots = np.array([start.hour * 60 + start.minute for start in starts], dtype=np.int64)
    held, places = np.unique(slots, return_inverse=True)
    return places, max(LEVEL, len(held))


def residuals(values: Array, starts: Sequence[datetime]) -> tuple[Array, Array]:
    """Take season, level and steady growth out of each statistic.

    Returns what is left, and what was expected, both of the shape of `values` without its first season.
    """
    slots, length = season(starts)
    left = _from_level(values, length)
    seen = np.bincount(slots[length:], minlength=length)
    if len(left) >= LEAST_SEEN * length and np.median(seen[seen > 0]) >= LEAST_SEEN - 1:
        effects = np.full((int(slots.max()) + 1, values.shape[1]), np.nan)
        for slot in np.unique(slots[length:]):
            effects[slot] = median(left[slots[length:] == slot])
        # From the values, not from what is left of them: a week that lacks days has another level.
        left = _from_level(values - np.nan_to_num(effects)[slots], length)
    left = left - median(left)
    return left, values[length:] - left


def _from_level(values: Array, length: int) -> Array:
    """Subtract from each partition, from the first that has a season before it, the median of that season."""
    missing = np.isnan(values)
    filled = np.where(missing, median(values), values) if missing.any() else values
    windows = np.stack([filled[place : len(filled) - length + place] for place in range(length)])
    windows.sort(axis=0)
    left: Array = values[length:] - windows[length // 2]
    return left


def median(values: Array) -> Array:
    """Each statistic's upper median, over the partitions that have it."""
    return _at(np.sort(values, axis=0), share=0.5)


def _at(ordered: Array, *, share: float, beneath: int = 1) -> Array:
    """Read each column at a share of its length, `beneath` from its end or before; NaN (sorted last) left out."""
    held = np.sum(~np.isnan(ordered), axis=0)
    places = np.minimum((share * held).astype(np.intp), np.maximum(held - beneath, 0))
    found: Array = np.take_along_axis(ordered, places[np.newaxis], axis=0)[0]
    return found


def scales(left: Array, *, sampling: Array, floors: Array, seen_before: Array) -> Array:
    """Tell how far each statistic of each partition would usually lie from its level, shape as `left`.

    The days' own spread, and the sampling error of this partition's rows, added as variances; and a quarter of the
    floor, so that a change below its floor is never beyond the least score. The days' spread is robust: the middle of
    all sizes, or their far end for what is mostly still and at times wild, less the sampling error they hold. Beneath
    it lies a third of the second greatest size among the *other* partitions, and of `seen_before`: one wild day among
    them, which may have been a fault that nobody was told of, does not excuse the next.

    Args:
        left: residuals, shape (partitions, statistics).
        sampling: the variance by sampling of each, the same shape.
        floors: the least change worth telling, shape (statistics,).
        seen_before: the greatest sizes known from elsewhere (last year's season, noise), shape (statistics,).
    """
    sizes = np.abs(left)
    ordered = np.sort(sizes, axis=0)
    # The far end is never the greatest itself, which of few partitions is the very one to be judged.
    usual = np.maximum(1.4826 * _at(ordered, share=0.5), _at(ordered, share=0.95, beneath=2) / 1.96)
    typical = median(sampling) * LEVEL_ERROR
    days = np.nan_to_num(np.maximum(usual**2 - typical, 0.0))
    known = np.nan_to_num(sizes)
    third, second = np.sort(known, axis=0)[-3:-1]
    others = np.maximum(np.where(known >= second, third, second), seen_before) / TWICE_SEEN
    scale: Array = np.sqrt(days + np.nan_to_num(sampling) * LEVEL_ERROR + (floors / LEAST_SCORE) ** 2)
    found: Array = np.maximum(scale, others)
    return found


def nearby_season(start: datetime, other: datetime, *, within: timedelta) -> bool:
    """Tell whether `other` lies about a whole number of years before `start`."""
    passed = start - other
    years = round(passed / YEAR)
    return years >= 1 and abs(passed - years * YEAR) <= within
