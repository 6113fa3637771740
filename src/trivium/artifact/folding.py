"""Folding: the steps before a linear model and the model become one handful of numbers."""

from collections.abc import Sequence

from trivium.artifact.columns import Column, Number, Refused
from trivium.artifact.compiled import Folded
from trivium.artifact.estimators import Estimator


def folded(model: Estimator, columns: Sequence[Column], refused: Refused, *, width: int) -> Folded | None:
    """Fold a linear model and what was done to its columns into numbers; None where more than numbers is needed.

    Each column that came in must have gone through, once, filled before it was moved and scaled.
    """
    import numpy as np

    if model.folded is None or [column.source for column in columns] != list(range(width)):
        return None
    parts = [_affine(column) for column in columns]
    if any(part is None for part in parts) or refused.infinite != set(range(width)):
        return None
    fills, shifts, slopes, starts = zip(*(part for part in parts if part is not None), strict=True)
    weights = np.asarray(model.weights)
    return Folded(
        fill=None if all(fill is None for fill in fills) else list(fills),
        shift=list(shifts),
        weights=(weights * np.array(slopes)[:, None]).tolist(),
        intercept=(np.asarray(model.intercept) + np.array(starts) @ weights).tolist(),
        link=model.link,
    )


def _affine(column: Column) -> tuple[float | None, float, float, float] | None:
    """Read a column as `((x or fill) - shift) * slope + start`; None if it is more than that."""
    if not isinstance(column, Number):
        return None
    fill, shift, slope, start = None, 0.0, 1.0, 0.0
    for place, (kind, by) in enumerate(column.changes):
        if kind == "fill" and place == 0:
            fill = by
        elif kind == "subtract" and slope == 1.0 and start == 0.0:
            shift += by
        elif kind in ("subtract", "add"):
            start += by if kind == "add" else -by
        elif kind in ("multiply", "divide"):
            slope, start = (slope * by, start * by) if kind == "multiply" else (slope / by, start / by)
        else:
            return None
    return fill, shift, slope, start
