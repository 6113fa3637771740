"""`ledger`."""

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table as lay_out
from trivium.cli.options import Count


def ledger(
    *,
    since: str | None = None,
    subject: str | None = None,
    kind: str | None = None,
    digest: bool = False,
    last: Count = 50,
) -> Answer:
    """Show the record of decisions, or one hash over all of them.

    Parameters
    ----------
    since
        A date or time; earlier events are left out.
    subject
        Only events on this subject.
    kind
        Only events of this kind.
    digest
        One hash over all decisions in order, places in the ledger and wall times left out.
    last
        How many of the latest to print; `--json` holds all.
    """
    from trivium.core.events import ledger_digest
    from trivium.core.values import iso, moment

    at = moment(since, where="--since") if since else None
    ws = workspace()
    if digest:
        events = list(ws.ledger.events())
        found = ledger_digest(events)
        return Answer({"digest": found, "events": len(events)}, [found])
    events = [e for e in ws.ledger.events(kind=kind, subject=subject) if at is None or e.at >= at]
    return Answer(
        {"events": msgspec.to_builtins(events)},
        [
            lay_out(
                f"Ledger, {len(events):,} events",
                ("seq", "at", "kind", "subject", "by", "because"),
                [(e.seq, iso(e.at), e.kind, e.subject, e.actor, e.because or None) for e in events[-last:]],
            )
        ],
    )
