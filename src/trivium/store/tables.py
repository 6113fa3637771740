"""The tables as a fold over the ledger: which blob holds which partition, now or at any time before.

A partition's history is kept whole, so time travel and the present are the same query. Reads no ledger by itself:
whoever holds one applies its events in order, and may keep `state()` as a checkpoint.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from trivium.core.events import Event
from trivium.core.problems import StoreError, unknown_name
from trivium.core.values import digest, moment

if TYPE_CHECKING:
    import polars as pl

# The form of `Snapshot.state()`; a checkpoint of another version is folded anew.
STATE_VERSION = 2


class PartitionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a partition held from `at` on: its rows, their summary, and the rows kept out (`quarantine`), as blobs.

    `fingerprint` is that of the source it was made from; `seq` is the event that said so.
    """

    partition: str
    start: datetime
    end: datetime
    blob: str
    summary: str
    rows: int
    quarantine: str | None
    at: datetime
    fingerprint: str
    seq: int


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A partition that was refused whole, and why."""

    partition: str
    start: datetime
    end: datetime
    rows: int
    problems: list[Any]
    fingerprint: str
    source: str
    at: datetime
    seq: int


class _TableState(msgspec.Struct):
    """One table's part of the fold; `refusals` holds the partitions whose last word was a refusal."""

    history: dict[str, list[PartitionRecord]] = {}
    refusals: dict[str, Refusal] = {}
    fingerprints: dict[str, str] = {}
    changes: list[tuple[int, str]] = []


class _State(msgspec.Struct):
    seq: int = 0
    tables: dict[str, _TableState] = {}


class ReadsFrames(Protocol):
    """Where `read` finds a partition's rows: `FileBlobs`, or another store's blobs."""

    def get_frame(self, digest: str, *, columns: list[str] | None = None) -> "pl.DataFrame":
        """Return a table; columns that it does not have are left out."""
        ...


