"""Slices: which rows belong to each named subpopulation. Not their search, and not their scores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

Mask = np.ndarray[Any, np.dtype[np.bool_]]
ALL = "all"


def masks(rows: pl.DataFrame, slices: Mapping[str, pl.Expr]) -> dict[str, Mask]:
    """Mark each slice's rows, with `all` (every row) first, then the slices in the order given.

    Args:
        rows: the rows, in the order of labels and predictions.
        slices: boolean expressions by name; where one is null, the row is not in the slice. A slice of the name
            `all` is left out, for that name is taken.

    Returns:
        Arrays of shape (rows,).
    """
    found: dict[str, Mask] = {ALL: np.ones(rows.height, dtype=np.bool_)}
    wanted = {name: rule for name, rule in slices.items() if name != ALL}
    # `with_columns` stretches a constant rule to the height of the rows; numbered names cannot meet a column's.
    marked = rows.with_columns(
        rule.fill_null(False).cast(pl.Boolean).alias(f"__slice_{place}") for place, rule in enumerate(wanted.values())
    )
    for place, name in enumerate(wanted):
        found[name] = marked[f"__slice_{place}"].to_numpy().astype(np.bool_)
    return found
