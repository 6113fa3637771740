"""`replay`, `release`, `rollback` and `route`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import pairs
from trivium.cli.layout import table as lay_out
from trivium.cli.options import From, between

if TYPE_CHECKING:
    from trivium.loop.replay import Replay


def replay(version: str, /, *, from_: From = None, to: str | None = None, because: str = "") -> Answer:
    """Let a version answer the logged traffic of past days, and hold it to what was served; the ledger keeps it.

    Parameters
    ----------
    version
        A version such as v3, or `live`, or `previous`.
    from_
        A date or time to begin with; `release.replay` before the end when left out.
    to
        Where to stop; now when left out.
    because
        Why, for the ledger.
    """
    from trivium.loop.replay import replay_version

    since, until = between(from_, to)
    done = replay_version(workspace(), version, since=since, until=until, because=because)
    return Answer(_told(version, done), list(_shown(version, done)), exit_code=0 if done.verdict == "promote" else 1)


def _told(version: str, done: "Replay") -> dict[str, Any]:
    from trivium.core.values import iso

    seen, found = done.weighed.seen, done.weighed.findings
    return {
        "version": version,
        "from": done.since and iso(done.since),
        "to": done.until and iso(done.until),
        "rows": seen.answers,
        "outcomes": seen.outcomes,
        "learnt": done.learnt,
        "verdict": done.verdict,
        "reason": done.decision.reason,
        "findings": [{**msgspec.to_builtins(one), "harm": one.is_harm} for one in found],
        "troubles": done.troubles,
        "ms_a_row": done.ms_a_row,
        "served_ms": done.served_ms,
        "took_s": done.took_ms / 1000,
    }


def _shown(version: str, done: "Replay") -> Iterator[Any]:
    seen = done.weighed.seen
    columns = ("measure", "slice", "rows", "worse by", "at least", "at most", "margin", "harm")
    rows = [
        (o.measure, o.slice, o.rows, o.worse_by, _bound(o.low), _bound(o.high), o.margin, "yes" if o.is_harm else "no")
        for o in done.weighed.findings
    ]
    yield lay_out(f"{version} on {seen.answers:,} served answers, {seen.outcomes:,} outcomes", columns, rows)
    if done.learnt:
        yield f"{done.learnt:,} rows are left out of the losses: the version was trained on their outcomes"
    served = "" if done.served_ms is None else f"; served answers took {done.served_ms:.3g} ms on the median"
    yield f"{done.ms_a_row:.3g} ms a row in batches, {done.took_ms / 1000:.2f} s in all{served}"
    for words, count in done.troubles.items():
        yield f"{count:,} rows: {words}"
    yield f"{done.verdict}: {done.decision.reason}"


def _bound(bound: float) -> float | None:
    """Show a bound; None where there is none."""
    return bound if abs(bound) < float("inf") else None


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
    """Let the last good version answer again, or the one named; the heuristic when there is none.

    Parameters
    ----------
    version
        A version such as v3; the last good one when left out.
    because
        Why, for the ledger.
    """
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

    when = None if at is None else moment(at, where="--at")
    ws = workspace()
    found = ws.route if when is None else route_at(ws.ledger.events(), when)
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
