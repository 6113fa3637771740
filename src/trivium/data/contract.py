"""A table's contract: bring a frame into its types, propose one from rows, compare two, write one down.

Not the rules on single rows (`checks.py`), and not the decision on what is let in (`intake.py`).
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from trivium.core.problems import Problem, nearest_first, shown
from trivium.core.project import Column, Table

MOST_VALUES_LISTED = 40
MOMENT = pl.Datetime("us", "UTC")
DTYPES: dict[str, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "str": pl.String(),
    "bool": pl.Boolean(),
    "datetime": MOMENT,
    "date": pl.Date(),
}
# What text may turn out to be, the narrowest first; `str` is what is left.
_TEXT_MAY_BE = ("int", "float", "bool", "date", "datetime")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Conformed:
    """A frame in its contract's types, what forbids its use, and what is only worth a word."""

    frame: pl.DataFrame
    blocking: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def conform(frame: pl.DataFrame, table: Table, *, name: str) -> Conformed:
    """Cast each column to the type its contract gives it, where no value is lost by it.

    Text becomes a number, a boolean, a date or a datetime (ISO 8601; no zone means UTC), a whole float an int, a date
    a datetime. A number never becomes text: leading zeros that its reader dropped would stay lost unseen. In all
    columns, in the contract or not, NaN becomes null and datetimes become UTC in microseconds. The time of a table
    is always a datetime. The order of rows and of columns stays; an empty frame is cast like any other.

    Args:
        frame: the rows as they were read.
        table: its contract, time and key; without columns any schema passes that has time and key.
        name: the table's name, for the problems.

    Returns:
        The frame (a column with a problem is left as it came), and the problems: blocking TV-DATA-001 (a column is
        gone) and TV-DATA-002 (a column has another type), warning TV-DATA-003 (a column is not in the contract).
    """
    kinds: dict[str, str] = {column: contract.type for column, contract in table.columns.items()}
    if table.time is not None:
        kinds[table.time] = "datetime"
    needed = list(dict.fromkeys((*kinds, *table.key)))
    new = [column for column in frame.columns if column not in needed]
    blocking = [_gone(column, new, name=name) for column in needed if column not in frame.columns]
    tidy = frame.with_columns(
        *(pl.col(column).fill_nan(None) for column, dtype in frame.schema.items() if dtype.is_float()),
        *(
            _recast(frame[column], "datetime")
            for column, dtype in frame.schema.items()
            if dtype == pl.Datetime and dtype != MOMENT and kinds.get(column, "datetime") == "datetime"
        ),
    )
    cast = []
    for column, kind in kinds.items():
        if column in tidy.columns and tidy.schema[column] != DTYPES[kind]:
            series, offending = cast_to(tidy[column], kind)
            if offending.is_empty():
                cast.append(series)
            else:
                blocking.append(_mistyped(offending, kind, name=name, private=_is_private(table, column)))
    warnings = (_new(new, name=name),) if new and table.columns else ()
    return Conformed(tidy.with_columns(cast), tuple(blocking), warnings)


def _is_private(table: Table, column: str) -> bool:
    return column in table.columns and table.columns[column].private


def _gone(column: str, new: list[str], *, name: str) -> Problem:
    near = nearest_first(column, new)
    return Problem(
        code="TV-DATA-001",
        what=f"column {column!r} of {name!r} is gone" + (f"; maybe it was renamed to {near[0]!r}" if near else ""),
        where=f"table {name}, column {column}",
        seen=f"new columns: {', '.join(near)}" if near else "",
        fix="restore the column at the source, or name the new one in trivium.toml",
    )


def _mistyped(offending: pl.Series, kind: str, *, name: str, private: bool) -> Problem:
    values = "(private)" if private else shown(offending.to_list())
    return Problem(
        code="TV-DATA-002",
        what=f"column {offending.name!r} of {name!r} must be {kind}, and {offending.len():,} of its values are not",
        where=f"table {name}, column {offending.name}",
        seen=f"{offending.dtype}: {values}",
        fix=f"correct the column at the source, or change its type from {kind!r} in trivium.toml",
    )


def _new(columns: list[str], *, name: str) -> Problem:
    return Problem(
        code="TV-DATA-003",
        what=f"{len(columns)} of the columns of {name!r} are not in its contract",
        where=f"table {name}",
        seen=shown(columns),
        fix=f"add them to [tables.{name}.columns]; `trivium contract diff {name}` shows what to write",
    )


def cast_to(series: pl.Series, kind: str) -> tuple[pl.Series, pl.Series]:
    """Cast to a kind of the contract where no value is lost by it, as `conform` says.

    Returns:
        The series, null where a value could not be cast, and the values that could not. Blank text is a null of
        any other type than text, and so is NaN.
    """
    cast = _recast(series, kind)
    lost = cast.is_null() & series.is_not_null()
    if series.dtype == pl.String:
        lost &= series.str.strip_chars() != ""
    return (cast.fill_nan(None) if kind == "float" else cast), series.filter(lost)


def _recast(series: pl.Series, kind: str) -> pl.Series:
    """Cast to a kind of the contract, with null for each value that would not stay what it is."""
    source, target = series.dtype, DTYPES[kind]
    if source in (target, pl.Null):
        return series.cast(target)
    if source in (pl.Categorical, pl.Enum):
        return _recast(series.cast(pl.String), kind)
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
        return text.cast(pl.Int64, strict=False).fill_null(_recast(text.cast(pl.Float64, strict=False), "int"))
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


