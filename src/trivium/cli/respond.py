"""`incidents`."""

from typing import Any

import msgspec

from trivium.cli.door import Answer, pairs, workspace
from trivium.cli.door import table as lay_out


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
    """Show one incident with its alarms and their evidence."""
    ws = workspace()
    incident = _plain(ws.state.incidents.get(name))
    own = [e for e in ws.state.journal.alarms if e.body["incident"] == name]
    found = [{"id": e.body["id"], "what": e.body["what"], "evidence": e.body["evidence"]} for e in own]
    return Answer(
        {**incident, "alarms": found},
        [
            pairs(f"Incident {name}", {k: v for k, v in incident.items() if k != "alarms"}),
            lay_out("Alarms", ("alarm", "what"), [(a["id"], a["what"]) for a in found]),
        ],
    )


def ack(name: str, /, *, because: str = "") -> Answer:
    """Take an incident: you are looking into it."""
    return _change(name, "acknowledged", because)


def resolve(name: str, /, *, because: str = "") -> Answer:
    """Close an incident."""
    return _change(name, "resolved", because)


def _change(name: str, kind: str, because: str) -> Answer:
    from trivium.loop.respond import change_incident

    event = change_incident(workspace(), name, kind, because=because)
    return Answer(
        {"incident": event.subject, "state": kind, "by": event.actor}, [f"{event.subject} is {kind}, by {event.actor}"]
    )
