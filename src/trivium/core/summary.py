"""A partition's mergeable summary: the value. `data/summary.py` makes it from rows; monitors read it.

Merging is exact for counts, extremes, moments (to rounding), histograms and breaks, whatever the order. `top` is exact
as long as a column has at most `TOP_KEPT` values; past that, `other` counts the rows of the values let go.
"""

from datetime import datetime

import msgspec

TOP_KEPT = 200
# Log buckets of ratio (1 + A) / (1 - A) hold each value within a relative error A (DDSketch; Masson et al., VLDB 2019).
RELATIVE_ERROR = 0.01


class ColumnSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One column's counts. Numbers (and booleans as 0/1) have moments and buckets, text has `top`.

    `positive` and `negative` count values by log bucket of their magnitude, `zeros` counts zeros. `m2` is the sum
    of squared deviations from `mean`. `distinct` estimates the number of distinct values.
    """

    rows: int
    nulls: int = 0
    distinct: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float = 0.0
    m2: float = 0.0
    zeros: int = 0
    positive: dict[int, int] = {}
    negative: dict[int, int] = {}
    top: dict[str, int] = {}
    other: int = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All of a partition's columns, its rows, and how many rows broke each check."""

    rows: int
    columns: dict[str, ColumnSummary]
    breaks: dict[str, int] = {}
    first_at: datetime | None = None
    last_at: datetime | None = None
