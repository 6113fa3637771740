"""Make a partition's mergeable summary, merge summaries, and read quantiles off them. The structs are `core.summary`'s.

Not a profile of raw rows: whatever cannot be merged (exact quantiles, exact distinct counts over parts) is not here.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate, chain
from typing import Any

import numpy as np
import polars as pl

from trivium.core.summary import RELATIVE_ERROR, TOP_KEPT, ColumnSummary, Summary

# Bucket i holds magnitudes in (gamma^(i-1), gamma^i].
_LOG_GAMMA = math.log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))
# The magnitude within the relative error of all of bucket 0: 2 / (gamma + 1).
_LOG_MIDDLE = math.log(1 - RELATIVE_ERROR)
_LARGEST = sys.float_info.max
_LOG_LARGEST = math.log(_LARGEST)
_TEXT = (pl.String, pl.Categorical, pl.Enum)
_MOMENTS = (pl.Datetime, pl.Date)


def summarise(frame: pl.DataFrame, *, breaks: Mapping[str, int] | None = None, time: str | None = None) -> Summary:
    """Summarise rows in one pass over each column; the order of the rows does not matter.

    Numbers and booleans (0 and 1) get moments and log buckets, text its top values, datetimes and dates their extremes
    in seconds since 1970-01-01 UTC (as `minimum` and `maximum`, without moments or buckets). Of any other type only
    rows and nulls are counted, and `distinct` is 0. NaN and infinities count as nulls. `distinct` is exact and
    leaves nulls out. Moments past the largest float stay at it. No rows give a summary of zeros and None.

    Args:
        frame: the rows.
        breaks: how many rows broke each check, kept as it is.
        time: the datetime column whose extremes become `first_at` and `last_at`.
    """
    kinds = {column: _kind(dtype) for column, dtype in frame.schema.items()}
    asked = [pl.len()]  # a frame without columns has an answer too
    for column, kind in kinds.items():
        asked += _asked(pl.col(column), frame.schema[column], kind)
    found = frame.select(expr.alias(str(place)) for place, expr in enumerate(asked)).row(0)
    columns, place = {}, 1
    for column, kind in kinds.items():
        width = _WIDTH[kind]
        columns[column] = _READ[kind](frame.height, found[place : place + width])
        place += width
    first, last = _extremes(frame, time)
    return Summary(rows=frame.height, columns=columns, breaks=dict(breaks or {}), first_at=first, last_at=last)


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_numeric() or dtype == pl.Boolean:
        return "number"
    if dtype in _TEXT:
        return "text"
    return "moment" if dtype in _MOMENTS else "other"


def _asked(column: pl.Expr, dtype: pl.DataType, kind: str) -> list[pl.Expr]:
    """List a column's aggregates, in the order in which its reader in `_READ` takes them."""
    if kind == "number":
        return _asked_of_number(column, dtype)
    if kind == "text":
        return [column.null_count(), column.cast(pl.String).drop_nulls().alias("value").value_counts().implode()]
    if kind == "moment":
        seconds = column.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
        return [column.null_count(), column.n_unique(), seconds.min(), seconds.max()]
    return [column.null_count()]


def _asked_of_number(column: pl.Expr, dtype: pl.DataType) -> list[pl.Expr]:
    held = column
    if dtype.is_float():
        held = pl.when(column.is_finite()).then(column)
    value = held.cast(pl.Float64)
    return [
        held.null_count(),
        held.n_unique(),
        value.min(),
        value.max(),
        value.mean(),
        value.var(ddof=0),
        (value == 0).sum(),
        *(
            (signed.filter(signed > 0).log() / _LOG_GAMMA).ceil().cast(pl.Int32).alias("value").value_counts().implode()
            for signed in (value, -value)
        ),
    ]


