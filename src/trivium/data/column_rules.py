"""The rules over a row that a column's contract states: range, known values, pattern, length, reference.

Not `nulls` above 0, a share of the partition (`measures.py`), nor `unique`, a matter of many rows (`uniqueness.py`).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from trivium.core.contract import Column, whole
from trivium.core.problems import Problem, ProjectError, shown
from trivium.data.rules import RowRule
from trivium.data.schema import DTYPES, cast_to


def column_rules(
    column: str, contract: Column, *, references: Mapping[str, pl.Series], today: date, where: str
) -> Iterator[RowRule]:
    """Give the rules of one column that have not expired; a value that is null breaks none of them but `nulls = 0`.

    Args:
        column: its name.
        contract: what is promised of it.
        references: the values of each column that another one references, by its name such as `planes.tailnum`.
        today: the day of the decision.
        where: where the contract stands, for a problem.

    Raises:
        ProjectError (TV-DATA-008): a value does not fit the column's type.
    """
    if contract.nulls == 0 and contract.holds("nulls", today=today):
        yield _rule(
            column, contract, "nulls", claim="is not null", ok=pl.col(column).is_not_null(), what=f"have no {column}"
        )
    if (contract.min is not None or contract.max is not None) and contract.holds("range", today=today):
        yield _in_range(column, contract)
    if contract.values and contract.holds("values", today=today):
        ok = pl.col(column).is_in(_values(contract, where=where).implode())
        what = f"have {column} not among its {len(contract.values)} values"
        yield _rule(column, contract, "values", claim="is known", ok=ok, what=what)
    if contract.pattern is not None and contract.holds("pattern", today=today):
        ok = pl.col(column).str.contains(whole(contract.pattern))
        what = f"have {column} not of the pattern {contract.pattern}"
        yield _rule(column, contract, "pattern", claim="matches its pattern", ok=ok, what=what)
    if (contract.min_length is not None or contract.max_length is not None) and contract.holds("length", today=today):
        yield _of_length(column, contract)
    if contract.references is not None and contract.holds("references", today=today):
        known = cast_to(references[contract.references], contract.type)[0].drop_nulls().unique()
        ok = pl.col(column).is_in(known.cast(DTYPES[contract.type]).implode())
        what = f"have {column} not among the {known.len():,} values of {contract.references}"
        yield _rule(column, contract, "references", claim=f"is in {contract.references}", ok=ok, what=what)


def _rule(column: str, contract: Column, rule: str, *, claim: str, ok: pl.Expr, what: str) -> RowRule:
    terms = contract.terms(rule)
    return RowRule(
        name=f"{column} {claim}",
        ok=ok,
        severity=terms.else_ or "quarantine",
        column=column,
        what=what,
        because=terms.because or "",
        owner=terms.owner or "",
        expires=terms.expires,
    )


def _in_range(column: str, contract: Column) -> RowRule:
    """Hold a column to its limits, both inside. A day is a limit with all its hours."""
    limits, parts = [], []
    if contract.min is not None:
        limits.append(f"below {_written(contract.min)}")
        parts.append(pl.col(column) >= _limit(contract.min, contract.type))
    if contract.max is not None:
        limits.append(f"above {_written(contract.max)}")
        if contract.type == "datetime" and isinstance(contract.max, date):
            parts.append(pl.col(column) < _limit(contract.max + timedelta(days=1), contract.type))
        else:
            parts.append(pl.col(column) <= _limit(contract.max, contract.type))
    ok = parts[0] & parts[-1] if len(parts) > 1 else parts[0]
    return _rule(column, contract, "range", claim="in range", ok=ok, what=f"have {column} {' or '.join(limits)}")


def _limit(limit: float | date, kind: str) -> float | date:
    if isinstance(limit, date) and kind == "datetime":
        return datetime.combine(limit, time(), tzinfo=UTC)
    return limit


def _written(limit: float | date) -> str:
    return limit.isoformat() if isinstance(limit, date) else f"{limit:g}"


def _of_length(column: str, contract: Column) -> RowRule:
    length = pl.col(column).str.len_chars()
    parts, limits = [], []
    if contract.min_length is not None:
        limits.append(f"shorter than {contract.min_length}")
        parts.append(length >= contract.min_length)
    if contract.max_length is not None:
        limits.append(f"longer than {contract.max_length}")
        parts.append(length <= contract.max_length)
    ok = parts[0] & parts[-1] if len(parts) > 1 else parts[0]
    what = f"have {column} {' or '.join(limits)} characters"
    return _rule(column, contract, "length", claim="of its length", ok=ok, what=what)


def _values(contract: Column, *, where: str) -> pl.Series:
    try:
        values, misfits = cast_to(pl.Series(contract.values, strict=True), contract.type)
    except TypeError:  # the values are of more than one type
        values, misfits = pl.Series(), pl.Series(contract.values, dtype=pl.Object)
    if misfits.len():
        raise ProjectError(
            Problem(
                code="TV-DATA-008",
                what=f"the values of a column are not all {contract.type}",
                where=where,
                seen="(private)" if contract.private else shown(misfits.to_list()),
                fix="correct the type, or write values of that type",
            )
        )
    return values
