"""The live model over time: what was scored and estimated, and how the objectives stand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from trivium.core.project import Objective
from trivium.core.values import moment
from trivium.evaluate.jackknife import Replicates, interval
from trivium.loop.estimate import record_of, told_of
from trivium.loop.judge import metrics_of
from trivium.loop.review_queue import queue_told
from trivium.loop.workspace import Workspace
from trivium.monitor.objectives import ObjectiveDecision, PeriodScore, check


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
    part = objective.slice or "all"
    periods = periods_of(ws, metric=objective.metric, part=part, who=who)
    if beside is not None:
        both = {period.start for period in periods_of(ws, metric=objective.metric, part=part, who=beside)}
        periods = [period for period in periods if period.start in both]
    now = last_scored(ws) or ws.clock.now()
    return check(objective, periods=periods, now=now, better=better_of(ws, objective.metric))


def better_of(ws: Workspace, metric: str) -> str:
    """Tell which way of a metric is better: `higher` or `lower`."""
    return next(found.better for found in metrics_of(ws) if found.name == metric)


def last_scored(ws: Workspace) -> datetime | None:
    """Tell when the last scored partition ends."""
    scored = ws.state.journal.scored
    return moment(scored[max(scored)].body["end"]) if scored else None


def over_periods(periods: Sequence[PeriodScore], *, confidence: float) -> dict[str, Any]:
    """Tell a metric over several periods: the row-weighted mean, and its interval with the periods as clusters.

    Rows of a period go wrong together, so periods are left out in turn, not rows. With fewer than two there is no
    interval.
    """
    held = [period for period in periods if period.rows and period.value is not None]
    sizes = np.array([period.rows for period in held], dtype=np.float64)
    values = np.array([period.value for period in held], dtype=np.float64)
    if not held:
        return {"rows": 0, "periods": 0, "value": None, "low": None, "high": None}
    total, rows = float(sizes @ values), float(sizes.sum())
    low = high = None
    if len(held) > 1:
        found = Replicates(total / rows, (total - sizes * values) / (rows - sizes), sizes)
        low, high = interval(found, confidence=confidence)
    return {"rows": int(rows), "periods": len(held), "value": total / rows, "low": low, "high": high}


def live_report(ws: Workspace, *, last: int) -> dict[str, Any]:
    """Tell the latest scores of what was served, what waits with its estimate, and how the objectives stand."""
    journal = ws.state.journal
    names = sorted(journal.scored)[-last:]
    waiting = [name for name in sorted(journal.answered) if name not in journal.scored]
    return {
        "live": ws.state.route.live,
        "objectives": [msgspec.to_builtins(objective_now(ws, objective)) for objective in ws.project.objectives],
        "periods": [_period(ws, name) for name in names],
        "versions": _over(ws, names, who=[None, *_asked(ws, names)], parts=["all"]),
        "slices": _over(ws, names, who=[None], parts=["all", *(part.name for part in ws.project.slices)]),
        "waiting": [{"partition": name, "estimated": _said(ws, name)} for name in waiting[-last:]],
        "estimates": _records(ws),
        "review": queue_told(ws),
    }


def _period(ws: Workspace, name: str) -> dict[str, Any]:
    journal = ws.state.journal
    body = journal.scored[name].body
    return {
        "partition": name,
        "settled": name in journal.settled,
        **{key: body[key] for key in ("scoring", "arrived", "overdue", "weights", "live")},
        "because": journal.scored[name].because,
        "bonds": journal.bonds.get(name),
        "estimated": _said(ws, name),
        "versions": body["versions"],
        **body["served"],
    }


def _said(ws: Workspace, name: str) -> dict[str, Any]:
    """What was estimated of a period before its labels came; empty where nothing was."""
    event = ws.state.journal.estimated.get(name)
    return event.body["values"] if event else {}


def _asked(ws: Workspace, names: Sequence[str]) -> list[str]:
    """Name the versions that were asked about any of the periods, in the order they came."""
    return list(dict.fromkeys(who for name in names for who in ws.state.journal.scored[name].body["versions"]))


def _over(
    ws: Workspace, names: Sequence[str], *, who: Sequence[str | None], parts: Sequence[str]
) -> list[dict[str, Any]]:
    """Score what was served (None) or said by versions over the named periods, each metric in each slice."""
    if not names:
        return []
    since = moment(ws.state.journal.scored[names[0]].body["start"])
    confidence = ws.project.gate.confidence
    found = []
    for one in who:
        for part in parts:
            row: dict[str, Any] = {"version": one or "served", "slice": part, "metrics": {}}
            for metric in ws.project.metrics:
                periods = periods_of(ws, metric=metric.name, part=part, who=one)
                told = over_periods([period for period in periods if period.start >= since], confidence=confidence)
                row["metrics"][metric.name] = told
            found.append(row)
    return found


def _records(ws: Workspace) -> dict[str, dict[str, Any]]:
    """Tell how past estimates did, by metric and slice."""
    found: dict[str, dict[str, Any]] = {}
    for metric, part in told_of(ws):
        found.setdefault(metric, {})[part] = msgspec.to_builtins(record_of(ws, metric, part))
    return found
