"""Compiles an expression to a Polars expression over columns. For whole frames.

The columns' types are not known here: each column is brought to the language's kinds (number, text, bool, datetime)
by selectors, which Polars resolves when it sees the frame. Few things use a part of an expression twice in what it
compiles to, columns apart (`Signature.repeats`): nested copies grow without bound (`Expr.fill_nan` makes three).
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import polars as pl
import polars.selectors as cs

from trivium.core.expressions.kinds import kind_of_value
from trivium.core.expressions.parse import Expression
from trivium.core.expressions.signatures import ORDERED, SAME, SIGNATURES, argument_kinds
from trivium.core.expressions.tree import Call, Column, Literal, Node, Value, column_names, literals

_TIME = pl.Datetime("us", "UTC")
_DTYPES: dict[str, pl.DataType] = {"number": pl.Float64(), "text": pl.String(), "bool": pl.Boolean(), "datetime": _TIME}
_UPPER = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
_LOWER = [letter.lower() for letter in _UPPER]
TRIMMED = " \t\n\r\f\v"
# A million texts are compared with three others in 2 ms, and looked up among them in 12.
MOST_COMPARED = 8


def to_columns(expression: Expression) -> pl.Expr:
    """Compile to a Polars expression, over columns of any type that `check_types` accepts.

    Returns:
        Boolean, Float64 (each number), String or Datetime in microseconds and UTC (dates too), with null where the
        language says null; NaN never. Of one value, not one a row, where the expression reads no column.
    """
    return _compiled(expression.tree, None)


def _compiled(node: Node, kind: str | None) -> pl.Expr:
    """Compile one node; `kind` is what its place asks for, and what a null takes that has no type of its own."""
    match node:
        case Column(name=name):
            return _column(name, kind)
        case Literal(value=value):
            return _literal(value, kind)
    same = kind if SIGNATURES[node.name].gives == SAME else None
    match node.name:
        case "in":
            of = node.arguments[0]
            most_compared = MOST_COMPARED if isinstance(of, Column) else 1
            return _in(_compiled(of, None), literals(node.arguments[1:]), most_compared=most_compared)
        case "like":
            return _compiled(node.arguments[0], "text").str.contains(like_regex(str(literals(node.arguments)[-1])))
        case "round":
            digits = [int(value) for value in literals(node.arguments[1:]) if isinstance(value, float)]
            number = _compiled(node.arguments[0], "number")
            return number.round(digits[0] if digits else 0, mode="half_away_from_zero")
        case "/" | "%" | "seconds_between":
            return _divided(node)
    asked = [same if kind in (SAME, ORDERED) else kind for kind in argument_kinds(node.name, len(node.arguments))]
    return _CALLS[node.name](*map(_compiled, node.arguments, asked))


@lru_cache(maxsize=1024)  # a millisecond each, and the rules of a project name few columns again and again
def _column(name: str, kind: str | None) -> pl.Expr:
    one = cs.by_name(name)
    number, day = one & cs.numeric(), one & cs.date()
    local, zoned = one & cs.datetime(time_zone=None), one & cs.datetime(time_zone="*")
    listed, untyped = one & (cs.categorical() | cs.enum()), one & cs.by_dtype(pl.Null)
    rest = one - cs.numeric() - cs.date() - cs.datetime() - cs.categorical() - cs.enum() - cs.by_dtype(pl.Null)
    # One of these is the column, the others are no column at all: so it is no choice made row by row.
    known = pl.coalesce(
        number.cast(pl.Float64).replace(math.nan, None),
        day.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        local.dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
        zoned.dt.cast_time_unit("us").dt.convert_time_zone("UTC"),
        listed.cast(pl.String),
        untyped if kind is None else untyped.cast(_DTYPES[kind]),
        rest,
    )
    # Names the column outright, so that `Expr.meta.root_names` tells it.
    return pl.when(pl.col(name).is_not_null()).then(known)


def _literal(value: Value, kind: str | None) -> pl.Expr:
    kind = kind_of_value(value) or kind
    return pl.lit(value, dtype=_DTYPES[kind] if kind is not None else None)


def _joined(function: Callable[[Any, Any], Any], *parts: pl.Expr) -> pl.Expr:
    """Join by halves: a chain of 600 parts would nest 600 deep."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    joined: pl.Expr = function(_joined(function, *parts[:half]), _joined(function, *parts[half:]))
    return joined


