"""`collect` and `table`."""

from pathlib import Path
from typing import Any

from trivium.cli.door import Answer, console, pairs, workspace
from trivium.cli.door import table as lay_out


def collect(name: str | None = None, files: list[Path] | None = None, /, *, because: str = "") -> Answer:
    """Collect what is new: read, check, summarise, and commit, quarantine or refuse.

    Parameters
    ----------
    name
        One table; all of the project when left out.
    files
        Files to collect into it, whatever its pattern says.
    because
        Why, for the ledger.
    """
    from trivium.loop.collect import collect as collect_table
    from trivium.loop.collect import collect_files, known_table, note_late
    from trivium.loop.sources import FileSource

    ws = workspace()
    events = []
    if name is not None:
        known_table(ws, name)
    if name is not None and files:
        events = collect_files(ws, name, files, because=because)
    else:
        source = FileSource(ws.folder, ws.project, memo=ws.memo)
        for each in [name] if name else ws.project.parents_first:
            if not events:
                console(stderr=True).print(f"collecting {each} …", style="dim")
            events += collect_table(ws, each, source=source, because=because)
            events += note_late(ws, each)
    done = [event for event in events if event.kind in ("collected", "refused")]
    sums = {
        each: {
            key: sum(event.body.get(f"rows_{key}", 0) for event in done if event.subject == each)
            for key in ("read", "committed", "quarantined", "refused")
        }
        for each in sorted({event.subject for event in done})
    }
    refused = [event for event in done if event.kind == "refused"]
    rows = [(each, sum(event.subject == each for event in done), *sums[each].values()) for each in sums]
    shown: list[object] = [
        lay_out("Collected", ("table", "partitions", "read", "= committed", "+ quarantined", "+ refused"), rows)
        if rows
        else "nothing new"
    ]
    shown += [
        f"refused: {event.subject} {event.body['partition']}: {event.body['problems'][0]['code']} "
        f"{event.body['problems'][0]['what']}"
        for event in refused[:10]
    ]
    return Answer(
        {
            "tables": sums,
            "partitions": [
                {
                    "table": event.subject,
                    "partition": event.body["partition"],
                    "kind": event.kind,
                    "problems": event.body["problems"],
                }
                for event in done
            ],
        },
        shown,
        exit_code=1 if refused else 0,
    )


def table(name: str, /, *, at: str | None = None, files: bool = False) -> Answer:
    """Show a table's snapshot, now or as it was.

    Parameters
    ----------
    name
        The table.
    at
        A date or time; now when left out.
    files
        List the Parquet files instead, for DuckDB, Spark or Ray.
    """
    from trivium.core.values import iso, moment
    from trivium.loop.collect import known_table, table_rows

    ws = workspace()
    known_table(ws, name)
    when = moment(at) if at else None
    records = ws.state.snapshot.partitions(name, when)
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
