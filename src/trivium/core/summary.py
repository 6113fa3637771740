"""A partition's mergeable summary: the value. `data/summary.py` makes it from rows; monitors read it.

Everything here merges to the same bytes in any order and any nesting, but for `top` and `patterns` of text with more
values than are kept, whose error is stated beside them (`top_error`, `patterns_error`). What must not depend on how
parts were nested compares `folds`, not `top`, once `top_error` is above 0.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

Kind = Literal["", "number", "bool", "text", "moment", "other"]

TOP_KEPT = 200
PATTERNS_KEPT = 32
# Rows of text are counted by so many classes of the value's hash.
FOLDS = 256
# A number of 6 places and more counts under the last.
DECIMALS = (0, 2, 4, 6, 9)
# Log buckets of ratio (1 + A) / (1 - A) hold each value within a relative error A (DDSketch; Masson et al., VLDB 2019).
RELATIVE_ERROR = 0.01
LOG_RATIO = math.log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))
# A column that needs more buckets halves its resolution until it does not (UDDSketch; Epicoco et al., 2020).
MOST_BUCKETS = 1024
# Quarters of an hour in a partition of a day.
PHASES = 96
SAMPLED = 256
# Joint counts are kept for the first so many columns by name, and slices of at most so many values.
MOST_COMOMENTS = 32
MOST_SLICERS = 6
MOST_GROUPS = 20
MOST_GROUP_COLUMNS = 64
# The joint part's scale: sign(x) * ln(1 + 16 |x|), cut at 64, in steps of 2^-12, so that its sums are whole numbers.
SCALE_STEP = 2.0**-12
SCALE_UNIT = 16.0
SCALE_MOST = 64.0


class ColumnSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One column's counts. Numbers (and booleans as 0/1) have moments and buckets, text has `top`.

    `positive` and `negative` count values by log bucket of their magnitude, `zeros` counts zeros; bucket i holds
    magnitudes in (r^(i-1), r^i] with r = exp(LOG_RATIO * 2^coarseness). `m2`, `m3` and `m4` are sums of powers of the
    deviations from `mean`, and `sums` the exact power sums that they are read from, each as (integer, exponent of 2).
    `distinct` estimates the number of distinct values from the sketch `seen`. `decimals` counts numbers by how many
    decimal places they need, the least of `DECIMALS` that holds them.

    Of text, `top` has the rows of each value, exactly, while there are at most `TOP_KEPT`; past that only values that
    stand out, each count too high by at most `top_error`, and a value left out has at most `top_error` rows. `other`
    counts the rows that `top` does not. `folds` counts rows by hash of the value, always exactly; `lengths` by number
    of characters, `patterns` by shape ("AA-999"), `marks` those that hold a character which is neither letter nor digit
    (each under its own; all past ASCII under "~"). Of moments in time, extremes are in seconds since 1970 and `hours`
    counts rows by hour of the day, UTC.
    """

    rows: int
    kind: Kind = ""
    nulls: int = 0
    distinct: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0
    sums: tuple[tuple[int, int], ...] = ()
    zeros: int = 0
    coarseness: int = 0
    positive: dict[int, int] = {}
    negative: dict[int, int] = {}
    decimals: dict[int, int] = {}
    top: dict[str, int] = {}
    top_error: int = 0
    other: int = 0
    folds: dict[int, int] = {}
    lengths: dict[int, int] = {}
    patterns: dict[str, int] = {}
    patterns_error: int = 0
    marks: dict[str, int] = {}
    hours: tuple[int, ...] = ()
    seen: bytes = b""

    @property
    def numbers(self) -> int:
        """Count the numbers that a column holds: what its buckets hold."""
        return self.zeros + sum(self.positive.values()) + sum(self.negative.values())

    def ladder(self) -> Iterator[tuple[float, int]]:
        """Go through a column's numbers from the lowest up: a value within the relative error, and how many hold it."""
        for bucket in sorted(self.negative, reverse=True):
            yield -bucket_middle(bucket, self.coarseness), self.negative[bucket]
        if self.zeros:
            yield 0.0, self.zeros
        for bucket in sorted(self.positive):
            yield bucket_middle(bucket, self.coarseness), self.positive[bucket]


class Comoments(msgspec.Struct, frozen=True, kw_only=True):
    """How number columns move together, on the joint scale; each field is a square matrix over `columns`, row by row.

    `rows[i, j]` counts the rows where both hold a number, `sums[i, j]` adds column i over them, `products[i, j]` the
    products; in steps of the scale, so whole numbers.
    """

    columns: tuple[str, ...]
    rows: tuple[int, ...] = ()
    sums: tuple[int, ...] = ()
    products: tuple[int, ...] = ()

    def covariance(self, one: str, other: str) -> float | None:
        """Covariance of two columns on the joint scale, over the rows that hold both; None where there are none."""
        width = len(self.columns)
        i, j = self.columns.index(one), self.columns.index(other)
        rows = self.rows[i * width + j]
        if not rows:
            return None
        exact = self.products[i * width + j] * rows - self.sums[i * width + j] * self.sums[j * width + i]
        return exact / (rows * rows) * SCALE_STEP * SCALE_STEP

    def correlation(self, one: str, other: str) -> float | None:
        """Correlation of two columns on the joint scale, -1 to 1; None without spread.

        The covariance is that of the rows that hold both, the variances those of all rows that hold each.
        """
        width = len(self.columns)
        i, j = self.columns.index(one), self.columns.index(other)
        rows = self.rows[i * width + j]
        both = self.covariance(one, other)
        own, others = self.covariance(one, one), self.covariance(other, other)
        if not rows or both is None or not own or not others:
            return None
        return min(max(both / math.sqrt(own * others), -1.0), 1.0)


