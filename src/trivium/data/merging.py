"""Merge the summaries of parts into that of the whole."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from trivium.core.summary import (
    MOST_COMOMENTS,
    MOST_GROUP_COLUMNS,
    MOST_GROUPS,
    MOST_SLICERS,
    PATTERNS_KEPT,
    TOP_KEPT,
    ColumnSummary,
    Comoments,
    Group,
    Groups,
    Joint,
    Kind,
    Sample,
    Summary,
)
from trivium.data.moments import Sum, add, moments, power_sums
from trivium.data.sketches import (
    added,
    coarsened,
    distinct_of,
    fitted,
    merged_distinct,
    merged_frequent,
    merged_sample,
)

_Held = TypeVar("_Held")


def merge(*summaries: Summary) -> Summary:
    """Merge the summaries of parts into that of the whole; none give an empty one.

    The same to the last bit in any order and any nesting, but for `top` and `patterns` of columns with more values than
    are kept, whose counts then agree within `top_error` and `patterns_error`. Equal to the summary of all rows, but
    for those and for the rounding of moments. Columns come in alphabetical order; a column that a part lacks counts
    only the rows of the parts that have it. Parts made before sketches were kept have `distinct` as a lower bound.
    """
    if len(summaries) == 1 and list(summaries[0].columns) == sorted(summaries[0].columns):
        return summaries[0]
    breaks: Counter[str] = Counter()
    for summary in summaries:
        breaks.update(summary.breaks)
    columns = _by_name(summary.columns for summary in summaries)
    joints = [summary.joint for summary in summaries if summary.joint is not None]
    return Summary(
        rows=sum(summary.rows for summary in summaries),
        columns={name: _merged_column(columns[name]) for name in sorted(columns)},
        breaks=dict(sorted(breaks.items())),
        held_back=sum(summary.held_back for summary in summaries),
        first_at=min((summary.first_at for summary in summaries if summary.first_at is not None), default=None),
        last_at=max((summary.last_at for summary in summaries if summary.last_at is not None), default=None),
        joint=_merged_joint(joints) if joints else None,
    )


def _by_name(parts: Iterable[Mapping[str, _Held]]) -> dict[str, list[_Held]]:
    found: dict[str, list[_Held]] = {}
    for part in parts:
        for name, held in part.items():
            found.setdefault(name, []).append(held)
    return found


def _merged_column(parts: Sequence[ColumnSummary]) -> ColumnSummary:
    if len(parts) == 1:
        return parts[0]
    top, top_error = merged_frequent([(part.top, part.top_error) for part in parts], most=TOP_KEPT)
    patterns, patterns_error = merged_frequent(
        [(part.patterns, part.patterns_error) for part in parts], most=PATTERNS_KEPT
    )
    seen = merged_distinct(part.seen for part in parts)
    texts = sum(part.rows - part.nulls for part in parts if part.top or part.other)
    return ColumnSummary(
        rows=sum(part.rows for part in parts),
        kind=_merged_kind({part.kind for part in parts}),
        nulls=sum(part.nulls for part in parts),
        distinct=max([distinct_of(seen), *(part.distinct for part in parts if not part.seen)]),
        **_merged_numbers(parts),
        top=top,
        top_error=top_error,
        other=max(0, texts - sum(top.values())),
        folds=added([part.folds for part in parts]),
        lengths=added([part.lengths for part in parts]),
        patterns=patterns,
        patterns_error=patterns_error,
        marks=dict(sorted(sum((Counter(part.marks) for part in parts), Counter()).items())),
        hours=_merged_counts([part.hours for part in parts]),
        seen=seen,
    )


def _merged_kind(kinds: set[Kind]) -> Kind:
    kinds = kinds - {""}
    if len(kinds) < 2:
        return next(iter(kinds), "")
    return "number" if kinds == {"number", "bool"} else "other"


def _merged_numbers(parts: Sequence[ColumnSummary]) -> dict[str, Any]:
    """Merge what numbers have, and the extremes, which moments in time have too."""
    least = min((part.minimum for part in parts if part.minimum is not None), default=None)
    most = max((part.maximum for part in parts if part.maximum is not None), default=None)
    found: dict[str, Any] = {"minimum": least, "maximum": most}
    parts = [part for part in parts if part.numbers]
    if not parts or least is None or most is None:
        return found
    level = max(part.coarseness for part in parts)
    positive = added([coarsened(part.positive, level - part.coarseness) for part in parts])
    negative = added([coarsened(part.negative, level - part.coarseness) for part in parts])
    positive, negative, coarseness = fitted(positive, negative, level)
    mean, m2, m3, m4 = moments(sum(part.numbers for part in parts), _merged_sums(parts), least=least, most=most)
    return found | {
        "mean": mean,
        "m2": m2,
        "m3": m3,
        "m4": m4,
        "sums": _merged_sums(parts),
        "zeros": sum(part.zeros for part in parts),
        "positive": positive,
        "negative": negative,
        "coarseness": coarseness,
        "decimals": added([part.decimals for part in parts]),
    }


def _merged_sums(parts: Sequence[ColumnSummary]) -> tuple[Sum, ...]:
    """Add power sums, as far up as all parts know them: summaries made before these were kept have two."""
    known = [part.sums or power_sums(part.numbers, part.mean, (part.m2,)) for part in parts]
    return tuple(add(terms) for terms in zip(*known, strict=False))


def _merged_counts(parts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Add counts place by place; parts without any add nothing."""
    return tuple(map(sum, zip(*(part for part in parts if part), strict=True)))


