"""Summaries: numbers worked out by hand, edges, merges and quantiles."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from trivium.core.summary import TOP_KEPT, ColumnSummary, Kind, Summary
from trivium.data.packing import decode, encode
from trivium.data.summary import merge, quantile, summarise


def column(values: list[object], **dtype: object) -> ColumnSummary:
    return summarise(pl.DataFrame({"x": pl.Series(values, **dtype)})).columns["x"]  # type: ignore[arg-type]


def test_numbers_worked_out_by_hand() -> None:
    """2, 4, 4, 4, 5, 5, 7, 9 have mean 5 and squared deviations 9+1+1+1+0+0+4+16 = 32."""
    found = column([2, 4, 4, 4, 5, 5, 7, 9, None])
    assert (found.rows, found.nulls, found.distinct) == (9, 1, 5)
    assert (found.minimum, found.maximum) == (2.0, 9.0)
    assert found.mean == pytest.approx(5)
    assert found.m2 == pytest.approx(32)
    # Bucket of 4: ln 4 / ln(1.01 / 0.99) = 1.386294 / 0.0200007 = 69.31, rounded up.
    assert found.positive[70] == 3
    assert sum(found.positive.values()) == 8


def test_signs_and_zeros_are_counted_apart() -> None:
    """One, in either sign, lies in bucket 0: it is gamma to the power of 0."""
    found = column([-1.0, 0.0, -0.0, 1.0, 1.0])
    assert (found.negative, found.zeros, found.positive) == ({0: 1}, 2, {0: 2})
    assert found.distinct == 3


def test_nan_and_infinities_count_as_nulls() -> None:
    """Only finite values have moments, so that a summary is always plain JSON."""
    found = column([float("nan"), float("inf"), float("-inf"), 2.0])
    assert (found.nulls, found.distinct, found.mean, found.m2) == (3, 1, 2.0, 0.0)


def test_moments_past_the_largest_float_stay_finite() -> None:
    """Squares that overflow are held at the largest float."""
    found = summarise(pl.DataFrame({"x": [1.7e308, -1.7e308, 1.7e308, 5e-324]}))
    both = merge(found, found)
    for summary in (found, both):
        assert decode(encode(summary)) == summary
        assert -1.7e308 <= summary.columns["x"].mean <= 1.7e308


def test_booleans_are_zeros_and_ones() -> None:
    """Two of three true: mean 2/3."""
    found = column([True, True, False, None])
    assert (found.zeros, found.positive, found.nulls) == (1, {0: 2}, 1)
    assert found.mean == pytest.approx(2 / 3)


def test_text_has_its_top_values_ties_in_alphabetical_order() -> None:
    """Counts come greatest first, equal ones by name."""
    found = column(["b", "a", "c", "c", None])
    assert list(found.top.items()) == [("c", 2), ("a", 1), ("b", 1)]
    assert (found.other, found.nulls, found.distinct) == (0, 1, 3)
    assert column(["b", "a"], dtype=pl.Categorical).top == {"a": 1, "b": 1}


def test_past_the_values_kept_only_those_that_stand_out_have_a_name() -> None:
    """Of 201 values, 199 have one row as the 201st has: the two that have more stay, with their exact counts."""
    names = [f"v{number:04}" for number in range(TOP_KEPT + 1)]
    found = column([*names, names[-1], names[0]])
    assert (found.top, found.top_error) == ({names[0]: 2, names[-1]: 2}, 1)
    assert found.other == TOP_KEPT - 1
    assert found.distinct == TOP_KEPT + 1
    assert sum(found.folds.values()) == TOP_KEPT + 3


def test_moments_in_time_have_extremes_and_no_buckets() -> None:
    """A datetime's extremes are seconds since 1970; a day is 86,400."""
    at = datetime(1970, 1, 2, tzinfo=UTC)
    found = summarise(pl.DataFrame({"at": [at, None], "day": [date(1970, 1, 3), date(1970, 1, 2)]}), time="at")
    assert (found.first_at, found.last_at) == (at, at)
    stood = {name: (held.nulls, held.distinct, held.minimum, held.maximum) for name, held in found.columns.items()}
    assert stood == {"at": (1, 1, 86400.0, 86400.0), "day": (0, 2, 86400.0, 172800.0)}
    assert not any(held.numbers or held.mean for held in found.columns.values())
    assert found.columns["at"].hours == (1, *[0] * 23)


