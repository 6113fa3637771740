"""How a column's values lie, for pictures: quantiles, and two summaries on one scale."""

import math
from datetime import UTC, datetime

import polars as pl
import pytest

from trivium.core.summary import ColumnSummary
from trivium.data.shapes import BARS, Bars, Shares, quantiles, side_by_side
from trivium.data.summary import quantile, summarise


def summary_of(values: list[object], dtype: pl.DataType | None = None) -> ColumnSummary:
    return summarise(pl.DataFrame({"a": pl.Series(values, dtype=dtype)})).columns["a"]


def test_quantiles_are_those_of_the_summary() -> None:
    """Several in one pass, the same as one by one."""
    column = summary_of([float(n) for n in range(-50, 400)])
    asked = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95)
    told = quantiles(column, asked)
    assert told == tuple(quantile(column, share) for share in asked)
    assert quantiles(summary_of([None, None], pl.Float64()), asked) is None


def test_a_factor_shows_as_a_shift_on_a_scale_of_ratios() -> None:
    """Miles beside kilometres: both shapes sum to 1, the second lies further up."""
    miles = [math.exp(n / 100) for n in range(700)]
    shape = side_by_side(summary_of(miles), summary_of([1.609 * mile for mile in miles]))
    assert isinstance(shape, Bars)
    assert shape.is_log
    assert len(shape.usual) == len(shape.seen) == BARS == len(shape.edges) - 1
    assert sum(shape.usual) == pytest.approx(1) and sum(shape.seen) == pytest.approx(1)
    centre = [sum(place * share for place, share in enumerate(shares)) for shares in (shape.usual, shape.seen)]
    assert centre[1] > centre[0] + 2


def test_bars_are_flat_where_values_are_even() -> None:
    """Even numbers over a range fill each bar alike, though buckets grow with the value."""
    even = summary_of([100 + n / 10 for n in range(2000)])
    shape = side_by_side(even, even)
    assert isinstance(shape, Bars) and not shape.is_log
    assert all(share == pytest.approx(1 / BARS, abs=0.012) for share in shape.usual[1:-1])


def test_what_lies_far_out_is_in_the_outermost_bar() -> None:
    """One value of a thousand does not stretch the scale."""
    shape = side_by_side(summary_of([n / 10 for n in range(1000)]), summary_of([*[n / 10 for n in range(999)], 1e9]))
    assert isinstance(shape, Bars)
    assert shape.edges[-1] < 200
    assert sum(shape.seen) == pytest.approx(1)


def test_few_numbers_are_drawn_one_by_one() -> None:
    """Hours are hours: whole, in order."""
    shape = side_by_side(summary_of([0, 10, 10, 23]), summary_of([10, 11, 11, 11]))
    assert shape == Shares(("0", "10", "11", "23"), (0.25, 0.5, 0.0, 0.25), (0.0, 0.25, 0.75, 0.0))


def test_text_keeps_what_is_common_on_either_side() -> None:
    """The rest is one value; nulls are no value."""
    usual = summary_of(["AA"] * 8 + [f"x{n}" for n in range(12)] + [None] * 5)
    shape = side_by_side(usual, summary_of(["ZZ"] * 10))
    assert isinstance(shape, Shares)
    assert shape.labels[:2] == ("ZZ", "AA") and shape.labels[-1] == "all others"
    assert shape.usual[1] == pytest.approx(8 / 20) and shape.seen[0] == 1.0
    assert sum(shape.usual) == pytest.approx(1) and sum(shape.seen) == pytest.approx(1)


def test_bools_and_times_have_their_own_scales() -> None:
    """False and true; the 24 hours of the day."""
    shape = side_by_side(summary_of([True, False, False, None]), summary_of([True]))
    assert shape == Shares(("false", "true"), (2 / 3, 1 / 3), (0.0, 1.0))
    hours = side_by_side(
        summary_of([datetime(2013, 3, 4, 5, tzinfo=UTC)]), summary_of([None], pl.Datetime("us", "UTC"))
    )
    assert isinstance(hours, Shares)
    assert hours.labels[5] == "5" and hours.usual[5] == 1.0 and sum(hours.seen) == 0.0


def test_nothing_has_no_shape() -> None:
    """Columns of nulls alone cannot be drawn."""
    assert side_by_side(summary_of([None], pl.Float64()), summary_of([None], pl.Float64())) is None
    assert side_by_side(summary_of([None], pl.String()), summary_of([None], pl.String())) is None
