"""Strike: how each kind of data fault changes a partition's rows. Which fault strikes when: `faults.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trivium.loop.faults import Fault

if TYPE_CHECKING:
    import polars as pl

# What a concept shift adds to a number, in the column's unit, where neither amount nor severity says.
USUAL_AMOUNT = 20.0


def strike(
    fault: Fault, rows: "pl.DataFrame", before: "pl.DataFrame | None", *, seed: int, partition: str, keep: Sequence[str]
) -> "pl.DataFrame":
    """Strike a partition's rows with a data fault.

    Args:
        fault: what strikes.
        rows: the partition as it was delivered.
        before: the rows of the partition before, for `stale`.
        seed: with the fault's id and the partition's name it decides which rows are struck.
        partition: the partition's name.
        keep: the columns that outcome faults leave alone.
    """
    if rows.is_empty() or (fault.column is not None and fault.column not in rows.columns):
        return rows
    draw = np.random.default_rng([seed, *f"{fault.id}/{partition}".encode()])
    return _STRIKES[fault.kind](fault, rows, before, draw, keep)


_Strike = Callable[[Fault, "pl.DataFrame", "pl.DataFrame | None", np.random.Generator, Sequence[str]], "pl.DataFrame"]


def _where(rows: "pl.DataFrame", fault: Fault, draw: np.random.Generator) -> "pl.Series":
    import polars as pl

    return pl.Series(draw.random(rows.height) < fault.size.share)


def _change(rows: "pl.DataFrame", fault: Fault, draw: np.random.Generator, value: "pl.Expr") -> "pl.DataFrame":
    import polars as pl

    struck = _where(rows, fault, draw)
    return rows.with_columns(pl.when(struck).then(value).otherwise(pl.col(str(fault.column))).alias(str(fault.column)))


def _nulls(fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object) -> "pl.DataFrame":
    import polars as pl

    return _change(rows, fault, draw, pl.lit(None))


def _multiply(fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object) -> "pl.DataFrame":
    import polars as pl

    return _change(rows, fault, draw, pl.col(str(fault.column)) * fault.size.factor)


def _categories(
    fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object
) -> "pl.DataFrame":
    import polars as pl

    return _change(rows, fault, draw, pl.lit("?") + pl.col(str(fault.column)))


def _drop(fault: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    return rows.drop(str(fault.column))


def _swap(fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object) -> "pl.DataFrame":
    import polars as pl

    one, other = str(fault.column), str(fault.other)
    if other not in rows.columns:
        return rows
    struck = _where(rows, fault, draw)
    return rows.with_columns(
        pl.when(struck).then(pl.col(a)).otherwise(pl.col(b)).alias(b) for a, b in ((one, other), (other, one))
    )


def _duplicates(
    fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object
) -> "pl.DataFrame":
    import polars as pl

    return pl.concat([rows, rows.filter(_where(rows, fault, draw))])


def _truncate(fault: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    return rows.head(int(rows.height * (1 - fault.size.share)))


def _stale(
    fault: Fault, rows: "pl.DataFrame", before: "pl.DataFrame | None", draw: np.random.Generator, _k: object
) -> "pl.DataFrame":
    """Deliver a share of the partition before again, in the place of as great a share of this one."""
    import polars as pl

    if before is None or fault.size.share >= 1:
        return rows if before is None else before
    again = before.filter(_where(before, fault, draw))
    return pl.concat([again, rows.filter(~_where(rows, fault, draw))], how="diagonal_relaxed")


def _as_it_is(_f: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    return rows


def _sample(
    fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, keep: Sequence[str]
) -> "pl.DataFrame":
    """Drop a share of all rows but those of one subpopulation: the commonest value of the first few-valued text."""
    import polars as pl

    texts = [name for name in rows.columns if rows[name].dtype == pl.String and name not in keep]
    if not texts:
        return rows.filter(~_where(rows, fault, draw))
    column = min(texts, key=lambda name: (rows[name].n_unique(), name))
    mode = rows[column].value_counts(sort=True).sort("count", column, descending=[True, False])[column][0]
    return rows.filter((pl.col(column) == mode) | ~_where(rows, fault, draw))


def _flip(
    fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, keep: Sequence[str]
) -> "pl.DataFrame":
    """Hand a share of the rows each other's outcomes: wrong labels, at an unchanged rate."""
    import polars as pl

    struck = np.flatnonzero(draw.random(rows.height) < fault.size.share)
    order = np.arange(rows.height)
    order[struck] = np.roll(struck, 1)
    moved = rows[order]
    return moved.with_columns(*(pl.Series(name, rows[name]) for name in rows.columns if name in keep))


def _shift(fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object) -> "pl.DataFrame":
    """Add to a number; a bool has no amount, so a share of it is turned round."""
    import polars as pl

    name = str(fault.column)
    if rows[name].dtype == pl.Boolean:
        return _change(rows, fault, draw, ~pl.col(name))
    amount = USUAL_AMOUNT if fault.amount is None else fault.amount
    if fault.amount is None and fault.severity is not None:
        amount = fault.size.spreads * (rows.select(pl.col(name).cast(pl.Float64).std()).item() or 0.0)
    return rows.with_columns((pl.col(name) + amount).cast(rows[name].dtype))


_STRIKES: Mapping[str, _Strike] = {
    "nulls": _nulls,
    "scale": _multiply,
    "categories": _categories,
    "drop_column": _drop,
    "swap_columns": _swap,
    "outliers": _multiply,
    "duplicates": _duplicates,
    "truncate": _truncate,
    "stale": _stale,
    "late": _as_it_is,
    "sample_shift": _sample,
    "label_flip": _flip,
    "concept_shift": _shift,
}