def test_other_types_count_rows_and_nulls_alone() -> None:
    """A list column is counted, and no more."""
    assert column([[1], None]) == ColumnSummary(rows=2, kind="other", nulls=1)


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        *((dtype, "number") for dtype in (pl.Float64, pl.Float32, pl.Int8, pl.UInt64, pl.Decimal(10, 2))),
        *((dtype, "text") for dtype in (pl.String, pl.Categorical, pl.Enum(["a"]))),
        *((dtype, "moment") for dtype in (pl.Datetime, pl.Datetime("ns", "Asia/Tokyo"), pl.Date)),
        *((dtype, "other") for dtype in (pl.Null, pl.List(pl.Int64), pl.Duration, pl.Time)),
        (pl.Boolean, "bool"),
    ],
)
def test_no_rows_and_only_nulls_summarise(dtype: pl.DataType, kind: Kind) -> None:
    """Empty and all-null columns have nothing but their counts."""
    assert column([], dtype=dtype) == ColumnSummary(rows=0, kind=kind)
    assert column([None, None], dtype=dtype) == ColumnSummary(rows=2, kind=kind, nulls=2)


def test_a_column_named_count_and_a_frame_without_columns() -> None:
    """Names of Polars' own fields do no harm, nor does a frame without columns."""
    assert summarise(pl.DataFrame({"count": ["a"], "value": [1]})).columns["count"].top == {"a": 1}
    assert summarise(pl.DataFrame()) == Summary(rows=0, columns={})


def test_merge_adds_what_two_parts_hold() -> None:
    """1, 2 and 6: mean 3, squared deviations 4 + 1 + 9 = 14; breaks add."""
    first = summarise(pl.DataFrame({"x": [1.0, 2.0]}), breaks={"a": 1, "b": 2})
    second = summarise(pl.DataFrame({"x": [6.0], "y": ["new"]}), breaks={"a": 3})
    both = merge(first, second)
    assert (both.rows, both.breaks) == (3, {"a": 4, "b": 2})
    assert both.columns["x"].mean == pytest.approx(3)
    assert both.columns["x"].m2 == pytest.approx(14)
    assert both.columns["y"] == second.columns["y"]
    assert merge() == Summary(rows=0, columns={})


def test_merged_distinct_is_exact_while_values_are_few() -> None:
    """1, 2, 50 and a, b, c: three each, whichever parts hold them."""
    parts = [
        summarise(pl.DataFrame({"x": [1.0, 2.0], "s": ["a", "b"]})),
        summarise(pl.DataFrame({"x": [2.0, 50.0], "s": ["b", "c"]})),
    ]
    both = merge(*parts).columns
    assert (both["x"].distinct, both["s"].distinct) == (3, 3)


def test_quantiles_of_one_to_a_hundred() -> None:
    """The value at rank floor(q * 99) of 1..100, within one hundredth of itself."""
    found = column(list(range(1, 101)))
    assert quantile(found, 0) == 1
    assert quantile(found, 1) == 100
    assert quantile(found, 0.5) == pytest.approx(50, rel=0.0101)
    assert quantile(found, 0.95) == pytest.approx(95, rel=0.0101)


def test_quantiles_go_from_the_most_negative_up() -> None:
    """-100, -1, 0, 0, 7 in that order."""
    found = column([0, -1, 7, -100, 0])
    assert quantile(found, 0.25) == pytest.approx(-1, rel=0.0101)
    assert quantile(found, 0.5) == 0
    assert quantile(found, 0.75) == 0


def test_quantile_of_nothing_is_none_and_out_of_range_is_a_fault() -> None:
    """Text and empty columns have no quantile."""
    assert quantile(column(["a"]), 0.5) is None
    assert quantile(column([], dtype=pl.Float64), 0.5) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(column([1]), 1.5)


