"""The rules that hold for a table's rows: those its contract's columns state, and those of the project's `[[checks]]`.

Not rules on a partition as a whole: those are `measures.py`'s.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import cast

import polars as pl

from trivium.core.contract import Check, RowSeverity
from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.parse import parse
from trivium.core.problems import Problem, ProjectError
from trivium.core.project import WHERE, Table
from trivium.core.values import Partition
from trivium.data.column_rules import column_rules
from trivium.data.rules import RowRule

WITHIN_PARTITION = "time within partition"
UNIQUE = "key is unique"
UNIQUE_ACROSS = "key is unique across partitions"


def rules(
    table: Table, checks: Sequence[Check], *, name: str, at: datetime, references: Mapping[str, pl.Series] | None = None
) -> list[RowRule]:
    """List the rules that hold for a table's rows at a time.

    First those of time and key (never null), then each column's of the contract (not null where `nulls` is 0, in
    range, among its values, of its pattern and length, among what it references), then the project's checks on the rows
    of this table; what has expired on the day of `at` is left out. They expect a frame that `conform` made.

    Args:
        table: the contract, time and key.
        checks: all of the project's.
        name: the table's name.
        at: the time of the decision.
        references: for each column that the contract references, such as `planes.tailnum`, the values it holds.

    Raises:
        ProjectError: TV-DATA-008 a value does not fit its column's type, TV-DATA-009 a check has the name of a rule
            that the table has anyway; and the problems of `core.expressions` for a `must` that is no expression.
    """
    today = at.date()
    never_null = dict.fromkeys((*([table.time] if table.time is not None else []), *table.key))
    found = [_never_null(column) for column in never_null]
    taken = {rule.name for rule in found}
    for column, contract in table.columns.items():
        where = f"{WHERE}, tables.{name}.columns.{column}"
        of_column = column_rules(column, contract, references=references or {}, today=today, where=where)
        found += [rule for rule in of_column if rule.name not in taken]
    taken |= {rule.name for rule in found} | {WITHIN_PARTITION, UNIQUE, UNIQUE_ACROSS}
    taken |= {unique_name(column) for column, contract in table.columns.items() if contract.unique}
    for check in checks:
        if check.holds(name, today=today):
            where = f"{WHERE}, checks {check.name!r}"
            if check.name in taken:
                raise ProjectError(_name_taken(check, where=where))
            if check.measure is None:
                found.append(_of_check(check, where=where))
    return found


def unique_name(column: str) -> str:
    """Name the rule that no two rows of a partition have the same value in a column."""
    return f"{column} is unique"


def within_partition(table: Table, partition: Partition) -> list[RowRule]:
    """Give the rule that a row belongs to its partition; none for a table or partition without a span of time."""
    if table.time is None or partition.start == partition.end:
        return []
    moment = pl.col(table.time)
    return [
        RowRule(
            name=WITHIN_PARTITION,
            ok=(moment >= partition.start) & (moment < partition.end),
            severity="quarantine",
            column=table.time,
            what=f"have {table.time} outside their partition",
        )
    ]


def _never_null(column: str) -> RowRule:
    return RowRule(
        name=f"{column} is not null",
        ok=pl.col(column).is_not_null(),
        severity="quarantine",
        column=column,
        what=f"have no {column}",
        because="it names a row or its time",
    )


def _name_taken(check: Check, *, where: str) -> Problem:
    return Problem(
        code="TV-DATA-009",
        what=f"the table has a rule {check.name!r} of its own",
        where=where,
        seen=check.name,
        fix="rename the check",
    )


def _of_check(check: Check, *, where: str) -> RowRule:
    return RowRule(
        name=check.name,
        ok=compiled(check.must, where),
        severity=cast(RowSeverity, check.else_),  # the project file is held to ALLOWED_ELSE["table"]
        column=None,
        what=f"break the check {check.name!r}: {check.must}",
        because=check.because,
        owner=check.owner,
        expires=check.expires,
    )


@lru_cache(maxsize=1024)
def compiled(text: str, where: str) -> pl.Expr:
    """Compile an expression once per text: parsing costs more than the check of a day's rows."""
    return to_columns(parse(text, where=where))
