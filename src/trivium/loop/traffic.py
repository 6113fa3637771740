"""Traffic: the logged answers of a span of time with their requests, batch by batch, whoever gave them.

A tick's answers and a server's periods are `answered` events; what servers logged since the last period ended is read
from its sealed parts. Nothing is decided here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trivium.core.values import moment, span
from trivium.loop.cohort import requests_of
from trivium.loop.periods import logged_frames
from trivium.loop.workspace import Workspace
from trivium.store.predictions import SERVED

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Batch:
    """Answers given in `[start, end)`, in the columns of a server's log, and their requests, with `row_id` as text.

    A tick takes no time of an answer, and tells nobody's failure row by row: those columns are null there.
    """

    start: datetime
    end: datetime
    log: "pl.DataFrame"
    requests: "pl.DataFrame"


def traffic(ws: Workspace, *, since: datetime, until: datetime, asked: str | None = None) -> Iterator[Batch]:
    """Give the batches of `[since, until)` in the order of time.

    A server's answers count by their own time; a tick answers a partition whole, and counts by when that starts.
    `asked` leaves out what is known not to have met that version.
    """
    import polars as pl

    every = span(ws.project.tables[ws.project.requests].every)
    within = (pl.col("at") >= since) & (pl.col("at") < until)
    for name, event in sorted(ws.state.journal.answered.items()):
        start = moment(event.body["start"])
        is_served = "writers" in event.body
        if not (since < start + every and start < until) or (not is_served and start < since):
            continue
        if asked is None or asked in event.body["asked"]:
            log = _whole(ws.frame(event.body["blob"]))
            yield Batch(start, start + every, log.filter(within) if is_served else log, requests_of(ws, name))
    for start, log, requests in logged_frames(ws):
        if since < start + every and start < until:
            yield Batch(start, start + every, log.filter(within), requests)


def _whole(log: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in SERVED.items() if name not in log.columns]
    return log.with_columns(missing).select(list(SERVED))