def _in(of: pl.Expr, options: Sequence[Value], *, most_compared: int) -> pl.Expr:
    known = [option for option in options if option is not None]
    if len(known) <= most_compared:
        found = [of == _literal(option, None) for option in known]
    else:
        found = [of.is_in(_series(known).implode())]
    nulls = [pl.lit(None, dtype=pl.Boolean)] if len(known) < len(options) else []
    return _joined(operator.or_, *found, *nulls)


def _series(options: Sequence[Value]) -> pl.Series:
    kind = kind_of_value(options[0])
    return pl.Series(options, dtype=_DTYPES[kind] if kind is not None else None)


def like_regex(pattern: str) -> str:
    """Write a LIKE pattern as a regular expression of Polars' (Rust's), which never backtracks."""
    signs = {"%": ".*", "_": "."}
    return rf"(?s)\A{''.join(signs.get(letter) or re.escape(letter) for letter in pattern)}\z"


def _divided(node: Call) -> pl.Expr:
    is_long = any(column_names(node))
    if node.name == "seconds_between":
        earlier, later = (_compiled(part, "datetime") for part in node.arguments)
        microseconds = (later - earlier).dt.total_microseconds().cast(pl.Float64)
        return microseconds / _divisor(pl.lit(1e6), is_long=is_long)
    left, right = (_compiled(part, "number") for part in node.arguments)
    right = _divisor(right.replace(0.0, None), is_long=is_long)
    return _no_nan(left / right if node.name == "/" else left % right)


def _divisor(right: pl.Expr, *, is_long: bool) -> pl.Expr:
    """Make one value for all rows (a literal, a constant column) one value a row.

    Polars divides by a single value as times its reciprocal: `f / 3` is then off in the last digit on a third of rows.
    """
    return right + pl.int_range(pl.len()).cast(pl.Float64) * 0.0 if is_long else right


def _no_nan(result: pl.Expr) -> pl.Expr:
    return result.replace(math.nan, None)


def _case(*parts: pl.Expr) -> pl.Expr:
    result = parts[-1]
    for index in range(len(parts) - 3, -1, -2):
        result = pl.when(parts[index]).then(parts[index + 1]).otherwise(result)
    return result


def _part(name: str, of: pl.Expr) -> pl.Expr:
    part: pl.Expr = getattr(of.dt, name)()
    return part.cast(pl.Float64)


_PARTS_OF_TIME: dict[str, Callable[..., pl.Expr]] = {
    name: partial(_part, name) for name in ("day", "hour", "minute", "month", "second", "weekday", "year")
}
_CALLS: dict[str, Callable[..., pl.Expr]] = {
    **_PARTS_OF_TIME,
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is distinct from": lambda left, right: left.ne_missing(right),
    "is null": pl.Expr.is_null,
    "between": lambda of, low, high: (of >= low) & (of <= high),
    "and": partial(_joined, operator.and_),
    "or": partial(_joined, operator.or_),
    "not": operator.invert,
    "+": lambda left, right: _no_nan(left + right),
    "-": lambda left, right: _no_nan(left - right),
    "*": lambda left, right: _no_nan(left * right),
    "negate": operator.neg,
    "||": pl.concat_str,
    "case": _case,
    "abs": pl.Expr.abs,
    "ceil": pl.Expr.ceil,
    "coalesce": lambda *parts: pl.coalesce(parts),
    "contains": lambda of, part: of.str.contains(part, literal=True),
    "ends_with": lambda of, part: of.str.ends_with(part),
    "floor": pl.Expr.floor,
    "greatest": pl.max_horizontal,
    "is_finite": pl.Expr.is_finite,
    "least": pl.min_horizontal,
    "length": lambda of: of.str.len_chars().cast(pl.Float64),
    "lower": lambda of: of.str.replace_many(_UPPER, _LOWER),
    "nullif": lambda of, other: pl.when(of.ne_missing(other)).then(of),
    "sign": pl.Expr.sign,
    "sqrt": lambda of: _no_nan(of.sqrt()),
    "starts_with": lambda of, part: of.str.starts_with(part),
    "substr": lambda of, first, *count: of.str.slice(
        (first - 1).cast(pl.Int64), *(number.cast(pl.UInt64) for number in count)
    ),
    "trim": lambda of: of.str.strip_chars(TRIMMED),
    "upper": lambda of: of.str.replace_many(_LOWER, _UPPER),
}
COMPILED = _CALLS.keys() | {"in", "like", "round", "/", "%", "seconds_between"}
