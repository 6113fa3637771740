"""Rules on single rows: those a contract's columns state, and those of the project's `[[checks]]`.

Not rules on a partition as a whole (keys, its span of time, its share of nulls): those are `intake.py`'s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, cast

import polars as pl

from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.parse import parse
from trivium.core.problems import Problem, ProjectError, shown
from trivium.core.project import WHERE, Check, Column, Table
from trivium.data.schema import cast_to

RowSeverity = Literal["block", "quarantine", "warn"]
WITHIN_PARTITION = "time within partition"
UNIQUE = "key is unique"
UNIQUE_ACROSS = "key is unique across partitions"


@dataclass(frozen=True, slots=True)
class RowRule:
    """A named rule over a row. A row breaks it where `ok` is false; null (unknown) is not false, and passes.

    `column` is the contract's column that states it, None for a check of the project. `what` goes on from
    "3 of 900 rows of 'flights'".
    """

    name: str
    ok: pl.Expr
    severity: RowSeverity
    column: str | None
    because: str
    what: str

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the rule reads, in alphabetical order."""
        return tuple(sorted(set(self.ok.meta.root_names())))


def rules(table: Table, checks: Sequence[Check], *, name: str, at: datetime) -> list[RowRule]:
    """List the rules that hold for a table's rows at a time.

    First those of time and key (never null), then each column's of the contract (not null where `nulls` is 0, in
    range, among its values), then the project's checks on this table that have not expired on the day of `at`.
    A value that is null is neither out of range nor unknown. They expect a frame that `conform` made.

    Raises:
        ProjectError: TV-DATA-008 a limit or value does not fit its column's type, TV-DATA-009 a check has the name of
            a rule that the table has anyway; and the problems of `core.expressions` for a `must` that is no expression.
    """
    never_null = dict.fromkeys((*([table.time] if table.time is not None else []), *table.key))
    found = [_not_null(column, "names a row or its time") for column in never_null]
    for column, contract in table.columns.items():
        if contract.nulls == 0 and column not in never_null:
            found.append(_not_null(column, "its contract says nulls = 0"))
        found += _of_values(column, contract, where=f"{WHERE}, tables.{name}.columns.{column}")
    taken = {WITHIN_PARTITION, UNIQUE, UNIQUE_ACROSS, *(rule.name for rule in found)}
    for check in checks:
        if check.holds(name, today=at.date()):
            where = f"{WHERE}, checks {check.name!r}"
            if check.name in taken:
                raise ProjectError(_name_taken(check, where=where))
            found.append(_of_check(check, where=where))
    return found


def _not_null(column: str, because: str) -> RowRule:
    return RowRule(
        name=f"{column} is not null",
        ok=pl.col(column).is_not_null(),
        severity="quarantine",
        column=column,
        because=because,
        what=f"have no {column}",
    )


def _of_values(column: str, contract: Column, *, where: str) -> Iterator[RowRule]:
    if contract.min is not None or contract.max is not None:
        yield _in_range(column, contract, where=where)
    if contract.values:
        yield RowRule(
            name=f"{column} is known",
            ok=pl.col(column).is_in(_values(contract, where=where).implode()),
            severity=contract.unknown,
            column=column,
            because="its contract lists the values",
            what=f"have {column} not among its {len(contract.values)} values",
        )


def _in_range(column: str, contract: Column, *, where: str) -> RowRule:
    if contract.type not in ("int", "float"):
        raise ProjectError(_misfit(f"a {contract.type} column has no min or max", "", where=where))
    limits = []
    ok = pl.lit(value=True)
    if contract.min is not None:
        limits.append(f"below {contract.min:g}")
        ok = pl.col(column) >= contract.min
    if contract.max is not None:
        limits.append(f"above {contract.max:g}")
        ok = ok & (pl.col(column) <= contract.max) if contract.min is not None else pl.col(column) <= contract.max
    return RowRule(
        name=f"{column} in range",
        ok=ok,
        severity="quarantine",
        column=column,
        because="its contract says min or max",
        what=f"have {column} {' or '.join(limits)}",
    )


def _values(contract: Column, *, where: str) -> pl.Series:
    try:
        values, misfits = cast_to(pl.Series(contract.values, strict=True), contract.type)
    except TypeError:  # the values are of more than one type
        values, misfits = pl.Series(), pl.Series(contract.values, dtype=pl.Object)
    if misfits.len():
        what = f"the values of a column are not all {contract.type}"
        seen = "(private)" if contract.private else shown(misfits.to_list())
        raise ProjectError(_misfit(what, seen, where=where))
    return values


def _misfit(what: str, seen: str, *, where: str) -> Problem:
    return Problem(
        code="TV-DATA-008",
        what=what,
        where=where,
        seen=seen,
        fix="correct the type, or write limits and values of that type",
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
        ok=_compiled(check.must, where),
        severity=cast(RowSeverity, check.else_),  # the project file is held to ALLOWED_ELSE["table"]
        column=None,
        because=check.because,
        what=f"break the check {check.name!r}: {check.must}",
    )


@lru_cache(maxsize=1024)
def _compiled(text: str, where: str) -> pl.Expr:
    """Compile once per text: parsing costs more than the check of a day's rows."""
    return to_columns(parse(text, where=where))
