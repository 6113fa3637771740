"""Incidents: what needs a person, from the first alarm until it is closed. A fold over the ledger."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from trivium.core.alarms import OF_RELEASES
from trivium.core.events import Event
from trivium.core.problems import ProjectError, unknown_name
from trivium.core.values import moment


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: one cause. `alarms` are the places of its alarms in the ledger.

    `subject` is what it was opened on, `things` all that broke by that cause; what it only explains (a model that
    reads a broken table) is among its alarms, none of its things. `rules` found what broke, `since` and `until` are the
    time of the data that did. `causes` are words, the likeliest first. `by` and `because` are those of the last
    change: opened, acknowledged or resolved.
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
    things: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_of_release(self) -> bool:
        """Whether a version was taken out before it was live: no silence ends that, the next release does."""
        return any(rule.split(maxsplit=1)[0] in OF_RELEASES for rule in self.rules)


class Incidents:
    """All incidents, folded from `opened`, `alarmed`, `acknowledged` and `resolved`; other kinds pass by.

    An `opened` event has the incident's id as subject, and in its body `subject`, `thing` and `title`. An alarm names
    its incident, which was opened before it.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Incident] = {}
        self._open_on: dict[str, str] = {}

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

    def on(self, thing: str) -> Incident | None:
        """Return the incident that is open on a thing, if any."""
        return self._by_id.get(self._open_on.get(thing, ""))

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
        incident = self._by_id.get(event.body["incident"])
        if incident is None:
            return
        changed = replace(incident, alarms=(*incident.alarms, event.seq), last_alarm_at=event.at)
        if not event.body.get("explained"):
            since, until = (event.body.get(end) and moment(event.body[end]) for end in ("since", "until"))
            changed = replace(
                changed,
                things=tuple(dict.fromkeys((*incident.things, event.body["thing"]))),
                rules=tuple(dict.fromkeys((*incident.rules, *event.body.get("rules", [event.body["rule"]])))),
                since=min((at for at in (incident.since, since) if at), default=None),
                until=max((at for at in (incident.until, until) if at), default=None),
            )
            if incident.state != "resolved":
                self._open_on[event.body["thing"]] = incident.id
        self._by_id[incident.id] = changed

    def _opened(self, event: Event) -> None:
        subject, thing = event.body["subject"], event.body["thing"]
        self._by_id[event.subject] = Incident(
            id=event.subject,
            subject=subject,
            title=event.body["title"],
            opened_at=event.at,
            alarms=(),
            state="open",
            by=event.actor,
            because=event.because,
            things=(thing,),
            causes=tuple(event.body.get("causes", ())),
        )
        self._open_on[thing] = event.subject

    def _change(self, event: Event, *, state: Literal["acknowledged", "resolved"]) -> None:
        incident = self.get(event.subject)
        is_resolved = state == "resolved"
        if is_resolved:
            self._open_on = {thing: name for thing, name in self._open_on.items() if name != incident.id}
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
