"""Laws of summaries: merging is order-free to the last bit, and equals the summary of the concatenation."""

import math
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.summary import RELATIVE_ERROR, ColumnSummary, Summary
from trivium.data.packing import decode, encode
from trivium.data.summary import merge, quantile, summarise

START = datetime(2013, 1, 1, tzinfo=UTC)
SPAN = (START, START + timedelta(days=1))
numbers = st.one_of(
    st.none(),
    st.floats(-1e9, 1e9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, 5e-324]),
)
row = st.tuples(
    numbers,
    st.one_of(st.none(), st.sampled_from("abcde"), st.text(max_size=40)),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.integers(0, 86_399).map(lambda second: START + timedelta(seconds=second))),
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
)
SCHEMA = {"x": pl.Float64, "s": pl.String, "b": pl.Boolean, "at": pl.Datetime("us", "UTC"), "k": pl.Int64}
frames = st.lists(row, max_size=30).map(lambda rows: pl.DataFrame(rows, schema=SCHEMA, orient="row"))
breaks = st.dictionaries(st.sampled_from(["one", "two"]), st.integers(1, 9))
ASK = {"time": "at", "key": ("k",), "span": SPAN}
summaries = st.builds(lambda frame, broke: summarise(frame, breaks=broke, **ASK), frames, breaks)
ROUNDED = ("mean", "m2", "m3", "m4", "sums")


def without_moments(summary: Summary) -> Summary:
    """Take away what is rounded once per part."""
    bare = {field: getattr(ColumnSummary(rows=0), field) for field in ROUNDED}
    columns = {name: msgspec.structs.replace(held, **bare) for name, held in sorted(summary.columns.items())}
    return msgspec.structs.replace(summary, columns=columns)


def same(one: Summary, other: Summary) -> None:
    """Equal exactly, but for moments, which agree to rounding."""
    assert without_moments(one) == without_moments(other)
    for name, held in one.columns.items():
        that = other.columns[name]
        scale = max(abs(held.minimum or 0), abs(held.maximum or 0))
        assert held.mean == pytest.approx(that.mean, rel=1e-9, abs=1e-9 * scale)
        if scale < 1e70:  # the fourth power of more is past the largest float
            for power, moment in enumerate(("m2", "m3", "m4"), start=2):
                least = 1e-9 * held.rows * scale**power
                assert getattr(held, moment) == pytest.approx(getattr(that, moment), rel=1e-6, abs=least)


@settings(max_examples=60, deadline=None)
@given(st.lists(frames, min_size=1, max_size=4))
def test_merging_parts_equals_summarising_the_whole(parts: list[pl.DataFrame]) -> None:
    """Any cut of the rows gives the summary of all: counts, sketches and the joint picture to the last bit."""
    same(merge(*(summarise(part, **ASK) for part in parts)), merge(summarise(pl.concat(parts), **ASK)))


@settings(max_examples=60, deadline=None)
@given(st.lists(summaries, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_neither_order_nor_nesting_of_parts_matters(parts: list[Summary], random: Random) -> None:
    """Merged two by two in any order, the bytes are those of merging all at once."""
    whole = encode(merge(*parts))
    while len(parts) > 1:
        random.shuffle(parts)
        parts = [merge(parts[0], parts[1]), *parts[2:]]
    assert encode(merge(*parts)) == whole


@settings(max_examples=60, deadline=None)
@given(summaries)
def test_the_empty_summary_changes_nothing(one: Summary) -> None:
    """Merging with nothing gives the same, columns sorted; and so does merging alone."""
    nothing = Summary(rows=0, columns={})
    assert encode(merge(one, nothing)) == encode(merge(nothing, one)) == encode(merge(one))


@settings(max_examples=60, deadline=None)
@given(frames)
def test_the_order_of_rows_does_not_matter(frame: pl.DataFrame) -> None:
    """Reversed rows give the same counts, extremes and top values."""
    same(summarise(frame.reverse(), **ASK), summarise(frame, **ASK))


@settings(max_examples=60, deadline=None)
@given(summaries)
def test_what_is_written_is_read_back(summary: Summary) -> None:
    """Bytes lose nothing, and plain JSON from before is read on."""
    assert decode(encode(summary)) == summary
    old = msgspec.structs.replace(summary, joint=None)
    assert decode(msgspec.json.encode(old)) == old


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
