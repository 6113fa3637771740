"""`quarantine list`, `show`, `release` and `drop`."""

from typing import Any

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table as lay_out
from trivium.cli.options import Count, Reason


def list_() -> Answer:
    """List the partitions that have rows held back, and the checks that those rows broke."""
    ws = workspace()
    found: list[dict[str, Any]] = []
    for name, record in ws.state.snapshot.quarantines():
        rows = ws.frame(record.quarantine or "")
        found.append(
            {
                "table": name,
                "partition": record.partition,
                "rows": rows.height,
                "broke": sorted(rows["_broke"].explode().unique().to_list()),
            }
        )
    return Answer(
        {"quarantines": found},
        [
            lay_out(
                "Held back",
                ("table", "partition", "rows", "broke"),
                [(f["table"], f["partition"], f["rows"], "; ".join(f["broke"])) for f in found],
            )
            if found
            else "nothing is held back"
        ],
    )


def show(name: str, partition: str, /, *, rows: Count = 20) -> Answer:
    """Show rows that were held back, each with the checks it broke; private columns are left out.

    Parameters
    ----------
    name
        The table.
    partition
        The partition, such as 2013-03-04.
    rows
        How many to show.
    """
    from trivium.loop.quarantine import quarantined

    ws = workspace()
    private = (
        [column for column, rule in ws.project.tables[name].columns.items() if rule.private]
        if name in ws.project.tables
        else []
    )
    frame = ws.frame(quarantined(ws, name, partition).quarantine)
    frame = frame.drop([column for column in private if column in frame.columns]).head(rows)
    plain: list[dict[str, Any]] = [
        {
            key: value if isinstance(value, int | float | bool | list) or value is None else str(value)
            for key, value in row.items()
        }
        for row in frame.iter_rows(named=True)
    ]
    return Answer(
        {"table": name, "partition": partition, "rows": plain},
        [
            lay_out(
                f"{name} {partition}",
                ("broke", "row"),
                [
                    ("; ".join(row["_broke"]), ", ".join(f"{k}={v}" for k, v in row.items() if k != "_broke"))
                    for row in plain
                ],
            )
        ],
    )


def release(name: str, partition: str, /, *, because: Reason) -> Answer:
    """Let the held-back rows of a partition in after all.

    Parameters
    ----------
    name
        The table.
    partition
        The partition, such as 2013-03-04.
    because
        Why the checks that held them back are overruled, for the ledger.
    """
    from trivium.loop.quarantine import release_quarantine

    event = release_quarantine(workspace(), name, partition, because=because)[0]
    return Answer(
        {"table": name, "partition": partition, "rows": event.body["rows_released"]},
        [f"{event.body['rows_released']:,} rows let into {name} {partition}"],
    )


def drop(name: str, partition: str, /, *, because: Reason) -> Answer:
    """Give the held-back rows of a partition up.

    Parameters
    ----------
    name
        The table.
    partition
        The partition, such as 2013-03-04.
    because
        Why, for the ledger.
    """
    from trivium.loop.quarantine import drop_quarantine

    event = drop_quarantine(workspace(), name, partition, because=because)[0]
    return Answer(
        {"table": name, "partition": partition, "rows": event.body["rows_dropped"]},
        [f"{event.body['rows_dropped']:,} rows of {name} {partition} given up"],
    )
