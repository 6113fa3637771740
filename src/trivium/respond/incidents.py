"""Incidents: what needs a person, from the first alarm until it is closed. A fold over the ledger."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from trivium.core.events import Event
from trivium.core.problems import ProjectError, unknown_name


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident on one subject. `alarms` are the places of its alarms in the ledger.

    `by` and `because` are those of the last change: opened, acknowledged or resolved.
    """

    id: str
    subject: str
    title: str
    opened_at: datetime
    alarms: tuple[int, ...]
    state: Literal["open", "acknowledged", "resolved"]
    by: str
    because: str
    resolved_at: datetime | None = None
    last_alarm_at: datetime | None = None


class Incidents:
    """All incidents, folded from `opened`, `alarmed`, `acknowledged` and `resolved`; other kinds pass by.

    An `opened` event has the incident's id as subject, and in its body `subject` and `title`. An alarm belongs to the
    incident that is open on its subject, or to the one that is opened at the same moment after it.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Incident] = {}
        self._open_on: dict[str, str] = {}
        self._waiting: dict[str, list[Event]] = {}

    def apply(self, event: Event) -> None:
        """Take in the next event of the ledger."""
        if event.kind == "alarmed":
            self._alarmed(event)
        elif event.kind == "opened":
            self._opened(event)
        elif event.kind == "acknowledged":
            self._change(event, state="acknowledged")
        elif event.kind == "resolved":
            self._change(event, state="resolved")

    def all(self) -> tuple[Incident, ...]:
        """Return every incident, in the order they were opened."""
        return tuple(self._by_id.values())

    def open(self) -> tuple[Incident, ...]:
        """Return the incidents that are not resolved, in the order they were opened."""
        return tuple(incident for incident in self._by_id.values() if incident.state != "resolved")

    def on(self, subject: str) -> Incident | None:
        """Return the incident that is open on a subject, if any."""
        return self._by_id.get(self._open_on.get(subject, ""))

    def get(self, name: str) -> Incident:
        """Return an incident by its id.

        Raises:
            ProjectError (TV-RESP-001): there is no such incident.
        """
        if name not in self._by_id:
            raise ProjectError(
                unknown_name("TV-RESP-001", "incident", name, list(self._by_id), where="the ledger's incidents")
            )
        return self._by_id[name]

    def next_id(self) -> str:
        """Name the next incident to be opened: i1, i2 and so on."""
        return f"i{len(self._by_id) + 1}"

    def _alarmed(self, event: Event) -> None:
        incident = self.on(event.subject)
        if incident is None:
            waiting = self._waiting.get(event.subject, [])
            self._waiting[event.subject] = [*(alarm for alarm in waiting if alarm.at == event.at), event]
            return
        self._by_id[incident.id] = replace(incident, alarms=(*incident.alarms, event.seq), last_alarm_at=event.at)

    def _opened(self, event: Event) -> None:
        subject = event.body["subject"]
        first = [alarm for alarm in self._waiting.pop(subject, []) if alarm.at == event.at]
        self._by_id[event.subject] = Incident(
            id=event.subject,
            subject=subject,
            title=event.body["title"],
            opened_at=event.at,
            alarms=tuple(alarm.seq for alarm in first),
            state="open",
            by=event.actor,
            because=event.because,
            last_alarm_at=event.at if first else None,
        )
        self._open_on[subject] = event.subject

    def _change(self, event: Event, *, state: Literal["acknowledged", "resolved"]) -> None:
        incident = self.get(event.subject)
        is_resolved = state == "resolved"
        if is_resolved and self._open_on.get(incident.subject) == incident.id:
            del self._open_on[incident.subject]
        self._by_id[incident.id] = replace(
            incident,
            state=state,
            by=event.actor,
            because=event.because,
            resolved_at=event.at if is_resolved else None,
        )


def should_resolve(incident: Incident, *, last_alarm_at: datetime | None, now: datetime, quiet: timedelta) -> bool:
    """Tell whether an incident has been quiet for long enough to close by itself.

    `last_alarm_at` is when its subject last alarmed (or would have, had it not been known); without one the time
    counts from its opening. A resolved incident is not closed again.
    """
    if incident.state == "resolved":
        return False
    return now - max(incident.opened_at, last_alarm_at or incident.opened_at) >= quiet
