"""Fit an explanation to a column of numbers: some share of its rows scaled, moved, or taken from another column.

Each explanation is a distribution; what is fitted is the share of rows it holds of, by least squares on the cumulated
shares, and how much of the distance from the usual distribution it then leaves.
"""

from typing import NamedTuple

import numpy as np

from trivium.monitor.statistics import Array

Ladder = tuple[Array, Array]

# Factors between units that people mix up, and what a number that grew by one looks like.
FACTORS: tuple[tuple[float, str], ...] = (
    (1.609344, "kilometres instead of miles"),
    (1 / 1.609344, "miles instead of kilometres"),
    (1.852, "kilometres instead of nautical miles"),
    (1 / 1.852, "nautical miles instead of kilometres"),
    (0.3048, "metres instead of feet"),
    (1 / 0.3048, "feet instead of metres"),
    (2.54, "centimetres instead of inches"),
    (1 / 2.54, "inches instead of centimetres"),
    (25.4, "millimetres instead of inches"),
    (1 / 25.4, "inches instead of millimetres"),
    (0.45359237, "kilograms instead of pounds"),
    (1 / 0.45359237, "pounds instead of kilograms"),
    (3.785411784, "litres instead of gallons"),
    (1 / 3.785411784, "gallons instead of litres"),
    (3.6, "kilometres an hour instead of metres a second"),
    (1 / 3.6, "metres a second instead of kilometres an hour"),
    (33.8639, "hectopascals instead of inches of mercury"),
    (1 / 33.8639, "inches of mercury instead of hectopascals"),
    (10.0, "a decimal place moved"),
    (0.1, "a decimal place moved"),
    (12.0, "a twelfth or a dozen, such as months and years"),
    (1 / 12.0, "a twelfth or a dozen, such as months and years"),
    (24.0, "hours instead of days"),
    (1 / 24.0, "days instead of hours"),
    (60.0, "minutes instead of hours, or seconds instead of minutes"),
    (1 / 60.0, "hours instead of minutes, or minutes instead of seconds"),
    (100.0, "hundredths, such as cents or per cent"),
    (0.01, "whole units instead of hundredths, such as cents or per cent"),
    (1000.0, "thousandths, such as grams or milliseconds"),
    (0.001, "thousands, such as kilograms or seconds"),
    (1024.0, "bytes and kilobytes"),
    (1 / 1024.0, "bytes and kilobytes"),
    (3600.0, "seconds instead of hours"),
    (1 / 3600.0, "hours instead of seconds"),
    (1e6, "millionths, such as microseconds"),
    (1e-6, "millions, such as megabytes"),
    (-1.0, "its sign turned round"),
)
TO_CELSIUS = (5 / 9, -160 / 9, "degrees Celsius instead of Fahrenheit")
TO_FAHRENHEIT = (9 / 5, 32.0, "degrees Fahrenheit instead of Celsius")
# A factor this near a known one is that one; buckets hold values within 1 %.
NEAR = 0.025
# Of a factor nearer than this, rows with and without it cannot be told apart: it is of all rows or it is none.
FAR = 3.0
# Where a temperature's own numbers lie.
FAHRENHEIT = (-80.0, 150.0)
CELSIUS = (-60.0, 65.0)
# Twice the relative error of a bucket.
BUCKET = 0.021
# A factor that no table names must be told from none at all.
LEAST_FACTOR = 1.05
_POINTS = 64


class Fit(NamedTuple):
    """A share of rows; how much of the (squared) distance it explains, 1 all and 0 none; and the greatest left."""

    share: float
    explained: float
    left: float


class ScaleFit(NamedTuple):
    """The factor and offset that numbers were changed by, and of how many rows; `unit` names a known one."""

    factor: float
    offset: float
    unit: str
    fit: Fit


def mixture(seen: Ladder, usual: Ladder, other: Ladder, *, whole: bool = False) -> Fit:
    """Fit seen = (1 - share) usual + share other; `whole` holds the share at 1."""
    grid = np.unique(np.concatenate([_points(seen), _points(usual), _points(other)]))
    now, before, instead = (_below(ladder, grid) for ladder in (seen, usual, other))
    towards, gone = instead - before, now - before
    length = float(towards @ towards)
    distance = float(gone @ gone)
    if length == 0 or distance == 0:
        return Fit(0.0, 0.0, float(np.abs(gone).max(initial=0.0)))
    share = 1.0 if whole else min(max(float(towards @ gone) / length, 0.0), 1.0)
    left = gone - share * towards
    return Fit(share, max(0.0, 1.0 - float(left @ left) / distance), float(np.abs(left).max()))


