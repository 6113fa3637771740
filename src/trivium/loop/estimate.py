"""Estimate: what the scores of answers will be, said before their outcomes come, and held against them afterwards."""

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.events import Event
from trivium.core.values import iso, moment, span
from trivium.evaluate.metrics import BUILTIN, Metric
from trivium.loop.cohort import requests_of
from trivium.loop.judge import metrics_of, slice_masks
from trivium.loop.workspace import Workspace
from trivium.monitor.estimate import (
    LEARNT_FROM,
    LEAST_LEARNT_FROM,
    WINDOW,
    Backtest,
    Past,
    backtest,
    draws,
    expected_loss,
)
from trivium.monitor.joined import Joined
from trivium.monitor.reliability import Reliability, calibrated, merge, usual_errors

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]
REMEMBERED = 200


def estimate_due(ws: Workspace) -> list[Event]:
    """Estimate the scores of each answered period that is neither scored nor estimated yet, once enough was learnt."""
    journal = ws.state.journal
    waiting = [name for name in journal.answered if name not in journal.scored and name not in journal.estimated]
    learnt = sorted(journal.scored)[-LEARNT_FROM:] if waiting else []
    if len(learnt) < LEAST_LEARNT_FROM:
        return []
    table = merge([joined(ws, name).answers for name in learnt])
    return [
        event
        for name in waiting
        for event in ws.unit(f"estimate/{name}", partial(_estimated, ws, name, table, len(learnt)))
    ]


def joined(ws: Workspace, name: str) -> Joined:
    """Read the joined table's measures of a scored period; those read before are remembered."""
    known: dict[str, Joined] = ws.cache.setdefault("joined", {})
    blob = ws.state.journal.scored[name].body["joined"]
    if blob not in known:
        known[blob] = msgspec.json.decode(ws.blobs.get(blob), type=Joined)
        while len(known) > REMEMBERED:
            known.pop(next(iter(known)))
    return known[blob]


def told_of(ws: Workspace) -> list[tuple[str, str]]:
    """List the (metric, slice) that are estimated: the primary metric, and those of the objectives."""
    told = [(ws.project.primary, "all")]
    told += [(objective.metric, objective.slice or "all") for objective in ws.project.objectives]
    return list(dict.fromkeys(told))


def _estimated(ws: Workspace, name: str, table: Reliability, learnt: int) -> list[Event]:
    import polars as pl

    answered = ws.state.journal.answered[name].body
    log = ws.frame(answered["blob"])
    served = log.filter((pl.col("source") != "unserved") & pl.col("prediction").is_not_null())
    requests = requests_of(ws, name)
    columns = [column for column in requests.columns if column not in served.columns or column == "row_id"]
    rows = served.join(requests.select(columns), on="row_id", how="left", maintain_order="left")
    masks = slice_masks(ws, rows)
    metrics = {metric.name: metric for metric in metrics_of(ws)}
    values: dict[str, dict[str, Any]] = {}
    for metric, part in told_of(ws):
        value = _expected(metrics[metric], rows.filter(pl.Series(masks[part])), table)
        if value is not None:
            error = record_of(ws, metric, part).error
            values.setdefault(metric, {})[part] = {"value": value, "error": error, "rows": int(masks[part].sum())}
    start = moment(answered["start"])
    return [
        ws.event(
            "estimated",
            ws.project.model.name,
            partition=name,
            start=iso(start),
            end=iso(start + span(ws.project.tables[ws.project.requests].every)),
            learnt_from=learnt,
            values=values,
        )
    ]


def _expected(metric: Metric, rows: "pl.DataFrame", table: Reliability) -> float | None:
    """Tell the expected value of a metric on rows without labels; None where nothing is known to say it by."""
    prediction = rows["prediction"].to_numpy()
    if not len(prediction):
        return None
    value = (
        _of_chances(metric, prediction, rows, table) if table.is_probability else _of_errors(metric, prediction, table)
    )
    return value if value is not None and np.isfinite(value) else None


def _of_chances(metric: Metric, prediction: Array, rows: "pl.DataFrame", table: Reliability) -> float:
    chance = calibrated(table, prediction)
    if metric.per_row is not None:
        ones, nones = np.ones(len(chance)), np.zeros(len(chance))
        return expected_loss(chance, metric.per_row(ones, prediction), metric.per_row(nones, prediction))
    return float(np.mean([metric.score(label, prediction, rows) for label in draws(chance)]))


def _of_errors(metric: Metric, prediction: Array, table: Reliability) -> float | None:
    if metric is not BUILTIN.get(metric.name):
        return None
    error, size, square = usual_errors(table, prediction)
    known = {"bias": error.mean(), "mae": size.mean(), "rmse": np.sqrt(square.mean())}
    return float(known[metric.name]) if metric.name in known else None


def record_of(ws: Workspace, metric: str, part: str) -> Backtest:
    """Hold the past estimates of a metric in a slice against the scores that came."""
    journal = ws.state.journal
    past = []
    for name in sorted(journal.estimated)[-2 * WINDOW :]:
        said = journal.estimated[name].body["values"].get(metric, {}).get(part)
        scored = journal.scored.get(name)
        truth = scored.body["served"]["metrics"].get(metric, {}).get(part) if scored else None
        if said is not None and truth is not None:
            past.append(Past(estimate=said["value"], truth=truth, error=said["error"]))
    return backtest(past)
