"""Scores over time: answers meet their outcomes, and objectives their window."""

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.events import Event
from trivium.core.project import Objective
from trivium.core.values import iso, moment, span
from trivium.loop.judge import metrics_of, slice_masks
from trivium.loop.outcomes import outcomes
from trivium.loop.workspace import Workspace
from trivium.monitor.objectives import ObjectiveDecision, PeriodScore, check

if TYPE_CHECKING:
    import polars as pl

# Outcomes are looked for from this long before a partition starts: some are known early.
RECENT = timedelta(days=7)


def score_due(ws: Workspace) -> list[Event]:
    """Score each answered partition once, as soon as all its outcomes are due."""
    ws.refresh()
    journal = ws.state.journal
    every = span(ws.project.tables[ws.project.requests].every)
    due = [
        name
        for name, event in journal.answered.items()
        if name not in journal.scored and moment(event.body["start"]) + every + ws.project.label_delay <= ws.clock.now()
    ]
    return [event for name in due for event in ws.unit(f"score/{name}", partial(_score, ws, name))]


def _score(ws: Workspace, partition: str) -> list[Event]:
    answered = ws.state.journal.answered[partition].body
    start = moment(answered["start"])
    end = start + span(ws.project.tables[ws.project.requests].every)
    log = ws.frame(answered["blob"])
    truth = outcomes(ws, since=start - RECENT, until=ws.clock.now())
    known = log.join(truth.select("row_id", "label"), on="row_id", how="inner", maintain_order="left").drop_nulls(
        ["prediction", "label"]
    )
    requests = _request_rows(ws, partition)
    served = _scores(ws, known.filter(known["source"] != "unserved"), requests, with_slices=True)
    asked: dict[str, Any] = {}
    for (version, stage), part in sorted(
        known.partition_by("version", "stage", as_dict=True, maintain_order=True).items(), key=str
    ):
        name = str(version or "heuristic")
        if name not in asked and (version is not None or stage == "heuristic") and stage != "canary":
            asked[name] = {"stage": stage, **_scores(ws, part, requests, with_slices=False)}
    return [
        ws.event(
            "scored",
            ws.project.model.name,
            partition=partition,
            start=iso(start),
            end=iso(end),
            live=ws.state.route.live,
            overdue=answered["rows"] - served["rows"],
            served=served,
            versions=asked,
        )
    ]


def _request_rows(ws: Workspace, partition: str) -> "pl.DataFrame":
    record = next(r for r in ws.state.snapshot.partitions(ws.project.requests) if r.partition == partition)
    import polars as pl

    return ws.frame(record.blob).with_columns(pl.col(ws.project.model.row_id).cast(pl.String).alias("row_id"))


def _scores(ws: Workspace, known: "pl.DataFrame", requests: "pl.DataFrame", *, with_slices: bool) -> dict[str, Any]:
    """Score rows by metric (and slice): {"rows": n, "metrics": {metric: {slice: value or None}}}."""
    columns = [name for name in requests.columns if name not in known.columns or name == "row_id"]
    rows = known.join(requests.select(columns), on="row_id", how="left", maintain_order="left")
    label, prediction = known["label"].to_numpy(), known["prediction"].to_numpy()
    parts = slice_masks(ws, rows) if with_slices else {"all": np.ones(known.height, dtype=bool)}
    found: dict[str, dict[str, float | None]] = {}
    for metric in metrics_of(ws):
        found[metric.name] = {}
        for name, mask in parts.items():
            whole = mask.all()
            value = metric.score(
                label if whole else label[mask],
                prediction if whole else prediction[mask],
                rows if whole else rows.filter(mask),
            )
            found[metric.name][name] = value if np.isfinite(value) else None
    return {"rows": known.height, "slices": {name: int(mask.sum()) for name, mask in parts.items()}, "metrics": found}


def periods_of(ws: Workspace, *, metric: str, part: str = "all", who: str | None = None) -> list[PeriodScore]:
    """List the scores of what was served, or of what version `who` said, by partition in time order."""
    found = []
    for name in sorted(ws.state.journal.scored):
        body = ws.state.journal.scored[name].body
        scores = body["served"] if who is None else body["versions"].get(who)
        if scores is None:
            continue
        value = scores["metrics"][metric].get(part)
        if value is not None:
            found.append(
                PeriodScore(
                    start=moment(body["start"]),
                    end=moment(body["end"]),
                    rows=scores["slices"].get(part, scores["rows"]),
                    value=value,
                )
            )
    return found


def objective_now(
    ws: Workspace, objective: Objective, *, who: str | None = None, beside: str | None = None
) -> ObjectiveDecision:
    """Hold the last window's scores, of what was served or of one version, to an objective.

    With `beside`, only the periods in which that version was scored as well count.
    """
    metric = next(metric for metric in metrics_of(ws) if metric.name == objective.metric)
    part = objective.slice or "all"
    periods = periods_of(ws, metric=objective.metric, part=part, who=who)
    if beside is not None:
        both = {period.start for period in periods_of(ws, metric=objective.metric, part=part, who=beside)}
        periods = [period for period in periods if period.start in both]
    return check(objective, periods=periods, now=last_scored(ws) or ws.clock.now(), better=metric.better)


def last_scored(ws: Workspace) -> datetime | None:
    """Tell when the last scored partition ends."""
    scored = ws.state.journal.scored
    return moment(scored[max(scored)].body["end"]) if scored else None


def live_report(ws: Workspace, *, last: int) -> dict[str, Any]:
    """Tell the latest scores of what was served, and how the objectives stand."""
    names = sorted(ws.state.journal.scored)[-last:]
    periods = []
    for name in names:
        body = ws.state.journal.scored[name].body
        periods.append({"partition": name, "live": body["live"], "overdue": body["overdue"], **body["served"]})
    objectives = [msgspec.to_builtins(objective_now(ws, objective)) for objective in ws.project.objectives]
    return {"live": ws.state.route.live, "objectives": objectives, "periods": periods}
