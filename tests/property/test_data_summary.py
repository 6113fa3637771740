"""Laws of summaries: merging is order-free, and equals the summary of the concatenation."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.summary import RELATIVE_ERROR, ColumnSummary, Summary
from trivium.data.summary import merge, quantile, summarise

numbers = st.one_of(st.none(), st.floats(-1e9, 1e9), st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, 5e-324]))
row = st.tuples(numbers, st.one_of(st.none(), st.sampled_from("abcde")), st.one_of(st.none(), st.booleans()))
SCHEMA = {"x": pl.Float64, "s": pl.String, "b": pl.Boolean}
frames = st.lists(row, max_size=30).map(lambda rows: pl.DataFrame(rows, schema=SCHEMA, orient="row"))
breaks = st.dictionaries(st.sampled_from(["one", "two"]), st.integers(1, 9))
summaries = st.builds(lambda frame, broke: summarise(frame, breaks=broke), frames, breaks)


def same(one: Summary, other: Summary) -> None:
    """Equal exactly, but for moments (to rounding) and distinct (its bounds have their own test)."""
    assert (one.rows, one.breaks) == (other.rows, other.breaks)
    assert set(one.columns) == set(other.columns)
    for name, held in one.columns.items():
        that = other.columns[name]
        for field in ("rows", "nulls", "minimum", "maximum", "zeros", "positive", "negative", "top", "other"):
            assert getattr(held, field) == getattr(that, field), field
        scale = max(abs(held.minimum or 0), abs(held.maximum or 0))
        assert held.mean == pytest.approx(that.mean, rel=1e-9, abs=1e-9 * scale)
        assert held.m2 == pytest.approx(that.m2, rel=1e-6, abs=1e-9 * scale * scale)


@settings(max_examples=60, deadline=None)
@given(st.lists(frames, min_size=1, max_size=4))
def test_merging_parts_equals_summarising_the_whole(parts: list[pl.DataFrame]) -> None:
    """Any cut of the rows gives the summary of all; distinct lies within its bounds, exact for text."""
    merged = merge(*(summarise(part) for part in parts))
    whole = summarise(pl.concat(parts))
    same(merged, whole)
    for name, column in whole.columns.items():
        most = sum(summarise(part).columns[name].distinct for part in parts)
        assert merged.columns[name].distinct <= column.distinct <= most
    assert merged.columns["s"].distinct == whole.columns["s"].distinct


@settings(max_examples=60, deadline=None)
@given(st.lists(summaries, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_parts_does_not_matter(parts: list[Summary], random: object) -> None:
    """Equal to the last bit, moments too."""
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merge(*shuffled) == merge(*parts)


@settings(max_examples=60, deadline=None)
@given(summaries, summaries, summaries)
def test_merging_is_associative(one: Summary, two: Summary, three: Summary) -> None:
    """Nesting does not matter, the bounds of distinct included."""
    left, right = merge(merge(one, two), three), merge(one, merge(two, three))
    same(left, right)
    for name, column in left.columns.items():
        assert column.distinct == right.columns[name].distinct
    same(merge(one, Summary(rows=0, columns={})), one)


@settings(max_examples=60, deadline=None)
@given(frames)
def test_the_order_of_rows_does_not_matter(frame: pl.DataFrame) -> None:
    """Reversed rows give the same counts, extremes and top values."""
    same(summarise(frame.reverse()), summarise(frame))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=60), st.floats(0, 1))
def test_a_quantile_is_within_the_relative_error_of_the_ranked_value(values: list[float], q: float) -> None:
    """The estimate lies within one hundredth of the value at rank floor(q * (n - 1)), and is monotone in q."""
    column: ColumnSummary = summarise(pl.DataFrame({"x": values})).columns["x"]
    found = quantile(column, q)
    true = sorted(values)[math.floor(q * (len(values) - 1))]
    assert found is not None
    assert abs(found - true) <= RELATIVE_ERROR * abs(true) * (1 + 1e-6)
    assert found <= quantile(column, 1)  # type: ignore[operator]  # not None: there are values
