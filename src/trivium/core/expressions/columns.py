"""Compiles an expression to a Polars expression over columns. For whole frames.

The columns' types are not known here: each column is brought to the language's kinds (number, text, bool, datetime)
by selectors, which Polars resolves when it sees the frame. No part of an expression is used twice in what it
compiles to, columns apart: nested copies would grow without bound (`Expr.fill_nan` makes three).
"""

import math
import re
from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from trivium.core.expressions.kinds import kind_of_value
from trivium.core.expressions.parse import Expression
from trivium.core.expressions.tree import (
    FUNCTIONS,
    Arithmetic,
    Between,
    Call,
    Column,
    Compare,
    In,
    IsNull,
    Like,
    Literal,
    Logic,
    Node,
    Not,
    Value,
    column_names,
)

_TIME = pl.Datetime("us", "UTC")
_DTYPES: dict[str, pl.DataType] = {"number": pl.Float64(), "text": pl.String(), "bool": pl.Boolean(), "datetime": _TIME}
_UPPER = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
_LOWER = [letter.lower() for letter in _UPPER]


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
        case Compare(op=op, left=left, right=right):
            return _compare(op, _compiled(left, None), _compiled(right, None))
        case Logic(op=op, parts=parts):
            return _joined(op, [_compiled(part, "bool") for part in parts])
        case Not(of=of):
            return ~_compiled(of, "bool")
        case IsNull(of=of):
            return _compiled(of, None).is_null()
        case In():
            return _in(node)
        case Between(of=of, low=low, high=high):
            middle = _compiled(of, None)  # used twice: a bool comes of it, which no other between can hold
            return (middle >= _compiled(low, None)) & (middle <= _compiled(high, None))
        case Like(of=of, pattern=pattern):
            return _compiled(of, "text").str.contains(like_regex(pattern))
        case Arithmetic(op=op, left=left, right=right):
            divisor = _compiled(right, "number")
            if op in ("/", "%"):
                divisor = _divisor(divisor, is_long=any(column_names(node)))
            return _arithmetic(op, _compiled(left, "number"), divisor)
        case Call():
            return _call(node, kind)


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


def _compare(op: str, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    match op:
        case "=":
            return left == right
        case "<>":
            return left != right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
    return left >= right


def _joined(op: str, parts: Sequence[pl.Expr]) -> pl.Expr:
    """Join by halves: a chain of 600 parts would nest 600 deep."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    left, right = _joined(op, parts[:half]), _joined(op, parts[half:])
    return left & right if op == "and" else left | right


def _in(node: In) -> pl.Expr:
    found = [_compiled(node.of, None).is_in(_series(node.options).implode())] if node.options else []
    nulls = [pl.lit(None, dtype=pl.Boolean)] if node.has_null else []
    return _joined("or", [*found, *nulls])


def _series(options: tuple[Value, ...]) -> pl.Series:
    kind = kind_of_value(options[0])
    return pl.Series(options, dtype=_DTYPES[kind] if kind is not None else None)


def like_regex(pattern: str) -> str:
    """Write a LIKE pattern as a regular expression of Polars' (Rust's), which never backtracks."""
    signs = {"%": ".*", "_": "."}
    return rf"(?s)\A{''.join(signs.get(letter) or re.escape(letter) for letter in pattern)}\z"


def _divisor(right: pl.Expr, *, is_long: bool) -> pl.Expr:
    """Make zeros null, and one value for all rows (a literal, a constant column) one value a row.

    Polars divides by a single value as times its reciprocal: `f / 3` is then off in the last digit on a third of rows.
    """
    right = right.replace(0.0, None)
    return right + pl.int_range(pl.len()).cast(pl.Float64) * 0.0 if is_long else right


def _arithmetic(op: str, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    match op:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            result = left / right
        case _:
            result = left % right
    return result.replace(math.nan, None)


def _call(node: Call, kind: str | None) -> pl.Expr:
    takes = FUNCTIONS[node.name].takes or kind if node.name in FUNCTIONS else "number"
    arguments = [_compiled(argument, takes) for argument in node.arguments]
    of = arguments[0]
    match node.name:
        case "coalesce":
            return pl.coalesce(arguments)
        case "least":
            return pl.min_horizontal(arguments)
        case "greatest":
            return pl.max_horizontal(arguments)
        case "round":
            return of.round(_digits(node), mode="half_away_from_zero")
        case "negate":
            return -of
        case "abs" | "floor" | "ceil":
            result: pl.Expr = getattr(of, node.name)()
            return result
        case "length":
            return of.str.len_chars().cast(pl.Float64)
        case "lower":
            return of.str.replace_many(_UPPER, _LOWER)
        case "upper":
            return of.str.replace_many(_LOWER, _UPPER)
    part: pl.Expr = getattr(of.dt, node.name)()
    return part.cast(pl.Float64)


def _digits(node: Call) -> int:
    match node.arguments:
        case (_, Literal(value=float() as digits)):
            return int(digits)
    return 0
