"""Respond: roll back what broke its objective, retrain when it is due, close what went quiet."""

from datetime import timedelta
from functools import partial
from typing import Any

from trivium.core.events import Event
from trivium.core.problems import DataError, Problem, StepError
from trivium.core.values import digest
from trivium.loop.judge import metrics_of
from trivium.loop.live_history import objective_now
from trivium.loop.release import rolled_back
from trivium.loop.try_idea import try_idea
from trivium.loop.workspace import Workspace
from trivium.respond.incidents import should_resolve
from trivium.respond.retrain import due
from trivium.respond.rollback import decide

QUIET = timedelta(days=3)
CLOSED_BY_ITSELF = "no alarm for {days:.0f} days"


def roll_back_if_needed(ws: Workspace) -> list[Event]:
    """Roll back when the live version cannot answer, or breaks an objective that its predecessor would have met."""
    ws.refresh()
    return ws.unit(f"rollback/{ws.state.journal.head}", lambda: _roll_back(ws))


def _roll_back(ws: Workspace) -> list[Event]:
    route = ws.state.route
    if route.live is None or ws.state.journal.last_rollback == ws.clock.now():
        return []
    previous = next(iter(route.fallback), None)
    failing = _cannot_answer(ws, route.live)
    if failing:
        return [rolled_back(ws, previous, because=failing)]
    if previous is None:
        return []
    for objective in ws.project.objectives:
        mine = objective_now(ws, objective, who=route.live, beside=previous)
        theirs = objective_now(ws, objective, who=previous, beside=route.live)
        if mine.value is None or theirs.value is None:
            continue
        better = next(metric.better for metric in metrics_of(ws) if metric.name == objective.metric)
        decision = decide(
            live=mine.value,
            previous=theirs.value,
            target=objective.target,
            better=better,
            rows=min(mine.rows, theirs.rows),
            margin=ws.project.gate.margins.get(objective.metric, 0.0),
            least_rows=ws.project.release.least_outcomes,
        )
        if decision.rollback:
            return [rolled_back(ws, previous, because=f"objective {objective.name!r}: {decision.reason}")]
    return []


def _cannot_answer(ws: Workspace, live: str) -> str | None:
    """Tell in a sentence how the live version failed on the last batch that it was asked, if it failed on too much."""
    answered = ws.state.journal.answered
    if not answered:
        return None
    body = answered[max(answered)].body
    failed = [trouble for trouble in body["troubles"] if trouble["version"] == live]
    rows = sum(trouble["rows"] for trouble in failed)
    if not body["rows"] or rows / body["rows"] <= ws.project.release.max_error_share:
        return None
    return f"{live} failed on {rows:,} of {body['rows']:,} rows: {failed[0]['what']}"


def retrain_if_due(ws: Workspace) -> list[Event]:
    """Retrain on schedule, or because of drift, a score or an objective; the candidate climbs as any idea does."""
    ws.refresh()
    journal, route, rule = ws.state.journal, ws.state.route, ws.project.retrain
    found = {kind for kind, at in journal.findings.items() if journal.last_retrain is None or at > journal.last_retrain}
    decision = due(
        rule,
        now=ws.clock.now(),
        last_try=journal.last_retrain,
        first_data=journal.first_data,
        findings=found,
        in_flight=bool(route.replay or route.shadow or route.canaries),
    )
    if not decision.retrain:
        return []
    retrain = ws.event("retrain", ws.project.model.name, because=decision.reason)
    # Named by its number, not by the time: wall times have no part in the ledger's digest.
    name = f"retrain {journal.retrains + 1}"
    key = f"retrain/{journal.retrains + 1}"
    before = journal.head
    try:
        try_idea(ws, name=name, because=decision.reason, rungs=("full", "replay"), key=key, decided=[retrain])
    except (DataError, StepError) as error:
        ws.unit(key, partial(_could_not, ws, name, retrain, error.problems[0]))
    return list(ws.ledger.events(after=before))


def _could_not(ws: Workspace, name: str, retrain: Event, problem: Problem) -> list[Event]:
    """Record a retrain whose steps could not run, as an idea that failed at its first rung."""
    body: dict[str, Any] = {"params": {}, "steps": {}, "rung": "full", "verdict": "fail", "version": None}
    reason = f"{problem.code} {problem.what}"
    run = digest(name)[:12]
    return [retrain, ws.event("tried", name, because=retrain.because, run=run, name=name, reason=reason, **body)]


def resolve_quiet(ws: Workspace) -> list[Event]:
    """Close each open incident that has been quiet for three days: no alarm, and nothing found that it told already.

    One about a version that was taken out before it was live says nothing more, and stays until the next release.
    """
    done: list[Event] = []
    found_at, release = ws.state.journal.found_at, ws.state.journal.last_release
    for incident in ws.state.incidents.open():
        if incident.is_of_release:
            if release is not None and release.seq > max(incident.alarms):
                because = f"{release.subject} is live"
                done += ws.unit(f"resolve/{incident.id}", partial(_closed, ws, incident.id, because))
            continue
        seen = [at for at in (incident.last_alarm_at, *map(found_at.get, incident.rules)) if at is not None]
        if should_resolve(incident, last_alarm_at=max(seen, default=None), now=ws.clock.now(), quiet=QUIET):
            because = CLOSED_BY_ITSELF.format(days=QUIET / timedelta(days=1))
            done += ws.unit(f"resolve/{incident.id}", partial(_closed, ws, incident.id, because))
    return done


def _closed(ws: Workspace, name: str, because: str) -> list[Event]:
    return [ws.event("resolved", name, because=because)]


def change_incident(ws: Workspace, name: str, kind: str, *, because: str) -> Event:
    """Acknowledge or resolve an incident, in somebody's name (ProjectError TV-RESP-001: there is none such)."""

    def work() -> list[Event]:
        return [ws.event(kind, ws.state.incidents.get(name).id, because=because)]

    return ws.unit(None, work)[0]