def _points(ladder: Ladder) -> Array:
    values, counts = ladder
    shares = np.cumsum(counts) / counts.sum()
    found: Array = values[np.unique(np.searchsorted(shares, np.linspace(0.01, 0.99, _POINTS)))]
    return found


def _below(ladder: Ladder, grid: Array) -> Array:
    """Cumulate shares up to each point, and a bucket's width further: what is one value must not fall on both sides."""
    values, counts = ladder
    shares = np.append(0.0, np.cumsum(counts) / counts.sum())
    found: Array = shares[np.searchsorted(values, grid + BUCKET * np.abs(grid), side="right")]
    return found


def by_moments(seen: tuple[float, float], usual: tuple[float, float]) -> ScaleFit | None:
    """Find a known factor from mean and deviation alone, for columns whose buckets are too wide to tell their shape.

    Both must have changed by it: the mean nearly, the deviation about.
    """
    (mean, deviation), (usual_mean, usual_deviation) = seen, usual
    if not (deviation > 0 and usual_deviation > 0 and mean * usual_mean > 0):
        return None
    factor = mean / usual_mean
    if abs(np.log(deviation / usual_deviation / factor)) > np.log(1.5):
        return None
    factor, unit = _named(factor)
    return ScaleFit(factor, 0.0, unit, Fit(1.0, 1.0, 0.0)) if unit else None


def _named(factor: float) -> tuple[float, str]:
    """Take a factor for the known one that it is nearest to, if it is near; a day's mean is never its level exactly."""
    if factor <= 0:
        return factor, ""
    known, unit = min(
        ((known, unit) for known, unit in FACTORS if known > 0), key=lambda one: abs(float(np.log(factor / one[0])))
    )
    return (known, unit) if abs(float(np.log(factor / known))) < NEAR else (factor, "")


def rescaled(seen: Ladder, usual: Ladder) -> ScaleFit:
    """Find the factor that explains most: a known one of all rows, a far one of some, or any factor of all of them."""
    found = []
    for factor, unit in FACTORS:
        other = _changed(usual, factor, 0.0)
        found.append(ScaleFit(factor, 0.0, unit, mixture(seen, usual, other, whole=True)))
        if factor < 0 or abs(np.log(factor)) >= np.log(FAR):
            found.append(ScaleFit(factor, 0.0, unit, mixture(seen, usual, other)))
    for (factor, offset, unit), (low, high) in ((TO_CELSIUS, FAHRENHEIT), (TO_FAHRENHEIT, CELSIUS)):
        if low <= _quantile(usual, 0.01) and _quantile(usual, 0.99) <= high:
            found.append(
                ScaleFit(factor, offset, unit, mixture(seen, usual, _changed(usual, factor, offset), whole=True))
            )
    own = _ratio(seen, usual)
    if own is not None and abs(np.log(abs(own))) > np.log(LEAST_FACTOR):
        factor, unit = _named(own)
        found.append(ScaleFit(factor, 0.0, unit, mixture(seen, usual, _changed(usual, own, 0.0), whole=True)))
    return max(
        found, key=lambda one: one.fit.explained + (0.02 if one.unit else 0.0) + (0.02 if one.fit.share == 1 else 0)
    )


def moved_by(seen: Ladder, usual: Ladder) -> Fit:
    """Fit a mere move of all numbers by the same amount: what the world does, and units do not."""
    shift = _quantile(seen, 0.5) - _quantile(usual, 0.5)
    return mixture(seen, usual, (usual[0] + shift, usual[1]), whole=True)


def _changed(ladder: Ladder, factor: float, offset: float) -> Ladder:
    values, counts = ladder[0] * factor + offset, ladder[1]
    return (values[::-1], counts[::-1]) if factor < 0 else (values, counts)


def _ratio(seen: Ladder, usual: Ladder) -> float | None:
    """The middle ratio of quantiles away from 0; None where signs differ."""
    at = np.linspace(0.1, 0.9, 17)
    now = np.array([_quantile(seen, q) for q in at])
    before = np.array([_quantile(usual, q) for q in at])
    held = (np.abs(before) > 1e-12) & (now * before > 0)
    return float(np.median(now[held] / before[held])) if held.sum() >= len(at) // 2 else None


def _quantile(ladder: Ladder, share: float) -> float:
    values, counts = ladder
    return float(np.interp(share, (np.cumsum(counts) - counts / 2) / counts.sum(), values))
