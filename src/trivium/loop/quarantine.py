"""What becomes of rows that were held back: a person lets them in, or gives them up."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.contract import Column
from trivium.core.events import Event
from trivium.core.problems import DataError, unknown_name
from trivium.core.project import Table
from trivium.core.values import Partition, iso
from trivium.data.checks import UNIQUE, UNIQUE_ACROSS
from trivium.data.held import Taken, release_rows
from trivium.data.intake import Decided, begin
from trivium.data.packing import encode
from trivium.data.summary import summarise_partition
from trivium.loop.beside import referenced_values
from trivium.loop.collect import keys_of
from trivium.loop.workspace import Workspace
from trivium.store.tables import PartitionRecord

if TYPE_CHECKING:
    import polars as pl


def release_quarantine(ws: Workspace, table: str, partition: str, *, because: str) -> list[Event]:
    """Let the quarantined rows of a partition in, beside its good rows.

    Whoever releases rows overrules the rules that held them back; the event counts which. Not so the rules that make a
    table a table: types, the time and the key. Rows that break those now stay in quarantine.

    Raises:
        DataError (TV-RUN-007): that partition has no quarantined rows.
        DataError (TV-DATA-…): none of the rows can be let in, or one breaks a rule that blocks.
    """

    def work() -> list[Event]:
        record = quarantined(ws, table, partition)
        held = release_rows(ws.frame(record.quarantine or ""))
        _, overruled = _hold_to(ws, record, held, ws.project.tables[table], table=table, checks=True)
        if overruled.refused:
            raise DataError(*overruled.problems)
        taken, decided = _hold_to(ws, record, held, _bare(ws.project.tables[table]), table=table, checks=False)
        if not decided.committed:
            raise DataError(*decided.problems)
        return [_released(ws, table, record, taken, overruled=overruled.breaks, because=because)]

    return ws.unit(None, work)


def _released(
    ws: Workspace, table: str, record: PartitionRecord, taken: Taken, *, overruled: Mapping[str, int], because: str
) -> Event:
    import polars as pl

    rows = ws.rows([record])
    together = pl.concat([rows, taken.committed], how="diagonal_relaxed") if rows.width else taken.committed
    partition = Partition(table, record.start, record.end)
    summary = summarise_partition(together, ws.project.tables[table], partition)
    return ws.event(
        "quarantine_released",
        table,
        because=because,
        partition=record.partition,
        start=iso(record.start),
        end=iso(record.end),
        blob=ws.blobs.put_frame(together),
        rows=together.height,
        quarantine=ws.blobs.put_frame(taken.quarantined) if taken.quarantined.height else None,
        summary=ws.blobs.put(encode(summary)),
        fingerprint=record.fingerprint,
        rows_released=taken.committed.height,
        rows_held=taken.quarantined.height,
        overruled={rule: rows for rule, rows in overruled.items() if rule not in (UNIQUE, UNIQUE_ACROSS)},
    )


def _hold_to(
    ws: Workspace, record: PartitionRecord, held: "pl.DataFrame", settings: Table, *, table: str, checks: bool
) -> tuple[Taken, Decided]:
    """Hold rows to a contract, and their keys to those of the whole table, the partition's own included."""
    keys = keys_of(ws, table)
    intake = begin(
        settings,
        name=table,
        partition=Partition(table, record.start, record.end),
        # A check on the partition as a whole says nothing about these rows alone.
        checks=[check for check in ws.project.checks if checks and check.measure is None],
        at=ws.clock.now(),
        existing_keys=partial(keys.held_elsewhere, partition=""),
        references=referenced_values(ws, ws.project.tables[table]),
    )
    return intake.take(held), intake.finish()


def _bare(settings: Table) -> Table:
    """Keep of a contract what makes a table a table: types, time and key."""
    columns = {name: Column(type=rule.type, private=rule.private) for name, rule in settings.columns.items()}
    return msgspec.structs.replace(settings, columns=columns)


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
