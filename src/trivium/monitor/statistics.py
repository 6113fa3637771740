"""What is measured of one summary, so that partitions can be compared: a few numbers per column. Decides nothing."""

import math
from collections import Counter
from collections.abc import Mapping

from trivium.core.summary import ColumnSummary, Summary

# Stands for the whole table where a column is named.
TABLE = ""
QUANTILES = (0.1, 0.5, 0.9)
# The share of a column's mean size under which a spread counts as none: keeps the logarithm finite.
LEAST_SPREAD = 1e-3
Statistic = tuple[str, str]


class Pool:
    """The values of text columns over several partitions, counted; partitions can be taken out again."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def add(self, summary: Summary, *, times: int = 1) -> None:
        """Count a partition's values in, or with `times` -1 out."""
        for name, column in summary.columns.items():
            if is_text(column):
                counts = self._counts.setdefault(name, Counter())
                for value, rows in column.top.items():
                    counts[value] += times * rows
                    if not counts[value]:
                        del counts[value]

    def counts(self, column: str) -> Mapping[str, int]:
        """Return how many rows held each value; {} for a column never seen."""
        return self._counts.get(column, {})


def is_text(column: ColumnSummary) -> bool:
    """Tell whether a column holds text: its values are counted by name, and not by size."""
    return bool(column.top) or column.other > 0


def measure(summary: Summary, pool: Pool) -> dict[Statistic, float]:
    """Measure a partition, one number for each (column, statistic); those that do not exist are left out.

    Args:
        summary: the partition.
        pool: the values of the table's recent partitions; an empty pool gives no `shares` and no `unseen`.

    Returns:
        For the table `rows` (log); per column `nulls` (share); per number `mean`, `spread` (log), `q10`, `q50`, `q90`
        and `zeros` (share of non-nulls); per text `distinct` (log), `shares` (total variation distance from the
        pool, 0 to 1) and `unseen` (share of rows whose value the pool never held). A column of times has `nulls` alone.
    """
    found: dict[Statistic, float] = {(TABLE, "rows"): math.log1p(summary.rows)}
    for name, column in summary.columns.items():
        if not column.rows:
            continue
        found[name, "nulls"] = column.nulls / column.rows
        values = column.rows - column.nulls
        if values and is_text(column):
            found[name, "distinct"] = math.log1p(column.distinct)
            found |= _against(name, column, pool.counts(name))
        elif column.positive or column.negative or column.zeros:
            found |= {(name, statistic): value for statistic, value in _of_number(column, values).items()}
    return found


def _of_number(column: ColumnSummary, values: int) -> dict[str, float]:
    low, middle, high = quantiles(column)
    found = {
        "mean": column.mean,
        "q10": low,
        "q50": middle,
        "q90": high,
        "zeros": column.zeros / values,
    }
    spread = math.sqrt(max(column.m2, 0.0) / values)
    least = LEAST_SPREAD * max(abs(column.mean), abs(column.minimum or 0.0), abs(column.maximum or 0.0))
    if max(spread, least) > 0:  # all zeros: `zeros` tells it
        found["spread"] = math.log(max(spread, least))
    return found


def _against(name: str, column: ColumnSummary, pooled: Mapping[str, int]) -> dict[Statistic, float]:
    total = sum(column.top.values())
    pooled_total = sum(pooled.values())
    if not total or not pooled_total:
        return {}
    shared = sum(min(rows / total, pooled.get(value, 0) / pooled_total) for value, rows in column.top.items())
    unseen = sum(rows for value, rows in column.top.items() if value not in pooled)
    return {(name, "shares"): 1.0 - shared, (name, "unseen"): unseen / total}


def quantiles(column: ColumnSummary, at: tuple[float, ...] = QUANTILES) -> tuple[float, ...]:
    """Read quantiles from a number column's log buckets: the nearest rank, within the buckets' relative error.

    A column without values has no quantile: NaN each.
    """
    ladder = list(column.ladder())
    total = sum(rows for _, rows in ladder)
    if not total:
        return tuple(math.nan for _ in at)
    found: list[float] = []
    passed = 0
    for value, rows in ladder:
        passed += rows
        while len(found) < len(at) and passed >= max(1.0, at[len(found)] * total):
            found.append(value)
    return tuple(found)
