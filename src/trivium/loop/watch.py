"""Watch: answers meet their outcomes, partitions meet their history, scores meet what the gate expected; alarms."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.events import Event
from trivium.core.project import Objective
from trivium.core.summary import Summary
from trivium.core.values import iso, moment, span
from trivium.loop.journal import Item
from trivium.loop.judge import metrics_of, slice_masks
from trivium.loop.outcomes import outcomes
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Finding, Past, decide
from trivium.monitor.drift import DriftDecision, History
from trivium.monitor.objectives import ObjectiveDecision, PeriodScore, check
from trivium.monitor.performance import below_expectation

if TYPE_CHECKING:
    import polars as pl

# A few bad rows are noted, many are worth a page; the shares are of the rows read.
NOTED_QUARANTINE_SHARE = 0.01
PAGED_QUARANTINE_SHARE = 0.05
PAGED_TROUBLE_SHARE = 0.01
RECENT = timedelta(days=7)


def score_due(ws: Workspace) -> list[Event]:
    """Score each answered partition once, as soon as all its outcomes are due."""
    ws.refresh()
    journal = ws.state.journal
    every = span(ws.project.tables[ws.project.requests].every)
    due = [
        name for name, event in journal.answered.items()
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
            "scored", ws.project.model.name, partition=partition, start=iso(start), end=iso(end), live=ws.state.route.live,
            overdue=answered["rows"] - served["rows"], served=served, versions=asked,
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
            value = metric.score(label if whole else label[mask], prediction if whole else prediction[mask],
                                 rows if whole else rows.filter(mask))
            found[metric.name][name] = value if np.isfinite(value) else None
    return {"rows": known.height, "slices": {name: int(mask.sum()) for name, mask in parts.items()}, "metrics": found}


def watch(ws: Workspace) -> list[Event]:
    """Look once at everything that happened since the last look, and raise the alarms that it calls for."""
    ws.refresh()
    pending = list(ws.state.journal.pending)
    if not pending:
        return []
    key = f"watch/{ws.state.journal.head}"
    return ws.unit(key, lambda: _watch(ws))


def _watch(ws: Workspace) -> list[Event]:
    events: list[Event] = []
    findings: list[Finding] = []
    for item, event in list(ws.state.journal.pending.items()):
        verdict, found = _look_at(ws, item, event)
        findings += found
        events.append(ws.event("watched", item.subject, of=item.kind, partition=item.partition, **verdict))
    if any(item.kind == "scored" for item in ws.state.journal.pending):
        findings += _model_findings(ws)
    return [*events, *_alarm(ws, findings)]


def _look_at(ws: Workspace, item: Item, event: Event) -> tuple[dict[str, Any], list[Finding]]:
    body = event.body
    if item.kind == "refused":
        what = body["problems"][0]["what"] if body["problems"] else "refused"
        return {"verdict": "refused"}, [
            Finding(alarm="refused", subject=item.subject, columns=(), severity="page",
                    what=f"{item.subject} {item.partition}: {what}", evidence={"partition": item.partition})
        ]
    if item.kind == "late":
        return {"verdict": "late"}, [
            Finding(alarm="late", subject=item.subject, columns=(), severity="page",
                    what=f"{item.subject} {item.partition} has not come", evidence={"partition": item.partition})
        ]
    if item.kind == "answered":
        return _look_at_answers(ws, item, body)
    if item.kind == "scored":
        return {"verdict": "scored"}, []
    return _look_at_partition(ws, item, event)


def _look_at_answers(ws: Workspace, item: Item, body: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    found = [
        Finding(alarm="answers", subject=trouble["version"], columns=(), severity="page",
                what=f"{trouble['version']} {trouble['what']}", evidence={"partition": item.partition, **trouble})
        for trouble in body["troubles"]
        if body["rows"] and trouble["rows"] / body["rows"] > PAGED_TROUBLE_SHARE
    ]
    return {"verdict": "trouble" if found else "answered"}, found


def _look_at_partition(ws: Workspace, item: Item, event: Event) -> tuple[dict[str, Any], list[Finding]]:
    body = event.body
    found: list[Finding] = []
    share = body["rows_quarantined"] / body["rows_read"] if body["rows_read"] else 0.0
    if share > NOTED_QUARANTINE_SHARE:
        worst = max(body["breaks"], key=lambda name: (body["breaks"][name], name))
        found.append(
            Finding(alarm="quarantine", subject=item.subject, columns=_columns_of(ws, item.subject, body["breaks"]),
                    severity="page" if share > PAGED_QUARANTINE_SHARE else "note",
                    what=f"{item.subject} {item.partition}: {body['rows_quarantined']:,} of {body['rows_read']:,} rows "
                         f"quarantined, most by {worst!r}",
                    evidence={"partition": item.partition, "breaks": body["breaks"]})
        )
    if body["warnings"]:
        found.append(
            Finding(alarm="contract", subject=item.subject, columns=_columns_of(ws, item.subject, body["warnings"]),
                    severity="note", what=f"{item.subject} {item.partition}: {', '.join(sorted(body['warnings']))}",
                    evidence={"partition": item.partition, "warnings": body["warnings"]})
        )
    settings = ws.project.tables[item.subject]
    if settings.time is None:
        return {"verdict": "no history: the table has no time"}, found
    start = moment(body["start"])
    decision = _judge_drift(
        ws, drift_history(ws, item.subject), _watched_columns(ws, item.subject, body["summary"]), start
    )
    verdict = {**msgspec.to_builtins(decision), "summary": body["summary"], "start": body["start"]}
    if decision.verdict == "drift":
        columns = decision.to_blame
        found.append(
            Finding(alarm="drift", subject=item.subject, columns=columns, severity="page",
                    what=f"{item.subject} {item.partition} is unlike its history: "
                         f"{', '.join(columns) or 'its number of rows'}",
                    evidence={"partition": item.partition, "score": decision.score, "threshold": decision.threshold})
        )
    return verdict, found


def _columns_of(ws: Workspace, table: str, rules: Sequence[str] | dict[str, int]) -> tuple[str, ...]:
    """Find the columns that the broken rules name."""
    return tuple(name for name in ws.project.tables[table].columns if any(name in rule.split() for rule in rules))


def _watched_columns(ws: Workspace, table: str, blob: str) -> Summary:
    """Read a summary, without the key, the time and the columns that the contract says not to watch."""
    summary = msgspec.json.decode(ws.blobs.get(blob), type=Summary)
    settings = ws.project.tables[table]
    unwatched = {*settings.key, settings.time, *(name for name, rule in settings.columns.items() if not rule.watch)}
    kept = {name: column for name, column in summary.columns.items() if name not in unwatched}
    return msgspec.structs.replace(summary, columns=kept)


def drift_history(ws: Workspace, table: str) -> History:
    """The history that a table's next partition is compared with, brought up to the ledger's head.

    A partition that was judged drifted is judged again on the way, which leaves the same traces in the history; so a
    process that starts anew comes to the same decisions as one that never stopped.
    """
    known: _Known = ws.cache.setdefault(f"drift/{table}", _Known())
    for event in ws.state.journal.drift[table][known.events :]:
        known.events += 1
        if "summary" in event.body:
            summary, start = _watched_columns(ws, table, event.body["summary"]), moment(event.body["start"])
            if event.body["verdict"] == "drift" or start in known.starts:
                _judge_drift(ws, known.history, summary, start)
            known.history.add(summary, start=start)
            known.starts.add(start)
    return known.history


@dataclass
class _Known:
    """A table's history so far, and how many of its watched events it holds."""

    history: History = field(default_factory=History)
    events: int = 0
    starts: set[datetime] = field(default_factory=set)


