"""How sure a metric's value is: the delete-a-group jackknife over blocks of rows in time order.

Blocks, not rows, are left out, since neighbours in time go wrong together; an interval that took rows as
independent would be too narrow.

Source:
    Kott (2001), "The delete-a-group jackknife", Journal of Official Statistics 17(4). Shao and Wu (1989), "A general
    theory for jackknife variance estimation", Annals of Statistics 17(3). Unequal groups: Busing, Meijer and van der
    Leeden (1999), "Delete-m jackknife for unequal m", Statistics and Computing 9.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trivium.evaluate.metrics import Array, Metric
from trivium.evaluate.slices import Mask

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Replicates:
    """A metric's value, and its values with each group left out; `sizes` counts the rows of each group."""

    value: float
    left_out: Array
    sizes: Array


@dataclass(frozen=True, slots=True)
class Part:
    """One slice's rows: their places, their groups renumbered 0..count-1 without gaps, and the frame of them."""

    name: str
    places: Array
    groups: Array
    sizes: Array
    rows: pl.DataFrame


def blocks(n: int, count: int = 20) -> Array:
    """Number `n` rows by contiguous blocks of nearly equal size, `count` of them (or `n`, where rows are fewer)."""
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    return np.arange(n, dtype=np.int64) * min(count, n) // n


def parts(rows: pl.DataFrame, *, masks: Mapping[str, Mask], groups: Array, needs_rows: bool) -> Iterator[Part]:
    """Cut the rows by slice. Frames are cut only where `needs_rows`, for it costs the most."""
    for name, mask in masks.items():
        places = np.flatnonzero(mask)
        _, renumbered, sizes = np.unique(groups[places], return_inverse=True, return_counts=True)
        is_whole = len(places) == rows.height
        frame = rows.filter(pl.Series(mask)) if needs_rows and not is_whole else rows
        yield Part(name, places, renumbered, sizes, frame)


def needs_rows(metrics: Sequence[Metric]) -> bool:
    """Tell whether any metric may look at the rows themselves: only the project's own do."""
    return any(metric.per_row is None and metric.leave_out is None for metric in metrics)


def row_losses(metric: Metric, label: Array, prediction: Array) -> Array | None:
    """Work out each row's share of the metric, once for all slices; None where the metric is no mean over rows."""
    return None if metric.per_row is None else metric.per_row(label, prediction)


def replicates(metric: Metric, label: Array, prediction: Array, *, part: Part, losses: Array | None) -> Replicates:
    """Score one slice, whole and with each group left out.

    `losses` are the `row_losses` of all rows: with them the metric is a difference of sums, else `leave_out` or a
    scoring per group is called. No rows: NaN.
    """
    count = len(part.sizes)
    if count == 0:
        return Replicates(NAN, np.zeros(0), part.sizes)
    if losses is not None:
        return _from_sums(losses[part.places], part)
    truth, guess = label[part.places], prediction[part.places]
    value = metric.score(truth, guess, part.rows)
    if metric.leave_out is not None:
        return Replicates(value, metric.leave_out(truth, guess, part.groups, count), part.sizes)
    left_out = np.full(count, np.nan)
    in_blocks = bool((np.diff(part.groups) >= 0).all())
    for group in range(count):
        kept = part.groups != group
        if kept.any():
            left_out[group] = metric.score(truth[kept], guess[kept], _rows_without(part, group, in_blocks=in_blocks))
    return Replicates(value, left_out, part.sizes)


def _rows_without(part: Part, group: int, *, in_blocks: bool) -> pl.DataFrame:
    """Leave a group's rows out; where groups are blocks by joining what lies on either side, a tenth of the cost."""
    if not in_blocks:
        return part.rows.filter(pl.Series(part.groups != group))
    start, end = np.searchsorted(part.groups, [group, group + 1]).tolist()
    return part.rows.head(start).vstack(part.rows.slice(end))


def _from_sums(losses: Array, part: Part) -> Replicates:
    sums = np.bincount(part.groups, weights=losses)
    total, rows = losses.sum(), len(losses)
    kept = rows - part.sizes
    left_out = np.divide(total - sums, kept, out=np.full(len(sums), np.nan), where=kept > 0)
    return Replicates(float(total / rows), left_out, part.sizes)


def standard_error(value: float, left_out: Array, sizes: Array) -> float:
    """Estimate the standard error of `value` from its values with each group left out.

    NaN with fewer than two groups, or where any value is not finite. Equal groups give the usual
    sqrt((g - 1) / g * sum of squared deviations).
    """
    count = len(left_out)
    if count < 2 or not np.isfinite(value) or not np.isfinite(left_out).all():
        return NAN
    weight = sizes.sum() / sizes
    pseudo = weight * value - (weight - 1) * left_out
    centre = count * value - ((1 - 1 / weight) * left_out).sum()
    return float(np.sqrt(((pseudo - centre) ** 2 / (weight - 1)).mean()))


@functools.lru_cache(maxsize=1024)
def t_quantile(confidence: float, degrees: int) -> float:
    """Find the half-width, in standard errors, of a two-sided interval by Student's t; NaN without degrees."""
    # scipy.stats gives the same numbers, and takes half a second to import.
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # SciPy ships no types

    return float(stdtrit(degrees, 0.5 + confidence / 2)) if degrees > 0 else NAN


def upper_tail(t: float, degrees: int) -> float:
    """Tell the chance that Student's t with `degrees` degrees of freedom exceeds `t`."""
    from scipy.special import stdtr

    return float(stdtr(degrees, -t))


def interval(found: Replicates, *, confidence: float) -> tuple[float, float]:
    """Bound the value on both sides; (NaN, NaN) where its standard error is undefined."""
    width = t_quantile(confidence, len(found.sizes) - 1) * standard_error(found.value, found.left_out, found.sizes)
    return found.value - width, found.value + width
