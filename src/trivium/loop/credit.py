"""Which injected fault an alarm of a rehearsal is credited to: the truth that precision and recall are counted by."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from trivium.core.alarms import KINDS
from trivium.core.events import Event
from trivium.core.project import Project
from trivium.core.values import span
from trivium.loop.faults import ON_OUTCOMES, ON_VERSIONS, Fault

# After a fault ends its traces are still in the windows that alarms look at; an alarm up to here is credited to it.
CREDITED_FOR = timedelta(days=2)


class Told(NamedTuple):
    """What counts of an alarm: when, of which kind, on what, and which columns it blames."""

    at: datetime
    kind: str
    subject: str
    columns: Sequence[str]


def told_by(alarm: Event) -> Told:
    """Read what counts of an alarm's event."""
    return Told(alarm.at, alarm.body["alarm"], alarm.subject, alarm.body["columns"])


def credited(project: Project, faults: Sequence[Fault], alarm: Told) -> str | None:
    """Name the fault that an alarm is credited to; None when none explains it."""
    return next((fault.id for fault in faults if _explains(project, fault, alarm)), None)


def _explains(project: Project, fault: Fault, alarm: Told) -> bool:
    """Tell whether a fault can have caused an alarm: the same table (or the model), in its time."""
    kind, subject = alarm.kind, alarm.subject
    wait = CREDITED_FOR + (span(fault.size.delay) if fault.kind == "late" else timedelta(0))
    about_model = KINDS[kind].about == "model"
    if about_model:
        wait += project.label_delay
    if not fault.from_ < alarm.at <= fault.until + wait:
        return False
    if fault.kind in ON_VERSIONS:
        return kind == "answers"
    if fault.kind in ON_OUTCOMES:
        return subject == fault.table or about_model
    if kind == "fault" and fault.column is not None:
        return subject == fault.table and (fault.column in alarm.columns or fault.other in alarm.columns)
    return subject == fault.table
