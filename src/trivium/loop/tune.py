"""Tune: what each rate of false alarms would have cost in pages and caught of faults, on your own history.

A rehearsal of collecting and watching alone: no training, no answers. The history runs once as it is, and once
with as many faults of data as fit, of every severity. It runs at the widest rate; what stricter ones would have told
is then a matter of reading what was found.
"""

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from trivium.core.clock import VirtualClock
from trivium.core.events import Event
from trivium.core.problems import Problem, ProjectError
from trivium.core.project import Alarms
from trivium.core.values import iso, span
from trivium.loop.credit import Told, credited
from trivium.loop.faults import SEVERITIES, Fault, dense
from trivium.loop.history import HistorySource
from trivium.loop.journal import Item
from trivium.loop.project_source import ProjectSource
from trivium.loop.rehearse import ACTOR, store_of
from trivium.loop.tick import tick
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Broke, Finding, persists
from trivium.monitor.level import WEEK, Judged, pages

# From lax to strict; the widest is what the history runs at.
RATES = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
LOOK = ("collect", "watch")
# Faults begin once monitors have something to judge by, with room for the ups and downs of two weeks more.
MARGIN = 14
NAME = "tune"


class Seen(NamedTuple):
    """What was found on one partition: when, on which line of partitions, by which monitors."""

    at: datetime
    line: tuple[str, str]
    findings: tuple[Finding, ...]


class Look(NamedTuple):
    """One run over the history: the faults that struck, and what was found, in order."""

    faults: tuple[Fault, ...]
    seen: tuple[Seen, ...]


class Progress(NamedTuple):
    """Where a tuning is: which of its runs, and how many of its ticks are done."""

    run: int
    runs: int
    done: int
    ticks: int


def tune(ws: Workspace, *, seed: int = 0, progress: Callable[[Progress], None] = lambda _: None) -> dict[str, Any]:
    """Measure pages a week against faults caught at each rate, and recommend one that keeps the budget.

    Args:
        ws: the project; its ledger is not touched.
        seed: decides the faults.
        progress: called after each tick.

    Returns:
        `from`, `to`, `weeks`, `budget`, `now` (the project's rate), `faults` (how many of each severity), `curve` (a
        row per rate: `rate`, `pages_per_week` on the history as it was, and how many were `caught` by severity),
        `recommended`, `because`, and `missed`: of medium faults, by kind, how many the recommended rate misses.

    Raises:
        ProjectError (TV-REH-007): there is no history, or too little of it to strike.
    """
    history = HistorySource(ProjectSource(ws), ws.project, faults=(), seed=seed)
    start, until = history.bounds()
    first = start + (ws.project.alarms.least_history + MARGIN) * span(ws.project.tables[ws.project.requests].every)
    faults = dense(ws.project, start=first, until=until, seed=seed)
    if not faults:
        raise ProjectError(_too_short(ws, start, until, first))
    quiet = _looked(ws, history, (), Progress(0, 2, 0, 0), progress)
    struck = _looked(ws, history.with_faults(faults, seed=seed), faults, Progress(1, 2, 0, 0), progress)
    shutil.rmtree(store_of(ws, NAME), ignore_errors=True)
    weeks = (until - first) / WEEK
    curve = [_point(ws, quiet, struck, rate=rate, since=first, weeks=weeks) for rate in RATES]
    best = recommended(curve, budget=ws.project.alarms.pages_per_week, now=ws.project.alarms.false_alarm_rate)
    return {
        "from": iso(start),
        "to": iso(until),
        "weeks": round(weeks, 1),
        "budget": ws.project.alarms.pages_per_week,
        "now": ws.project.alarms.false_alarm_rate,
        "faults": {severity: len(_of(severity, faults)) for severity in SEVERITIES},
        "curve": curve,
        "recommended": best["rate"],
        "because": _because(best, budget=ws.project.alarms.pages_per_week),
        "missed": _missed(ws, struck, rate=best["rate"]),
    }


def recommended(curve: Sequence[dict[str, Any]], *, budget: float, now: float) -> dict[str, Any]:
    """Choose the rate that catches most faults of those that keep the budget; the strictest if none does.

    Faults of medium and strong size count; of rates that catch as many, the one with the fewest pages, then the one
    that is set `now`: what gains nothing is not changed; then the strictest.
    """
    kept = [point for point in curve if point["pages_per_week"] <= budget]
    if not kept:
        return min(curve, key=lambda point: point["rate"])
    return min(
        kept,
        key=lambda point: (
            -point["caught"]["medium"] - point["caught"]["strong"],
            point["pages_per_week"],
            point["rate"] != now,
            point["rate"],
        ),
    )