def _judge_drift(ws: Workspace, history: History, summary: Summary, start: datetime) -> DriftDecision:
    rule = ws.project.alarms
    return history.judge(summary, start=start, rate=rule.false_alarm_rate, least_history=rule.least_history)


def periods_of(ws: Workspace, *, metric: str, part: str = "all", who: str | None = None) -> list[PeriodScore]:
    """List the scores of what was served (or of what version `who` said, served or not), by partition, in time order."""
    found = []
    for name in sorted(ws.state.journal.scored):
        body = ws.state.journal.scored[name].body
        scores = body["served"] if who is None else body["versions"].get(who)
        if scores is None:
            continue
        value = scores["metrics"][metric].get(part)
        if value is not None:
            found.append(PeriodScore(start=moment(body["start"]), end=moment(body["end"]),
                                     rows=scores["slices"].get(part, scores["rows"]), value=value))
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


def _model_findings(ws: Workspace) -> list[Finding]:
    """Look at the model as a whole: its objectives, and its score against what the gate expected."""
    name = ws.project.model.name
    found = []
    for objective in ws.project.objectives:
        decision = objective_now(ws, objective)
        if decision.verdict == "missed":
            found.append(
                Finding(alarm="objective", subject=name, columns=(), severity="page",
                        what=f"objective {objective.name!r} missed: {objective.metric} {decision.value:.4g}, "
                             f"target {objective.target:.4g}",
                        evidence={"objective": objective.name, "value": decision.value, "target": objective.target})
            )
    expected = _expected(ws)
    if expected is not None:
        metric = next(metric for metric in metrics_of(ws) if metric.name == ws.project.primary)
        periods = periods_of(ws, metric=ws.project.primary)
        now = below_expectation(
            [(period.rows, period.value) for period in periods], expected_low=expected["low"],
            expected_high=expected["high"], better=metric.better,
        )
        if now.verdict == "worse":
            found.append(
                Finding(alarm="score", subject=name, columns=(), severity="page",
                        what=f"{ws.project.primary} of the live version: {now.reason}",
                        evidence={"value": now.value, "expected": expected})
            )
    return found


