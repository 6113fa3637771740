"""Make a partition's mergeable summary, and read quantiles off it. The structs are `core.summary`'s.

Not a profile of raw rows: whatever cannot be merged (exact quantiles, exact distinct counts over parts) is not here.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import accumulate

import polars as pl

from trivium.core.project import Table
from trivium.core.summary import ColumnSummary, Summary
from trivium.core.values import Partition
from trivium.data.column_summary import Read, read
from trivium.data.joint import joint
from trivium.data.merging import merge

__all__ = ["merge", "quantile", "summarise", "summarise_partition"]

# From so many rows on columns are read by threads: NumPy and Polars let go of the lock, but a thread has its price.
_THREADED_ROWS = 50_000
_THREADS = 2  # more gain nothing: the work is bound by memory


def summarise(
    frame: pl.DataFrame,
    *,
    breaks: Mapping[str, int] | None = None,
    time: str | None = None,
    key: Sequence[str] = (),
    span: tuple[datetime, datetime] | None = None,
    private: Collection[str] = (),
) -> Summary:
    """Summarise rows; their order does not matter. Of more rows than fit in memory, merge the summaries of chunks.

    Numbers and booleans (0 and 1) get moments and log buckets, text its frequent values, lengths and shapes, datetimes
    and dates their extremes in seconds since 1970-01-01 UTC and hours of the day. Of any other type only rows and
    nulls are counted, and `distinct` is 0. NaN and infinities count as nulls. Moments past the largest float stay at
    it. No rows give a summary of zeros and None.

    Args:
        frame: the rows.
        breaks: how many rows broke each check, kept as it is.
        time: the datetime column whose extremes become `first_at` and `last_at`, and whose place in `span` the phases.
        key: the columns that tell rows apart; they are no part of a row's content.
        span: the partition's start and end.
        private: columns whose values must not stand in the summary: numbers are rounded to one hundredth, moments to
            the day, texts named by 16 bits of their hash, and none is a slicer. Shapes and lengths of texts stay.
    """
    hidden = frozenset(private)
    names = frame.columns
    columns = dict(
        zip(names, _each(lambda name: read(frame[name], private=name in hidden), names, frame.height), strict=True)
    )
    first, last = _extremes(frame, time)
    return Summary(
        rows=frame.height,
        columns={name: held.summary for name, held in columns.items()},
        breaks=dict(breaks or {}),
        first_at=first,
        last_at=last,
        joint=joint(frame, columns, time=time, key=key, span=span, private=hidden) if names else None,
    )


def summarise_partition(rows: pl.DataFrame, table: Table, partition: Partition) -> Summary:
    """Summarise rows of a partition as its table's contract says: its time, key and private columns."""
    has_time = table.time is not None and table.time in rows.columns
    return summarise(
        rows,
        time=table.time if has_time else None,
        key=table.key,
        span=(partition.start, partition.end) if has_time else None,
        private=[name for name, column in table.columns.items() if column.private],
    )


def _each(work: Callable[[str], Read], names: Sequence[str], rows: int) -> list[Read]:
    if rows < _THREADED_ROWS:
        return [work(name) for name in names]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, names))


def _extremes(frame: pl.DataFrame, time: str | None) -> tuple[datetime | None, datetime | None]:
    if time is None:
        return None, None
    first, last = frame.select(pl.col(time).min().alias("first"), pl.col(time).max().alias("last")).row(0)
    return first, last


def quantile(column: ColumnSummary, q: float) -> float | None:
    """Estimate the value at rank floor(q * (n - 1)) of a column's n numbers in ascending order.

    Args:
        column: the summary of a column of numbers or booleans.
        q: 0 gives the minimum and 1 the maximum, both exact.

    Returns:
        A value within the buckets' relative error of the true one (`RELATIVE_ERROR`, and about twice that for each
        step of `coarseness`), and within the extremes; None where there is no number.

    Raises:
        ValueError: q lies outside 0..1, a programming fault.

    Source:
        Masson, Rim and Lee (2019), DDSketch, section 2; Epicoco et al. (2020), UDDSketch.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies between 0 and 1: {q}")
    numbers = column.numbers
    if numbers == 0 or column.minimum is None or column.maximum is None:
        return None
    rank = math.floor(q * (numbers - 1))
    if rank == 0:
        return column.minimum
    if rank == numbers - 1:
        return column.maximum
    ladder = list(column.ladder())
    reached = accumulate(count for _, count in ladder)
    found = next(value for (value, _), passed in zip(ladder, reached, strict=True) if passed > rank)
    return min(max(found, column.minimum), column.maximum)
