"""Judge the live model: bonds of answers and outcomes, the objectives' budgets, and the harm that a shift foretells."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from trivium.core.events import Event
from trivium.core.project import Objective
from trivium.core.values import moment
from trivium.loop.estimate import joined
from trivium.loop.live_history import better_of, last_scored, objective_now, periods_of
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Finding
from trivium.monitor.bonds import LASTS, WINDOW, BondDecision, judge, ordinary
from trivium.monitor.estimate import surely_beyond
from trivium.monitor.joined import LABEL
from trivium.monitor.objectives import PeriodScore, burning

# An objective's window is long; what alarms is what burnt of late, and that is what a broken table can explain.
BURNT_OF_LATE = timedelta(days=7)


def look_at_scores(ws: Workspace, partition: str, event: Event) -> tuple[dict[str, Any], list[Finding]]:
    """Hold a scored period's joined table to those before it."""
    names = [name for name in sorted(ws.state.journal.scored) if name <= partition]
    recent, before = names[-LASTS:], names[:-LASTS]
    kept = ordinary([ws.state.journal.bonds.get(name) == "fault" for name in before])[-WINDOW:]
    decision = judge([joined(ws, before[place]) for place in kept], [joined(ws, name) for name in recent])
    verdict = msgspec.to_builtins(decision)
    is_late_word = event.body["scoring"] > 1 and partition not in sorted(ws.state.journal.scored)[-LASTS:]
    since = moment(ws.state.journal.scored[recent[0]].body["start"])
    until = moment(event.body["end"])
    if decision.verdict != "fault" or is_late_word or _told_already(ws, decision, since=since, until=until):
        return verdict, []
    return verdict, [_of_bonds(ws, partition, decision, since=since, until=until)]


def _told_already(ws: Workspace, decision: BondDecision, *, since: datetime, until: datetime) -> bool:
    """Tell whether an alarm on the tables themselves blamed one of the columns, or the whole, in these periods."""
    tables = {ws.project.requests, *([ws.project.outcomes.table] if ws.project.outcomes else [])}
    for alarm in ws.state.journal.alarms:
        body = alarm.body
        if body["thing"] not in tables or body["since"] is None or body["alarm"] == "labels":
            continue
        in_time = moment(body["since"]) < until + ws.project.label_delay and moment(body["until"]) > since
        if in_time and (not body["columns"] or set(body["columns"]) & set(decision.columns)):
            return True
    return False


def _of_bonds(ws: Workspace, partition: str, decision: BondDecision, *, since: datetime, until: datetime) -> Finding:
    is_labels = decision.kind == "label fault"
    table = ws.project.outcomes.table if ws.project.outcomes else ws.project.model.name
    columns = tuple(name for name in decision.columns if name != LABEL)
    return Finding(
        alarm="labels" if is_labels else "concept",
        subject=table if is_labels else ws.project.model.name,
        columns=columns or (ws.project.model.label,),
        severity="page",
        what=f"{ws.project.model.name} {partition}: {decision.words}",
        evidence={"partition": partition, **msgspec.to_builtins(decision)},
        since=since,
        until=until,
    )


def objectives_burning(ws: Workspace) -> list[Finding]:
    """Find the objectives that spend their error budget too fast."""
    until = last_scored(ws)
    name = ws.project.model.name
    return [
        Finding(
            alarm="objective",
            subject=name,
            severity="note" if decision.burning == "slowly" else "page",
            what=f"objective {objective.name!r} spends its budget {decision.burning}: {objective.metric} missed "
            f"{objective.target:.4g} in {decision.missed} of {decision.periods} periods, "
            f"{decision.spent:.0%} of what {objective.window} allow",
            evidence=msgspec.to_builtins(decision),
            rule=f"objective {name}: {objective.name}",
            since=until and until - BURNT_OF_LATE,
            until=until,
        )
        for objective in ws.project.objectives
        if (decision := objective_now(ws, objective)).burning != "no"
    ]


def foretold(ws: Workspace, partition: str, shifts: Sequence[dict[str, Any]]) -> list[Finding]:
    """Find the harm that the week's shifts foretell to answers whose labels have not come.

    A shift alone is no finding. It is one if the estimate lies beyond the objective by more than its own measured error
    in so many waiting periods that the budget would burn; and without an objective on the primary metric, beyond the
    worse end of what the gate let one expect.
    """
    if not shifts or partition not in ws.state.journal.estimated:
        return []
    found = [_against_objective(ws, objective) for objective in ws.project.objectives]
    if ws.project.primary not in {objective.metric for objective in ws.project.objectives}:
        found.append(_against_gate(ws, partition))
    said = next((words for words in found if words), None)
    if said is None:
        return []
    body = ws.state.journal.estimated[partition].body
    words = "; ".join(f"{shift['table']}: {shift['words']}" for shift in shifts)
    return [
        Finding(
            alarm="foretold",
            subject=ws.project.model.name,
            severity="page",
            what=f"{said}, before its labels come; the week's shifts: {words}",
            evidence={"partition": partition, "estimated": body["values"], "shifts": list(shifts)},
            since=moment(body["start"]),
            until=moment(body["end"]),
        )
    ]


def _against_objective(ws: Workspace, objective: Objective) -> str:
    """Say how an objective's budget would burn with the waiting periods that surely miss; "" if it would not."""
    part = objective.slice or "all"
    better = better_of(ws, objective.metric)
    scored = periods_of(ws, metric=objective.metric, part=part)
    waiting = [
        PeriodScore(start=moment(body["start"]), end=moment(body["end"]), rows=said["rows"], value=said["value"])
        for name, body in ((name, event.body) for name, event in ws.state.journal.estimated.items())
        if name not in ws.state.journal.scored
        and (said := body["values"].get(objective.metric, {}).get(part))
        and surely_beyond(said["value"], said["error"], limit=objective.target, better=better)
    ]
    if not waiting:
        return ""
    now = max(period.end for period in waiting)
    speed = burning(objective, periods=[*scored, *waiting], now=now, better=better)
    if speed in ("no", "slowly") or objective_now(ws, objective).burning == speed:
        return ""
    values = ", ".join(f"{period.value:.4g}" for period in waiting)
    return f"objective {objective.name!r} will spend its budget {speed}: {objective.metric} is estimated at {values}"


def _against_gate(ws: Workspace, partition: str) -> str:
    expected = _expected(ws)
    said = ws.state.journal.estimated[partition].body["values"].get(ws.project.primary, {}).get("all")
    if expected is None or said is None:
        return ""
    better = better_of(ws, ws.project.primary)
    limit = expected["high"] if better == "lower" else expected["low"]
    if not surely_beyond(said["value"], said["error"], limit=limit, better=better):
        return ""
    return (
        f"{ws.project.primary} is estimated at {said['value']:.4g} ± {said['error']:.2g}, the gate let expect "
        f"{limit:.4g} at the worst"
    )


def _expected(ws: Workspace) -> dict[str, float] | None:
    """The interval of the primary metric in which the gate let the live version be expected."""
    judged = [event for event in ws.state.journal.judged if event.subject == ws.state.route.live]
    expected = judged[-1].body["expected"] if judged else None
    return expected if expected and expected["low"] is not None and expected["high"] is not None else None
