"""`release`, `rollback` and `route`."""

from typing import Any, Literal

import msgspec

from trivium.cli.door import Answer, pairs, workspace


def release(
    version: str, /, *, to: Literal["replay", "shadow", "canary", "live"] | None = None, because: str = ""
) -> Answer:
    """Move a version to its next stage, or to the one named; the gate must have passed it.

    Parameters
    ----------
    version
        A version such as v3.
    to
        The stage; the next one when left out.
    because
        Why, for the ledger.
    """
    from trivium.loop.release import move

    event = move(workspace(), version, to=to, because=because)
    return Answer(
        {"version": event.subject, "stage": event.body["stage"], "from": event.body["from"]},
        [f"{event.subject} is at {event.body['stage']}"],
    )


def rollback(version: str | None = None, /, *, because: str = "") -> Answer:
    """Let the last good version answer again, or the one named; the heuristic when there is none."""
    from trivium.loop.release import roll_back

    event = roll_back(workspace(), version, because=because)
    return Answer(
        {"from": event.body["from"], "to": event.body["to"]},
        [f"{event.body['to'] or 'the heuristic'} answers again instead of {event.body['from']}"],
    )


def route(*, at: str | None = None) -> Answer:
    """Show what is live, canary, shadow and fallback, since when, by whom and why; now or at a time.

    Parameters
    ----------
    at
        A date or time; now when left out.
    """
    from trivium.core.values import iso, moment
    from trivium.release.route import route_at

    ws = workspace()
    found = ws.route if at is None else route_at(ws.ledger.events(), moment(at))
    canary = next(iter(found.canary_refs), None)
    document: dict[str, Any] = {"at": at, "canary": canary, **msgspec.to_builtins(found)}
    shown = {
        "live": found.live or "no version; the heuristic answers",
        "canary": ", ".join(f"{canary.ref}, {canary.share:.0%} of entities" for canary in found.canaries) or None,
        "shadow": ", ".join(found.shadow) or None,
        "fallback": ", ".join(found.fallback) or "the heuristic",
        "since": iso(found.since) if found.since else None,
        "by": found.by or None,
        "because": found.because or None,
    }
    return Answer(document, [pairs(f"Route{f' at {at}' if at else ''}", shown)])
