"""The scorecard: each metric in each slice, with how sure we are. It judges nothing; the gate does."""

import math
from collections.abc import Mapping, Sequence

import msgspec
import polars as pl

from trivium.evaluate.jackknife import blocks, interval, needs_rows, parts, replicates, row_losses
from trivium.evaluate.metrics import Array, Metric
from trivium.evaluate.slices import Mask

__all__ = ["Cell", "Scorecard", "blocks", "finite", "score"]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One metric in one slice of `rows` rows. None stands for undefined: JSON has no NaN."""

    metric: str
    slice: str
    rows: int
    value: float | None
    low: float | None
    high: float | None


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """A version's cells, metric by metric and slice by slice; `confidence` is that of each cell's interval alone."""

    version: str
    rows: int
    cells: tuple[Cell, ...]
    confidence: float


def finite(value: float) -> float | None:
    """Turn what is not finite into None."""
    return value if math.isfinite(value) else None


def score(
    label: Array,
    prediction: Array,
    rows: pl.DataFrame,
    *,
    metrics: Sequence[Metric],
    masks: Mapping[str, Mask],
    groups: Array,
    confidence: float,
    version: str,
) -> Scorecard:
    """Score predictions on rows in time order.

    Args:
        label: the truth, shape (rows,).
        prediction: in the same order, shape (rows,), or (rows, classes).
        rows: the rows themselves; only a project's own metrics look at them.
        metrics: what to work out.
        masks: rows of each slice, from `slices.masks`.
        groups: the block of each row, shape (rows,), from `blocks`.
        confidence: of the two-sided interval, between 0 and 1.
        version: whose predictions these are.

    Returns:
        A cell per metric and slice, metrics outermost. An interval is by the delete-a-group jackknife and Student's
        t with (groups in the slice - 1) degrees of freedom; None with fewer than two groups.
    """
    cut = list(parts(rows, masks=masks, groups=groups, needs_rows=needs_rows(metrics)))
    cells: list[Cell] = []
    for metric in metrics:
        losses = row_losses(metric, label, prediction)
        for part in cut:
            found = replicates(metric, label, prediction, part=part, losses=losses)
            low, high = interval(found, confidence=confidence)
            cells.append(
                Cell(
                    metric=metric.name,
                    slice=part.name,
                    rows=len(part.places),
                    value=finite(found.value),
                    low=finite(low),
                    high=finite(high),
                )
            )
    return Scorecard(version=version, rows=len(label), cells=tuple(cells), confidence=confidence)
