"""Rows that servers answered: a tick answers none of them a second time when their table is collected."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trivium.core.values import span
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

# A row may be asked about so long before its own time.
AHEAD = timedelta(days=7)


def unanswered(ws: Workspace, rows: "pl.DataFrame", *, since: datetime) -> "pl.DataFrame":
    """Leave out the rows that a server has answered since a week before `since`, as far as the log is sealed."""
    import polars as pl

    every = span(ws.project.tables[ws.project.requests].every)
    for part in ws.state.log.parts():
        if part.start + every > since - AHEAD and rows.height:
            log = ws.frame(part.blob)
            asked = log.filter(log["source"] != "unserved")["row_id"].unique()
            rows = rows.filter(~pl.col(ws.project.model.row_id).cast(pl.String).is_in(asked.implode()))
    return rows
