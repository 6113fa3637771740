"""What the features step reads beside the request: the other tables' latest rows, held in memory.

Read anew off the reply's path when the ledger says that a table has changed; each answer is given from one immutable
set of them, at one place in the ledger. Rows asked about long after the fact are answered from what was then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trivium.core.contract import Column
from trivium.core.project import Project
from trivium.core.values import digest, span
from trivium.loop.freshness import Freshness, freshness_of, newest_rows
from trivium.loop.workspace import Workspace
from trivium.store.tables import PartitionRecord, records_digest

if TYPE_CHECKING:
    import polars as pl

    from trivium.store.blobs import FileBlobs

# How long after its time a row may be asked about and still be answered from memory alone.
ASKED_LATE = timedelta(days=1)
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_DTYPES = {"int": "Int64", "float": "Float64", "str": "String", "bool": "Boolean", "date": "Date"}


@dataclass(frozen=True)
class Lookups:
    """The other tables as of one place in the ledger (`head`). `schema` is that of the requests' rows.

    `newest` is the time of each timed table's last row. `oldest` is from which time on a row can be answered from
    `frames`; earlier ones read the store.
    """

    project: Project
    records: Mapping[str, Sequence[PartitionRecord]]
    blobs: "FileBlobs"
    frames: Mapping[str, "pl.DataFrame"]
    schema: Mapping[str, Any]
    newest: Mapping[str, datetime]
    oldest: datetime | None
    head: int
    key: str

    def frames_for(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, "pl.DataFrame"]:
        """Give the tables that these rows' features are made from: those in memory, unless a row is too old."""
        time = self.project.model.time
        if self.oldest is None:
            return self.frames
        times = [row[time] for row in rows if row.get(time) is not None]
        if not times or min(times) >= self.oldest:
            return self.frames
        return {
            name: _read(self.blobs, _within(self.project, name, held, since=min(times), until=max(times)))
            for name, held in self.records.items()
        }

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether the row can be answered from memory alone."""
        at = row.get(self.project.model.time)
        return self.oldest is None or at is None or at >= self.oldest

    @cached_property
    def freshness(self) -> tuple[Freshness, ...]:
        """The tables that declare how fresh they must be."""
        return freshness_of(self.project, self.newest)

    def ages_s(self, at: datetime) -> dict[str, float]:
        """Tell how old each timed table's last row is, in seconds; negative where it is about the future."""
        return {name: (at - newest).total_seconds() for name, newest in self.newest.items()}


def lookups_of(ws: Workspace, *, at: datetime, before: Lookups | None = None) -> Lookups:
    """Read what answers need beside the request, as the ledger's state tells it; `before` where nothing has changed."""
    project = ws.project
    others = [name for name in project.tables if name != project.requests]
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
        schema=dict(ws.rows(asked).schema) if asked else schema_of(project.tables[project.requests].columns),
        newest=newest_rows(project, frames),
        oldest=max(anchors.values()) - ASKED_LATE if anchors else None,
        head=ws.state.journal.head,
        key=key,
    )


def schema_of(columns: Mapping[str, Column]) -> dict[str, Any]:
    """Lay a contract's columns out as a frame's, for want of rows that were collected."""
    import polars as pl

    times = pl.Datetime("us", "UTC")
    return {name: times if one.type == "datetime" else getattr(pl, _DTYPES[one.type]) for name, one in columns.items()}


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
