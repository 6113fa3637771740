"""A table's contract as text and value: propose one from rows, compare two, write one down.

Not what a contract does to rows: `schema.py` brings them into its types, `checks.py` holds them to its rules.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping

import polars as pl

from trivium.core.contract import Column
from trivium.data.schema import cast_to, recast

MOST_VALUES_LISTED = 40
# What text may turn out to be, the narrowest first; `str` is what is left.
_TEXT_MAY_BE = ("int", "float", "bool", "date", "datetime")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


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
            found[series.name] = _proposed(recast(series, kind), kind)
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
        unknown="warn" if values else None,
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
