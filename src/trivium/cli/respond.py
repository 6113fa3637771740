"""`incidents`."""

from collections.abc import Callable
from typing import Any

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import pairs
from trivium.cli.layout import table as lay_out


def incidents(*, all_: bool = False) -> Answer:
    """List the open incidents, or all of them.

    Parameters
    ----------
    all_
        The resolved ones too.
    """
    ws = workspace()
    found = [_plain(i) for i in (ws.state.incidents.all() if all_ else ws.state.incidents.open())]
    return Answer(
        {"incidents": found},
        [
            lay_out(
                "Incidents",
                ("incident", "state", "opened", "subject", "alarms", "title"),
                [(i["id"], i["state"], i["opened_at"], i["subject"], len(i["alarms"]), i["title"]) for i in found],
            )
            if found
            else "no open incidents"
        ],
    )


def _plain(incident: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(incident)
    return found


def show(name: str, /) -> Answer:
    """Show one incident: what may lie behind it, its alarms with their evidence, and what happened to it in order.

    Parameters
    ----------
    name
        The incident, as `trivium incidents list` shows it, such as i3.
    """
    from trivium.core.values import iso

    ws = workspace()
    incident = _plain(ws.state.incidents.get(name))
    own = [e for e in ws.state.journal.alarms if e.body["incident"] == name]
    found = [
        {
            "id": e.body["id"],
            "at": iso(e.at),
            "what": e.body["what"],
            "paged": e.body["paged"],
            "reason": e.body.get("reason", ""),
            "mark": ws.state.marks.word(e.body["id"]),
            "evidence": e.body["evidence"],
        }
        for e in own
    ]
    story = _timeline(ws, name, {alarm["id"] for alarm in found})
    causes = [f"{place}. {cause}" for place, cause in enumerate(incident["causes"], start=1)]
    about = {
        **{k: v for k, v in incident.items() if k not in ("alarms", "causes", "things", "rules")},
        "about": ", ".join(incident["things"]),
        "may be because": "\n".join(causes) or None,
    }
    return Answer(
        {**incident, "alarms": found, "timeline": story},
        [
            pairs(f"Incident {name}", about),
            lay_out("Alarms", ("alarm", "paged", "marked", "what"), [_alarm_row(alarm) for alarm in found]),
            lay_out("Timeline", ("at", "by", "what"), [(each["at"], each["by"], each["what"]) for each in story]),
        ],
    )


def _alarm_row(alarm: dict[str, Any]) -> tuple[Any, ...]:
    paged = "yes" if alarm["paged"] else f"no: {alarm['reason']}" if alarm["reason"] else "no"
    return alarm["id"], paged, alarm["mark"], alarm["what"]


def _timeline(ws: Any, name: str, alarms: set[str]) -> list[dict[str, Any]]:
    """List what happened to an incident and its alarms, in order."""
    from trivium.core.values import iso

    said: dict[str, Callable[[Any], str]] = {
        "opened": lambda e: f"opened: {e.body['title']}",
        "alarmed": lambda e: f"{e.body['id']}: {e.body['what']}",
        "marked": lambda e: f"{e.subject} is {e.body['mark']}",
        "acknowledged": lambda e: "taken",
        "resolved": lambda e: "closed",
    }
    found = []
    for event in ws.ledger.events():
        is_ours = event.subject == name or event.body.get("incident") == name or event.subject in alarms
        if event.kind in said and is_ours:
            words = said[event.kind](event)
            reason = f" ({event.because})" if event.because and event.kind not in ("alarmed", "opened") else ""
            found.append({"at": iso(event.at), "by": event.actor, "kind": event.kind, "what": f"{words}{reason}"})
    return found


def ack(name: str, /, *, because: str = "") -> Answer:
    """Take an incident: you are looking into it.

    Parameters
    ----------
    name
        The incident, as `trivium incidents list` shows it, such as i3.
    because
        Why, for the ledger.
    """
    return _change(name, "acknowledged", because)


def resolve(name: str, /, *, because: str = "") -> Answer:
    """Close an incident.

    Parameters
    ----------
    name
        The incident, as `trivium incidents list` shows it, such as i3.
    because
        Why, for the ledger.
    """
    return _change(name, "resolved", because)


def _change(name: str, kind: str, because: str) -> Answer:
    from trivium.loop.respond import change_incident

    event = change_incident(workspace(), name, kind, because=because)
    return Answer(
        {"incident": event.subject, "state": kind, "by": event.actor}, [f"{event.subject} is {kind}, by {event.actor}"]
    )