def infer(frame: pl.DataFrame) -> dict[str, Column]:
    """Propose a contract from rows, loose enough for rows to come.

    Text whose every value reads as a number (without leading zeros), boolean, date or datetime is proposed as that.
    Limits lie half the observed range outside it, rounded outwards to two digits, and not across zero. Text of at
    most 40 values, one of them seen twice, gets their list, which warns only: a sample does not know all
    values. The share of nulls gets half as much again and one hundredth; a column without nulls may have none.

    Returns:
        Columns in the frame's order. A column that is all null, or of a type the contract lacks, is left out.
    """
    found = {}
    for series in frame.get_columns():
        kind = _kind(series)
        if kind is not None and series.drop_nulls().len():
            found[series.name] = _proposed(_recast(series, kind), kind)
    return found


def _kind(series: pl.Series) -> str | None:
    dtype = series.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        text = series.cast(pl.String)
        numbered = text.str.contains(r"^\s*[+-]?0\d").any()
        may_be = _TEXT_MAY_BE[2:] if numbered else _TEXT_MAY_BE
        blank = not (text.str.strip_chars() != "").any()
        return "str" if blank else next((kind for kind in may_be if cast_to(text, kind)[1].is_empty()), "str")
    if dtype.is_integer():
        return "int"
    if dtype.is_float() or dtype == pl.Decimal:
        return "float"
    plain = {pl.Boolean: "bool", pl.Date: "date", pl.Datetime: "datetime"}
    return next((kind for known, kind in plain.items() if dtype == known), None)


def _proposed(series: pl.Series, kind: str) -> Column:
    if series.dtype.is_float():
        series = series.fill_nan(None)
    share = series.null_count() / series.len()
    nulls = min(1.0, math.ceil(100 * (1.5 * share + 0.01)) / 100) if share else 0.0
    held = series.drop_nulls()
    if kind in ("int", "float"):
        low, high = _limits(held.filter(held.is_finite()) if kind == "float" else held)
        return Column(type=kind, min=low, max=high, nulls=nulls)  # type: ignore[arg-type]  # kinds are its literals
    values: tuple[str, ...] = ()
    if kind == "str" and held.n_unique() <= min(MOST_VALUES_LISTED, held.len() - 1):
        values = tuple(held.unique().sort().to_list())
    return Column(
        type=kind,  # type: ignore[arg-type]  # kinds are the literals of Column.type
        values=values,
        unknown="warn" if values else "quarantine",
        nulls=nulls,
    )


def _limits(held: pl.Series) -> tuple[float | None, float | None]:
    if held.is_empty():
        return None, None
    least, most = float(held.min()), float(held.max())  # type: ignore[arg-type]  # numbers, not empty
    room = 0.5 * (most - least) or abs(most) or 1.0
    low, high = _rounded(least - room, math.floor), _rounded(most + room, math.ceil)
    return (max(low, 0.0) if least >= 0 else low), (min(high, 0.0) if most <= 0 else high)


def _rounded(value: float, towards: Callable[[float], int]) -> float:
    """Round to two significant digits in a direction; a value that has none stays."""
    if value == 0 or not math.isfinite(value):
        return value
    digits = 1 - math.floor(math.log10(abs(value)))
    if abs(digits) > 300:
        return value
    return (
        towards(value * 10.0**digits) / 10.0**digits
        if digits > 0
        else float(towards(value / 10**-digits) * 10**-digits)
    )


def diff(old: Mapping[str, Column], new: Mapping[str, Column]) -> list[str]:
    """Tell in one line a column what changes from one contract to another; none when they are equal.

    Columns gone come first (`-`), then columns added (`+`), then columns changed (`~`), each in their contract's
    order. The order of a list of values is no change. Values of private columns are counted, not shown.
    """
    lines = [f"- {name}: {_told(column)}" for name, column in old.items() if name not in new]
    lines += [f"+ {name}: {_told(column)}" for name, column in new.items() if name not in old]
    for name, column in old.items():
        changes = list(_changes(column, new[name])) if name in new else []
        if changes:
            lines.append(f"~ {name}: {', '.join(changes)}")
    return lines


def _told(column: Column) -> str:
    return ", ".join([column.type, *([f"{len(column.values)} values"] if column.values else [])])


def _changes(old: Column, new: Column) -> Iterable[str]:
    for field in ("type", "min", "max", "nulls", "unknown", "private"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            yield f"{field} {_literal(before)} -> {_literal(after)}"
    for word, values, others in (("gains", new.values, old.values), ("loses", old.values, new.values)):
        left = [value for value in values if value not in others]
        if left:
            hidden = old.private or new.private
            yield f"{word} {len(left)} values" if hidden else f"{word} {', '.join(map(_literal, left))}"


def to_toml(table: str, columns: Mapping[str, Column]) -> str:
    """Write a contract as the `[tables.<table>.columns]` of a project file, one line a column, in order.

    Reading it back gives equal columns; what is at its default is left out.
    """
    lines = [f"[tables.{_key(table)}.columns]"]
    for name, column in columns.items():
        parts = [f"type = {_literal(column.type)}"]
        parts += [
            f"{field} = {_literal(value)}"
            for field in ("min", "max", "values", "unknown", "nulls", "private")
            if (value := getattr(column, field)) != getattr(Column(type="str"), field)
        ]
        lines.append(f"{_key(name)} = {{ {', '.join(parts)} }}")
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _literal(name)


def _literal(value: object) -> str:
    """Write a plain value as TOML does; None, which TOML lacks, as `none`."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, str):
        # JSON's escapes are TOML's too, but for DEL, which JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
