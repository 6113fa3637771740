"""What a table's past says of its columns: types, extremes, nulls, values, shapes, uniqueness; partition by partition.

Not what follows from it for a contract: that is `proposal.py`'s.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from trivium.data.formats import FORMATS
from trivium.data.schema import DTYPES, cast_to, recast

MOST_VALUES = 1_000
MOST_SHAPES = 200
_BATCH_ROWS = 250_000
_SAMPLED = 200
PART = "_part"
# What text may turn out to be, the narrowest first; `str` is what is left.
_TEXT_MAY_BE = ("int", "float", "bool", "date", "datetime")


@dataclass(frozen=True, slots=True)
class Past:
    """A table's partitions: their names in order, and how to read one."""

    names: Sequence[str]
    read: Callable[[str], pl.DataFrame]

    def batches(self, names: Sequence[str]) -> Iterator[tuple[list[str], pl.DataFrame]]:
        """Read some partitions, many small ones at once; `_part` says which of them a row belongs to."""
        held: list[pl.DataFrame] = []
        of: list[str] = []
        rows = 0
        for name in names:
            frame = self.read(name)
            held.append(frame.with_columns(pl.lit(len(of), dtype=pl.UInt32).alias(PART)))
            of.append(name)
            rows += frame.height
            if rows >= _BATCH_ROWS:
                yield of, pl.concat(held, how="diagonal_relaxed")
                held, of, rows = [], [], 0
        if held:
            yield of, pl.concat(held, how="diagonal_relaxed")


@dataclass(slots=True)
class ColumnEvidence:
    """What was seen of one column.

    `values` are those of text while there are at most `MOST_VALUES`, with their rows, and `shapes` those of text
    (A, a and 9 for letters and digits) while there are at most `MOST_SHAPES`; else None. `worst_nulls` is the greatest
    share of nulls of a partition, and `is_unique` whether no partition held a value twice.
    """

    kind: str
    rows: int = 0
    nulls: int = 0
    least: Any = None
    most: Any = None
    worst_nulls: float = 0.0
    is_unique: bool = True
    values: dict[str, int] | None = field(default_factory=dict)
    shapes: set[str] | None = field(default_factory=set)
    shortest: int | None = None
    longest: int | None = None
    matches: dict[str, int] = field(default_factory=dict)
    parents: dict[str, int] = field(default_factory=dict)

    @property
    def held(self) -> int:
        """How many rows hold a value."""
        return self.rows - self.nulls


@dataclass(slots=True)
class Evidence:
    """What was seen of a table: its columns, and how many rows each partition had."""

    columns: dict[str, ColumnEvidence]
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many rows were seen."""
        return sum(self.rows.values())


def kinds_of(past: Past) -> dict[str, str]:
    """Tell the type of the contract that each column has, or that all of its text reads as (no leading zeros).

    Columns that are all null, or of a type that contracts lack, are left out.
    """
    possible: dict[str, tuple[str, ...]] = {}
    for _, batch in past.batches(past.names):
        for series in batch.drop(PART).get_columns():
            held = series.drop_nulls()
            if held.len():
                seen = _kinds(held)
                possible[series.name] = tuple(k for k in possible.get(series.name, seen) if k in seen)
    return {column: kinds[0] for column, kinds in possible.items() if kinds}


def _kinds(held: pl.Series) -> tuple[str, ...]:
    """List what a column's values can be, the narrowest first."""
    dtype = held.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        text = held.cast(pl.String)
        # A few values rule most types out, so that dates are read one by one only where there are dates.
        likely = [kind for kind in _TEXT_MAY_BE if cast_to(text.head(_SAMPLED), kind)[1].is_empty()]
        if text.str.contains(r"^\s*[+-]?0\d").any() or not (text.str.strip_chars() != "").any():
            likely = [kind for kind in likely if kind not in ("int", "float")]
        if not (text.str.strip_chars() != "").any():
            return ("str",)
        return (*(kind for kind in likely if cast_to(text, kind)[1].is_empty()), "str")
    if dtype.is_integer():
        return ("int", "float")
    if dtype.is_float() or dtype == pl.Decimal:
        return ("float",)
    plain = {pl.Boolean: "bool", pl.Date: "date", pl.Datetime: "datetime"}
    return tuple(kind for known, kind in plain.items() if dtype == known)