def _merged_joint(parts: Sequence[Joint]) -> Joint:
    if len(parts) == 1:
        return parts[0]
    slicers = _by_name(part.groups for part in parts)
    return Joint(
        comoments=_merged_comoments([part.comoments for part in parts if part.comoments is not None]),
        groups={name: _merged_groups(slicers[name]) for name in sorted(slicers)[:MOST_SLICERS]},
        sample_of_rows=_sample_of(part.sample_of_rows for part in parts),
        sample_of_contents=_sample_of(part.sample_of_contents for part in parts),
        sample_of_keys=_sample_of(part.sample_of_keys for part in parts),
        phases=_merged_counts([part.phases for part in parts]),
    )


def _sample_of(parts: Iterable[Sample | None]) -> Sample | None:
    held = [part for part in parts if part is not None]
    return merged_sample(held) if held else None


def _merged_comoments(parts: Sequence[Comoments]) -> Comoments | None:
    if not parts:
        return None
    columns = tuple(sorted({name for part in parts for name in part.columns})[:MOST_COMOMENTS])
    wide = [part if part.columns == columns else _widened(part, columns) for part in parts]
    return Comoments(
        columns=columns,
        rows=_merged_counts([part.rows for part in wide]),
        sums=_merged_counts([part.sums for part in wide]),
        products=_merged_counts([part.products for part in wide]),
    )


def _widened(part: Comoments, columns: tuple[str, ...]) -> Comoments:
    place = {name: at for at, name in enumerate(part.columns)}
    width = len(part.columns)
    pairs = [(place.get(one), place.get(other)) for one in columns for other in columns]

    def spread(matrix: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(0 if i is None or j is None else matrix[i * width + j] for i, j in pairs)

    return Comoments(columns=columns, rows=spread(part.rows), sums=spread(part.sums), products=spread(part.products))


def _merged_groups(parts: Sequence[Groups]) -> Groups:
    columns = tuple(sorted({name for part in parts for name in part.columns})[:MOST_GROUP_COLUMNS])
    values = {value for part in parts for value in part.values}
    if any(part.is_full for part in parts) or len(values) > MOST_GROUPS:
        return Groups(columns=columns, is_full=True)
    wide = _by_name(_aligned(part, columns) for part in parts)
    return Groups(columns=columns, values={value: _merged_group(wide[value]) for value in sorted(wide)})


def _aligned(part: Groups, columns: tuple[str, ...]) -> Mapping[str, Group]:
    if part.columns == columns:
        return part.values
    places = [part.columns.index(name) if name in part.columns else None for name in columns]

    def spread(held: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(0 if place is None else held[place] for place in places)

    return {
        value: Group(rows=group.rows, held=spread(group.held), sums=spread(group.sums), squares=spread(group.squares))
        for value, group in part.values.items()
    }


def _merged_group(parts: Sequence[Group]) -> Group:
    return Group(
        rows=sum(part.rows for part in parts),
        held=_merged_counts([part.held for part in parts]),
        sums=_merged_counts([part.sums for part in parts]),
        squares=_merged_counts([part.squares for part in parts]),
    )
