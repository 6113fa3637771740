"""Which injected fault an alarm of a rehearsal is credited to: the truth that precision and recall are counted by."""

from collections.abc import Iterable, Sequence
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


def credits_of(project: Project, faults: Sequence[Fault], alarms: Iterable[Event]) -> dict[str, str | None]:
    """Credit each alarm, by id, to a fault, or to none.

    An alarm that an incident upstream explains is credited as that incident is: to the fault that the incident's own
    alarms are credited to.
    """
    found: dict[str, str | None] = {}
    of_incident: dict[str, str] = {}
    for alarm in alarms:
        body = alarm.body
        if body.get("explained"):
            found[body["id"]] = of_incident.get(body["incident"])
            continue
        fault = credited(project, faults, Told(alarm.at, body["alarm"], alarm.subject, body["columns"]))
        found[body["id"]] = fault
        if fault is not None:
            of_incident.setdefault(body["incident"], fault)
    return found


def credited(project: Project, faults: Sequence[Fault], alarm: Told) -> str | None:
    """Name the fault that an alarm is credited to by itself; None when none explains it."""
    return next((fault.id for fault in faults if _explains(project, fault, alarm)), None)


def _explains(project: Project, fault: Fault, alarm: Told) -> bool:
    """Tell whether a fault can have caused an alarm: on the same table or the model whose outcomes it struck, in time.

    A column's fault that a monitor of columns blames on others alone is not caught by it.
    """
    about_model = KINDS[alarm.kind].about == "model"
    wait = CREDITED_FOR + (span(fault.size.delay) if fault.kind == "late" else timedelta(0))
    if about_model or fault.kind in ON_OUTCOMES:
        # What is seen in answers that met their outcomes is seen once those are due.
        wait += project.label_delay
    if not fault.from_ < alarm.at <= fault.until + wait:
        return False
    if fault.kind in ON_VERSIONS:
        return alarm.kind == "answers"
    if about_model:
        return fault.kind in ON_OUTCOMES
    if alarm.subject != fault.table or KINDS[alarm.kind].about != "table":
        return False
    if alarm.kind == "fault" and fault.column is not None:
        return fault.column in alarm.columns or fault.other in alarm.columns
    return True