def _because(best: dict[str, Any], *, budget: float) -> str:
    pages = f"{best['pages_per_week']:.2g} pages a week on the history as it was"
    if best["pages_per_week"] > budget:
        return f"no rate keeps the budget of {budget}; the strictest had {pages}"
    return f"of the rates that keep the budget of {budget} it catches most faults, with {pages}"


def _too_short(ws: Workspace, start: datetime, until: datetime, first: datetime) -> Problem:
    return Problem(
        code="TV-REH-007",
        what="there is too little history to tune alarms on",
        where=ws.project.requests,
        seen=f"rows from {iso(start)} to {iso(until)}; faults would begin {iso(first)}",
        fix="collect more history, or lower alarms.least_history",
    )


def _looked(
    ws: Workspace,
    source: HistorySource,
    faults: tuple[Fault, ...],
    at: Progress,
    progress: Callable[[Progress], None],
) -> Look:
    """Collect and watch the history once, in a store of its own, at the widest rate."""
    folder = store_of(ws, NAME)
    shutil.rmtree(folder, ignore_errors=True)
    start, until = source.bounds()
    clock = VirtualClock(start)
    inside = Workspace(ws.folder, clock=clock, actor=ACTOR, store=folder, durable=False)
    lax = msgspec.structs.replace(ws.project.alarms, false_alarm_rate=max(RATES))
    inside.project = msgspec.structs.replace(ws.project, alarms=lax)
    times = list(_times(start, until, span(ws.project.tables[ws.project.requests].every)))
    for place, now in enumerate(times, start=1):
        clock.move_to(now)
        tick(inside, source=source, only=LOOK)
        progress(at._replace(done=place, ticks=len(times)))
    return Look(faults, tuple(_seen(inside.ledger.events(kind="watched"))))


def _times(start: datetime, until: datetime, step: timedelta) -> Iterator[datetime]:
    now = start
    while now < until:
        now = min(now + step, until)
        yield now


def _seen(watched: Iterable[Event]) -> Iterator[Seen]:
    for event in watched:
        item = Item(event.body["of"], event.subject, event.body["partition"])
        yield Seen(event.at, item.line, tuple(_finding(event.subject, kept) for kept in event.body.get("broke", ())))


def _finding(subject: str, kept: dict[str, Any]) -> Finding:
    return Finding(
        alarm=kept["alarm"],
        subject=subject,
        columns=tuple(kept["columns"]),
        severity=kept["severity"],
        what="",
        rule=kept["rule"],
        is_grave=kept["grave"],
        p_value=kept["p_value"],
    )


def told_at(seen: Iterable[Seen], *, rate: float, settings: Alarms) -> Iterator[tuple[datetime, Finding]]:
    """Give what a rate would have told: what is rare enough for it, and grave or seen often enough."""
    before: dict[tuple[str, str], list[list[Broke]]] = defaultdict(list)
    for one in seen:
        found = [finding for finding in one.findings if finding.p_value is None or finding.p_value <= rate]
        past = before[one.line]
        for finding in found:
            if persists(finding, past, settings=settings):
                yield one.at, finding
        past.append([Broke(finding.by, finding.columns) for finding in found])


def _of(severity: str, faults: Sequence[Fault]) -> set[str]:
    return {fault.id for fault in faults if fault.severity == severity}


def _point(ws: Workspace, quiet: Look, struck: Look, *, rate: float, since: datetime, weeks: float) -> dict[str, Any]:
    """Tell one rate's pages a week on the history as it was, and how many faults of each severity it catches."""
    settings = ws.project.alarms
    told = [(at, f) for at, f in told_at(quiet.seen, rate=rate, settings=settings) if at >= since]
    # A page an incident, as alarms have it; each is as rare as can be, so that the level lets all of them through.
    paging = [Judged(at, finding.thing, 0.0) for at, finding in told if finding.severity == "page"]
    found = _caught(ws, struck, rate=rate)
    caught = {severity: len(found & _of(severity, struck.faults)) for severity in SEVERITIES}
    return {"rate": rate, "pages_per_week": round(pages(paging, level=0.0) / weeks, 3), "caught": caught}


def _caught(ws: Workspace, look: Look, *, rate: float) -> set[str]:
    told = told_at(look.seen, rate=rate, settings=ws.project.alarms)
    credit = (
        credited(ws.project, look.faults, Told(at, finding.alarm, finding.subject, finding.columns))
        for at, finding in told
    )
    return {name for name in credit if name is not None}


def _missed(ws: Workspace, struck: Look, *, rate: float) -> dict[str, int]:
    """Count the medium faults that a rate does not catch, by kind."""
    left = _of("medium", struck.faults) - _caught(ws, struck, rate=rate)
    return dict(sorted(Counter(fault.kind for fault in struck.faults if fault.id in left).items()))
