"""A table's partitions beside their history: what drift is judged against."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from trivium.core.events import Event
from trivium.core.expressions.parse import parse
from trivium.core.summary import Summary
from trivium.core.values import iso, moment, span
from trivium.data.packing import decode
from trivium.loop.workspace import Workspace
from trivium.monitor.decision import DriftDecision, Mark
from trivium.monitor.drift import History
from trivium.monitor.history import KEPT
from trivium.monitor.suspects import Recent, before, ranked


def watched_columns(ws: Workspace, table: str, blob: str) -> Summary:
    """Read a summary, without the key, the time and the columns that the contract says not to watch."""
    summary = decode(ws.blobs.get(blob))
    settings = ws.project.tables[table]
    unwatched = {*settings.key, settings.time, *(name for name, rule in settings.columns.items() if not rule.watch)}
    kept = {name: column for name, column in summary.columns.items() if name not in unwatched}
    return msgspec.structs.replace(summary, columns=kept)


def judge_partition(ws: Workspace, event: Event) -> DriftDecision:
    """Hold a collected partition to its table's history, by the project's own rate of false alarms.

    What was judged in the same look, and is not in the ledger yet, counts as its past like any other.
    """
    table, body = event.subject, event.body
    start, rule = moment(body["start"]), ws.project.alarms
    known = _known(ws, table)
    if (start, body["summary"]) in known.ahead:
        # Asked again: the look that judged it was given up, and with it whatever it judged after.
        del ws.cache[f"drift/{table}"]
        known = _known(ws, table)
    summary = watched_columns(ws, table, body["summary"])
    decision = known.history.judge(
        summary,
        start=start,
        rate=rule.false_alarm_rate,
        least_history=rule.least_history,
        labels=_labels(ws, table),
    )
    if decision.kind is not None:
        more = before(_recent(ws, event), start=start, every=span(ws.project.tables[table].every))
        decision = msgspec.structs.replace(decision, causes=ranked([*decision.causes, *more]))
    known.history.add(summary, start=start, decision=decision)
    known.ahead.add((start, body["summary"]))
    return decision


@dataclass
class _Known:
    """A table's history so far, how many of its watched events it holds, and what it holds that no event says yet."""

    history: History = field(default_factory=History)
    events: int = 0
    starts: dict[str, datetime] = field(default_factory=dict)
    ahead: set[tuple[datetime, str]] = field(default_factory=set)
    head: int = 0


def _known(ws: Workspace, table: str) -> _Known:
    """Bring a table's history up to the ledger's head.

    It is a fold over what was decided, so a process that starts anew comes to the same as one that never stopped; it
    reads the summaries of the latest partitions alone, however many there were.
    """
    journal = ws.state.journal
    known: _Known = ws.cache.setdefault(f"drift/{table}", _Known())
    events = [event for event in journal.drift[table][known.events :] if "summary" in event.body]
    said = {(moment(event.body["start"]), event.body["summary"]) for event in events}
    if known.head != journal.head and known.ahead - said:
        # The look that judged them was not written.
        ws.cache[f"drift/{table}"] = known = _Known()
        events = [event for event in journal.drift[table] if "summary" in event.body]
    latest = set(sorted({*known.starts.values(), *(moment(event.body["start"]) for event in events)})[-KEPT:])
    for event in events:
        body, start = event.body, moment(event.body["start"])
        known.starts[body["partition"]] = start
        if (start, body["summary"]) not in known.ahead:
            summary = watched_columns(ws, table, body["summary"]) if start in latest else None
            known.history.add(summary, start=start, decision=msgspec.convert(body, DriftDecision))
    known.events = len(journal.drift[table])
    if known.head != journal.head:
        known.ahead, known.head = known.ahead - said, journal.head
    for partition, mark in journal.marks[table].items():
        if partition in known.starts:
            known.history.mark(known.starts[partition], msgspec.convert(mark, Mark))
    return known


def _labels(ws: Workspace, table: str) -> tuple[str, ...]:
    """Name the columns of the outcomes' table that the label is made from; of another table, the label itself."""
    outcomes = ws.project.outcomes
    if outcomes is not None and outcomes.table == table:
        return tuple(sorted(parse(outcomes.label).columns))
    return (ws.project.model.label,)


def _recent(ws: Workspace, event: Event) -> list[Recent]:
    """List what was done to the table, or before it, as far as the ledger knows."""
    journal, table = ws.state.journal, event.subject
    found = []
    if table in journal.changed_at:
        at = journal.changed_at[table]
        found.append(Recent("contract", table, at, f"the contract of {table} was changed at {iso(at)}"))
    live = ws.state.route.live
    if live is not None:
        stays = [stay.at for stay in ws.state.versions.stays(live) if stay.stage == "live"]
        if stays:
            found.append(Recent("release", live, stays[-1], f"{live} went live at {iso(stays[-1])}"))
    for other, events in sorted(journal.drift.items()):
        broken = [held for held in events[-2:] if held.body["verdict"] == "fault"]
        if other != table and broken:
            words = f"{other} {broken[-1].body['partition']}: {broken[-1].body['words']}"
            found.append(Recent("upstream", other, broken[-1].at, words))
    return found


def table_report(ws: Workspace, table: str, *, last: int) -> dict[str, Any]:
    """Tell a table's latest partitions: their rows, and how they compare with the table's history."""
    watched = {event.body["partition"]: event.body for event in ws.state.journal.drift[table]}
    latest = {
        e.body["partition"]: e.body for e in ws.ledger.events(subject=table) if e.kind in ("collected", "refused")
    }
    found = []
    for name in sorted(latest)[-last:]:
        body, seen = latest[name], watched.get(name, {})
        moved = seen.get("moved") or []
        found.append(
            {
                "partition": name,
                "read": body["rows_read"],
                "committed": body.get("rows_committed", 0),
                "quarantined": body.get("rows_quarantined", 0),
                "refused": body["rows_refused"],
                "verdict": seen.get("verdict"),
                "score": seen.get("score"),
                "threshold": seen.get("threshold"),
                "kind": seen.get("kind"),
                "words": seen.get("words"),
                "moved": f"{moved[0]['column']} {moved[0]['statistic']}" if moved else None,
                "columns": moved,
            }
        )
    return {"table": table, "partitions": found}
