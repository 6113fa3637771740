"""`table`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trivium.cli.collect import in_words
from trivium.cli.door import Answer, pairs, workspace
from trivium.cli.door import table as lay_out

if TYPE_CHECKING:
    from trivium.loop.workspace import Workspace


def table(name: str, /, *, at: str | None = None, files: bool = False, history: bool = False) -> Answer:
    """Show a table's snapshot, now or as it was.

    Parameters
    ----------
    name
        The table.
    at
        A date or time; now when left out.
    files
        List the Parquet files instead, for DuckDB, Spark or Ray.
    history
        List its snapshots instead: what came, when, and what it changed.
    """
    from trivium.core.values import iso, moment
    from trivium.loop.collect import known_table, table_rows

    ws = workspace()
    known_table(ws, name)
    when = moment(at) if at else None
    records = ws.state.snapshot.partitions(name, when)
    if history:
        return _history(ws, name)
    if files:
        paths = [str(ws.blobs.path(record.blob)) for record in records if record.rows]
        return Answer({"table": name, "files": paths}, ["\n".join(paths)] if paths else ["no rows"])
    counts = table_rows(ws, name, at=when)
    snapshot = ws.state.snapshot.digest(name, when)
    document: dict[str, Any] = {
        "table": name,
        "at": at,
        "snapshot": snapshot,
        "rows": counts,
        "partitions": [
            {"partition": r.partition, "rows": r.rows, "quarantine": r.quarantine, "collected_at": iso(r.at)}
            for r in records
        ],
    }
    checks = counts.pop("checks")
    return Answer(
        {**document, "rows": {**counts, "checks": checks}},
        [
            pairs(f"{name}, snapshot {snapshot[:12]}", counts),
            lay_out("Rows that broke a check", ("check", "rows"), sorted(checks.items())) if checks else "",
            lay_out(
                "Latest partitions",
                ("partition", "rows", "collected"),
                [(r.partition, r.rows, iso(r.at)) for r in records[-10:]],
            ),
        ],
    )


def _history(ws: "Workspace", name: str) -> Answer:
    from trivium.loop.table_changes import history

    found = history(ws, name)
    return Answer({"table": name, "history": found}, [_laid_out(name, found)] if found else ["nothing was collected"])


def _laid_out(name: str, found: Sequence[dict[str, Any]]) -> Any:
    rows = [
        (
            entry["at"],
            entry["partition"],
            entry["what"],
            entry["rows"],
            in_words(entry["changes"]) if entry["changes"] is not None else entry["because"],
        )
        for entry in found
    ]
    return lay_out(f"{name}, its snapshots", ("at", "partition", "what", "rows", "changed"), rows)
