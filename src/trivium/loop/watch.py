"""Watch: partitions meet their history, scores meet what the gate expected, and what is unlike raises an alarm."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from trivium.core.events import Event
from trivium.core.values import moment
from trivium.loop.journal import Item
from trivium.loop.scores import objective_now
from trivium.loop.table_history import drift_history, judge_drift, watched_columns
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Finding, Past, decide

# A few bad rows are noted, many are worth a page; the shares are of the rows read.
NOTED_QUARANTINE_SHARE = 0.01
PAGED_QUARANTINE_SHARE = 0.05
PAGED_TROUBLE_SHARE = 0.01
RECENT = timedelta(days=7)


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
            Finding(
                alarm="refused",
                subject=item.subject,
                columns=(),
                severity="page",
                what=f"{item.subject} {item.partition}: {what}",
                evidence={"partition": item.partition},
            )
        ]
    if item.kind == "late":
        return {"verdict": "late"}, [
            Finding(
                alarm="late",
                subject=item.subject,
                columns=(),
                severity="page",
                what=f"{item.subject} {item.partition} has not come",
                evidence={"partition": item.partition},
            )
        ]
    if item.kind == "answered":
        return _look_at_answers(ws, item, body)
    if item.kind == "scored":
        return {"verdict": "scored"}, []
    return _look_at_partition(ws, item, event)


def _look_at_answers(ws: Workspace, item: Item, body: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    found = [
        Finding(
            alarm="answers",
            subject=trouble["version"],
            columns=(),
            severity="page",
            what=f"{trouble['version']} {trouble['what']}",
            evidence={"partition": item.partition, **trouble},
        )
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
            Finding(
                alarm="quarantine",
                subject=item.subject,
                columns=_columns_of(ws, item.subject, body["breaks"]),
                severity="page" if share > PAGED_QUARANTINE_SHARE else "note",
                what=f"{item.subject} {item.partition}: {body['rows_quarantined']:,} of {body['rows_read']:,} rows "
                f"quarantined, most by {worst!r}",
                evidence={"partition": item.partition, "breaks": body["breaks"]},
            )
        )
    if body["warnings"]:
        found.append(
            Finding(
                alarm="contract",
                subject=item.subject,
                columns=_columns_of(ws, item.subject, body["warnings"]),
                severity="note",
                what=f"{item.subject} {item.partition}: {', '.join(sorted(body['warnings']))}",
                evidence={"partition": item.partition, "warnings": body["warnings"]},
            )
        )
    settings = ws.project.tables[item.subject]
    if settings.time is None:
        return {"verdict": "no history: the table has no time"}, found
    start = moment(body["start"])
    decision = judge_drift(
        ws, drift_history(ws, item.subject), watched_columns(ws, item.subject, body["summary"]), start
    )
    verdict = {**msgspec.to_builtins(decision), "summary": body["summary"], "start": body["start"]}
    if decision.is_alarm:
        found.append(
            Finding(
                alarm="drift",
                subject=item.subject,
                columns=decision.columns,
                severity="page",
                what=f"{item.subject} {item.partition}: {decision.words}",
                evidence={
                    "partition": item.partition,
                    "kind": decision.kind,
                    "score": decision.score,
                    "threshold": decision.threshold,
                    "causes": msgspec.to_builtins(decision.causes),
                },
            )
        )
    return verdict, found


def _columns_of(ws: Workspace, table: str, rules: Sequence[str] | dict[str, int]) -> tuple[str, ...]:
    """Find the columns that the broken rules name."""
    return tuple(name for name in ws.project.tables[table].columns if any(name in rule.split() for rule in rules))


def _model_findings(ws: Workspace) -> list[Finding]:
    """Look at the model as a whole: how fast each objective spends its error budget."""
    return [
        Finding(
            alarm="objective",
            subject=ws.project.model.name,
            columns=(),
            severity="note" if decision.burning == "slowly" else "page",
            what=f"objective {objective.name!r} spends its budget {decision.burning}: {objective.metric} missed "
            f"{objective.target:.4g} in {decision.missed} of {decision.periods} periods, "
            f"{decision.spent:.0%} of what {objective.window} allow",
            evidence=msgspec.to_builtins(decision),
        )
        for objective in ws.project.objectives
        if (decision := objective_now(ws, objective)).burning != "no"
    ]


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
                "alarmed",
                alarm.subject,
                because=alarm.what,
                id=f"a{count + place + 1}",
                alarm=alarm.alarm,
                severity=alarm.severity,
                paged=alarm.paged,
                columns=list(alarm.columns),
                evidence=alarm.evidence,
                incident=is_open[alarm.subject],
                what=alarm.what,
            )
        )
    return events
