"""Rows of plain Python values, from a database's driver or pushed as dicts, as a frame: which values become what."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import polars as pl


def frame_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> "pl.DataFrame":
    """Make a frame of rows of plain values.

    Decimals become floats, UUIDs text, lists and objects (JSON) their text. A column whose values go together in no
    type becomes text, value by value. A column of nulls alone has no type yet: another chunk may give it one.
    """
    import polars as pl

    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    names = _distinct(columns)
    return pl.DataFrame([_column(name, column) for name, column in zip(names, values, strict=True)])


def _column(name: str, values: Sequence[Any]) -> "pl.Series":
    import polars as pl

    plain = [_plain(value) for value in values]
    kinds = {type(value) for value in plain} - {type(None)}
    if kinds == {int, float}:
        kinds, plain = {float}, [None if value is None else float(value) for value in plain]
    if len(kinds) <= 1:
        try:
            return pl.Series(name, plain, strict=True)
        except (TypeError, OverflowError, pl.exceptions.PolarsError):
            pass  # such as a number past 64 bits: it keeps its digits as text
    return pl.Series(name, [None if value is None else str(value) for value in plain], dtype=pl.String)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | dict | tuple):
        import msgspec

        return msgspec.json.encode(value, enc_hook=str).decode()
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    return value


def _distinct(columns: Sequence[str]) -> list[str]:
    """Name columns that a query names twice apart: `id`, `id_2`."""
    names: list[str] = []
    for column in columns:
        twins = sum(each == column for each in columns[: len(names)])
        names.append(f"{column}_{twins + 1}" if twins else column)
    return names