def _expected(ws: Workspace) -> dict[str, float] | None:
    live = ws.state.route.live
    if live is None:
        return None
    judged = [event for event in ws.state.journal.judged if event.subject == live]
    expected = judged[-1].body["expected"] if judged else None
    return expected if expected and expected["low"] is not None and expected["high"] is not None else None


def _alarm(ws: Workspace, findings: Sequence[Finding]) -> list[Event]:
    """Turn findings into alarms, each with the incident that it opens unless one is open on its subject."""
    now = ws.clock.now()
    incidents = ws.state.incidents
    since = min([now - RECENT, *(incident.opened_at for incident in incidents.open())])
    recent = [
        Past(event.at, event.body["alarm"], event.subject, event.body["columns"], event.body["paged"])
        for event in ws.state.journal.alarms
        if event.at >= since
    ]
    is_open = {incident.subject: incident.id for incident in incidents.open()}
    alarms = decide(findings, recent=recent, now=now, budget=ws.project.alarms, open_subjects=set(is_open))
    events: list[Event] = []
    number, count = len(incidents.all()), len(ws.state.journal.alarms)
    for place, alarm in enumerate(alarms):
        if alarm.subject not in is_open:
            number += 1
            is_open[alarm.subject] = f"i{number}"
            events.append(ws.event("opened", is_open[alarm.subject], subject=alarm.subject, title=alarm.what))
        events.append(
            ws.event(
                "alarmed", alarm.subject, because=alarm.what, id=f"a{count + place + 1}", alarm=alarm.alarm,
                severity=alarm.severity, paged=alarm.paged, columns=list(alarm.columns), evidence=alarm.evidence,
                incident=is_open[alarm.subject], what=alarm.what,
            )
        )
    return events


def live_report(ws: Workspace, *, last: int) -> dict[str, Any]:
    """Tell the latest scores of what was served, and how the objectives stand."""
    names = sorted(ws.state.journal.scored)[-last:]
    periods = []
    for name in names:
        body = ws.state.journal.scored[name].body
        periods.append({"partition": name, "live": body["live"], "overdue": body["overdue"], **body["served"]})
    objectives = [msgspec.to_builtins(objective_now(ws, objective)) for objective in ws.project.objectives]
    return {"live": ws.state.route.live, "objectives": objectives, "periods": periods}


def table_report(ws: Workspace, table: str, *, last: int) -> dict[str, Any]:
    """Tell a table's latest partitions: their rows, and how they compare with the table's history."""
    watched = {event.body["partition"]: event.body for event in ws.state.journal.drift[table]}
    latest = {e.body["partition"]: e.body for e in ws.ledger.events(subject=table) if e.kind in ("collected", "refused")}
    found = []
    for name in sorted(latest)[-last:]:
        body, seen = latest[name], watched.get(name, {})
        moved = seen.get("columns") or []
        found.append(
            {"partition": name, "read": body["rows_read"], "committed": body.get("rows_committed", 0),
             "quarantined": body.get("rows_quarantined", 0), "refused": body["rows_refused"],
             "verdict": seen.get("verdict"), "score": seen.get("score"), "threshold": seen.get("threshold"),
             "moved": f"{moved[0]['column']} {moved[0]['statistic']}" if moved else None, "columns": moved}
        )
    return {"table": table, "partitions": found}
