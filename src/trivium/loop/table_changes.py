"""The snapshots of a table, one after the other: what came, was corrected, released, given up or refused."""

from typing import Any

from trivium.core.values import iso
from trivium.loop.workspace import Workspace

KINDS = ("collected", "refused", "quarantine_released", "quarantine_dropped", "pushed")


def history(ws: Workspace, table: str) -> list[dict[str, Any]]:
    """List the events that are about a table's rows, in order.

    Returns:
        Of each: `at`, `seq`, `partition`, `what` (`new`, `again`, `refused`, `released`, `dropped`, `pushed`), `rows`
        that the event is about, `changes` where it replaced an earlier form of the partition, `because` and `actor`.
    """
    words = {"refused": "refused", "quarantine_released": "released", "quarantine_dropped": "dropped"}
    counts = {"refused": "rows_refused", "quarantine_released": "rows_released", "quarantine_dropped": "rows_dropped"}
    found = []
    for event in ws.ledger.events(subject=table):
        if event.kind not in KINDS:
            continue
        body = event.body
        what = words.get(event.kind) or ("again" if body.get("replaces") else "new")
        partitions = [part["partition"] for part in body["parts"]] if event.kind == "pushed" else [body["partition"]]
        found.append(
            {
                "at": iso(event.at),
                "seq": event.seq,
                "partition": ", ".join(partitions),
                "what": "pushed" if event.kind == "pushed" else what,
                "rows": body["rows"] if event.kind == "pushed" else body[counts.get(event.kind, "rows_committed")],
                "changes": body.get("changes"),
                "because": event.because,
                "actor": event.actor,
            }
        )
    return found
