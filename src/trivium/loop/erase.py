"""Erase: all rows of one entity, wherever the store holds them; and of the prediction log, what has become too old.

Nothing in the ledger changes: an `erased` event says which blob stands for which from now on, and the old ones are
deleted. Whoever reads an event of before reads the rows without those that were erased.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from trivium.core.events import Event
from trivium.core.private import plain_text
from trivium.core.problems import ProjectError, unknown_name
from trivium.core.values import span
from trivium.loop.log_records import PREDICTION_ID, ROW_ID
from trivium.loop.private import hider_of
from trivium.loop.seal import seal
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

_DIGEST = re.compile(rb'"([0-9a-f]{64})"')
_PARQUET = b"PAR1"


def erase_entity(ws: Workspace, column: str, value: str, *, because: str) -> Event | None:
    """Erase every row in which a column has a value, and the answers, outcomes and log lines about those rows.

    What lies in the segments of servers that run goes once they have begun the next one, within ten minutes.

    Returns:
        The event that says so; None where nothing holds the value.

    Raises:
        ProjectError (TV-RUN-086): no table has such a column.
    """
    columns = sorted({name for table in ws.project.tables.values() for name in table.columns})
    if column not in columns:
        raise ProjectError(unknown_name("TV-RUN-086", "column", column, columns, where="trivium erase"))
    seal(ws)
    events = ws.unit(None, _Erasing(ws, column, value, because))
    if not events:
        return None
    named = set(_named(ws))
    for known in ws.memo.clear():
        if known.get("blob") is not None and known["blob"] not in named:
            ws.blobs.drop(known["blob"])
    drop_erased(ws)
    return events[0]


def _named(ws: Workspace) -> dict[str, None]:
    """List every digest that an event names, of blobs and of other things."""
    found: dict[str, None] = {}
    for event in ws.ledger.events():
        found.update(dict.fromkeys(name.decode() for name in _DIGEST.findall(msgspec.json.encode(event.body))))
    return found


def expire(ws: Workspace) -> list[Event]:
    """Empty the logged answers and posted outcomes that are older than `[serve] keep_days`; their scores stay."""
    book = ws.state.log
    limit = ws.clock.now() - timedelta(days=ws.project.serve.keep_days)
    every = span(ws.project.tables[ws.project.requests].every)
    old = [blob for part in book.periods.values() if part.start + every < limit for blob in (part.blob, part.requests)]
    old += [one.blob for one in book.posted if one.through < limit]

    def work() -> list[Event]:
        left = {blob: ws.frame(blob) for blob in dict.fromkeys(old) if blob not in ws.state.log.replaced}
        replaced = {blob: ws.blobs.put_frame(rows.clear()) for blob, rows in left.items() if rows.height}
        if not replaced:
            return []
        because = f"older than {ws.project.serve.keep_days} days"
        rows = sum(left[blob].height for blob in replaced)
        return [ws.event("erased", ws.project.model.name, because=because, reason="age", rows=rows, replaced=replaced)]

    done = ws.unit(None, work) if old else []
    drop_erased(ws)
    return done


def drop_erased(ws: Workspace) -> None:
    """Delete the blobs that others stand for; those of an event whose process was killed before this too."""
    for old in ws.state.log.replaced:
        ws.blobs.drop(old)


@dataclass
class _Erasing:
    """The decision on one value; made anew when somebody else appended, for that may have brought more of its rows."""

    ws: Workspace
    column: str
    value: str
    because: str
    _rows: set[str] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)

    def __call__(self) -> list[Event]:
        ws = self.ws
        frames = dict(self._frames())
        for rows in frames.values():
            self._note(rows.filter(self._matches(rows)))
        replaced: dict[str, str] = {}
        gone = 0
        for blob, rows in frames.items():
            left = rows.filter(~self._is_about(rows))
            if left.height < rows.height:
                replaced[blob] = ws.blobs.put_frame(left)
                gone += rows.height - left.height
        if not replaced:
            return []
        said = {"reason": "entity", "column": self.column, "rows": gone, "replaced": replaced}
        return [ws.event("erased", ws.project.model.name, because=self.because, **said)]

    def _frames(self) -> "Iterator[tuple[str, pl.DataFrame]]":
        """Give every table that any event names, by the blob that holds it now."""
        for digest in _named(self.ws):
            blob = self.ws.state.log.standing(digest)
            if self.ws.blobs.has(blob) and self._is_table(blob):
                yield blob, self.ws.blobs.get_frame(blob)

    def _is_table(self, blob: str) -> bool:
        with self.ws.blobs.path(blob).open("rb") as file:
            return file.read(len(_PARQUET)) == _PARQUET

    def _matches(self, rows: "pl.DataFrame") -> "pl.Series":
        """Mark the rows in which the column has the value, plain or hidden."""
        import polars as pl

        if self.column not in rows.columns:
            return pl.repeat(False, rows.height, eager=True)
        held = rows[self.column]
        if held.dtype == pl.String:
            return held.is_in(self._texts()).fill_null(False)
        kind = self._kind()
        wanted = plain_text(self.value, kind)
        values = [one for one in held.unique().to_list() if one is not None and plain_text(one, kind) == wanted]
        return held.is_in(pl.Series(values, dtype=held.dtype).implode()).fill_null(False)

    def _texts(self) -> list[str]:
        hider = hider_of(self.ws)
        hidden = hider.hidden(self.column, self.value) if self.column in hider.columns else None
        return [self.value, *([hidden] if hidden else [])]

    def _kind(self) -> str:
        tables = self.ws.project.tables.values()
        return next(table.columns[self.column].type for table in tables if self.column in table.columns)

    def _note(self, rows: "pl.DataFrame") -> None:
        """Remember the rows and the answers that the value is of: other tables know them by their ids alone."""
        import polars as pl

        for name in (ROW_ID, "row_id", self.ws.project.model.row_id):
            if name in rows.columns:
                self._rows.update(rows[name].cast(pl.String).drop_nulls().to_list())
        if PREDICTION_ID in rows.columns:
            self._names.update(rows[PREDICTION_ID].drop_nulls().to_list())

    def _is_about(self, rows: "pl.DataFrame") -> "pl.Series":
        import polars as pl

        found = self._matches(rows)
        for name in (ROW_ID, "row_id", self.ws.project.model.row_id):
            if name in rows.columns:
                found |= rows[name].cast(pl.String).is_in(sorted(self._rows)).fill_null(False)
        for name in (PREDICTION_ID, "prediction_id"):
            if name in rows.columns:
                found |= rows[name].is_in(sorted(self._names)).fill_null(False)
        return found
