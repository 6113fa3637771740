"""What the intake of a partition needs to know of what lies beside it: referenced values, and earlier partitions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trivium.core.contract import Check, reference
from trivium.core.project import Table
from trivium.core.summary import Summary
from trivium.core.values import Partition
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl


@dataclass
class _Referenced:
    """The values of a column, and the partitions that they were read from."""

    values: "pl.Series"
    blobs: set[str] = field(default_factory=set)


def referenced_values(ws: Workspace, table: Table) -> "dict[str, pl.Series]":
    """Read the values of each column that a contract references, as its table holds them now.

    Returns:
        By name, such as `planes.tailnum`; a table that holds nothing yet has no values.
    """
    columns = table.columns.values()
    return {column.references: _values(ws, column.references) for column in columns if column.references}


def no_values(table: Table) -> "dict[str, pl.Series]":
    """Stand for referenced values where no rows are looked at."""
    import polars as pl

    from trivium.data.schema import DTYPES

    referring = [column for column in table.columns.values() if column.references]
    return {column.references or "": pl.Series(dtype=DTYPES[column.type]) for column in referring}


def _values(ws: Workspace, name: str) -> "pl.Series":
    """Keep what was read, and read only the partitions that are new since; where one was replaced, all anew."""
    import polars as pl

    from trivium.data.schema import DTYPES

    table, column = reference(name)
    kind = ws.project.tables[table].columns[column].type
    now = [record.blob for record in ws.state.snapshot.partitions(table) if record.rows]
    held = ws.cache.get(f"references/{name}")
    if not isinstance(held, _Referenced) or not held.blobs <= set(now):
        held = ws.cache[f"references/{name}"] = _Referenced(pl.Series(dtype=DTYPES[kind]))
    new = [blob for blob in now if blob not in held.blobs]
    for blob in new:
        frame = ws.blobs.get_frame(blob, columns=[column])
        if frame.width:
            held.values = pl.concat([held.values, frame.to_series().drop_nulls().cast(DTYPES[kind])]).unique()
        held.blobs.add(blob)
    return held.values


def earlier_summaries(
    ws: Workspace, table: str, partition: Partition, *, checks: Sequence[Check] | None = None
) -> dict[str, Summary]:
    """Read the summaries of a table's earlier partitions that its contract compares with, the oldest first.

    Args:
        ws: the project.
        table: the table's name.
        partition: which partition is decided on.
        checks: the contract's, where it is not the project's own.

    Returns:
        By partition; empty where the contract compares with none. Of a table without a time, what it held before.
    """
    from trivium.data.measures import MOST_USUAL, needs_history
    from trivium.data.packing import decode

    if not needs_history(ws.project.checks if checks is None else checks, table):
        return {}
    if partition.start == partition.end:
        records = {str(record.seq): record for record in ws.state.snapshot.history(table, partition.name)}
    else:
        partitions = ws.state.snapshot.partitions(table, until=partition.start)
        records = {record.partition: record for record in partitions}
    latest: dict[str, Any] = dict(list(records.items())[-MOST_USUAL:])
    return {name: decode(ws.blobs.get(record.summary)) for name, record in latest.items()}
