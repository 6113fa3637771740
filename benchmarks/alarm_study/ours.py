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
    table: Table,
    clean: Sequence[Summary],
    struck: Mapping[int, tuple[Struck, Summary]],
    *,
    feedback: bool,
    rate: float = RULE.false_alarm_rate,
) -> Iterator[Verdict]:
    """Walk through a table's days, and give the verdict on each.

    Args:
        table: tells when the days start.
        clean: every day's summary, faults left out.
        struck: the days that a fault is on, with it and the summary of what was delivered.
        feedback: after each alarm a person marks it, rightly: `useful` or `noise`.
        rate: the share of ordinary days that may be called faults.
    """
    history = History()
    for day, ordinary in enumerate(clean):
        fault, summary = struck.get(day, (None, ordinary))
        start = table.starts(day)
        decision = history.judge(summary, start=start, rate=rate, least_history=RULE.least_history)
        history.add(summary, start=start)
        late = fault is not None and fault.fault.kind == "late" and span(fault.fault.size.delay) > GRACE
        if feedback and decision.is_alarm:
            history.mark(start, "noise" if fault is None else "useful")
        if late and not decision.is_alarm:
            # The collector's own rule: not there `grace` after the partition's end.
            yield Verdict(day, True, kind="late", messages=1, after_h=24.0 + GRACE / timedelta(hours=1))
            continue
        yield Verdict(
            day,
            decision.is_alarm,
            shown=decision.verdict == "shift",
            columns=decision.columns,
            kind=decision.kind,
            messages=int(decision.is_alarm),
        )
