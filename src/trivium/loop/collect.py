"""Collect: new partitions are read, checked, summarised, and committed, quarantined or refused."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.events import Event
from trivium.core.problems import DataError, Problem, ProjectError, unknown_name
from trivium.core.values import EPOCH, Partition, digest, floor_to, iso, moment, span
from trivium.data.held import Taken, release_rows
from trivium.data.intake import Decided, take_in
from trivium.data.packing import encode
from trivium.data.summary import summarise_partition
from trivium.loop.beside import earlier_summaries, referenced_values
from trivium.loop.sources import Delivery, FileSource, Source
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

LATE_LOOKED_BACK = 7  # partitions
MOST_LATE = 7
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def collect(ws: Workspace, table: str, *, source: Source, because: str = "") -> list[Event]:
    """Collect every partition of a table that is complete by now and new or changed; one unit of work each.

    Returns:
        The events, `collected` or `refused`, in time order; empty when there was nothing new.
    """
    known_table(ws, table)
    ws.refresh()
    seen = ws.state.snapshot.fingerprints(table)
    done: list[Event] = []
    for delivery in source.deliveries(table, now=ws.clock.now(), seen=seen):
        if isinstance(delivery, Problem):
            done += _refuse_source(ws, table, delivery)
        else:
            done += _collect_partition(ws, table, delivery, because)
    return done


def collect_files(ws: Workspace, table: str, files: Sequence[Path], *, because: str = "") -> list[Event]:
    """Collect the partitions of these files, whatever the table's pattern says; a complete partition or not.

    Raises:
        DataError (TV-SRC-…): a file cannot be read. What came before it stays collected.
    """
    known_table(ws, table)
    source = FileSource(ws.folder, ws.project)
    done: list[Event] = []
    for delivery in source.read(table, list(files), now=END_OF_TIME, seen={}):
        if isinstance(delivery, Problem):
            raise DataError(delivery)
        done += _collect_partition(ws, table, delivery, because)
    return done


def known_table(ws: Workspace, table: str) -> None:
    """Refuse a table that the project does not name (ProjectError TV-RUN-006, the nearest named)."""
    if table not in ws.project.tables:
        raise ProjectError(unknown_name("TV-RUN-006", "table", table, list(ws.project.tables), where="trivium.toml"))


def _collect_partition(ws: Workspace, table: str, delivery: Delivery, because: str) -> list[Event]:
    return ws.unit(
        f"collect/{table}/{delivery.partition.name}/{delivery.fingerprint}",
        lambda: _take_in(ws, table, delivery, because),
    )


def _take_in(ws: Workspace, table: str, delivery: Delivery, because: str) -> list[Event]:
    partition = delivery.partition
    keys = _keys_of(ws, table)
    taken, decided = take_in(
        delivery.rows,
        ws.project.tables[table],
        name=table,
        partition=partition,
        checks=ws.project.checks,
        at=ws.clock.now(),
        existing_keys=partial(keys.held_elsewhere, partition=partition.name),
        references=referenced_values(ws, table),
        history=earlier_summaries(ws, table, partition),
    )
    body: dict[str, Any] = {
        "partition": partition.name,
        "start": iso(partition.start),
        "end": iso(partition.end),
        "rows_read": decided.read,
        "rows_refused": decided.refused,
        "fingerprint": delivery.fingerprint,
        "source": delivery.source,
        "problems": [msgspec.to_builtins(problem) for problem in decided.problems],
    }
    if decided.refused or not decided.read:
        return [ws.event("refused", table, because=because, **body)]
    return [ws.event("collected", table, because=because, **body, **_kept(ws, table, taken, decided, partition))]


def _kept(ws: Workspace, table: str, taken: Taken, decided: Decided, partition: Partition) -> dict[str, Any]:
    """Put what a partition leaves behind into blobs, and name them."""
    before = [record.blob for record in ws.state.snapshot.partitions(table) if record.partition == partition.name]
    return {
        "rows_committed": decided.committed,
        "rows_quarantined": decided.quarantined,
        "blob": ws.blobs.put_frame(taken.committed),
        "quarantine": ws.blobs.put_frame(taken.quarantined) if decided.quarantined else None,
        "summary": ws.blobs.put(encode(decided.summary)),
        "breaks": decided.breaks,
        "warnings": decided.warnings,
        "replaces": before[0] if before else None,
    }


def _refuse_source(ws: Workspace, table: str, problem: Problem) -> list[Event]:
    """Record a source that cannot be read, once per state of its file."""
    # The folder's place on this machine has no part in the record.
    where, seen = (text.replace(f"{ws.folder}/", "") for text in (problem.where, problem.seen))
    problem = msgspec.structs.replace(problem, where=where, seen=seen)
    body: dict[str, Any] = {
        "partition": f"source {problem.where.rpartition('/')[2]}",
        "start": iso(EPOCH),
        "end": iso(EPOCH),
        "rows_read": 0,
        "rows_refused": 0,
        "source": problem.where,
        "fingerprint": digest(msgspec.to_builtins(problem)),
        "problems": [msgspec.to_builtins(problem)],
    }
    key = f"source/{table}/{body['fingerprint']}/{ws.state.journal.first_data}"
    return ws.unit(key, lambda: [ws.event("refused", table, **body)])


class KeyIndex:
    """Which partition holds each key of a table, so that a key counts once across partitions. Held in memory."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self._holder: dict[tuple[Any, ...], str] = {}
        self._blobs: dict[str, str] = {}

    def bring_up_to(self, ws: Workspace, table: str) -> "KeyIndex":
        """Read the keys of partitions that were added or replaced since the last call."""
        for record in ws.state.snapshot.partitions(table):
            if self._blobs.get(record.partition) == record.blob:
                continue
            if record.partition in self._blobs:
                self._holder = {key: name for key, name in self._holder.items() if name != record.partition}
            rows = ws.frame(record.blob)
            if rows.height:
                self._holder.update(dict.fromkeys(rows.select(self.columns).iter_rows(), record.partition))
            self._blobs[record.partition] = record.blob
        return self

    def held_elsewhere(self, rows: "pl.DataFrame", partition: str) -> "pl.DataFrame | None":
        """Give the key columns of those rows whose key another partition holds; None when there are none."""
        if not self.columns or any(column not in rows.columns for column in self.columns):
            return None
        keys = rows.select(self.columns)
        mine = (None, partition)
        places = [place for place, key in enumerate(keys.iter_rows()) if self._holder.get(key) not in mine]
        return keys[places] if places else None


