"""What the rows with one value of a slicer hold: whether a column is empty where it never was. Decides nothing.

A share of nulls that goes up and down with the mix of rows (cancelled flights have no air time) hides the nulls that
came where none belong. Within the values of the right slicer it stands still.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trivium.core.summary import Joint

Array = npt.NDArray[np.float64]


class Held(NamedTuple):
    """A slicer's values in a partition: `rows` of each, shape (values,), and `held`, shape (values, columns)."""

    values: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Array
    held: Array


def held_within(joint: Joint) -> Mapping[str, Held]:
    """Lay out the rows and the values held by each slicer's values."""
    found = {}
    for slicer, groups in joint.groups.items():
        if groups.values and not groups.is_full:
            names = tuple(sorted(groups.values))
            found[slicer] = Held(
                names,
                groups.columns,
                np.array([groups.values[name].rows for name in names], dtype=np.float64),
                np.array([groups.values[name].held for name in names], dtype=np.float64),
            )
    return found


def laid_out(parts: Sequence[Held | None]) -> tuple[tuple[str, ...], Array, Array]:
    """Put partitions beside each other.

    Returns the columns, the rows, shape (partitions, values), and the nulls, shape (partitions, values, columns).
    """
    known = [part for part in parts if part]
    columns = tuple(sorted({name for part in known for name in part.columns}))
    values = sorted({value for part in known for value in part.values})
    rows = np.zeros((len(parts), len(values)))
    nulls = np.zeros((len(parts), len(values), len(columns)))
    for place, part in enumerate(parts):
        if part:
            at = np.searchsorted(values, part.values)
            across = np.searchsorted(columns, part.columns)
            rows[place, at] = part.rows
            nulls[place][np.ix_(at, across)] = part.rows[:, None] - part.held
    return columns, rows, nulls
