"""A table's partitions beside their history: what drift is judged against."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.summary import Summary
from trivium.core.values import moment
from trivium.data.packing import decode
from trivium.loop.workspace import Workspace
from trivium.monitor.decision import DriftDecision
from trivium.monitor.drift import History

if TYPE_CHECKING:
    pass


def watched_columns(ws: Workspace, table: str, blob: str) -> Summary:
    """Read a summary, without the key, the time and the columns that the contract says not to watch."""
    summary = decode(ws.blobs.get(blob))
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
            summary, start = watched_columns(ws, table, event.body["summary"]), moment(event.body["start"])
            if event.body["verdict"] == "fault" or start in known.starts:
                judge_drift(ws, known.history, summary, start)
            known.history.add(summary, start=start)
            known.starts.add(start)
    return known.history


@dataclass
class _Known:
    """A table's history so far, and how many of its watched events it holds."""

    history: History = field(default_factory=History)
    events: int = 0
    starts: set[datetime] = field(default_factory=set)


def judge_drift(ws: Workspace, history: History, summary: Summary, start: datetime) -> DriftDecision:
    """Hold a partition to its table's history, by the project's own rate of false alarms."""
    rule = ws.project.alarms
    return history.judge(summary, start=start, rate=rule.false_alarm_rate, least_history=rule.least_history)


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