def _keys_of(ws: Workspace, table: str) -> KeyIndex:
    index = ws.cache.setdefault(f"keys/{table}", KeyIndex(ws.project.tables[table].key))
    assert isinstance(index, KeyIndex)
    return index.bring_up_to(ws, table) if index.columns else index


def note_late(ws: Workspace, table: str) -> list[Event]:
    """Record the partitions that should have come by now and did not; each once.

    After 7 partitions without any the table is taken as stopped: the first missing ones were told, more say nothing.
    """
    settings = ws.project.tables[table]
    ws.refresh()
    records = ws.state.snapshot.partitions(table)
    if settings.time is None or not records:
        return []
    held = ws.state.snapshot.fingerprints(table)
    done: list[Event] = []
    every, grace = span(settings.every), span(settings.grace)
    # A partition may be missing before the last that came, so the look begins somewhat before that one.
    begin = max(records[0].start, records[-1].start - LATE_LOOKED_BACK * every - grace)
    until = min(ws.clock.now() - grace, records[-1].end + MOST_LATE * every)
    for partition in _expected(table, floor_to(begin, every), every, until):
        key = f"late/{table}/{partition.name}"
        if partition.name not in held and key not in ws.state.journal.keys:
            done += ws.unit(key, partial(_late, ws, partition))
    return done


def _late(ws: Workspace, partition: Partition) -> list[Event]:
    return [
        ws.event("late", partition.table, partition=partition.name, start=iso(partition.start), end=iso(partition.end))
    ]


def _expected(table: str, start: datetime, every: timedelta, until: datetime) -> Iterator[Partition]:
    """Give the partitions after the one that starts at `start`, as far as they end by `until`."""
    while (start := start + every) + every <= until:
        yield Partition(table, start, start + every)


