"""Requests that servers logged, pushed into their table: so they are collected, checked, summarised and trained on.

Only where the table is fed by pushes; a table of files or of a query gets its rows there. Private columns come hidden:
a text as its hash, another type as null.
"""

from typing import TYPE_CHECKING, Any

from trivium.core.events import Event
from trivium.core.values import WHOLE_TABLE
from trivium.loop.log_records import own_columns
from trivium.loop.pieces import split
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl


def push_requests(ws: Workspace, requests: "pl.DataFrame") -> list[Event]:
    """Make the event that pushes request rows, as `tv.push` does; none where the table is not fed by pushes."""
    import polars as pl

    table = ws.project.requests
    settings = ws.project.tables[table]
    if not settings.push or not requests.height:
        return []
    unlike = [name for name, column in settings.columns.items() if column.private and column.type != "str"]
    rows = own_columns(requests).with_columns(pl.lit(None).alias(name) for name in unlike)
    parts: list[dict[str, Any]] = [
        {"partition": partition.name, "blob": ws.blobs.put_frame(part), "rows": part.height}
        for partition, part in split(rows, settings, name=table).items()
        if partition.name != WHOLE_TABLE
    ]
    pushed = sum(part["rows"] for part in parts)
    return [ws.event("pushed", table, because="asked of a server", batch=None, rows=pushed, parts=parts)]
