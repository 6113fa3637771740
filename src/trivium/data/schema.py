"""A table's schema: bring a frame into the types of its contract, and tell how it differs from it.

Not the rules on single rows (`checks.py`), and not the decision on what is let in (`intake.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import polars as pl

from trivium.core.problems import MOST_VALUES_SHOWN, Problem, nearest_first, shown
from trivium.core.project import Table

MOMENT = pl.Datetime("us", "UTC")
DTYPES: dict[str, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "str": pl.String(),
    "bool": pl.Boolean(),
    "datetime": MOMENT,
    "date": pl.Date(),
}


@dataclass(frozen=True, slots=True)
class Mistyped:
    """The values of one column that are not of its type: how many, and the first few."""

    dtype: pl.DataType
    rows: int
    first: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class SchemaBreaks:
    """How frames differ from their table's schema. Those of a partition's chunks add up to those of the whole."""

    gone: tuple[str, ...] = ()
    mistyped: Mapping[str, Mistyped] = field(default_factory=dict)
    new: tuple[str, ...] = ()

    def __add__(self, later: "SchemaBreaks") -> "SchemaBreaks":
        mistyped = dict(self.mistyped)
        for column, found in later.mistyped.items():
            had = mistyped.get(column, Mistyped(found.dtype, 0, ()))
            mistyped[column] = Mistyped(
                had.dtype, had.rows + found.rows, (*had.first, *found.first)[:MOST_VALUES_SHOWN]
            )
        return SchemaBreaks(_either(self.gone, later.gone), mistyped, _either(self.new, later.new))

    def blocking(self, table: Table, *, name: str) -> list[Problem]:
        """Tell what forbids the use of the rows: TV-DATA-001 (a column is gone), TV-DATA-002 (of another type)."""
        gone = [_gone(column, self.new, name=name) for column in self.gone]
        kinds = _kinds(table)
        return gone + [
            _mistyped(column, found, kinds[column], name=name, private=_is_private(table, column))
            for column, found in self.mistyped.items()
        ]

    def warnings(self, table: Table, *, name: str) -> list[Problem]:
        """Tell what is only worth a word: TV-DATA-003 (columns that are not in the contract)."""
        return [_new(self.new, name=name)] if self.new and table.columns else []


def _either(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*some, *others)))


def conform(frame: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, SchemaBreaks]:
    """Cast each column to the type its contract gives it, where no value is lost by it.

    Text becomes a number, a boolean, a date or a datetime (ISO 8601; no zone means UTC), a whole float an int, a date
    a datetime. A number never becomes text: leading zeros that its reader dropped would stay lost unseen. In all
    columns, in the contract or not, NaN becomes null and datetimes become UTC in microseconds. The time of a table
    is always a datetime. The order of rows and of columns stays; an empty frame is cast like any other.

    Args:
        frame: the rows as they were read.
        table: its contract, time and key; without columns any schema passes that has time and key.

    Returns:
        The frame (a column with a problem is left as it came), and how it differs from what it should be.
    """
    kinds = _kinds(table)
    needed = _either(tuple(kinds), table.key)
    tidy = frame.with_columns(
        *(pl.col(column).fill_nan(None) for column in _with_nan(frame)),
        *(
            recast(frame[column], "datetime")
            for column, dtype in frame.schema.items()
            if dtype == pl.Datetime and dtype != MOMENT and kinds.get(column, "datetime") == "datetime"
        ),
    )
    cast, mistyped = [], {}
    for column, kind in kinds.items():
        if column in tidy.columns and tidy.schema[column] != DTYPES[kind]:
            series, offending = cast_to(tidy[column], kind)
            if offending.is_empty():
                cast.append(series)
            else:
                first = tuple(offending.head(MOST_VALUES_SHOWN).to_list())
                mistyped[column] = Mistyped(offending.dtype, offending.len(), first)
    gone = tuple(column for column in needed if column not in frame.columns)
    new = tuple(column for column in frame.columns if column not in needed)
    return tidy.with_columns(cast), SchemaBreaks(gone, mistyped, new)


def _kinds(table: Table) -> dict[str, str]:
    kinds: dict[str, str] = {column: contract.type for column, contract in table.columns.items()}
    return kinds if table.time is None else {**kinds, table.time: "datetime"}


def _with_nan(frame: pl.DataFrame) -> list[str]:
    """Find the columns that hold a NaN; to look costs a tenth of a copy."""
    floats = [column for column, dtype in frame.schema.items() if dtype.is_float()]
    asked = frame.select(pl.col(column).is_nan().any().alias(str(place)) for place, column in enumerate(floats))
    return [column for column, has in zip(floats, asked.row(0), strict=True) if has] if floats else []


def _is_private(table: Table, column: str) -> bool:
    return column in table.columns and table.columns[column].private


def _gone(column: str, new: Sequence[str], *, name: str) -> Problem:
    near = nearest_first(column, new)
    return Problem(
        code="TV-DATA-001",
        what=f"column {column!r} of {name!r} is gone" + (f"; maybe it was renamed to {near[0]!r}" if near else ""),
        where=f"table {name}, column {column}",
        seen=f"new columns: {', '.join(near)}" if near else "",
        fix="restore the column at the source, or name the new one in trivium.toml",
    )


def _mistyped(column: str, found: Mistyped, kind: str, *, name: str, private: bool) -> Problem:
    values = "(private)" if private else shown(found.first, total=found.rows)
    return Problem(
        code="TV-DATA-002",
        what=f"column {column!r} of {name!r} must be {kind}, and {found.rows:,} of its values are not",
        where=f"table {name}, column {column}",
        seen=f"{found.dtype}: {values}",
        fix=f"correct the column at the source, or change its type from {kind!r} in trivium.toml",
    )


def _new(columns: Sequence[str], *, name: str) -> Problem:
    return Problem(
        code="TV-DATA-003",
        what=f"{len(columns)} of the columns of {name!r} are not in its contract",
        where=f"table {name}",
        seen=shown(columns),
        fix=f"add them to [tables.{name}.columns]; `trivium contract infer {name}` shows what to write",
    )


def cast_to(series: pl.Series, kind: str) -> tuple[pl.Series, pl.Series]:
    """Cast to a kind of the contract where no value is lost by it, as `conform` says.

    Returns:
        The series, null where a value could not be cast, and the values that could not. Blank text is a null of
        any other type than text, and so is NaN.
    """
    cast = recast(series, kind)
    lost = cast.is_null() & series.is_not_null()
    if series.dtype == pl.String:
        lost &= series.str.strip_chars() != ""
    return (cast.fill_nan(None) if kind == "float" else cast), series.filter(lost)


def recast(series: pl.Series, kind: str) -> pl.Series:
    """Cast to a kind of the contract, with null for each value that would not stay what it is."""
    source, target = series.dtype, DTYPES[kind]
    if source in (target, pl.Null):
        return series.cast(target)
    if source in (pl.Categorical, pl.Enum):
        return recast(series.cast(pl.String), kind)
    if source == pl.String:
        return _from_text(series, kind)
    if kind in ("int", "float") and source.is_numeric():
        cast = series.cast(target, strict=False)
        return _only_where(cast, cast.cast(source, strict=False) == series)
    if kind in ("date", "datetime") and source in (pl.Date, pl.Datetime):
        moments = _to_utc(series)
        if kind == "datetime":
            return moments
        return _only_where(moments.dt.date(), moments == moments.dt.truncate("1d"))
    return pl.Series(series.name, [None] * series.len(), dtype=target)


def _only_where(series: pl.Series, keep: pl.Series) -> pl.Series:
    return series.set(~keep.fill_null(False), None)


def _to_utc(series: pl.Series) -> pl.Series:
    zone = getattr(series.dtype, "time_zone", None)
    moments = series.cast(pl.Datetime("us", zone))
    return moments.dt.replace_time_zone("UTC") if zone is None else moments.dt.convert_time_zone("UTC")


def _from_text(series: pl.Series, kind: str) -> pl.Series:
    text = series.str.strip_chars()
    if kind == "int":
        # Writers that hold nulls as NaN write whole numbers as 3.0.
        return text.cast(pl.Int64, strict=False).fill_null(recast(text.cast(pl.Float64, strict=False), "int"))
    if kind == "float":
        return text.cast(pl.Float64, strict=False)
    if kind == "bool":
        return text.str.to_lowercase().replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        )
    # Polars guesses a format, day before month among them; only ISO 8601 is taken here.
    read: Callable[[str], date | None] = _moment if kind == "datetime" else _date
    parsed = [None if value is None else read(value) for value in text.to_list()]
    return pl.Series(series.name, parsed, dtype=DTYPES[kind])


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