def gather(
    past: Past,
    names: Sequence[str],
    kinds: Mapping[str, str],
    *,
    parents: Mapping[str, Mapping[str, pl.Series]],
    start: Evidence | None = None,
) -> Evidence:
    """Look at some partitions, in one pass over their rows.

    Args:
        past: the partitions.
        names: which of them.
        kinds: what `kinds_of` told.
        parents: by column, the values of each column of another table that it may reference, by that one's name.
        start: what earlier partitions said; it goes on from there, and is left as it is.
    """
    found = deepcopy(start) if start else Evidence({column: ColumnEvidence(kind) for column, kind in kinds.items()})
    for of, batch in past.batches(names):
        heights = dict(batch.group_by(PART).len().iter_rows())
        found.rows |= {name: heights.get(place, 0) for place, name in enumerate(of)}
        for column, evidence in found.columns.items():
            if column in batch.columns:
                series = recast(batch[column], evidence.kind)
                _look(evidence, series.fill_nan(None) if series.dtype.is_float() else series, batch[PART])
                for name, values in parents.get(column, {}).items():
                    held = series.drop_nulls().is_in(values.cast(DTYPES[evidence.kind]).implode()).sum()
                    evidence.parents[name] = evidence.parents.get(name, 0) + int(held or 0)
            else:
                evidence.rows, evidence.nulls = evidence.rows + batch.height, evidence.nulls + batch.height
                evidence.worst_nulls = 1.0
    return found


def _look(evidence: ColumnEvidence, series: pl.Series, part: pl.Series) -> None:
    held = series.drop_nulls()
    evidence.rows += series.len()
    evidence.nulls += series.null_count()
    parts = pl.DataFrame({"value": series, "part": part}).group_by("part")
    counts = parts.agg(pl.len().alias("rows"), pl.col("value").null_count().alias("nulls"))
    worst = counts.select((pl.col("nulls") / pl.col("rows")).max()).item()
    evidence.worst_nulls = max(evidence.worst_nulls, worst or 0.0)
    if evidence.is_unique and evidence.kind in ("int", "str"):
        both = pl.DataFrame({"value": series, "part": part}).drop_nulls()
        evidence.is_unique = both.height == both.n_unique()
    if not held.len():
        return
    if evidence.kind == "str":
        _read_texts(evidence, held)
    elif evidence.kind != "bool":
        finite = held.filter(held.is_finite()) if held.dtype.is_float() else held
        evidence.least = _of(min, evidence.least, finite.min())
        evidence.most = _of(max, evidence.most, finite.max())


def _of(choose: Callable[..., Any], one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else choose(one, other)


def _read_texts(evidence: ColumnEvidence, held: pl.Series) -> None:
    counts = held.value_counts(name="rows")
    texts, rows = counts.to_series(0), counts.to_series(1)
    lengths = texts.str.len_chars()
    evidence.shortest = _of(min, evidence.shortest, lengths.min())
    evidence.longest = _of(max, evidence.longest, lengths.max())
    if evidence.values is not None:
        for text, count in counts.iter_rows():
            evidence.values[text] = evidence.values.get(text, 0) + count
        if len(evidence.values) > MOST_VALUES:
            evidence.values = None
    if evidence.shapes is not None:
        shapes = texts.str.replace_all("[A-Z]", "A").str.replace_all("[a-z]", "a").str.replace_all("[0-9]", "9")
        evidence.shapes |= set(shapes.str.replace_all(r"[^\x00-\x7f]", "~").unique().to_list())
        if len(evidence.shapes) > MOST_SHAPES:
            evidence.shapes = None
    for known in FORMATS:
        matched = rows.filter(texts.str.contains(rf"\A(?:{known.pattern})\z")).sum()
        evidence.matches[known.name] = evidence.matches.get(known.name, 0) + int(matched)
