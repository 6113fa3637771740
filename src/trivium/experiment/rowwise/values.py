"""One row's values, and where plain Python and Polars would part ways."""

import math
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

Row = Mapping[str, Any]
Value = Callable[[Row], Any]

WHOLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)
TIMES = (pl.Datetime("us"), pl.Datetime("us", "UTC"))
_PLAIN = (*WHOLE, pl.Float64, pl.Boolean, pl.String, pl.Date, pl.Duration("us"), *TIMES)


class NotRowWiseError(Exception):
    """Something that a step does cannot be done to one row alone; the message says what."""


class NotSureError(Exception):
    """A value on which Python and Polars may differ: let Polars answer the row."""


def understood(kind: Any, what: str) -> Any:
    """Give a type back if its values mean the same here as in Polars.

    Raises:
        NotRowWiseError: they do not.
    """
    if kind not in _PLAIN:
        raise NotRowWiseError(f"{what} is of type {kind}")
    return kind


def limits(kind: Any) -> tuple[int, int]:
    """Give the least and the greatest value of a whole number's type."""
    bits = {pl.Int8: 8, pl.Int16: 16, pl.Int32: 32, pl.Int64: 64, pl.UInt8: 8, pl.UInt16: 16, pl.UInt32: 32}[kind]
    return (0, 2**bits - 1) if kind in (pl.UInt8, pl.UInt16, pl.UInt32) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def kept(kind: Any, value: Value) -> Value:
    """Hold a whole number's arithmetic to its type: Polars wraps around, which no feature should rest on."""
    if kind not in WHOLE:
        return value
    least, most = limits(kind)

    def within(row: Row) -> Any:
        got = value(row)
        if got is not None and not least <= got <= most:
            raise NotSureError
        return got

    return within


def entry(kind: Any) -> Callable[[Any], Any]:
    """Make what takes a request's value into a column of a type, as Polars would; None stays None."""
    if kind == pl.Float64:
        return _float
    if kind == pl.Int64:
        return _int
    if kind == pl.Datetime("us", "UTC"):
        return _time
    plain = {pl.String: str, pl.Boolean: bool, pl.Date: date}.get(kind)
    if plain is None:
        raise NotRowWiseError(f"a column of the requests is of type {kind}")

    def same(value: Any) -> Any:
        if value is None or type(value) is plain:
            return value
        raise NotSureError

    return same


def _float(value: Any) -> float | None:
    if value is None or type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise NotSureError


def _int(value: Any) -> int | None:
    if value is None or (type(value) is int and -(2**63) <= value < 2**63):
        return value
    raise NotSureError


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    if type(value) is not datetime or value.tzinfo is None:
        raise NotSureError
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, bit by bit: -0.0 is not 0.0, 1 is not 1.0, and NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("d", one) == struct.pack("d", other) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)
