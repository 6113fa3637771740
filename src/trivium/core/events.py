"""What the ledger holds: one appended, never changed `Event` per decision, and the list of their kinds."""

from datetime import datetime
from typing import Any

import msgspec

from trivium.core.values import sha256

# kind -> what the event says. `subject` is in brackets.
KINDS = {
    "changed": "tables' contracts are not what they were [model]",
    "pushed": "rows were pushed, to be collected [table]",
    "collected": "a partition's good rows were committed, its bad rows quarantined [table]",
    "refused": "a partition was refused whole [table]",
    "late": "a partition did not come in its time [table]",
    "quarantine_released": "quarantined rows were let in [table]",
    "quarantine_dropped": "quarantined rows were given up [table]",
    "tried": "an idea ran its steps and stopped at a rung [idea]",
    "versioned": "an idea's model became a version [version]",
    "judged": "a version was judged on the suite [version]",
    "replayed": "a version answered logged traffic, and was held to what was served [version]",
    "staged": "a version was moved to a stage [version]",
    "rolled_back": "an earlier version answers again [version that answers now]",
    "answered": "a batch of requests was answered [model]",
    "logged": "answers that servers gave were sealed [model]",
    "posted": "outcomes that were posted were sealed [model]",
    "erased": "rows were erased: too old, or asked for [model]",
    "joined": "outcomes came, and met the answers they are about [table]",
    "scored": "a period's answers were scored by the outcomes that had come [model]",
    "estimated": "a period's scores were estimated before its outcomes came [model]",
    "watched": "a partition was compared with its table's history [table]",
    "alarmed": "something needs attention [what it is about]",
    "opened": "an incident was opened [incident]",
    "marked": "a person said whether an alarm was useful or noise [alarm]",
    "demoted": "a rule's alarms stopped paging: too few were useful [rule]",
    "promoted": "a rule's alarms may page again [rule]",
    "muted": "a person asked not to be paged about something, until a time [what it is about]",
    "unmuted": "a mute was ended before its time [mute]",
    "acknowledged": "a person took an incident [incident]",
    "resolved": "an incident was closed [incident]",
    "retrain": "a retrain was decided [model]",
    "token_created": "somebody was allowed something over the network [token]",
    "token_revoked": "a token was taken back [token]",
    "review_taken": "a person took answers out of the review queue, until a time [model]",
    "reviewed": "a person said what is true of an answer's row [answer]",
    "review_skipped": "a person took an answer out of the review queue without a label [answer]",
    "ticked": "a tick came to its end [model]",
}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One decision: when, what, on which subject, by whom, because of what, on which evidence (`body`).

    `seq` is 0 until the ledger gives it its place. `key` is the natural key of the unit of work: the
    ledger holds at most one event with a given key, which is what makes work safe to repeat.
    `wall_clock` tells that `at` came from the machine's clock; such times are left out of the digest.
    """

    at: datetime
    kind: str
    subject: str
    actor: str
    because: str = ""
    key: str | None = None
    body: dict[str, Any] = {}
    wall_clock: bool = True
    seq: int = 0


def ledger_digest(events: "list[Event]") -> str:
    """Hash the decisions in order; places in the ledger, keys and wall times left out; 64 hexadecimal digits."""
    lines = [
        msgspec.json.encode(
            (
                None if event.wall_clock else event.at,
                event.kind,
                event.subject,
                event.actor,
                event.because,
                event.body,
            ),
            order="deterministic",
        )
        for event in events
    ]
    return sha256(b"\n".join(lines))