class Group(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The rows with one value of a slicer; per column of `Groups.columns` how many hold a value, and its power sums.

    `sums` and `squares` are those of numbers on the joint scale, in its steps, and 0 for any other column.
    """

    rows: int
    held: tuple[int, ...] = ()
    sums: tuple[int, ...] = ()
    squares: tuple[int, ...] = ()


class Groups(msgspec.Struct, frozen=True, kw_only=True):
    """A slicer's values, and the other columns within each. `is_full`: it has too many values to be kept, ever."""

    columns: tuple[str, ...] = ()
    values: dict[str, Group] = {}
    is_full: bool = False

    def nulls(self, value: str, column: str) -> float:
        """Share of the rows with that value in which a column holds nothing, 0 to 1."""
        group = self.values[value]
        return 1 - group.held[self.columns.index(column)] / group.rows

    def mean(self, value: str, column: str) -> float | None:
        """Mean of a column on the joint scale among the rows with that value; None where there is none."""
        group, place = self.values[value], self.columns.index(column)
        return group.sums[place] * SCALE_STEP / group.held[place] if group.held[place] else None

    def variance(self, value: str, column: str) -> float | None:
        """Variance of a column on the joint scale among the rows with that value; None where there is none."""
        group, place = self.values[value], self.columns.index(column)
        held = group.held[place]
        if not held:
            return None
        return (group.squares[place] * held - group.sums[place] ** 2) / held**2 * SCALE_STEP * SCALE_STEP


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The rows whose hashes are the `SAMPLED` smallest of all, in ascending order, each with how often it occurs.

    A coordinated sample: which rows are in it depends on the rows alone, so that two samples can be compared.

    Source:
        Beyer et al. (2007), On synopses for distinct-value estimation under multiset operations.
    """

    rows: int
    hashes: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def distinct(self) -> float:
        """Estimate the number of distinct rows; exact while all fit in the sample, else within 6 % (one sigma)."""
        if len(self.hashes) < SAMPLED:
            return float(len(self.hashes))
        return (SAMPLED - 1) / (self.hashes[-1] / 2.0**64)

    @property
    def duplicates(self) -> float:
        """Estimate the share of rows that repeat another, 0 to 1; 0 exactly where none does."""
        return 1 - len(self.counts) / sum(self.counts) if self.counts else 0.0

    def overlap(self, other: "Sample") -> float:
        """Estimate the share of this one's distinct rows that the other holds too, 0 to 1; 0 without rows."""
        shared = set(other.hashes)
        reach = other.hashes[-1] if len(other.hashes) >= SAMPLED else 2**64
        comparable = [held for held in self.hashes if held <= reach]
        return sum(held in shared for held in comparable) / len(comparable) if comparable else 0.0


class Joint(msgspec.Struct, frozen=True, kw_only=True):
    """What a partition's columns are together, for the decision.

    `groups` are by slicer (text of few values, booleans). `sample_of_rows` is of whole rows, `sample_of_contents` of
    rows without time and key (a repeated day has new ones), `sample_of_keys` of keys. `phases` counts rows by place
    within the partition's span, in `PHASES` equal parts.
    """

    comoments: Comoments | None = None
    groups: dict[str, Groups] = {}
    sample_of_rows: Sample | None = None
    sample_of_contents: Sample | None = None
    sample_of_keys: Sample | None = None
    phases: tuple[int, ...] = ()


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A partition's columns, its rows, how many rows broke each check, and the joint picture (old ones: none).

    `rows` are those let in; `held_back` counts the quarantined beside them, and `breaks` is of both together.
    """

    rows: int
    columns: dict[str, ColumnSummary]
    breaks: dict[str, int] = {}
    held_back: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    joint: Joint | None = None


def bucket_middle(bucket: int, coarseness: int = 0) -> float:
    """Return the magnitude with the same relative error to both ends of a bucket: 2 r^i / (r + 1)."""
    log_ratio = LOG_RATIO * 2**coarseness
    # ln(2 / (1 + r)) without overflow: ln 2 - ln(1 + exp(log_ratio)).
    middle = math.log(2) - (log_ratio + math.log1p(math.exp(-log_ratio)))
    return math.exp(min(bucket * log_ratio + middle, _LOG_LARGEST))


def scaled(value: float) -> float:
    """Put a number on the joint scale: sign(x) * ln(1 + 16 |x|), at most 64; a factor is a shift, once above ~1."""
    return math.copysign(min(math.log1p(SCALE_UNIT * abs(value)), SCALE_MOST), value)


# The largest float's logarithm, a little lowered: rounding up would overflow.
_LOG_LARGEST = 709.782712893384
