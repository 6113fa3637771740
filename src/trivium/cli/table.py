"""`table`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trivium.cli.collect import in_words
from trivium.cli.door import Answer, workspace
from trivium.cli.layout import pairs
from trivium.cli.layout import table as lay_out

if TYPE_CHECKING:
    from trivium.loop.workspace import Workspace

LATEST = 10


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
    from trivium.core.values import moment
    from trivium.loop.collect import known_table

    when = moment(at, where="--at") if at else None
    ws = workspace()
    known_table(ws, name)
    if history:
        return _history(ws, name)
    if files:
        return _files(ws, name, when)
    document = _snapshot(ws, name, when, at=at)
    return Answer(document, _shown(document))


def _files(ws: "Workspace", name: str, when: datetime | None) -> Answer:
    records = ws.state.snapshot.partitions(name, when)
    paths = [str(ws.blobs.path(record.blob)) for record in records if record.rows]
    return Answer({"table": name, "files": paths}, ["\n".join(paths)] if paths else ["no rows"])


def _snapshot(ws: "Workspace", name: str, when: datetime | None, *, at: str | None) -> dict[str, Any]:
    from trivium.core.values import iso
    from trivium.loop.collect import table_rows

    return {
        "table": name,
        "at": at,
        "snapshot": ws.state.snapshot.digest(name, when),
        "rows": table_rows(ws, name, at=when),
        "partitions": [
            {"partition": r.partition, "rows": r.rows, "quarantine": r.quarantine, "collected_at": iso(r.at)}
            for r in ws.state.snapshot.partitions(name, when)
        ],
    }


def _shown(found: Mapping[str, Any]) -> list[Any]:
    counts = {name: count for name, count in found["rows"].items() if name != "checks"}
    checks = sorted(found["rows"]["checks"].items())
    latest = [(part["partition"], part["rows"], part["collected_at"]) for part in found["partitions"][-LATEST:]]
    shown = [pairs(f"{found['table']}, snapshot {found['snapshot'][:12]}", counts)]
    if checks:
        shown.append(lay_out("Rows that broke a check", ("check", "rows"), checks))
    if latest:
        return [*shown, lay_out("Latest partitions", ("partition", "rows", "collected"), latest)]
    return [*shown, f"nothing was collected: trivium collect {found['table']}"]


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
