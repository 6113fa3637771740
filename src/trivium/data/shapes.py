"""How a column's values lie, for a picture: quantiles of one summary, and two summaries on one common scale.

Reads summaries, never rows. Not a distance between the two: what is unlike, the drift decision says.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec

from trivium.core.summary import LOG_RATIO, ColumnSummary

BARS = 48
MOST_VALUES = 10
ALL_OTHERS = "all others"
# A number with at most so many distinct values is drawn value by value.
DISCRETE = 24
# From this ratio of its ends on, a scale of positive numbers is drawn by its logarithm.
WIDE_RATIO = 50.0
OUTER_SHARE = 0.005


class Bars(msgspec.Struct, frozen=True):
    """Shares of two columns' numbers between neighbouring `edges`; the outermost bars hold what lies beyond too."""

    edges: tuple[float, ...]
    usual: tuple[float, ...]
    seen: tuple[float, ...]
    is_log: bool


class Shares(msgspec.Struct, frozen=True):
    """Shares of two columns' rows by value; the last label may stand for all other values."""

    labels: tuple[str, ...]
    usual: tuple[float, ...]
    seen: tuple[float, ...]


def quantiles(column: ColumnSummary, shares: Sequence[float]) -> tuple[float, ...] | None:
    """Estimate quantiles as `summary.quantile` does, in one pass; `shares` ascend. None where there is no number."""
    numbers = column.numbers
    if not numbers or column.minimum is None or column.maximum is None:
        return None
    ends = {0: column.minimum, numbers - 1: column.maximum}
    ranks = [math.floor(share * (numbers - 1)) for share in shares]
    found: list[float] = []
    passed = 0
    for value, count in column.ladder():
        passed += count
        while len(found) < len(ranks) and ranks[len(found)] < passed:
            found.append(ends.get(ranks[len(found)], min(max(value, column.minimum), column.maximum)))
    return tuple(found)


def side_by_side(usual: ColumnSummary, seen: ColumnSummary) -> Bars | Shares | None:
    """Lay two summaries of one column on one scale; None where neither holds a value that can be drawn."""
    kinds = {usual.kind, seen.kind}
    if "number" in kinds:
        return _numbers(usual, seen)
    if "bool" in kinds:
        counts = [{"false": column.zeros, "true": column.numbers - column.zeros} for column in (usual, seen)]
        return _shares(["false", "true"], *counts)
    if "text" in kinds:
        return _texts(usual, seen)
    if "moment" in kinds and (usual.hours or seen.hours):
        hours = [dict(zip(map(str, range(24)), column.hours, strict=False)) for column in (usual, seen)]
        return _shares([str(hour) for hour in range(24)], *hours)
    return None


def _texts(usual: ColumnSummary, seen: ColumnSummary) -> Shares | None:
    """Keep the values with the greatest share on either side; the rest is one."""
    greatest = {
        value: max(column.top.get(value, 0) / max(1, column.rows) for column in (usual, seen))
        for value in {**usual.top, **seen.top}
    }
    shown = sorted(greatest, key=lambda value: (-greatest[value], value))[:MOST_VALUES]
    counts = []
    for column in (usual, seen):
        held = {value: column.top.get(value, 0) for value in shown}
        counts.append({**held, "": max(0, column.rows - column.nulls - sum(held.values()))})
    labels = [*shown, ""] if any(count[""] for count in counts) else shown
    return _shares(labels, *counts)


def _shares(labels: Sequence[str], usual: dict[str, int], seen: dict[str, int]) -> Shares | None:
    totals = [sum(counts.get(label, 0) for label in labels) for counts in (usual, seen)]
    if not any(totals):
        return None
    of = [
        tuple(counts.get(label, 0) / max(1, total) for label in labels)
        for counts, total in zip((usual, seen), totals, strict=True)
    ]
    return Shares(tuple(label or ALL_OTHERS for label in labels), *of)


def _numbers(usual: ColumnSummary, seen: ColumnSummary) -> Bars | Shares | None:
    columns = [column for column in (usual, seen) if column.numbers]
    if not columns:
        return None
    if all(len(set(_rounded(column))) <= DISCRETE for column in columns):
        counts = [dict(_counted(column)) for column in (usual, seen)]
        values = sorted({value for held in counts for value in held})
        return _shares([f"{v:g}" for v in values], *({f"{v:g}": n for v, n in held.items()} for held in counts))
    ends = [quantiles(column, (OUTER_SHARE, 1 - OUTER_SHARE)) for column in columns]
    low = min(end[0] for end in ends if end)
    high = max(end[1] for end in ends if end)
    is_log = low > 0 and high / low > WIDE_RATIO
    if high == low:
        low, high = low - 0.5, high + 0.5
    edges = tuple(_edge(low, high, number / BARS, is_log=is_log) for number in range(BARS + 1))
    return Bars(edges, _barred(usual, edges), _barred(seen, edges), is_log)


def _rounded(column: ColumnSummary) -> Iterator[float]:
    """Give a column's numbers with as few digits as their buckets allow: 10 is 10 and not 9.93."""
    return (_shortest(low, high) for low, high, _ in _spans(column))


def _shortest(low: float, high: float) -> float:
    middle = (low + high) / 2
    candidates = (float(f"{middle:.{digits}g}") for digits in range(1, 17))
    return next((value for value in candidates if low <= value <= high), middle)


def _counted(column: ColumnSummary) -> Iterator[tuple[float, int]]:
    counted: dict[float, int] = {}
    for value, (_, count) in zip(_rounded(column), column.ladder(), strict=True):
        counted[value] = counted.get(value, 0) + count
    return iter(counted.items())


def _edge(low: float, high: float, share: float, *, is_log: bool) -> float:
    return low * (high / low) ** share if is_log else low + share * (high - low)


def _barred(column: ColumnSummary, edges: Sequence[float]) -> tuple[float, ...]:
    """Share out each bucket evenly over the bars that it reaches across."""
    bars = [0.0] * (len(edges) - 1)
    for low, high, count in _spans(column):
        length = high - low
        first = _bar(low, edges)
        for place in range(first, _bar(high, edges) + 1):
            left = low if place == first else edges[place]
            right = edges[place + 1] if place < len(bars) - 1 else high
            share = (min(high, right) - max(low, left)) / length if length > 0 else 1.0
            bars[place] += count * max(0.0, share)
    total = sum(bars)
    return tuple(bar / total if total else 0.0 for bar in bars)


def _bar(value: float, edges: Sequence[float]) -> int:
    low, high = 0, len(edges) - 2
    while low < high:
        middle = (low + high + 1) // 2
        if edges[middle] <= value:
            low = middle
        else:
            high = middle - 1
    return low


def _spans(column: ColumnSummary) -> Iterator[tuple[float, float, int]]:
    """Go through the buckets with the ends that a value in them may have, within the column's extremes."""
    half = LOG_RATIO * 2**column.coarseness / 2
    least, most = column.minimum or 0.0, column.maximum or 0.0
    for value, count in column.ladder():
        ends = sorted((value * math.exp(-half), value * math.exp(half)))
        low, high = (min(max(end, least), most) for end in ends)
        yield low, high, count
