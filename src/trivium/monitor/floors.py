"""How small a change is not worth telling, and how far a new table's partitions are assumed to vary: one small table.

A floor is in the statistic's own unit: shares of rows; logarithms for counts; for `mean` and quantiles, the column's
own spread (a floor of 0.1 on a column that spreads by 20 minutes is 2 minutes).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from trivium.monitor.distances import DISTANCES, Window
from trivium.monitor.statistics import Array, Statistic


class Least(NamedTuple):
    """`floor`: never told for less, however quiet the history. `wide`: the spread assumed of a new table."""

    floor: float
    wide: float


# Only a change of 4 `wide` is told of a new table.
LEAST: Mapping[str, Least] = {
    "rows": Least(0.1, 0.3),
    "duplicates": Least(0.02, 0.05),
    "repeated": Least(0.1, 0.1),
    "phases": Least(0.05, 0.1),
    "gap": Least(0.08, 0.1),
    "nulls": Least(0.01, 0.05),
    "nulls within": Least(0.02, 0.05),
    "zeros": Least(0.02, 0.1),
    "negatives": Least(0.01, 0.1),
    "mean": Least(0.1, 0.5),
    "q10": Least(0.15, 0.5),
    "q50": Least(0.15, 0.5),
    "q90": Least(0.15, 0.5),
    "spread": Least(0.1, 0.3),
    "distinct": Least(0.25, 0.5),
    "shares": Least(0.02, 0.1),
    "mode": Least(0.02, 0.1),
    "unseen": Least(0.01, 0.05),
    "lengths": Least(0.03, 0.1),
    "patterns": Least(0.02, 0.1),
    "unseen patterns": Least(0.005, 0.02),
    "unseen marks": Least(0.005, 0.02),
    "unseen decimals": Least(0.01, 0.05),
    "extent": Least(1.1, 1.1),
    "bonds": Least(0.05, 0.3),
}
IN_SPREADS = ("mean", "q10", "q50", "q90")
# Of these, only more is a change.
ONLY_UPWARD = (*DISTANCES, "duplicates")


def least(keys: Sequence[Statistic], window: Window) -> tuple[Array, Array]:
    """Tell each statistic's floor and its assumed spread, in the values' own units; shape (statistics,) each."""
    unit = np.ones(len(keys))
    for place, (column, statistic) in enumerate(keys):
        if statistic in IN_SPREADS:
            unit[place] = _spread(column, window)
    return (
        unit * np.array([LEAST[statistic].floor for _, statistic in keys]),
        unit * np.array([LEAST[statistic].wide for _, statistic in keys]),
    )


def _spread(column: str, window: Window) -> float:
    """A column's usual standard deviation; of a constant, its size; of one that is always 0, no change is small."""
    deviation = float(np.sqrt(np.nanmedian(window.noise[column, "mean"] * window.rows(column))))
    size = float(np.nanmedian(np.abs(window.values[column, "mean"])))
    unit = deviation if deviation > 1e-9 * size else size
    # What is not 0 in a column of zeros shows in its shares; a mean of no unit has no floor.
    return unit or float("inf")
