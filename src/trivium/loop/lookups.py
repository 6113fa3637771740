"""What the features step reads beside the request: the other tables' latest rows, held in memory.

Read anew off the reply's path when the ledger says that a table has changed; each answer is given from one immutable
set of them, at one place in the ledger. Rows asked about long after the fact are answered from what was then. What
steps make of those tables alone (`Beside.made`) is made once for each set.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from trivium.core.contract import Column
from trivium.core.project import Project
from trivium.core.values import digest, span
from trivium.loop.freshness import Freshness, freshness_of, newest_rows
from trivium.loop.workspace import Workspace
from trivium.store.tables import PartitionRecord, records_digest

if TYPE_CHECKING:
    import polars as pl

    from trivium.store.blobs import FileBlobs

T = TypeVar("T")
# How long after its time a row may be asked about and still be answered from memory alone.
ASKED_LATE = timedelta(days=1)
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
MOST_ASKED = 2000
# Sets of tables of the past that are kept, each of the days around some row's time.
MOST_PAST = 4
_DTYPES = {"int": "Int64", "float": "Float64", "str": "String", "bool": "Boolean", "date": "Date"}


class Beside:
    """One set of the other tables, and what steps have made of it, kept by whom they belong to."""

    def __init__(self, frames: "Mapping[str, pl.DataFrame]") -> None:
        self.frames = frames
        self._made: dict[str, Any] = {}

    def made(self, key: str, make: "Callable[[Mapping[str, pl.DataFrame]], T]") -> T:
        """Give what `make` makes of the tables; made once for each key. Raises what it raises, each time."""
        if key not in self._made:
            self._made[key] = make(self.frames)
        found: T = self._made[key]
        return found


@dataclass(frozen=True)
class Lookups:
    """The other tables as of one place in the ledger (`head`). `asked` are some of the latest requests, perhaps none.

    `newest` is the time of each timed table's last row. `oldest` is from which time on a row can be answered from
    `frames`; earlier ones read the store.
    """

    project: Project
    records: Mapping[str, Sequence[PartitionRecord]]
    blobs: "FileBlobs"
    frames: Mapping[str, "pl.DataFrame"]
    asked: "pl.DataFrame"
    newest: Mapping[str, datetime]
    oldest: datetime | None
    head: int
    key: str
    _past: "OrderedDict[tuple[tuple[str, str], ...], Beside]" = field(default_factory=OrderedDict)

    @cached_property
    def beside(self) -> Beside:
        """The tables in memory."""
        return Beside(self.frames)

    def beside_for(self, rows: Sequence[Mapping[str, Any]]) -> Beside:
        """Give the tables that these rows' features are made from: those in memory, unless a row is too old.

        The last few sets of older tables are kept: whoever asks about the past asks about neighbours.
        """
        if self.holds(rows):
            return self.beside
        time = self.project.model.time
        times = [row[time] for row in rows if row.get(time) is not None]
        chosen = {
            name: _within(self.project, name, held, since=min(times), until=max(times))
            for name, held in self.records.items()
        }
        key = tuple((name, record.blob) for name, held in chosen.items() for record in held)
        found = self._past.pop(key, None)
        if found is None:
            found = Beside({name: _read(self.blobs, held) for name, held in chosen.items()})
        self._past[key] = found
        while len(self._past) > MOST_PAST:
            self._past.popitem(last=False)
        return found

    @property
    def schema(self) -> "Mapping[str, Any]":
        """The types of the requests' columns."""
        return self.asked.schema

    def holds(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether the rows can be answered from memory alone."""
        if self.oldest is None:
            return True
        name, oldest = self.project.model.time, self.oldest
        return not any((at := row.get(name)) is not None and at < oldest for row in rows)

    @cached_property
    def freshness(self) -> tuple[Freshness, ...]:
        """The tables that declare how fresh they must be."""
        return freshness_of(self.project, self.newest)

    def ages_s(self, at: datetime) -> dict[str, float]:
        """Tell how old each timed table's last row is, in seconds; negative where it is about the future."""
        return {name: (at - newest).total_seconds() for name, newest in self.newest.items()}


def lookups_of(
    ws: Workspace, *, at: datetime, before: Lookups | None = None, tables: Collection[str] | None = None
) -> Lookups:
    """Read what answers need beside the request, as the ledger's state tells it.

    Args:
        ws: the project.
        at: the time of the answers.
        before: what was read last; given back where nothing has changed.
        tables: those that features read, all when left out. Those that must be fresh are read besides.
    """
    project = ws.project
    others = [
        name
        for name, table in project.tables.items()
        if name != project.requests and (tables is None or name in tables or table.stale_after is not None)
    ]
    records = {name: ws.state.snapshot.partitions(name) for name in others}
    anchors = {
        name: min(at, held[-1].end) for name, held in records.items() if held and project.tables[name].time is not None
    }
    chosen = {
        name: _within(project, name, held, since=anchors.get(name, at) - ASKED_LATE, until=None)
        for name, held in records.items()
    }
    asked = ws.state.snapshot.partitions(project.requests)[-1:]
    key = digest([(name, records_digest(held)) for name, held in {**chosen, "requests": asked}.items()])
    if before is not None and before.key == key:
        return before
    frames = {name: ws.rows(held) for name, held in chosen.items()}
    return Lookups(
        project=project,
        records=records,
        blobs=ws.blobs,
        frames=frames,
        asked=_some(ws.rows(asked)) if asked else empty_of(project.tables[project.requests].columns),
        newest=newest_rows(project, frames),
        oldest=max(anchors.values()) - ASKED_LATE if anchors else None,
        head=ws.state.journal.head,
        key=key,
    )


def empty_of(columns: Mapping[str, Column]) -> "pl.DataFrame":
    """Lay a contract's columns out as a frame without rows, for want of rows that were collected."""
    import polars as pl

    times = pl.Datetime("us", "UTC")
    kinds = {name: times if one.type == "datetime" else getattr(pl, _DTYPES[one.type]) for name, one in columns.items()}
    return pl.DataFrame(schema=kinds)


def _some(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Take rows evenly, as a copy, so that the whole can be let go of."""
    return rows.gather_every(max(1, -(-rows.height // MOST_ASKED)))


def _within(
    project: Project, name: str, held: Sequence[PartitionRecord], *, since: datetime, until: datetime | None
) -> list[PartitionRecord]:
    """Choose the partitions that overlap the `lookback` before `since`, up to `until`."""
    table = project.tables[name]
    if table.time is None:
        return list(held)
    from_ = since - min(span(table.lookback), since - EARLIEST)  # nothing was before the year 1
    return [one for one in held if one.end > from_ and (until is None or one.start <= until)]


def _read(blobs: "FileBlobs", records: Sequence[PartitionRecord]) -> "pl.DataFrame":
    import polars as pl

    frames = [blobs.get_frame(record.blob) for record in records]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
