"""Collect: new partitions are read, checked, summarised, and committed, quarantined or refused, chunk by chunk."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from trivium.core.events import Event
from trivium.core.problems import DataError, Problem, ProjectError, unknown_name
from trivium.core.values import EPOCH, digest, iso, moment, span
from trivium.data.held import hold_back
from trivium.data.intake import Decided, Intake, begin
from trivium.data.keys import HashSet
from trivium.data.packing import encode
from trivium.loop.beside import earlier_summaries, referenced_values
from trivium.loop.changes import changes_between
from trivium.loop.key_index import KeyIndex
from trivium.loop.key_runs import DiskHashes, when_asked
from trivium.loop.sources import Delivery, FileSource, Passed, Source
from trivium.loop.workspace import Workspace
from trivium.store.frame_writer import FrameWriter

END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass
class Account:
    """Where every row went: read = committed + quarantined + refused + unchanged + waiting, by table.

    `unchanged` rows are as they were collected before, `waiting` ones belong to partitions that are not over yet.
    `told` is called whenever a count has changed.
    """

    told: "Callable[[Account], None]" = lambda _: None
    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    now: str = ""

    def count(self, table: str, **rows: int) -> None:
        """Add to a table's counts."""
        counts = self.tables.setdefault(table, {"read": 0, "committed": 0, "quarantined": 0, "refused": 0})
        for where, number in rows.items():
            counts[where] = counts.get(where, 0) + number
        self.told(self)

    def settle(self, event: Event, *, read: int) -> None:
        """Count a partition that was decided on, of which so many rows were counted as read on the way."""
        body = event.body
        self.count(
            event.subject,
            read=body["rows_read"] - read,
            committed=body.get("rows_committed", 0),
            quarantined=body.get("rows_quarantined", 0),
            refused=body["rows_refused"],
        )


def collect(
    ws: Workspace, table: str, *, source: Source, because: str = "", account: Account | None = None
) -> list[Event]:
    """Collect every partition of a table that is complete by now and new or changed; one unit of work each.

    Returns:
        The events, `collected` or `refused`, in time order; empty when there was nothing new.
    """
    known_table(ws, table)
    ws.refresh()
    account = account or Account()
    seen = ws.state.snapshot.fingerprints(table)
    done: list[Event] = []
    for found in source.deliveries(table, now=ws.clock.now(), seen=seen):
        if isinstance(found, Problem):
            done += _refuse_source(ws, table, found)
        elif isinstance(found, Passed):
            account.count(table, read=found.rows, **{found.why: found.rows})
        else:
            done += _collect_partition(ws, table, found, because, account)
    return done


def collect_files(
    ws: Workspace, table: str, files: Sequence[Path], *, because: str = "", account: Account | None = None
) -> list[Event]:
    """Collect the partitions of these files, whatever the table's source is; a complete partition or not.

    Raises:
        DataError (TV-SRC-…): a file cannot be read. What came before it stays collected.
    """
    known_table(ws, table)
    source = FileSource(ws.folder, ws.project, scratch=ws.blobs.scratch)
    account = account or Account()
    done: list[Event] = []
    for found in source.read(table, list(files), now=END_OF_TIME, seen={}):
        if isinstance(found, Problem):
            raise DataError(found)
        if isinstance(found, Delivery):
            done += _collect_partition(ws, table, found, because, account)
    return done


def known_table(ws: Workspace, table: str) -> None:
    """Refuse a table that the project does not name (ProjectError TV-RUN-006, the nearest named)."""
    if table not in ws.project.tables:
        raise ProjectError(unknown_name("TV-RUN-006", "table", table, list(ws.project.tables), where="trivium.toml"))


def _collect_partition(ws: Workspace, table: str, delivery: Delivery, because: str, account: Account) -> list[Event]:
    account.now = f"{table} {delivery.partition.name}"
    work = _Work(ws, table, delivery, because, account)
    done = ws.unit(f"collect/{table}/{delivery.partition.name}/{delivery.fingerprint}", work)
    for event in done:
        account.settle(event, read=work.read)
    if not done:
        rows = max(delivery.rows, work.read)
        account.count(table, read=rows - work.read, unchanged=rows)
    return done


