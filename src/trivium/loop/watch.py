"""Watch: partitions meet their history, scores meet what the gate expected, and what is unlike raises an alarm."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from trivium.core.events import Event
from trivium.core.values import moment, span
from trivium.loop.alarm import raise_alarms
from trivium.loop.journal import Item
from trivium.loop.judge_live import foretold, look_at_scores, objectives_burning
from trivium.loop.table_history import judge_partition
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Broke, Finding, is_grave, persists
from trivium.monitor.breaks import LEAST_PARTITIONS, news

# A few bad rows are noted, many are worth a page; the shares are of the rows read.
NOTED_SHARE = 0.01
PAGED_QUARANTINE_SHARE = 0.05
PAGED_TROUBLE_SHARE = 0.01
# A shift explains the harm that is foretold so long after it.
SHIFTED_OF_LATE = timedelta(days=7)


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
    told: list[Finding] = []
    journal = ws.state.journal
    shifts = _shifts_of_late(ws)
    before = {line: list(broke) for line, broke in journal.broke.items()}
    last_scored = next((item for item in reversed(journal.pending) if item.kind == "scored"), None)
    for item, event in list(journal.pending.items()):
        verdict, found = _look_at(ws, item, event)
        if verdict["verdict"] == "shift" and item.kind == "collected":
            shifts.append({"table": item.subject, "partition": item.partition, "words": verdict["words"]})
        if item.kind == "answered":
            found += foretold(ws, item.partition, shifts)
        if item == last_scored:
            found += objectives_burning(ws)
        past = before.setdefault(item.line, [])
        told += [finding for finding in found if persists(finding, past, settings=ws.project.alarms)]
        past.append([Broke(finding.by, finding.columns) for finding in found])
        if found:
            verdict["broke"] = [_kept(finding) for finding in found]
        events.append(ws.event("watched", item.subject, of=item.kind, partition=item.partition, **verdict))
    return [*events, *raise_alarms(ws, told)]


def _kept(finding: Finding) -> dict[str, Any]:
    """Write what is kept of a finding, whether or not it is told: enough to ask later what another rule had told."""
    return {
        "alarm": finding.alarm,
        "rule": finding.by,
        "columns": list(finding.columns),
        "severity": finding.severity,
        "grave": finding.is_grave,
        "p_value": finding.p_value,
    }


def _shifts_of_late(ws: Workspace) -> list[dict[str, Any]]:
    """List the shifts of the week's partitions, the oldest first."""
    since = ws.clock.now() - SHIFTED_OF_LATE
    return [
        {"table": table, "partition": event.body["partition"], "words": event.body["words"]}
        for table, events in sorted(ws.state.journal.drift.items())
        for event in events
        if event.at > since and event.body["verdict"] == "shift"
    ]


def _look_at(ws: Workspace, item: Item, event: Event) -> tuple[dict[str, Any], list[Finding]]:
    if item.kind == "refused":
        problems = event.body["problems"]
        what = f"{item.subject} {item.partition}: {problems[0]['what'] if problems else 'refused'}"
        return {"verdict": "refused"}, [_of_partition(item, event, "refused", what)]
    if item.kind == "late":
        return {"verdict": "late"}, [
            _of_partition(item, event, "late", f"{item.subject} {item.partition} has not come")
        ]
    if item.kind == "answered":
        return _look_at_answers(ws, item, event)
    if item.kind == "scored":
        return look_at_scores(ws, item.partition, event)
    verdict, found = _look_at_partition(ws, item, event)
    return verdict, [*_look_at_breaks(ws, item, event), *found]


def _of_partition(item: Item, event: Event, alarm: str, what: str, **more: Any) -> Finding:
    """Make a grave finding about a partition of a table."""
    said: dict[str, Any] = {"severity": "page", "evidence": {}, **more}
    said["evidence"] = {"partition": item.partition, **said["evidence"]}
    body = event.body
    return Finding(
        alarm=alarm, subject=item.subject, what=what, since=moment(body["start"]), until=moment(body["end"]), **said
    )


def _look_at_answers(ws: Workspace, item: Item, event: Event) -> tuple[dict[str, Any], list[Finding]]:
    body = event.body
    start = moment(body["start"])
    found = [
        Finding(
            alarm="answers",
            subject=trouble["version"],
            severity="page",
            what=f"{trouble['version']} {trouble['what']}",
            evidence={"partition": item.partition, **trouble},
            # By kind of trouble, not by version: a version lives for a week, and what it was worth is told of years.
            rule=f"answers {item.subject}: {trouble['kind']}",
            since=start,
            until=start + span(ws.project.tables[ws.project.requests].every),
        )
        for trouble in body["troubles"]
        if body["rows"] and trouble["rows"] / body["rows"] > PAGED_TROUBLE_SHARE
    ]
    found += _look_at_log(ws, item, event)
    return {"verdict": "trouble" if found else "answered"}, found


