"""What is measured of one summary, so that partitions can be compared: a few numbers per column. Decides nothing.

What needs other partitions (distances, values never seen) is measured in `distances.py`.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from trivium.core.summary import LOG_RATIO, ColumnSummary, Joint, Sample, Summary
from trivium.monitor.held import Held, held_within
from trivium.monitor.samples import Samples

Array = npt.NDArray[np.float64]
Number = TypeVar("Number", float, Array)
Statistic = tuple[str, str]

# Stands for the whole table where a column is named.
TABLE = ""
QUANTILES = (0.1, 0.5, 0.9)
# The share of a column's mean size under which a spread counts as none: keeps the logarithm finite.
LEAST_SPREAD = 1e-3
# A column with no more values than this jumps from one to the next: it has a mean and shares, and no quantiles.
FEW_VALUES = 25
# Buckets wider than this share of the column's spread say nothing of its shape; its moments do.
COARSEST_BUCKET = 0.35


# Statistics that are shares of rows: no better known than by one row.
SHARES = (
    "nulls",
    "zeros",
    "negatives",
    "mode",
    "unseen",
    "unseen patterns",
    "unseen marks",
    "unseen decimals",
    "duplicates",
)


@dataclass(frozen=True, slots=True)
class Measures:
    """A partition's numbers.

    `values` holds them by (column, statistic); `noise` the variance that one row gives each, so that over n rows
    sampling alone moves it by about sqrt(noise / n); `counts` how many values each column holds. For what is measured
    between partitions it keeps `numbers` (values in ascending order, and their counts), `tallies` (counts by value,
    length, pattern, mark, decimal places or phase, by (column, what is counted)), extremes, what each slicer's values
    hold, and the summary's joint part.
    """

    rows: int
    values: dict[Statistic, float]
    noise: dict[Statistic, float]
    counts: dict[str, int]
    kinds: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    coarseness: dict[str, int] = field(default_factory=dict)
    tallies: dict[Statistic, Mapping[Any, int]] = field(default_factory=dict)
    extremes: dict[str, tuple[float, float]] = field(default_factory=dict)
    inexact: set[str] = field(default_factory=set)
    coarse: set[str] = field(default_factory=set)
    correlations: tuple[tuple[str, ...], Array] | None = None
    breaks: Mapping[str, int] = field(default_factory=dict)
    held_back: int = 0
    joint: Joint | None = None
    held: dict[str, Held] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)


def kind_of(column: ColumnSummary) -> str:
    """Tell what a column holds; a summary that does not say so (an old one) is known by what it counts."""
    if column.kind:
        return "number" if column.kind == "bool" else column.kind
    if column.top or column.other:
        return "text"
    return "number" if column.positive or column.negative or column.zeros else "other"


def measure(summary: Summary) -> Measures:
    """Measure a partition.

    For the table `rows` (log) and `duplicates` (share of rows that repeat another); per column `nulls` (share); per
    text `distinct` (log); per number `mean`, `spread` (log of the standard deviation) and, for one of many values,
    `zeros` and `negatives` (shares of non-nulls), `q10`, `q50` and `q90`. A column of times has `nulls` alone, an
    empty partition `rows` alone.
    """
    found = Measures(
        rows=summary.rows,
        values={(TABLE, "rows"): math.log1p(summary.rows)},
        # How many rows come is the day's own doing: a table of 24 hours has 24, and no chance in it.
        noise={(TABLE, "rows"): 0.0},
        counts={},
        breaks=summary.breaks,
        held_back=summary.held_back,
        joint=summary.joint,
        samples=Samples(summary.joint),
        correlations=_correlations(summary),
    )
    if summary.joint:
        _of_table(found, summary.joint)
        found.held.update(held_within(summary.joint))
    for name, column in summary.columns.items():
        if not column.rows:
            continue
        held = column.rows - column.nulls
        found.counts[name] = held
        found.kinds[name] = kind_of(column) if held else ""
        _share(found, (name, "nulls"), column.nulls, column.rows)
        if found.kinds[name] == "text":
            _of_text(found, name, column)
        elif found.kinds[name] == "number":
            _of_number(found, name, column, held)
    return found


def binomial(count: Number, rows: Number) -> Number:
    """Tell the variance that one row gives a share; a share never seen is not for that reason without (Laplace)."""
    smoothed = (count + 1) / (rows + 2)
    return smoothed * (1 - smoothed)


def _of_table(found: Measures, joint: Joint) -> None:
    sample = joint.sample_of_rows or Sample(rows=0)
    if sample.counts:
        _share(found, (TABLE, "duplicates"), sample.duplicates * sum(sample.counts), sum(sample.counts))
        # The share is that of a sample, and no better known for the rows outside it.
        found.noise[TABLE, "duplicates"] *= max(1.0, found.rows / sum(sample.counts))
    if sum(joint.phases):
        found.tallies[TABLE, "phases"] = dict(enumerate(joint.phases))


def _correlations(summary: Summary) -> tuple[tuple[str, ...], Array] | None:
    """All correlations of the columns at once, shape (columns, columns), on the joint scale; NaN without spread."""
    held = summary.joint.comoments if summary.joint else None
    if held is None:
        return None
    width = len(held.columns)
    rows, sums, products = (
        np.array(part, dtype=np.float64).reshape(width, width) for part in (held.rows, held.sums, held.products)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = products / rows - (sums / rows) * (sums.T / rows)
        own = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        found = covariance / np.outer(own, own)
    watched = [place for place, name in enumerate(held.columns) if name in summary.columns]
    found = np.clip(np.where(np.isfinite(found), found, np.nan), -1.0, 1.0)[np.ix_(watched, watched)]
    return tuple(held.columns[place] for place in watched), found


def _share(found: Measures, key: Statistic, count: float, rows: int) -> None:
    found.values[key] = count / rows
    found.noise[key] = binomial(count, rows)


def _of_text(found: Measures, name: str, column: ColumnSummary) -> None:
    found.values[name, "distinct"] = math.log1p(column.distinct)
    found.noise[name, "distinct"] = 1.0
    # Past what `top` can hold exactly it depends on how parts were merged; `folds` never does.
    found.tallies[name, "shares"] = dict(column.top)
    found.tallies[name, "folds"] = dict(column.folds)
    found.tallies[name, "lengths"] = dict(column.lengths)
    if not column.patterns_error:
        found.tallies[name, "patterns"] = dict(column.patterns)
    if column.marks:
        found.tallies[name, "marks"] = dict(column.marks)
    if column.top_error or column.other:
        found.inexact.add(name)


def _of_number(found: Measures, name: str, column: ColumnSummary, held: int) -> None:
    deviation = math.sqrt(max(column.m2, 0.0) / held)
    least, most = column.minimum or 0.0, column.maximum or 0.0
    if column.distinct > FEW_VALUES:
        _share(found, (name, "zeros"), column.zeros, held)
        _share(found, (name, "negatives"), sum(column.negative.values()), held)
    found.extremes[name] = (least, most)
    found.values[name, "mean"], found.noise[name, "mean"] = column.mean, deviation**2
    values, counts = np.array(list(column.ladder()), dtype=np.float64).T
    middle = float(np.interp(0.5, np.cumsum(counts) / held, values))
    is_coarse = LOG_RATIO * 2**column.coarseness * abs(middle) > COARSEST_BUCKET * deviation
    found.numbers[name], found.coarseness[name] = (values, counts), column.coarseness
    if column.decimals:
        found.tallies[name, "decimals"] = dict(column.decimals)
    if column.distinct > FEW_VALUES and is_coarse:
        found.coarse.add(name)
    if column.distinct <= 2:
        return
    least_spread = LEAST_SPREAD * max(abs(column.mean), abs(least), abs(most))
    found.values[name, "spread"] = math.log(max(deviation, least_spread, sys.float_info.min))
    found.noise[name, "spread"] = 1.0
    if column.distinct > FEW_VALUES and not is_coarse:
        _quantiles(found, name, values, counts)


def _quantiles(found: Measures, name: str, values: Array, counts: Array) -> None:
    """Read three quantiles, with the variance q (1 - q) / f^2 of one row, f from the quantiles beside."""
    passed = (np.cumsum(counts) - counts / 2) / counts.sum()
    for share in QUANTILES:
        wing = min(share, 1 - share) / 2
        low, middle, high = np.interp((share - wing, share, share + wing), passed, values)
        key = (name, f"q{round(100 * share)}")
        found.values[key] = float(middle)
        found.noise[key] = share * (1 - share) * float((high - low) / (2 * wing)) ** 2