def test_the_largest_float_has_a_quantile() -> None:
    """The greatest bucket's middle does not overflow."""
    assert quantile(column([1.79e308] * 3), 0.5) == pytest.approx(1.79e308, rel=0.0101)


def test_nothing_of_a_private_column_stands_in_clear() -> None:
    """Not one of the values is found in the written summary; what can be known of them roughly still is."""
    at = datetime(2013, 5, 6, 7, 8, 9, tzinfo=UTC)
    values = {
        "name": ["Ada Lovelace", "Grace Hopper"],
        "pay": [1234.5, 98765.25],
        "born": [at, at],
        "sick": [True, None],
    }
    found = summarise(pl.DataFrame(values), private=list(values))
    text = repr(found) + repr(encode(found))
    assert not [word for word in ("Ada", "Lovelace", "Hopper", "1234.5", "98765") if word in text]
    columns = found.columns
    assert columns["name"].patterns == {"Aaa Aaaaaaaa": 1, "Aaaaa Aaaaaa": 1}
    assert all(value.startswith("#") and len(value) == 5 for value in columns["name"].top)
    assert columns["pay"].minimum == pytest.approx(1234.5, rel=0.0101)
    assert columns["born"].minimum == datetime(2013, 5, 6, tzinfo=UTC).timestamp()
    assert columns["born"].hours == (2, *[0] * 23)
    assert columns["sick"].mean == 1.0


def test_a_long_value_is_named_by_its_beginning_and_its_hash() -> None:
    """Two texts that differ only past what is shown are told apart."""
    found = column(["x" * 100 + "a", "x" * 100 + "b", "x" * 100 + "a"])
    assert sorted(found.top.values()) == [1, 2]
    assert all(value.startswith("xxxxxxxxxxxxxxx…") and len(value) == 26 for value in found.top)


def test_text_has_lengths_and_shapes() -> None:
    """Lengths to 32 exactly, beyond at most an eighth too long; a letter past ASCII is ~."""
    found = column(["AB-123", "AB-999", "müde", "x" * 33, ""])
    assert found.lengths == {0: 1, 4: 1, 6: 2, 36: 1}
    assert found.patterns == {"AA-999": 2, "a~aa": 1, "a" * 24: 1, "": 1}


def test_integers_past_those_of_floats_are_told_apart() -> None:
    """2^53 and 2^53 + 1 are one float, and two values; small ones count as the floats that they equal."""
    assert column([2**53, 2**53 + 1, 2**63 - 1]).distinct == 3
    assert column([2**64 - 1, 2**64 - 2], dtype=pl.UInt64).distinct == 2
    assert column([1, 2]).seen == column([1.0, 2.0]).seen


def test_summaries_from_before_sketches_are_read_and_merged() -> None:
    """JSON of the old form decodes; merged, moments are exact and distinct is the greatest lower bound."""
    old = decode(
        b'{"rows":2,"columns":{"x":{"rows":2,"distinct":2,"minimum":1.0,"maximum":2.0,"mean":1.5,"m2":0.5,'
        b'"positive":{"0":1,"35":1}},"s":{"rows":2,"distinct":2,"top":{"a":1,"b":1}}}}'
    )
    assert old.joint is None
    both = merge(old, summarise(pl.DataFrame({"x": [6.0], "s": ["b"]})))
    assert (both.columns["x"].mean, both.columns["x"].m2) == (3.0, 14.0)
    assert (both.columns["x"].distinct, both.columns["s"].top) == (2, {"b": 2, "a": 1})
    assert both.columns["x"].numbers == 3


def test_no_rows_of_numbers_beside_slicers_summarise() -> None:
    """What a refused partition leaves behind: every kind of column, and nothing in any."""
    frame = pl.DataFrame({"a": [1], "b": [2.0], "c": ["x"], "d": [True]}).clear()
    joint = summarise(frame).joint
    assert joint is not None
    assert {name: groups.values for name, groups in joint.groups.items()} == {"c": {}, "d": {}}
