"""The operators of expressions on one row, each as Polars has it: null where an operand is null, and its own corners.

What is told apart here: a division by zero, NaN in a comparison, a whole number out of its type's range. There Python
and Polars part ways, so the row is left to Polars.
"""

import operator
from collections.abc import Callable
from datetime import datetime
from math import isnan
from typing import Any

import polars as pl

from trivium.experiment.rowwise.values import WHOLE, NotRowWiseError, NotSureError, Row, Value, kept

_SAME = {"Plus": operator.add, "Minus": operator.sub, "Multiply": operator.mul}
_COMPARED = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtEq": operator.le,
    "Gt": operator.gt,
    "GtEq": operator.ge,
}
_NUMBERS = (*WHOLE, pl.Float64)


def binary(name: str, left: Value, right: Value, *, kinds: tuple[Any, Any], kind: Any) -> Value:
    """Make the closure of an operator.

    Args:
        name: Polars' name of it.
        left: the left operand.
        right: the right one.
        kinds: the operands' types.
        kind: the result's.

    Raises:
        NotRowWiseError: the operator, or these types under it, are not known here.
    """
    if name in ("And", "LogicalAnd") and kind == pl.Boolean:
        return _logic(left, right, settles=False)
    if name in ("Or", "LogicalOr") and kind == pl.Boolean:
        return _logic(left, right, settles=True)
    if name in _COMPARED:
        return _compared(name, left, right, kinds)
    if all(one in _NUMBERS for one in (*kinds, kind)):
        return _numeric(name, left, right, kind)
    if name in ("Plus", "Minus") and pl.Duration("us") in kinds and pl.Date not in kinds:
        return _strict(_SAME[name], left, right)
    if name == "Minus" and kind == pl.Duration("us") and isinstance(kinds[0], pl.Datetime):
        return _strict(operator.sub, left, right)
    raise NotRowWiseError(f"{name} of {kinds[0]} and {kinds[1]}")


def _numeric(name: str, left: Value, right: Value, kind: Any) -> Value:
    if kind == pl.Float64:
        left, right = as_float(left), as_float(right)
    if name in _SAME:
        return kept(kind, _strict(_SAME[name], left, right))
    if name == "TrueDivide" and kind == pl.Float64:
        return _strict(_divided, left, right)
    if name in ("FloorDivide", "Modulus") and kind in WHOLE:
        return kept(kind, _strict(_floored if name == "FloorDivide" else _rest, left, right))
    raise NotRowWiseError(f"{name} giving {kind}")


def as_float(value: Value) -> Value:
    """Read a number as a double."""

    def run(row: Row) -> Any:
        got = value(row)
        return None if got is None else float(got)

    return run


def _strict(does: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    def run(row: Row) -> Any:
        one, other = left(row), right(row)
        return None if one is None or other is None else does(one, other)

    return run


def _divided(one: float, other: float) -> float:
    if other == 0:
        raise NotSureError
    return one / other


def _floored(one: int, other: int) -> int:
    if other == 0:
        raise NotSureError
    return one // other


def _rest(one: int, other: int) -> int:
    if other == 0:
        raise NotSureError
    return one % other


def _compared(name: str, left: Value, right: Value, kinds: tuple[Any, Any]) -> Value:
    does = _COMPARED[name]
    if all(kind in _NUMBERS for kind in kinds):
        if pl.Float64 in kinds:
            return _strict(_told_apart(does), as_float(left), as_float(right))
        return _strict(does, left, right)
    if kinds[0] == kinds[1]:
        return _strict(does, left, right)
    raise NotRowWiseError(f"{name} of {kinds[0]} and {kinds[1]}")


def _told_apart(does: Callable[[Any, Any], bool]) -> Callable[[float, float], bool]:
    """Compare doubles; Polars takes NaN for the greatest number, equal to itself."""

    def compare(one: float, other: float) -> bool:
        if isnan(one) or isnan(other):
            raise NotSureError
        return does(one, other)

    return compare


def _logic(left: Value, right: Value, *, settles: bool) -> Value:
    """Join two truths: `settles` decides alone (False an `and`, True an `or`); else a null on either side is null."""

    def run(row: Row) -> Any:
        one = left(row)
        if one is settles:
            return settles
        other = right(row)
        if other is settles:
            return settles
        return None if one is None or other is None else not settles

    return run


def cast(value: Value, *, from_: Any, to: Any) -> Value:
    """Make the closure of a cast between numbers, booleans, times and dates.

    Raises:
        NotRowWiseError: between these types none is known here.
    """
    if from_ == to:
        return value
    if to == pl.Float64 and from_ in (*WHOLE, pl.Boolean):
        return as_float(value)
    if to in WHOLE and from_ in (*WHOLE, pl.Boolean, pl.Float64):
        return kept(to, _whole(value))
    if to == pl.Date and isinstance(from_, pl.Datetime):
        return _day(value)
    raise NotRowWiseError(f"a cast from {from_} to {to}")


def _whole(value: Value) -> Value:
    def run(row: Row) -> Any:
        got = value(row)
        return None if got is None else int(got)

    return run


def _day(value: Value) -> Value:
    def run(row: Row) -> Any:
        got: datetime | None = value(row)
        return None if got is None else got.date()

    return run
