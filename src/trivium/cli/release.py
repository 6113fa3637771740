"""`replay`, `release`, `rollback` and `route`."""

from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from trivium.cli.door import Answer, pairs, workspace
from trivium.cli.door import table as lay_out


def replay(
    version: str,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    because: str = "",
) -> Answer:
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
    from trivium.core.values import iso, moment
    from trivium.loop.replay import replay_version

    done = replay_version(
        workspace(),
        version,
        since=moment(from_, where="--from") if from_ else None,
        until=moment(to, where="--to") if to else None,
        because=because,
    )
    seen, found = done.weighed.seen, done.weighed.findings
    document = {
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
    columns = ("measure", "slice", "rows", "worse by", "at least", "at most", "margin", "harm")
    rows = [
        (o.measure, o.slice, o.rows, o.worse_by, _shown(o.low), _shown(o.high), o.margin, "yes" if o.is_harm else "no")
        for o in found
    ]
    told = [lay_out(f"{version} on {seen.answers:,} served answers, {seen.outcomes:,} outcomes", columns, rows)]
    if done.learnt:
        told.append(f"{done.learnt:,} rows are left out of the losses: the version was trained on their outcomes")
    served = "" if done.served_ms is None else f"; served answers took {done.served_ms:.3g} ms on the median"
    told.append(f"{done.ms_a_row:.3g} ms a row in batches, {done.took_ms / 1000:.2f} s in all{served}")
    told += [f"{count:,} rows: {words}" for words, count in done.troubles.items()]
    told.append(f"{done.verdict}: {done.decision.reason}")
    return Answer(document, told, exit_code=0 if done.verdict == "promote" else 1)


def _shown(bound: float) -> float | None:
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
