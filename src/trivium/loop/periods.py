"""Periods: the sealed parts of one that is over become one `answered` event, as a rehearsal's batch does."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trivium.core.events import Event
from trivium.core.problems import DataError
from trivium.core.values import iso, span
from trivium.loop.log_book import SERVED, Part
from trivium.loop.log_records import ROW_ID, own_columns
from trivium.loop.pieces import common_schema, fitted
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

# After a period's end its last answers are still on their way into the log, and clocks of several machines differ.
GRACE = timedelta(seconds=60)


def close_periods(ws: Workspace) -> list[Event]:
    """Put the parts of each period that is over together; once more where parts of one came after that."""
    every = span(ws.project.tables[ws.project.requests].every)
    done: list[Event] = []
    for period in sorted(ws.state.log.waiting):
        if ws.state.log.waiting[period][0].start + every + GRACE <= ws.clock.now():
            done += ws.unit(None, _Work(ws, period))
    return done


@dataclass
class _Work:
    """One period. Asked again after somebody else appended, it puts together what is there then."""

    ws: Workspace
    period: str
    _decided: list[Event] = field(default_factory=list)
    _as_of: int = -1

    def __call__(self) -> list[Event]:
        book = self.ws.state.log
        if self.period not in book.waiting:
            return []
        if self._as_of != book.seq:
            self._decided, self._as_of = [self._decide(book.waiting[self.period])], book.seq
        return list(self._decided)

    def _decide(self, parts: list[Part]) -> Event:
        before = self.ws.state.log.periods.get(self.period)
        parts = [*([before] if before else []), *parts]
        tally = _Tally()
        blob = _joined(self.ws, [part.blob for part in parts], tally)
        requests = _joined(self.ws, [part.requests for part in parts], None)
        return self.ws.event(
            "answered",
            self.ws.project.model.name,
            partition=self.period + SERVED,
            start=iso(parts[0].start),
            blob=blob,
            requests=requests,
            parts=[each for part in parts for each in (part.blob, part.requests)],
            writers=_ranges(parts),
            lost=dict(self.ws.state.log.lost),
            checks=dict(sorted(sum((Counter(part.body["checks"]) for part in parts), Counter()).items())),
            **tally.told(_troubles(parts)),
        )


@dataclass
class _Tally:
    """What is counted of a period's answers as they stream by."""

    served: Counter[tuple[str | None, str, str]] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    review: int = 0

    def count(self, rows: "pl.DataFrame") -> None:
        served = rows.filter(rows["source"] != "unserved")
        for version, stage, source, count in served.group_by("version", "stage", "source").len().iter_rows():
            self.served[version, stage, source] += count
        self.asked.update(rows["version"].drop_nulls().unique().to_list())
        self.review += int(served["review"].sum())

    def told(self, troubles: list[dict[str, Any]]) -> dict[str, Any]:
        order = sorted(self.served.items(), key=lambda item: (item[0][0] is None, item[0][0] or "", *item[0][1:]))
        return {
            "rows": sum(self.served.values()),
            "asked": sorted(self.asked | {trouble["version"] for trouble in troubles}),
            "served": [
                {"version": version, "stage": stage, "source": source, "len": count}
                for (version, stage, source), count in order
            ],
            "troubles": troubles,
            "review": self.review,
        }


def _joined(ws: Workspace, blobs: Sequence[str], tally: _Tally | None) -> str:
    """Write the rows of several blobs into one, frame by frame."""
    schema = _schema_of(ws, blobs) if tally is None else None
    with ws.blobs.frame_writer() as writer:
        for rows in _frames(ws, blobs):
            if tally is not None:
                tally.count(rows)
            writer.write(rows if schema is None else _fitted(rows, schema))
        return writer.keep()


def _frames(ws: Workspace, blobs: Iterable[str]) -> "Iterator[pl.DataFrame]":
    for blob in blobs:
        yield from ws.blobs.frames(blob)


def _schema_of(ws: Workspace, blobs: Sequence[str]) -> "pl.Schema":
    """Find the columns that hold all parts' request rows; where a contract changed its mind about a type, text does."""
    import polars as pl

    schemas = [next(ws.blobs.frames(blob)).schema for blob in blobs]
    try:
        return common_schema(schemas, where="prediction log")
    except DataError:
        kinds: defaultdict[str, set[pl.DataType]] = defaultdict(set)
        for schema in schemas:
            for name, kind in schema.items():
                kinds[name].add(kind)
        return pl.Schema({name: found.pop() if len(found) == 1 else pl.String() for name, found in kinds.items()})


def _fitted(rows: "pl.DataFrame", schema: "pl.Schema") -> "pl.DataFrame":
    import polars as pl

    as_text = [name for name, kind in schema.items() if kind == pl.String and rows.schema.get(name, kind) != kind]
    return fitted(rows.with_columns(pl.col(name).cast(pl.String) for name in as_text), schema)


def _ranges(parts: Sequence[Part]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for part in parts:
        for writer, (low, high) in part.body["writers"].items():
            held = found.setdefault(writer, [low, high])
            held[:] = [min(held[0], low), max(held[1], high)]
    return dict(sorted(found.items()))


def _troubles(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Add the parts' troubles up, by version and kind; the words are those of the first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for part in parts:
        for trouble in part.body["troubles"]:
            held = found.setdefault((trouble["version"], trouble["kind"]), {**trouble, "rows": 0})
            held["rows"] += trouble["rows"]
    return [found[key] for key in sorted(found)]


def requests_in(ws: Workspace, blob: str) -> "pl.DataFrame":
    """Read the requests that a server logged, with `row_id` as text; of several about one row the last."""
    logged = ws.frame(blob)
    rows = own_columns(logged).with_columns(logged[ROW_ID].alias("row_id"))
    return rows.unique("row_id", keep="last", maintain_order=True)
