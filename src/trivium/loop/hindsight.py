"""Hindsight: whether versions that were taken down before they were live had been worse, by rows no verdict had seen.

A rehearsal goes on after a verdict, so it knows what an operator never learns: what the version would have said of the
days that came, beside what was served. A sound version that was taken down is a false alarm of its own kind.
"""

from datetime import timedelta
from typing import Any

from trivium.core.events import Event
from trivium.core.values import iso
from trivium.loop.bodies import body_of
from trivium.loop.replay import replay
from trivium.loop.workspace import Workspace
from trivium.release.evidence import BLOCK_ROWS, LATENCY, LEAST_BLOCKS

# So long after a verdict the world is still the one that it was about.
LOOKED_ON = timedelta(days=28)
# As few rows as prove nothing to a canary prove nothing here.
LEAST_ROWS = LEAST_BLOCKS * BLOCK_ROWS


def taken_off(ws: Workspace) -> list[dict[str, Any]]:
    """Tell of each version that a verdict took out before it was live, the earliest first.

    Returns:
        For each what was held against it, and of one taken down `later`: by how much it was worse in the same measure
        on the rows of the 28 days after, with their number, and whether it was `right` to take it down: worse by more
        than is borne there too. None where too few rows tell, or none can (a replay says nothing of latency).
    """
    return [_told(ws, event) for event in ws.ledger.events(kind="staged") if _is_taken_off(event)]


def _is_taken_off(event: Event) -> bool:
    return event.body.get("verdict") in ("roll back", "unknown")


def _told(ws: Workspace, event: Event) -> dict[str, Any]:
    harm = event.body["harm"]
    later = _later(ws, event, harm) if harm else None
    return {
        "version": event.subject,
        "stage": event.body["from"],
        "at": iso(event.at),
        "verdict": event.body["verdict"],
        "because": event.because,
        **{name: harm and harm[name] for name in ("measure", "slice", "worse_by", "margin")},
        "later": later,
        "right": None if later is None else later["worse_by"] > harm["margin"],
    }


def _later(ws: Workspace, event: Event, harm: dict[str, Any]) -> dict[str, Any] | None:
    """Measure a version on the rows after its verdict, by what it was taken down for."""
    if harm["measure"] == LATENCY:
        return None
    until = min(event.at + LOOKED_ON, ws.clock.now())
    learnt_until = ws.state.versions.get(event.subject).trained_until
    done = replay(ws, body_of(ws, event.subject), since=event.at, until=until, learnt_until=learnt_until)
    asked = (harm["measure"], harm["slice"])
    same = [found for found in done.weighed.findings if (found.measure, found.slice) == asked]
    if not same or same[0].rows < LEAST_ROWS:
        return None
    return {"worse_by": same[0].worse_by, "rows": same[0].rows}
