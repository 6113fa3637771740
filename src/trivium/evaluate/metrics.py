"""Metrics: what a number is called, which way is better, and how it is worked out from labels and predictions.

Not a scorecard and not a gate: nothing here knows of slices, intervals or margins. A metric that is undefined (no
rows, a prediction that is not finite, one class where two are needed) is NaN and never raises.

For a binary task `prediction` is the probability of class 1, shape (n,). For a multiclass task it has shape
(n, classes), and labels are the columns' numbers. For regression both have shape (n,).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from trivium.core.problems import Problem, ProjectError, unknown_name

Array = np.ndarray[Any, np.dtype[Any]]
Score = Callable[[Array, Array, pl.DataFrame], float]
PerRow = Callable[[Array, Array], Array]
LeaveOut = Callable[[Array, Array, Array, int], Array]

BINS = 10
ALL_TASKS = ("binary", "multiclass", "regression")
WHERE = "trivium.toml, metrics"


@dataclass(frozen=True, slots=True)
class Metric:
    """A named number over rows.

    `per_row` gives each row's share of the metric; then `score` is its mean. `leave_out(label, prediction, groups,
    count)` gives the metric with each group 0..count-1 left out in turn, faster than scoring `count` times; without
    either, the jackknife scores anew per group. `best_at_zero` marks a signed metric of which the magnitude counts.
    """

    name: str
    better: Literal["lower", "higher"]
    unit: str
    score: Score
    per_row: PerRow | None
    tasks: tuple[str, ...]
    leave_out: LeaveOut | None = None
    best_at_zero: bool = False

    def badness(self, value: float) -> float:
        """Turn a value so that more is worse, in the metric's own unit."""
        if self.best_at_zero:
            return abs(value)
        return value if self.better == "lower" else -value


def _log_losses(label: Array, prediction: Array) -> Array:
    # Probabilities are clipped as scikit-learn does, so that one certain mistake stays finite (about 36 nats).
    epsilon = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(_probability_of_label(label, prediction), epsilon, 1 - epsilon)))


def _probability_of_label(label: Array, prediction: Array) -> Array:
    if prediction.ndim == 2:
        chosen: Array = prediction[np.arange(len(label)), label.astype(np.int64)]
        return chosen
    return np.where(label > 0.5, prediction, 1.0 - prediction)


def _brier_losses(label: Array, prediction: Array) -> Array:
    if prediction.ndim == 2:
        truth = np.arange(prediction.shape[1])[None, :] == label[:, None]
        summed: Array = ((prediction - truth) ** 2).sum(axis=1)
        return summed
    return _squared_errors(label, prediction)


def _hits(label: Array, prediction: Array) -> Array:
    chosen = prediction.argmax(axis=1) if prediction.ndim == 2 else (prediction >= 0.5)
    is_sound = np.isfinite(prediction if prediction.ndim == 1 else prediction.sum(axis=1))
    return np.where(is_sound, chosen == label, np.nan)


def _errors(label: Array, prediction: Array) -> Array:
    return np.asarray(prediction - label)


def _absolute_errors(label: Array, prediction: Array) -> Array:
    return np.asarray(np.abs(prediction - label))


def _squared_errors(label: Array, prediction: Array) -> Array:
    return np.asarray((prediction - label) ** 2)


def _mean_of(per_row: PerRow) -> Score:
    def score(label: Array, prediction: Array, rows: pl.DataFrame) -> float:
        return float(per_row(label, prediction).mean()) if _is_sound(prediction) else float("nan")

    return score


def _is_sound(prediction: Array) -> bool:
    return len(prediction) > 0 and bool(np.isfinite(prediction).all())


def _whole(leave_out: LeaveOut) -> Score:
    """Score all rows by leaving out a group that is empty: one formula, whichever way it is asked."""

    def score(label: Array, prediction: Array, rows: pl.DataFrame) -> float:
        return float(leave_out(label, prediction, np.ones(len(label), dtype=np.int64), 1)[0])

    return score


def _left_out_rmse(label: Array, prediction: Array, groups: Array, count: int) -> Array:
    if not _is_sound(prediction):
        return np.full(count, np.nan)
    squares = _squared_errors(label, prediction)
    kept = len(label) - np.bincount(groups, minlength=count)[:count]
    sums = squares.sum() - np.bincount(groups, weights=squares, minlength=count)[:count]
    return np.asarray(np.sqrt(np.maximum(_ratio(sums, kept), 0.0)))


def _left_out_calibration(label: Array, prediction: Array, groups: Array, count: int) -> Array:
    if not _is_sound(prediction):
        return np.full(count, np.nan)
    bins = np.clip((prediction * BINS).astype(np.int64), 0, BINS - 1)
    cells = groups * BINS + bins
    size = BINS * max(count, int(groups.max()) + 1)
    gap = np.bincount(cells, weights=prediction - label, minlength=size).reshape(-1, BINS)
    kept = len(label) - np.bincount(groups, minlength=count)[:count]
    return _ratio(np.abs(gap.sum(axis=0) - gap[:count]).sum(axis=1), kept)


def _ratio(above: Array, below: Array) -> Array:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


def _ranked(area: Callable[[Array, Array], float]) -> LeaveOut:
    """Sort once, then read the area under a curve off cumulated counts, each group's rows weighing nothing in turn."""

    def leave_out(label: Array, prediction: Array, groups: Array, count: int) -> Array:
        if not _is_sound(prediction):
            return np.full(count, np.nan)
        order = np.argsort(-prediction, kind="stable")
        ranked, places = prediction[order], groups[order]
        hit = (label[order] > 0.5).astype(np.float64)
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        values = np.empty(count)
        for group in range(count):
            kept = places != group
            positives = np.cumsum(hit * kept)[ends]
            negatives = np.cumsum(kept)[ends] - positives
            is_defined = positives[-1] > 0 and negatives[-1] > 0
            values[group] = area(positives, negatives) if is_defined else np.nan
        return values

    return leave_out


def _area_under_roc(positives: Array, negatives: Array) -> float:
    steps = np.diff(negatives, prepend=0.0)
    heights = positives - np.diff(positives, prepend=0.0) / 2
    return float((steps * heights).sum() / (positives[-1] * negatives[-1]))


def _average_precision(positives: Array, negatives: Array) -> float:
    precision = positives / np.maximum(positives + negatives, 1.0)
    return float((np.diff(positives, prepend=0.0) * precision).sum() / positives[-1])


_left_out_roc = _ranked(_area_under_roc)
_left_out_precision = _ranked(_average_precision)
_CLASSES = ("binary", "multiclass")

BUILTIN: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("log_loss", "lower", "nats", _mean_of(_log_losses), _log_losses, _CLASSES),
        Metric("brier", "lower", "squared share", _mean_of(_brier_losses), _brier_losses, _CLASSES),
        Metric("roc_auc", "higher", "share of pairs", _whole(_left_out_roc), None, ("binary",), _left_out_roc),
        Metric("average_precision", "higher", "share", _whole(_left_out_precision), None, ("binary",),
               _left_out_precision),
        Metric("accuracy", "higher", "share of rows", _mean_of(_hits), _hits, _CLASSES),
        Metric("calibration_error", "lower", "share", _whole(_left_out_calibration), None, ("binary",),
               _left_out_calibration),
        Metric("mae", "lower", "label's unit", _mean_of(_absolute_errors), _absolute_errors, ("regression",)),
        Metric("rmse", "lower", "label's unit", _whole(_left_out_rmse), None, ("regression",), _left_out_rmse),
        Metric("bias", "lower", "label's unit", _mean_of(_errors), _errors, ("binary", "regression"),
               best_at_zero=True),
    )
}  # fmt: skip


def select(names: Sequence[str], custom: Mapping[str, Metric], *, task: str) -> list[Metric]:
    """Find metrics by name, in the order asked; the project's own go before the built-in of the same name.

    Raises:
        ProjectError: all problems found: TV-EVAL-001 an unknown metric, TV-EVAL-002 a metric that does not fit `task`.
    """
    known = {**BUILTIN, **custom}
    problems = [unknown_name("TV-EVAL-001", "metric", name, list(known), where=WHERE)
                for name in names if name not in known]  # fmt: skip
    found = [known[name] for name in names if name in known]
    fitting = [metric.name for metric in known.values() if task in metric.tasks]
    problems += [
        Problem(
            code="TV-EVAL-002",
            what=f"the metric {metric.name!r} does not fit the task {task!r}",
            where=WHERE,
            seen=f"{metric.name} fits {', '.join(metric.tasks)}",
            fix=f"use one of: {', '.join(sorted(fitting))}",
        )
        for metric in found
        if task not in metric.tasks
    ]
    if problems:
        raise ProjectError(*problems)
    return found


def custom_metric(
    function: Callable[[pl.Series, pl.Series, pl.DataFrame], float],
    *,
    better: Literal["lower", "higher"],
    unit: str,
    name: str,
) -> Metric:
    """Wrap a project's own function of (label, prediction, rows).

    The rows come in the order of labels and predictions. The function is not called for no rows or for predictions
    that are not finite (the metric is NaN); what it raises goes through.
    """

    def score(label: Array, prediction: Array, rows: pl.DataFrame) -> float:
        if not _is_sound(prediction):
            return float("nan")
        return float(function(pl.Series("label", label), pl.Series("prediction", prediction), rows))

    return Metric(name, better, unit, score, None, ALL_TASKS)