class Snapshot:
    """All tables and their partitions, as the events applied so far tell. Not safe to share between threads."""

    def __init__(self) -> None:
        self._state = _State()

    @classmethod
    def from_state(cls, state: bytes) -> "Snapshot":
        """Take up a fold where `state()` left it."""
        snapshot = cls()
        snapshot._state = msgspec.msgpack.decode(state, type=_State)
        return snapshot

    def state(self) -> bytes:
        """Write the fold down, to be kept as a checkpoint with `STATE_VERSION`."""
        return msgspec.msgpack.encode(self._state)

    @property
    def seq(self) -> int:
        """The last event applied; 0 at the start."""
        return self._state.seq

    def apply(self, event: Event) -> None:
        """Fold one event in; kinds that are not about tables, and events applied before, change nothing."""
        if event.seq and event.seq <= self.seq:
            return
        self._state.seq = event.seq or self.seq
        fold = _FOLDS.get(event.kind)
        if fold is not None:
            fold(self._state.tables.setdefault(event.subject, _TableState()), event)

    def apply_all(self, events: Iterable[Event]) -> "Snapshot":
        """Fold events in, in order; return this snapshot."""
        for event in events:
            self.apply(event)
        return self

    def tables(self) -> list[str]:
        """List the tables that have a partition or a refusal, by name."""
        return sorted(self._state.tables)

    def partitions(
        self, table: str, at: datetime | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[PartitionRecord]:
        """List a table's partitions by start, as the events up to the time `at` told.

        Args:
            table: its name; an unknown one has no partitions.
            at: leave out what was decided later; None is now.
            since: leave out partitions that end at or before this time.
            until: leave out partitions that start at or after this time. The single partition of a table
                without a time is never left out by `since` and `until`.
        """
        found = [_as_of(history, at) for history in self._table(table).history.values()]
        held = [record for record in found if record is not None and _overlaps(record, since, until)]
        return sorted(held, key=lambda record: (record.start, record.partition))

    def history(self, table: str, partition: str) -> list[PartitionRecord]:
        """List what a partition has held, the oldest first; empty when it is not known."""
        return list(self._table(table).history.get(partition, ()))

    def changed_at(self, table: str) -> int:
        """Tell the seq of the last event that changed a table's partitions; 0 when there is none."""
        changes = self._table(table).changes
        return changes[-1][0] if changes else 0

    def changed(self, table: str, *, after: int) -> list[PartitionRecord]:
        """List what the partitions that events past the seq `after` changed hold now, by their last change."""
        state = self._table(table)
        names: list[str] = []
        for seq, name in reversed(state.changes):
            if seq <= after:
                break
            names.append(name)
        return [state.history[name][-1] for name in dict.fromkeys(reversed(names))]

    def digest(self, table: str, at: datetime | None = None) -> str:
        """Hash a table's partitions and their blobs in order: the same rows, the same 64 hexadecimal digits."""
        return records_digest(self.partitions(table, at))

    def fingerprint(self, table: str, partition: str) -> str | None:
        """Tell the fingerprint of the source last seen for a partition, collected or refused; None when never."""
        return self._table(table).fingerprints.get(partition)

    def fingerprints(self, table: str) -> Mapping[str, str]:
        """Tell the fingerprint last seen of every partition that was delivered, collected or refused, by name."""
        return self._table(table).fingerprints

    def refusals(self, table: str) -> list[Refusal]:
        """List the partitions whose last delivery was refused, by start."""
        return sorted(self._table(table).refusals.values(), key=lambda refusal: (refusal.start, refusal.partition))

    def quarantines(self) -> list[tuple[str, PartitionRecord]]:
        """List (table, partition) for each partition that has rows in quarantine now, by table and start."""
        return [
            (table, record)
            for table in self.tables()
            for record in self.partitions(table)
            if record.quarantine is not None
        ]

    def _table(self, table: str) -> _TableState:
        return self._state.tables.get(table) or _TableState()


def records_digest(records: Sequence[PartitionRecord]) -> str:
    """Hash partitions and their blobs in the order given, in 64 hexadecimal digits."""
    return digest([(record.partition, record.blob) for record in records])


def read(
    records: Sequence[PartitionRecord],
    blobs: ReadsFrames,
    columns: list[str] | None = None,
    *,
    schema: "Mapping[str, pl.DataType | type[pl.DataType]] | None" = None,
) -> "pl.DataFrame":
    """Read partitions as one frame, in the order given.

    A column that some partitions do not have is null there; types that differ are widened to one that holds both.

    Args:
        records: which partitions, as `Snapshot.partitions` lists them.
        blobs: where their rows are.
        columns: read only these, in this order; None reads all.
        schema: the columns and types of the answer when there are no partitions; without it such an
            answer has the `columns` with type Null.

    Raises:
        StoreError (TV-STORE-005, -006): a partition's blob is missing or damaged.
        StoreError (TV-STORE-010): none of the partitions has one of the columns.
    """
    import polars as pl

    if not records:
        empty = pl.DataFrame(schema=schema if schema is not None else dict.fromkeys(columns or (), pl.Null))
        return empty if columns is None else _selected(empty, columns, records)
    frames = [blobs.get_frame(record.blob, columns=columns) for record in records]
    same = all(frame.schema == frames[0].schema for frame in frames)
    # A frame without columns has no rows left to be null in; the partition's record still knows how many.
    if columns is not None and not same:
        frames = [_with_columns(frame, columns, record.rows) for frame, record in zip(frames, records, strict=True)]
    whole = pl.concat(frames, how="vertical" if same else "diagonal_relaxed")
    return whole if columns is None else _selected(whole, columns, records)


def _with_columns(frame: "pl.DataFrame", columns: list[str], rows: int) -> "pl.DataFrame":
    import polars as pl

    if frame.width:
        return frame
    return pl.DataFrame({name: pl.Series(name, [None] * rows, dtype=pl.Null) for name in columns})


def _selected(frame: "pl.DataFrame", columns: list[str], records: Sequence[PartitionRecord]) -> "pl.DataFrame":
    where = f"partitions {records[0].partition} to {records[-1].partition}" if records else "no partitions"
    missing = [
        unknown_name("TV-STORE-010", "column", name, frame.columns, where=where)
        for name in columns
        if name not in frame.columns
    ]
    if missing:
        raise StoreError(*missing)
    return frame.select(columns)


def _as_of(history: list[PartitionRecord], at: datetime | None) -> PartitionRecord | None:
    if at is None:
        return history[-1]
    return next((record for record in reversed(history) if record.at <= at), None)


def _overlaps(record: PartitionRecord, since: datetime | None, until: datetime | None) -> bool:
    if record.start == record.end:
        return True
    return (since is None or record.end > since) and (until is None or record.start < until)


def _collected(state: _TableState, event: Event) -> None:
    _hold(state, event, rows=event.body["rows_committed"])


def _released(state: _TableState, event: Event) -> None:
    _hold(state, event, rows=event.body["rows"])


def _hold(state: _TableState, event: Event, *, rows: int) -> None:
    body = event.body
    name = body["partition"]
    record = PartitionRecord(
        partition=name,
        start=_time(body["start"]),
        end=_time(body["end"]),
        blob=body["blob"],
        summary=body["summary"],
        rows=rows,
        quarantine=body["quarantine"],
        at=event.at,
        fingerprint=body["fingerprint"],
        seq=event.seq,
    )
    state.history.setdefault(name, []).append(record)
    state.changes.append((event.seq, name))
    state.fingerprints[name] = record.fingerprint
    if event.kind == "collected":
        state.refusals.pop(name, None)


def _dropped(state: _TableState, event: Event) -> None:
    history = state.history[event.body["partition"]]
    history.append(msgspec.structs.replace(history[-1], quarantine=None, at=event.at, seq=event.seq))


def _refused(state: _TableState, event: Event) -> None:
    body = event.body
    name = body["partition"]
    state.fingerprints[name] = body["fingerprint"]
    state.refusals[name] = Refusal(
        partition=name,
        start=_time(body["start"]),
        end=_time(body["end"]),
        rows=body["rows_refused"],
        problems=body["problems"],
        fingerprint=body["fingerprint"],
        source=body["source"],
        at=event.at,
        seq=event.seq,
    )


def _time(value: str | datetime) -> datetime:
    """Read a time as the ledger gives it (text), or as an event not yet appended may hold it."""
    return value if isinstance(value, datetime) else moment(value)


_FOLDS: dict[str, Callable[[_TableState, Event], None]] = {
    "collected": _collected,
    "quarantine_released": _released,
    "quarantine_dropped": _dropped,
    "refused": _refused,
}