def _look_at_log(ws: Workspace, item: Item, event: Event) -> list[Finding]:
    """Tell of records of a server's log that were damaged, or are none of this trivium's: answers that are missing."""
    lost = event.body.get("lost")
    if not lost:
        return []
    damaged, strange = lost.get("damaged", 0), lost.get("strange", 0)
    words = [f"{damaged:,} places ({lost.get('bytes', 0):,} bytes) are damaged"] if damaged else []
    words += [f"{strange:,} records cannot be read"] if strange else []
    start = moment(event.body["start"])
    return [
        Finding(
            alarm="log",
            subject=ws.project.model.name,
            severity="page",
            what=f"the prediction log of {item.partition}: {', '.join(words)}",
            evidence={"partition": item.partition, **lost},
            since=start,
            until=start + span(ws.project.tables[ws.project.requests].every),
        )
    ]


def _look_at_breaks(ws: Workspace, item: Item, event: Event) -> list[Finding]:
    """Hold the rows that broke a check to how many usually do."""
    body = event.body
    share = body["rows_quarantined"] / body["rows_read"] if body["rows_read"] else 0.0
    found = []
    severity = "page" if share > PAGED_QUARANTINE_SHARE else "note"
    grave, unusual = _unusual(ws, item, event, body["breaks"], share=share)
    if unusual:
        worst = max(unusual, key=lambda name: (body["breaks"][name], name))
        what = (
            f"{item.subject} {item.partition}: {body['rows_quarantined']:,} of {body['rows_read']:,} rows quarantined"
        )
        found.append(
            _of_partition(
                item,
                event,
                "quarantine",
                f"{what}, most by {worst!r}",
                columns=_columns_of(ws, item.subject, unusual),
                severity=severity,
                evidence={"breaks": body["breaks"]},
                rule=f"quarantine {item.subject}: {worst}",
                is_grave=grave,
            )
        )
    for name, rows in sorted(body["warnings"].items()):
        grave, unusual = _unusual(ws, item, event, {name: rows}, share=rows / body["rows_read"])
        if unusual:
            found.append(
                _of_partition(
                    item,
                    event,
                    "contract",
                    f"{item.subject} {item.partition}: {rows:,} of {body['rows_read']:,} rows break {name!r}",
                    columns=_columns_of(ws, item.subject, [name]),
                    severity="note",
                    evidence={"warnings": {name: rows}},
                    rule=f"contract {item.subject}: {name}",
                    is_grave=grave,
                )
            )
    return found


def _unusual(
    ws: Workspace, item: Item, event: Event, checks: Mapping[str, int], *, share: float
) -> tuple[bool, list[str]]:
    """Name the checks that more rows broke than usual, and tell whether that is told at once.

    Few rows are no alarm, whatever is usual: they are held back and can be looked at. Before anything is known of what
    is usual, many rows are.
    """
    past = [held for held in ws.state.journal.breaks[item.subject] if held.partition != item.partition]
    least = NOTED_SHARE if len(past) >= LEAST_PARTITIONS else PAGED_QUARANTINE_SHARE
    if share <= least:
        return False, []
    whole = {check.name for check in ws.project.checks if check.on == item.subject and check.measure}
    told = {}
    for name, count in checks.items():
        # A rule on the partition is broken by all of its rows or none: it counts as one.
        before = [(held.checks.get(name, 0), held.rows) for held in past]
        told[name] = (
            news(1, 1, [(int(broke > 0), 1) for broke, _ in before])
            if name in whole
            else news(count, event.body["rows_read"], before)
        )
    unusual = [name for name, word in told.items() if word != "no"]
    return any(told[name] == "at once" for name in unusual), unusual


def _look_at_partition(ws: Workspace, item: Item, event: Event) -> tuple[dict[str, Any], list[Finding]]:
    body = event.body
    settings = ws.project.tables[item.subject]
    if settings.time is None:
        return {"verdict": "no history: the table has no time"}, []
    if not body["rows_committed"]:
        return {"verdict": "nothing was let in"}, []
    decision = judge_partition(ws, event)
    verdict = {**msgspec.to_builtins(decision), "summary": body["summary"], "start": body["start"]}
    if not decision.is_alarm:
        return verdict, []
    evidence = {
        "kind": decision.kind,
        "score": decision.score,
        "threshold": decision.threshold,
        "causes": msgspec.to_builtins(decision.causes),
    }
    return verdict, [
        _of_partition(
            item,
            event,
            "fault",
            f"{item.subject} {item.partition}: {decision.words}",
            columns=decision.columns,
            evidence=evidence,
            is_grave=is_grave(decision),
            p_value=decision.p_value,
        )
    ]


def _columns_of(ws: Workspace, table: str, rules: Sequence[str] | dict[str, int]) -> tuple[str, ...]:
    """Find the columns that the broken rules name."""
    return tuple(name for name in ws.project.tables[table].columns if any(name in rule.split() for rule in rules))
