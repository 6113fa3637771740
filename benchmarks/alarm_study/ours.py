"""Trivium's own decision, called as its loop calls it: a summary a partition, a history a table, marks of people."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import msgspec
import polars as pl

from alarm_study.faults import Struck
from alarm_study.tables import AT, KEY, Table
from alarm_study.verdicts import Verdict
from trivium.core.project import Alarms
from trivium.core.project import Table as Settings
from trivium.core.summary import Summary
from trivium.core.values import Partition, span
from trivium.data.packing import decode, encode
from trivium.data.summary import summarise_partition
from trivium.monitor.alarms import Broke, Finding, is_grave, persists
from trivium.monitor.decision import DriftDecision
from trivium.monitor.drift import History

RULE = Alarms()  # the project file's defaults
SETTINGS = Settings(files="", time=AT, key=(KEY,), every="1d")
GRACE = span(SETTINGS.grace)


def summary_of(rows: pl.DataFrame, table: Table, *, day: int) -> Summary:
    """Summarise a day as collecting does, through the bytes of its blob; leave key and time out, as watching does."""
    start = table.starts(day)
    partition = Partition(table.name, start, start + span(SETTINGS.every))
    summary = decode(encode(summarise_partition(rows, SETTINGS, partition)))
    kept = {name: column for name, column in summary.columns.items() if name not in (KEY, AT)}
    return msgspec.structs.replace(summary, columns=kept)


def judged(
    table: Table, clean: Sequence[Summary], struck: Mapping[int, tuple[Struck, Summary]], *, feedback: bool
) -> Iterator[tuple[Verdict, Verdict]]:
    """Walk through a table's days, and give for each what would be told, and what was decided on the partition alone.

    A fault beyond doubt is told at once, another when it is there on 2 of 3 partitions: a project's defaults.

    Args:
        table: tells when the days start.
        clean: every day's summary, faults left out.
        struck: the days that a fault is on, with it and the summary of what was delivered.
        feedback: after each alarm a person marks it, rightly: `useful` or `noise`.
    """
    history = History()
    broken: list[list[Broke]] = []
    for day, ordinary in enumerate(clean):
        fault, summary = struck.get(day, (None, ordinary))
        start = table.starts(day)
        decision = history.judge(
            summary,
            start=start,
            rate=RULE.false_alarm_rate,
            least_history=RULE.least_history,
            labels=(table.label,),
        )
        history.add(summary, start=start, decision=decision)
        finding = _finding(table, decision)
        is_told = decision.is_alarm and persists(finding, broken, settings=RULE)
        broken.append([Broke(finding.by, finding.columns)] if decision.is_alarm else [])
        if feedback and is_told:
            history.mark(start, "noise" if fault is None else "useful")
        if fault is not None and fault.fault.kind == "late" and span(fault.fault.size.delay) > GRACE:
            # The collector's own rule: it is not there `grace` after its end.
            missed = Verdict(day, True, kind="late", messages=1, after_h=24.0 + GRACE / timedelta(hours=1))
            yield missed, missed
            continue
        yield _verdict(day, decision, alarm=is_told), _verdict(day, decision, alarm=decision.is_alarm)


def _finding(table: Table, decision: DriftDecision) -> Finding:
    return Finding(
        alarm="fault",
        subject=table.name,
        columns=decision.columns,
        severity="page",
        what=decision.words,
        is_grave=is_grave(decision),
        p_value=decision.p_value,
    )


def _verdict(day: int, decision: DriftDecision, *, alarm: bool) -> Verdict:
    is_shown = not alarm and decision.verdict in ("shift", "fault")
    return Verdict(day, alarm, is_shown, decision.columns, decision.kind, int(alarm))
