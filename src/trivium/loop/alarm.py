"""Alarm: findings become alarms, alarms gather in incidents, and a few of them page."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from trivium.core.events import Event
from trivium.core.values import iso, span
from trivium.loop.features import FEATURES
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import WEEK, Alarm, Finding, Past, decide, joined
from trivium.monitor.causes import Lineage, Standing, place
from trivium.monitor.level import Judged, fitted
from trivium.respond.incidents import Incident
from trivium.respond.marks import rules_of

# A change so long before a finding may lie behind it.
SHORTLY = timedelta(days=3)


def raise_alarms(ws: Workspace, findings: Sequence[Finding]) -> list[Event]:
    """Turn findings into events: the incidents that they open, and the alarms in them."""
    if not findings:
        return []
    now = ws.clock.now()
    incidents = ws.state.incidents
    placed = place(
        joined(findings, settings=ws.project.alarms),
        standing=[_standing(ws, incident) for incident in incidents.open()],
        lineage=lineage(ws),
        next_id=len(incidents.all()) + 1,
    )
    alarms = decide(
        placed,
        recent=_recent(ws, now),
        now=now,
        budget=ws.project.alarms,
        silenced=lambda finding: _silenced(ws, finding, now),
        level=lambda left: _level(ws, now, left),
    )
    return _events(ws, alarms)


def lineage(ws: Workspace) -> Lineage:
    """Tell what is made from what: the model and its versions from the tables their steps read and the outcomes."""
    tables = ws.code.graph.tables_read(FEATURES)
    outcomes = (ws.project.outcomes.table,) if ws.project.outcomes else ()
    read = tuple(dict.fromkeys((*tables, *outcomes)))
    versions = (f"version {version.ref}" for version in ws.state.versions.all())
    made = dict.fromkeys((f"model {ws.project.model.name}", *versions), read)
    return Lineage(made, {name: span(table.lookback) for name, table in ws.project.tables.items()})


def _standing(ws: Workspace, incident: Incident) -> Standing:
    """Give an open incident as the pure rooms know it; what it broke goes on as long as it is found."""
    found = [ws.state.journal.found_at.get(rule) for rule in incident.rules]
    ends = [at for at in (incident.until, *found) if at is not None]
    return Standing(incident.id, frozenset(incident.things), incident.since, max(ends, default=None))


def _recent(ws: Workspace, now: datetime) -> list[Past]:
    since = min([now - WEEK, *(incident.opened_at for incident in ws.state.incidents.open())])
    return [
        Past(
            event.at,
            rules_of(event),
            event.body["incident"],
            event.body["columns"],
            event.body["paged"],
            event.body["severity"],
        )
        for event in ws.state.journal.alarms
        if event.at >= since
    ]


def _silenced(ws: Workspace, finding: Finding, now: datetime) -> str:
    """Say why a finding pages nobody by people's own word: its rule is demoted, or it is muted."""
    if finding.by in ws.state.marks.demoted:
        return f"its rule is demoted: {ws.state.marks.demoted[finding.by].because}"
    mute = ws.state.mutes.silencing(finding.alarm, finding.subject, finding.columns, now=now)
    return "" if mute is None else str(mute)


def _level(ws: Workspace, now: datetime, left: int) -> float:
    """Choose the level at which the past would have kept what is left of the week's pages."""
    journal = ws.state.journal
    useful = {
        (mark.body["subject"], partition)
        for table in ws.project.tables
        for mark in ws.state.marks.on(table)
        if mark.body["mark"] == "useful"
        for partition in mark.body["partitions"]
    }
    judged = sorted(
        Judged(event.at, table, event.body["p_value"])
        for table, events in journal.drift.items()
        for event in events
        if event.body["verdict"] == "fault" and (table, event.body["partition"]) not in useful
    )
    return fitted(judged, now=now, began=journal.watch_began, pages_a_week=left)


def _events(ws: Workspace, alarms: Sequence[Alarm]) -> list[Event]:
    opened = {incident.id for incident in ws.state.incidents.all()}
    events: list[Event] = []
    for number, alarm in enumerate(alarms, start=len(ws.state.journal.alarms) + 1):
        if alarm.incident not in opened:
            opened.add(alarm.incident)
            events.append(_opened(ws, alarm))
        events.append(_alarmed(ws, alarm, f"a{number}"))
    return events


def _opened(ws: Workspace, alarm: Alarm) -> Event:
    finding = alarm.finding
    return ws.event(
        "opened",
        alarm.incident,
        subject=finding.subject,
        thing=finding.thing,
        title=finding.what,
        causes=_causes(ws, finding),
    )


def _alarmed(ws: Workspace, alarm: Alarm, name: str) -> Event:
    finding = alarm.finding
    return ws.event(
        "alarmed",
        finding.subject,
        because=finding.what,
        id=name,
        alarm=finding.alarm,
        rule=finding.by,
        rules=list(finding.rules),
        thing=finding.thing,
        severity=finding.severity,
        paged=alarm.paged,
        reason=alarm.reason,
        explained=alarm.explained,
        columns=list(finding.columns),
        evidence=finding.evidence,
        incident=alarm.incident,
        what=finding.what,
        since=iso(finding.since) if finding.since else None,
        until=iso(finding.until) if finding.until else None,
    )


def _causes(ws: Workspace, finding: Finding) -> list[str]:
    """Say what may lie behind a finding, the likeliest first: what changed shortly before, then what the monitor ranks.

    A change on our side is the first to look at: it is the one thing that can be undone at once.
    """
    at = finding.until or ws.clock.now()
    said = []
    changed = ws.state.journal.changed_at.get(finding.thing)
    if changed is not None and at - SHORTLY <= changed:
        said.append(f"the contract of {finding.subject} was changed at {iso(changed)}")
    route = ws.state.route
    if (
        finding.thing not in ws.project.tables
        and route.live
        and route.since
        and at - SHORTLY <= route.since <= ws.clock.now()
    ):
        reason = f": {route.because}" if route.because else ""
        said.append(f"{route.live} answers since {iso(route.since)}, by {route.by}{reason}")
    ranked = sorted(finding.evidence.get("causes", ()), key=lambda cause: -cause["weight"])
    return [*said, *(cause["words"] for cause in ranked)]
