"""Traffic: the logged answers of a span of time with their requests, batch by batch, whoever gave them.

A tick's answers and a server's periods are `answered` events; what servers logged since the last period ended is read
from its sealed parts. Nothing is decided here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from trivium.core.events import Event
from trivium.core.values import iso, moment, span
from trivium.loop.cohort import requests_of
from trivium.loop.log_book import Part
from trivium.loop.periods import requests_in
from trivium.loop.workspace import Workspace
from trivium.store.predictions import SERVED

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Batch:
    """Answers given in `[start, end)`, in the columns of a server's log, and their requests, with `row_id` as text.

    A tick takes no time of an answer, and tells nobody's failure row by row: those columns are null there. `through` is
    the last time of a server's answer there, those left out for being later than asked included.
    """

    start: datetime
    end: datetime
    log: "pl.DataFrame"
    requests: "pl.DataFrame"
    through: datetime | None = None


@dataclass(frozen=True)
class Sheet:
    """A batch that is not read yet. What `read` gives, but for its end, changes with its `key`, and never otherwise.

    `is_over`: its period is, so the sheet is here to stay.
    """

    key: tuple[str, ...]
    is_over: bool
    read: Callable[[], Batch]


def traffic(ws: Workspace, *, since: datetime, until: datetime, asked: str | None = None) -> Iterator[Batch]:
    """Give the batches of `[since, until)` in the order of time; see `sheets`."""
    return (sheet.read() for sheet in sheets(ws, since=since, until=until, asked=asked))


def sheets(ws: Workspace, *, since: datetime, until: datetime, asked: str | None = None) -> Iterator[Sheet]:
    """Give what `traffic` reads, in its order, unread.

    A server's answers count by their own time; a tick answers a partition whole, and counts by when that starts.
    `asked` leaves out what is known not to have met that version.
    """
    every = span(ws.project.tables[ws.project.requests].every)
    for name, event in sorted(ws.state.journal.answered.items()):
        start = moment(event.body["start"])
        is_served = "writers" in event.body
        if not (since < start + every and start < until) or (not is_served and start < since):
            continue
        if asked is None or asked in event.body["asked"]:
            read = partial(_answered, ws, name, event, since=since, until=until)
            yield Sheet(_key(ws, event.body["blob"], _requests(ws, name, event), max(since, start)), True, read)
    for period in sorted(ws.state.log.waiting):
        for part in ws.state.log.waiting[period]:
            if since < part.start + every and part.start < until:
                read = partial(_logged, ws, part, since=since, until=until)
                yield Sheet(_key(ws, part.blob, part.requests, max(since, part.start)), False, read)


def _key(ws: Workspace, blob: str, requests: str, since: datetime) -> tuple[str, ...]:
    standing = ws.state.log.standing
    return standing(blob), standing(requests), iso(since)


def _requests(ws: Workspace, name: str, event: Event) -> str:
    """Name the blob that `requests_of` reads."""
    if "requests" in event.body:
        return str(event.body["requests"])
    return ws.state.snapshot.history(ws.project.requests, name)[-1].blob


def _answered(ws: Workspace, name: str, event: Event, *, since: datetime, until: datetime) -> Batch:
    start = moment(event.body["start"])
    log = _whole(ws.frame(event.body["blob"]))
    if "writers" not in event.body:
        return Batch(start, _end(ws, start), log, requests_of(ws, name))
    return _within(ws, start, log, requests_of(ws, name), since=since, until=until)


def _logged(ws: Workspace, part: Part, *, since: datetime, until: datetime) -> Batch:
    log = ws.frame(part.blob).select(list(SERVED))
    return _within(ws, part.start, log, requests_in(ws, part.requests), since=since, until=until)


def _within(
    ws: Workspace,
    start: datetime,
    log: "pl.DataFrame",
    requests: "pl.DataFrame",
    *,
    since: datetime,
    until: datetime,
) -> Batch:
    import polars as pl

    through = log["at"].max()
    assert through is None or isinstance(through, datetime)
    within = (pl.col("at") >= since) & (pl.col("at") < until)
    return Batch(start, _end(ws, start), log.filter(within), requests, through)


def _end(ws: Workspace, start: datetime) -> datetime:
    return start + span(ws.project.tables[ws.project.requests].every)


def _whole(log: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in SERVED.items() if name not in log.columns]
    return log.with_columns(missing).select(list(SERVED))
