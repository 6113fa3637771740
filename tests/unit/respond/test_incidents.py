"""Incidents, folded from events."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trivium.core.events import Event
from trivium.core.problems import ProjectError
from trivium.respond.incidents import Incidents, should_resolve

AT = datetime(2013, 3, 1, tzinfo=UTC)


def event(kind: str, subject: str, *, seq: int = 0, hours: int = 0, **said: Any) -> Event:
    """Make an event so many hours on."""
    at = AT + timedelta(hours=hours)
    return Event(at=at, kind=kind, subject=subject, seq=seq, **{"actor": "worker", **said})


def opened(name: str = "i1", subject: str = "flights", hours: int = 0) -> Event:
    """Make the opening of an incident."""
    body = {"subject": subject, "thing": subject, "title": "flights drifted"}
    at = AT + timedelta(hours=hours)
    return Event(at=at, kind="opened", subject=name, actor="worker", because="drift", body=body)


def alarmed(subject: str, *, seq: int, incident: str = "i1", **body: Any) -> Event:
    """Make an alarm of an incident."""
    hours = body.pop("hours", 0)
    return event(
        "alarmed",
        subject,
        seq=seq,
        hours=hours,
        body={"incident": incident, "rule": f"fault {subject}", "thing": subject, **body},
    )


def folded(*events: Event) -> Incidents:
    """Fold events."""
    incidents = Incidents()
    for one in events:
        incidents.apply(one)
    return incidents


def test_an_incident_lives() -> None:
    """Alarm, opening, another alarm, acknowledgement, closing."""
    incidents = folded(opened(), alarmed("flights", seq=4), alarmed("flights", seq=7, hours=3))
    found = incidents.get("i1")
    assert (found.alarms, found.state, found.by, found.title) == ((4, 7), "open", "worker", "flights drifted")
    assert found.last_alarm_at == AT + timedelta(hours=3)
    incidents.apply(event("acknowledged", "i1", hours=4, actor="ann", because="looking"))
    found = incidents.get("i1")
    assert (found.state, found.by, found.because) == ("acknowledged", "ann", "looking")
    assert incidents.open() == (found,)
    incidents.apply(event("resolved", "i1", hours=5, actor="ann", because="source mended"))
    found = incidents.get("i1")
    assert (found.state, found.resolved_at) == ("resolved", AT + timedelta(hours=5))
    assert incidents.open() == ()
    assert incidents.on("flights") is None


def test_an_alarm_names_its_incident() -> None:
    """Alarms of other incidents, and of none that was opened, stay out."""
    incidents = folded(
        alarmed("flights", seq=1),
        opened(hours=5),
        alarmed("flights", seq=2, hours=5),
        alarmed("weather", seq=3, incident="i2", hours=5),
        event("ticked", "flights"),
    )
    assert incidents.get("i1").alarms == (2,)


def test_an_incident_is_about_all_that_broke() -> None:
    """Its things, rules and the time of the data grow with its alarms; what it only explains is no thing of it."""
    day = timedelta(days=1)
    spans = [{"since": (AT + n * day).isoformat(), "until": (AT + (n + 1) * day).isoformat()} for n in range(3)]
    incidents = folded(
        opened(),
        alarmed("flights", seq=2, **spans[1]),
        alarmed("weather", seq=3, **spans[0]),
        alarmed("delays", seq=4, explained="explained by i1", **spans[2]),
    )
    found = incidents.get("i1")
    assert (found.things, found.rules) == (("flights", "weather"), ("fault flights", "fault weather"))
    assert (found.since, found.until, found.alarms) == (AT, AT + 2 * day, (2, 3, 4))
    assert (incidents.on("weather"), incidents.on("delays")) == (found, None)
    incidents.apply(event("resolved", "i1"))
    assert incidents.on("weather") is None


def test_a_new_incident_on_an_old_subject() -> None:
    """After the first is closed the next alarm goes to the next."""
    incidents = folded(
        opened(),
        event("resolved", "i1", hours=1),
        opened("i2", hours=2),
        alarmed("flights", seq=9, incident="i2", hours=3),
    )
    assert (incidents.get("i1").alarms, incidents.get("i2").alarms) == ((), (9,))
    assert [incident.id for incident in incidents.all()] == ["i1", "i2"]
    assert incidents.next_id() == "i3"


def test_the_first_is_i1() -> None:
    """Names count from 1."""
    assert folded().next_id() == "i1"


def test_an_unknown_incident_names_the_nearest() -> None:
    """A name that does not exist is a problem that lists those that do."""
    with pytest.raises(ProjectError) as raised:
        folded(opened()).get("i9")
    assert (raised.value.problems[0].code, "i1" in raised.value.problems[0].fix) == ("TV-RESP-001", True)


def test_it_closes_after_a_quiet_time() -> None:
    """Quiet counts from the last alarm, else from the opening, and never for what is closed."""
    incident = folded(opened()).get("i1")
    day = timedelta(days=1)
    assert not should_resolve(incident, last_alarm_at=None, now=AT + day / 2, quiet=day)
    assert should_resolve(incident, last_alarm_at=None, now=AT + day, quiet=day)
    assert not should_resolve(incident, last_alarm_at=AT + day / 2, now=AT + day, quiet=day)
    assert should_resolve(incident, last_alarm_at=AT - day, now=AT + day, quiet=day)
    closed = folded(opened(), event("resolved", "i1")).get("i1")
    assert not should_resolve(closed, last_alarm_at=None, now=AT + 9 * day, quiet=day)
