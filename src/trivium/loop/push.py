"""Push: rows that your own code has, put into the store and the ledger at once, and collected like any others."""

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.core.problems import DataError, Problem, ProjectError
from trivium.core.values import WHOLE_TABLE
from trivium.loop.collect import known_table
from trivium.loop.pieces import split
from trivium.loop.plain_rows import frame_of
from trivium.loop.workspace import Workspace, find_project

if TYPE_CHECKING:
    import polars as pl

    from trivium.core.events import Event


@dataclass(frozen=True)
class Receipt:
    """What a push did: rows kept by partition, or `repeated` where they were there already and nothing changed."""

    table: str
    rows: int
    partitions: tuple[str, ...]
    repeated: bool


def push(
    table: str,
    rows: Any,
    *,
    project: str | Path | None = None,
    batch: str | None = None,
    because: str = "",
) -> Receipt:
    """Keep rows for the next collect; once this returns they are on disk and in the ledger. Safe to repeat.

    Args:
        table: one of the project's, with `push = true`.
        rows: a Polars, pandas or Arrow frame, or a list of dicts. None of them are checked yet.
        project: the project's folder; without it the nearest parent with a trivium.toml.
        batch: a name for these rows. Rows under a name that was pushed before are taken as pushed, whatever they are.
            Without one, rows equal to those pushed last for the same partitions are (for a table without a key:
            equal to any pushed before).
        because: why, for the ledger.

    Raises:
        ProjectError: TV-RUN-004 there is no project, -006 no such table, TV-SRC-013 it is not fed by pushes.
        DataError (TV-SRC-012): the rows are no frame, or none of them has a readable time.
        StoreError (TV-STORE-003): the disk refused; nothing is kept.
    """
    folder = Path(project) if project is not None else find_project(Path.cwd())
    ws = Workspace(folder, actor=getpass.getuser())
    return push_into(ws, table, rows, batch=batch, because=because)


def push_into(ws: Workspace, table: str, rows: Any, *, batch: str | None = None, because: str = "") -> Receipt:
    """Push into a workspace that is open; see `push`."""
    known_table(ws, table)
    settings = ws.project.tables[table]
    if not settings.push:
        raise ProjectError(
            Problem(
                code="TV-SRC-013",
                what=f"table {table!r} is not fed by pushes",
                where=f"trivium.toml, tables.{table}",
                seen="files" if settings.files else "sql",
                fix="give it push = true in place of its source, or push to another table",
            )
        )
    frame = as_frame(rows, table=table)
    if frame.is_empty():
        return Receipt(table, 0, (), repeated=False)
    parts = split(frame, settings, name=table)
    names = tuple(partition.name for partition in parts)
    if settings.time is not None and WHOLE_TABLE in names:
        raise DataError(
            _garbage(table, f"no row has a readable {settings.time}", "give each row its time, as ISO 8601")
        )

    def work() -> "list[Event]":
        held: list[dict[str, Any]] = [
            {"partition": partition.name, "blob": ws.blobs.put_frame(part), "rows": part.height}
            for partition, part in parts.items()
        ]
        if batch is None:
            held = _not_repeated(ws, table, held, by_key=bool(settings.key))
        if not held:
            return []
        pushed = sum(part["rows"] for part in held)
        return [ws.event("pushed", table, because=because, batch=batch, rows=pushed, parts=held)]

    done = ws.unit(None if batch is None else f"push/{table}/{batch}", work)
    return Receipt(table, frame.height, names, repeated=not done)


def _not_repeated(ws: Workspace, table: str, held: Sequence[dict[str, Any]], *, by_key: bool) -> list[dict[str, Any]]:
    """Leave out the partitions for which these very rows were pushed before, and nothing after them to overrule."""
    before = ws.state.inbox.parcels(table)
    blobs = {name: [parcel.blob for parcel in parcels] for name, parcels in before.items()}
    return [part for part in held if part["blob"] not in blobs.get(part["partition"], [])[-1 if by_key else 0 :]]


def as_frame(rows: Any, *, table: str) -> "pl.DataFrame":
    """Make a frame of whatever was pushed.

    Raises:
        DataError (TV-SRC-012): it is no frame and no list of dicts.
    """
    import polars as pl

    try:
        if isinstance(rows, pl.LazyFrame):
            return rows.collect()
        if isinstance(rows, pl.DataFrame):
            return rows
        if type(rows).__module__.partition(".")[0] == "pandas" and hasattr(rows, "columns"):
            return _of_pandas(rows)
        if hasattr(rows, "__arrow_c_stream__"):
            return pl.DataFrame(rows)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(_garbage(table, str(error).splitlines()[0][:200], "give the columns plain types")) from None
    if isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows):
        columns = list(dict.fromkeys(str(column) for row in rows for column in row))
        return frame_of(columns, [[row.get(column) for column in columns] for row in rows])
    raise DataError(_garbage(table, type(rows).__name__, "push a Polars, pandas or Arrow frame, or a list of dicts"))


def _of_pandas(rows: Any) -> "pl.DataFrame":
    """Read a pandas frame column by column: Polars' own way needs PyArrow."""
    import polars as pl

    found = []
    for name in rows.columns:
        column = rows[name]
        if getattr(column.dtype, "tz", None) is not None:
            plain = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
            found.append(pl.Series(str(name), plain).dt.replace_time_zone("UTC"))
        elif getattr(column.dtype, "kind", "O") in "iufbMm" and not hasattr(column.dtype, "na_value"):
            found.append(pl.Series(str(name), column.to_numpy()))
        else:
            values = [None if gone else value for value, gone in zip(column.tolist(), column.isna(), strict=True)]
            found.append(frame_of([str(name)], [[value] for value in values]).to_series())
    return pl.DataFrame(found)


def _garbage(table: str, seen: str, fix: str) -> Problem:
    return Problem(
        code="TV-SRC-012",
        what=f"what was pushed to table {table!r} cannot be taken as its rows",
        where=f"push to {table}",
        seen=seen,
        fix=fix,
    )
