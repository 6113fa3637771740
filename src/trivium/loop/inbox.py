"""What was pushed and when: a fold over the ledger, and the source that gives pushed rows out by partition."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from trivium.core.events import Event
from trivium.core.problems import DataError, Problem
from trivium.core.project import Project
from trivium.core.values import digest
from trivium.loop.pieces import common_schema, fitted, in_chunks
from trivium.loop.sources import Delivery, Passed, partition_named

if TYPE_CHECKING:
    import polars as pl

    from trivium.store.blobs import FileBlobs

_PARCEL = "_parcel"


class Parcel(NamedTuple):
    """The rows of one partition in one push."""

    blob: str
    rows: int


class Inbox:
    """A fold over `pushed` events: every table's parcels by partition, in the order they came."""

    def __init__(self) -> None:
        self._parcels: dict[str, dict[str, list[Parcel]]] = {}

    def apply(self, event: Event) -> None:
        """Take one more event in."""
        if event.kind == "pushed":
            held = self._parcels.setdefault(event.subject, {})
            for part in event.body["parts"]:
                held.setdefault(part["partition"], []).append(Parcel(part["blob"], part["rows"]))

    def parcels(self, table: str) -> Mapping[str, Sequence[Parcel]]:
        """List a table's parcels by the partitions' names."""
        return self._parcels.get(table, {})


class PushedSource:
    """The rows that were pushed, as far as the inbox knows."""

    def __init__(self, project: Project, blobs: "FileBlobs", inbox: Inbox) -> None:
        self.project = project
        self._blobs = blobs
        self._inbox = inbox

    def deliveries(
        self, table: str, *, now: datetime, seen: Mapping[str, str]
    ) -> Iterator[Delivery | Passed | Problem]:
        """See `Source`. A row of a later push replaces those of earlier ones with the same key."""
        settings = self.project.tables[table]
        for name, parcels in sorted(self._inbox.parcels(table).items()):
            partition = partition_named(name, table=table, every=settings.every)
            fingerprint = digest([parcel.blob for parcel in parcels])
            if seen.get(name) == fingerprint:
                continue
            if partition.end > now:
                yield Passed(name, sum(parcel.rows for parcel in parcels), "waiting")
                continue
            try:
                letter = _Letter.open(parcels, self._blobs, key=settings.key, where=f"table {table}, partition {name}")
            except DataError as error:
                yield from error.problems
                continue
            yield Delivery(partition, f"{len(parcels)} pushed", fingerprint, letter.rows, partial(letter.chunks))

    def reach(self, table: str) -> list[Problem]:
        """See `Source`: what was pushed is in the store."""
        return []


@dataclass(frozen=True)
class _Letter:
    """All parcels of a partition, as one: which rows of each are the last word."""

    parcels: Sequence[Parcel]
    blobs: "FileBlobs"
    schema: "pl.Schema"
    kept: "Sequence[pl.Series] | None"

    @classmethod
    def open(cls, parcels: Sequence[Parcel], blobs: "FileBlobs", *, key: Sequence[str], where: str) -> "_Letter":
        import polars as pl

        paths = [blobs.path(parcel.blob) for parcel in parcels]
        schema = common_schema([pl.Schema(pl.read_parquet_schema(path)) for path in paths], where=where)
        one_word = len(parcels) == 1 or not key or any(column not in schema for column in key)
        return cls(parcels, blobs, schema, None if one_word else _last_words(parcels, blobs, schema, key))

    @property
    def rows(self) -> int:
        return sum(
            parcel.rows if self.kept is None else int(self.kept[n].sum()) for n, parcel in enumerate(self.parcels)
        )

    def chunks(self) -> "Iterator[pl.DataFrame]":
        def frames() -> "Iterator[pl.DataFrame]":
            for place, parcel in enumerate(self.parcels):
                rows = fitted(self.blobs.get_frame(parcel.blob), self.schema)
                yield rows if self.kept is None else rows.filter(self.kept[place])

        return in_chunks(frames())


def _last_words(
    parcels: Sequence[Parcel], blobs: "FileBlobs", schema: "pl.Schema", key: Sequence[str]
) -> "list[pl.Series]":
    """Tell of each parcel's rows whether no later parcel has their key; twins within a parcel stay."""
    import polars as pl

    of_key = pl.Schema({column: schema[column] for column in key})
    keys = pl.concat(
        fitted(blobs.get_frame(parcel.blob, columns=list(key)), of_key).with_columns(pl.lit(n).alias(_PARCEL))
        for n, parcel in enumerate(parcels)
    )
    whole = pl.all_horizontal(pl.col(column).is_not_null() for column in key)
    last = keys.select((pl.col(_PARCEL) == pl.col(_PARCEL).max().over(key)) | ~whole).to_series()
    found, start = [], 0
    for parcel in parcels:
        found.append(last.slice(start, parcel.rows))
        start += parcel.rows
    return found