@dataclass
class _Work:
    """The decision on one delivery. Asked again after somebody else appended, it decides anew only if need be."""

    ws: Workspace
    table: str
    delivery: Delivery
    because: str
    account: Account
    read: int = 0
    _decided: list[Event] = field(default_factory=list)
    _as_of: int = -1

    def __call__(self) -> list[Event]:
        changed_at = self.ws.state.snapshot.changed_at(self.table)
        if not self._decided or changed_at != self._as_of:
            self._decided, self._as_of = [self._decide()], changed_at
        return list(self._decided)

    def _decide(self) -> Event:
        ws, table, delivery = self.ws, self.table, self.delivery
        keys = keys_of(ws, table)
        with ExitStack() as stack:
            committed = stack.enter_context(ws.blobs.frame_writer())
            quarantined = stack.enter_context(ws.blobs.frame_writer())
            intake = self._intake(keys, lambda: DiskHashes(when_asked(stack, ws.blobs.scratch)))
            keys.expect()
            rows = 0
            for chunk in delivery.chunks():
                taken = intake.take(chunk)
                if not intake.is_refused:
                    committed.write(taken.committed)
                    quarantined.write(taken.quarantined)
                    keys.note(taken.committed)
                rows += chunk.height
                if rows > self.read:
                    self.account.count(table, read=rows - self.read)
                    self.read = rows
            decided = intake.finish()
            body = self._body(decided)
            counts: dict[str, Any] = {"breaks": decided.breaks, "warnings": decided.warnings}
            if decided.refused or not decided.read:
                return ws.event("refused", table, because=self.because, **body, **counts)
            blob = committed.keep()
            if decided.held:
                blob = _hold_back(ws, blob, quarantined, decided)
                keys.expect()
            kept: dict[str, Any] = {
                "rows_committed": decided.committed,
                "rows_quarantined": decided.quarantined,
                "blob": blob,
                "quarantine": quarantined.keep() if decided.quarantined else None,
                "summary": ws.blobs.put(encode(decided.summary)),
                **counts,
            }
        keys.settle(blob)
        return ws.event("collected", table, because=self.because, **body, **kept, **self._replaced(blob))

    def _intake(self, keys: KeyIndex, hash_set: Callable[[], HashSet]) -> Intake:
        return begin(
            self.ws.project.tables[self.table],
            name=self.table,
            partition=self.delivery.partition,
            checks=self.ws.project.checks,
            at=self.ws.clock.now(),
            existing_keys=partial(keys.held_elsewhere, partition=self.delivery.partition.name),
            references=referenced_values(self.ws, self.ws.project.tables[self.table]),
            history=earlier_summaries(self.ws, self.table, self.delivery.partition),
            hash_set=hash_set,
        )

    def _body(self, decided: Decided) -> dict[str, Any]:
        partition = self.delivery.partition
        return {
            "partition": partition.name,
            "start": iso(partition.start),
            "end": iso(partition.end),
            "rows_read": decided.read,
            "rows_refused": decided.refused,
            "fingerprint": self.delivery.fingerprint,
            "source": self.delivery.source,
            "problems": [msgspec.to_builtins(problem) for problem in decided.problems],
        }

    def _replaced(self, blob: str) -> dict[str, Any]:
        """Name what the partition held before, and say what changed."""
        history = self.ws.state.snapshot.history(self.table, self.delivery.partition.name)
        if not history:
            return {"replaces": None}
        before = history[-1].blob
        key = self.ws.project.tables[self.table].key
        return {"replaces": before, "changes": changes_between(self.ws.blobs, before, blob, key=key)}


def _hold_back(ws: Workspace, blob: str, quarantined: FrameWriter, decided: Decided) -> str:
    """Move rows that were let in, one by one, to those held back, as the partition as a whole is; give what is left."""
    none = None
    for rows in ws.blobs.frames(blob):
        none = rows.clear()
        quarantined.write(hold_back(rows, decided.held))
    assert none is not None
    return ws.blobs.put_frame(none)


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


def keys_of(ws: Workspace, table: str) -> KeyIndex:
    """Give the index of a table's keys, brought up to the present state."""
    name = f"keys/{table}"
    if name not in ws.cache:
        ws.cache[name] = KeyIndex(ws.project.tables[table].key, ws.blobs.scratch)
    index = ws.cache[name]
    assert isinstance(index, KeyIndex)
    return index.bring_up_to(ws, table) if index.columns else index


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
    source = FileSource(ws.folder, ws.project, scratch=ws.blobs.scratch)
    keys = keys_of(ws, table)
    found = []
    for delivery in source.read(table, list(files or source.files(table)), now=END_OF_TIME, seen={}):
        if isinstance(delivery, Problem):
            raise DataError(delivery)
        if isinstance(delivery, Passed):
            continue
        intake = begin(
            ws.project.tables[table],
            name=table,
            partition=delivery.partition,
            checks=ws.project.checks,
            at=ws.clock.now(),
            existing_keys=partial(keys.held_elsewhere, partition=delivery.partition.name),
            references=referenced_values(ws, ws.project.tables[table]),
            history=earlier_summaries(ws, table, delivery.partition),
        )
        for chunk in delivery.chunks():
            intake.take(chunk)
        decided = intake.finish()
        found.append(
            {
                "partition": delivery.partition.name,
                "read": decided.read,
                "committed": decided.committed,
                "quarantined": decided.quarantined,
                "refused": decided.refused,
                "breaks": decided.breaks,
                "warnings": decided.warnings,
                "problems": [msgspec.to_builtins(problem) for problem in decided.problems],
            }
        )
    return found