def _read_number(rows: int, found: Sequence[Any]) -> ColumnSummary:
    nulls, distinct, least, most, mean, variance, zeros, positive, negative = found
    held = rows - nulls
    return ColumnSummary(
        rows=rows,
        nulls=nulls,
        distinct=distinct - (nulls > 0),
        minimum=least,
        maximum=most,
        mean=_within(mean, least, most) if held else 0.0,
        m2=_capped((variance or 0.0) * held),
        zeros=zeros,
        positive=_counted(positive),
        negative=_counted(negative),
    )


def _read_text(rows: int, found: Sequence[Any]) -> ColumnSummary:
    nulls, counts = found
    top, other = _top({row["value"]: row["count"] for row in counts})
    return ColumnSummary(rows=rows, nulls=nulls, distinct=len(counts), top=top, other=other)


def _read_moment(rows: int, found: Sequence[Any]) -> ColumnSummary:
    nulls, distinct, first, last = found
    return ColumnSummary(rows=rows, nulls=nulls, distinct=distinct - (nulls > 0), minimum=first, maximum=last)


def _read_other(rows: int, found: Sequence[Any]) -> ColumnSummary:
    return ColumnSummary(rows=rows, nulls=found[0])


_WIDTH = {"number": 9, "text": 2, "moment": 4, "other": 1}
_READ = {"number": _read_number, "text": _read_text, "moment": _read_moment, "other": _read_other}


def _counted(buckets: Iterable[Mapping[str, int]]) -> dict[int, int]:
    return dict(sorted((row["value"], row["count"]) for row in buckets))


def _top(counts: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Keep the most frequent values, ties in alphabetical order, and count the rows of the others."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return dict(ranked[:TOP_KEPT]), sum(count for _, count in ranked[TOP_KEPT:])


def _capped(value: float) -> float:
    return value if math.isfinite(value) else _LARGEST


def _within(value: float, least: float, most: float) -> float:
    """Hold a mean between its extremes, past which rounding or an overflow may carry it."""
    return min(max(value, least), most) if math.isfinite(value) else least / 2 + most / 2


def _extremes(frame: pl.DataFrame, time: str | None) -> tuple[datetime | None, datetime | None]:
    if time is None:
        return None, None
    first, last = frame.select(pl.col(time).min().alias("first"), pl.col(time).max().alias("last")).row(0)
    return first, last


def merge(*summaries: Summary) -> Summary:
    """Merge the summaries of parts into that of the whole; none give an empty one.

    Rows, nulls, extremes, buckets, zeros and breaks are exact. Means and squared deviations agree with those of
    the whole to rounding, and to the bit whatever the order of the arguments. `top` is exact while no column
    holds more than `TOP_KEPT` values; past that each count may be too low by at most `other`, and the nesting of merges
    may matter. `distinct` is exact while `top` is, and otherwise the greatest lower bound that parts and buckets
    give: the true number lies between it and the sum over the parts. Columns come in alphabetical order; a column that
    a part lacks counts only the rows of the parts that have it.

    Source:
        Chan, Golub and LeVeque (1979), updating formulae for sums of squares, over all parts at once.
    """
    parts: dict[str, list[ColumnSummary]] = {}
    breaks: Counter[str] = Counter()
    for summary in summaries:
        breaks.update(summary.breaks)
        for name, column in summary.columns.items():
            parts.setdefault(name, []).append(column)
    return Summary(
        rows=sum(summary.rows for summary in summaries),
        columns={name: _merged(parts[name]) for name in sorted(parts)},
        breaks=dict(sorted(breaks.items())),
        first_at=min((summary.first_at for summary in summaries if summary.first_at is not None), default=None),
        last_at=max((summary.last_at for summary in summaries if summary.last_at is not None), default=None),
    )


def _merged(parts: Sequence[ColumnSummary]) -> ColumnSummary:
    least = min((part.minimum for part in parts if part.minimum is not None), default=None)
    most = max((part.maximum for part in parts if part.maximum is not None), default=None)
    positive = _added_buckets([part.positive for part in parts])
    negative = _added_buckets([part.negative for part in parts])
    zeros = sum(part.zeros for part in parts)
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.top)
    top, other = _top(counts)
    mean, m2 = _moments([part for part in parts if _numbers(part)], least=least, most=most)
    buckets = len(positive) + len(negative) + (zeros > 0)
    return ColumnSummary(
        rows=sum(part.rows for part in parts),
        nulls=sum(part.nulls for part in parts),
        distinct=max(buckets, len(counts), *(part.distinct for part in parts)),
        minimum=least,
        maximum=most,
        mean=mean,
        m2=m2,
        zeros=zeros,
        positive=positive,
        negative=negative,
        top=top,
        other=other + sum(part.other for part in parts),
    )