def release_quarantine(ws: Workspace, table: str, partition: str, *, because: str) -> list[Event]:
    """Let the quarantined rows of a partition in, beside its good rows.

    Raises:
        DataError (TV-RUN-007): that partition has no quarantined rows.
    """

    def work() -> list[Event]:
        record = quarantined(ws, table, partition)
        held = release_rows(ws.frame(record.quarantine or ""))
        rows = ws.rows([record])
        import polars as pl

        together = pl.concat([rows, held], how="diagonal_relaxed") if rows.width else held
        summary = summarise_partition(together, ws.project.tables[table], Partition(table, record.start, record.end))
        return [
            ws.event(
                "quarantine_released",
                table,
                because=because,
                partition=partition,
                start=iso(record.start),
                end=iso(record.end),
                blob=ws.blobs.put_frame(together),
                rows=together.height,
                quarantine=None,
                summary=ws.blobs.put(encode(summary)),
                fingerprint=record.fingerprint,
                rows_released=held.height,
            )
        ]

    return ws.unit(None, work)


def drop_quarantine(ws: Workspace, table: str, partition: str, *, because: str) -> list[Event]:
    """Give the quarantined rows of a partition up; their blob stays as long as the ledger names it."""

    def work() -> list[Event]:
        record = quarantined(ws, table, partition)
        rows = ws.frame(record.quarantine or "").height
        return [ws.event("quarantine_dropped", table, because=because, partition=partition, rows_dropped=rows)]

    return ws.unit(None, work)


def quarantined(ws: Workspace, table: str, partition: str) -> Any:
    """Find a partition's record that has quarantined rows (DataError TV-RUN-007 when there is none)."""
    records = {
        record.partition: record for record in ws.state.snapshot.partitions(table) if record.quarantine is not None
    }
    if partition not in records:
        raise DataError(unknown_name("TV-RUN-007", "quarantined partition", partition, sorted(records), where=table))
    return records[partition]


def table_rows(ws: Workspace, table: str, *, at: datetime | None = None) -> dict[str, Any]:
    """Count a table's rows at a time: read = committed + quarantined + refused, and the checks that broke."""
    total: dict[str, Any] = {"read": 0, "committed": 0, "quarantined": 0, "refused": 0, "partitions": 0, "checks": {}}
    latest: dict[str, dict[str, Any]] = {}
    for event in ws.ledger.events(subject=table):
        if event.kind in ("collected", "refused") and (at is None or event.at <= at):
            latest[event.body["partition"]] = event.body
    for body in latest.values():
        total["partitions"] += 1
        total["read"] += body["rows_read"]
        total["refused"] += body["rows_refused"]
        total["committed"] += body.get("rows_committed", 0)
        total["quarantined"] += body.get("rows_quarantined", 0)
        for check, rows in body.get("breaks", {}).items():
            total["checks"][check] = total["checks"].get(check, 0) + rows
    return total


def fresh(ws: Workspace, start: str) -> bool:
    """Tell whether a partition's rows are still asked about: its outcomes are not yet due."""
    every = span(ws.project.tables[ws.project.requests].every)
    return moment(start) + every + ws.project.label_delay + every > ws.clock.now()


def check_files(ws: Workspace, table: str, files: Sequence[Path] | None = None) -> list[dict[str, Any]]:
    """Hold files to a table's contract and checks without keeping anything.

    Returns:
        Per partition: rows read = committed + quarantined + refused, and the problems.

    Raises:
        DataError (TV-SRC-…): a file cannot be read.
    """
    known_table(ws, table)
    source = FileSource(ws.folder, ws.project)
    found = []
    for delivery in source.read(table, list(files or source.files(table)), now=END_OF_TIME, seen={}):
        if isinstance(delivery, Problem):
            raise DataError(delivery)
        _, decided = take_in(
            delivery.rows,
            ws.project.tables[table],
            name=table,
            partition=delivery.partition,
            checks=ws.project.checks,
            at=ws.clock.now(),
            references=referenced_values(ws, table),
            history=earlier_summaries(ws, table, delivery.partition),
        )
        found.append(
            {
                "partition": delivery.partition.name,
                "read": decided.read,
                "committed": decided.committed,
                "quarantined": decided.quarantined,
                "refused": decided.refused,
                "breaks": decided.breaks,
                "problems": [msgspec.to_builtins(problem) for problem in decided.problems],
            }
        )
    return found