def _added_buckets(parts: Sequence[Mapping[int, int]]) -> dict[int, int]:
    """Add histograms. By arrays: a monitor merges weeks of days, and a day has hundreds of buckets a column."""
    size = sum(map(len, parts))
    if size == 0:
        return {}
    buckets = np.fromiter(chain.from_iterable(parts), dtype=np.int64, count=size)
    counts = np.fromiter(chain.from_iterable(part.values() for part in parts), dtype=np.int64, count=size)
    held, places = np.unique(buckets, return_inverse=True)
    total = np.zeros(held.size, dtype=np.int64)
    np.add.at(total, places, counts)
    return dict(zip(held.tolist(), total.tolist(), strict=True))


def _numbers(column: ColumnSummary) -> int:
    """Count the numbers that a column holds: what its buckets hold."""
    return column.zeros + sum(column.positive.values()) + sum(column.negative.values())


def _moments(parts: Sequence[ColumnSummary], *, least: float | None, most: float | None) -> tuple[float, float]:
    if not parts or least is None or most is None:
        return 0.0, 0.0
    if len(parts) == 1:
        return parts[0].mean, parts[0].m2
    counts = [_numbers(part) for part in parts]
    total = sum(counts)
    mean = _within(_sum(part.mean * (n / total) for part, n in zip(parts, counts, strict=True)), least, most)
    between = (n * (part.mean - mean) * (part.mean - mean) for part, n in zip(parts, counts, strict=True))
    return mean, _capped(_sum((*(part.m2 for part in parts), *between)))


def _sum(terms: Iterable[float]) -> float:
    """Sum without regard to order (Shewchuk); infinite past the largest float, where fsum would raise."""
    try:
        return math.fsum(terms)
    except OverflowError:
        return math.inf


def quantile(column: ColumnSummary, q: float) -> float | None:
    """Estimate the value at rank floor(q * (n - 1)) of a column's n numbers in ascending order.

    Args:
        column: the summary of a column of numbers or booleans.
        q: 0 gives the minimum and 1 the maximum, both exact.

    Returns:
        A value within `RELATIVE_ERROR` of the true one, and within the extremes; None where there is no number.

    Raises:
        ValueError: q lies outside 0..1, a programming fault.

    Source:
        Masson, Rim and Lee (2019), DDSketch, section 2.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies between 0 and 1: {q}")
    numbers = _numbers(column)
    if numbers == 0 or column.minimum is None or column.maximum is None:
        return None
    rank = math.floor(q * (numbers - 1))
    if rank == 0:
        return column.minimum
    if rank == numbers - 1:
        return column.maximum
    return min(max(_at_rank(column, rank), column.minimum), column.maximum)


def _at_rank(column: ColumnSummary, rank: int) -> float:
    ascending = [
        *((-_middle(bucket), column.negative[bucket]) for bucket in sorted(column.negative, reverse=True)),
        (0.0, column.zeros),
        *((_middle(bucket), column.positive[bucket]) for bucket in sorted(column.positive)),
    ]
    reached = accumulate(count for _, count in ascending)
    return next(value for (value, _), passed in zip(ascending, reached, strict=True) if passed > rank)


def _middle(bucket: int) -> float:
    return math.exp(min(bucket * _LOG_GAMMA + _LOG_MIDDLE, _LOG_LARGEST))
