"""What is measured of a summary, against numbers worked out by hand."""

import math

import numpy as np
import polars as pl
import pytest

from trivium.core.summary import ColumnSummary, Summary
from trivium.data.summary import summarise
from trivium.monitor.statistics import TABLE, binomial, kind_of, measure


def summary(**columns: ColumnSummary) -> Summary:
    """Make a summary of columns with equally many rows."""
    return Summary(rows=next(iter(columns.values())).rows, columns=columns)


def test_numbers() -> None:
    """Mean, spread and share of nulls of 0, 1, 2, 3 and one null; few values have no quantiles and no share of zeros."""
    column = ColumnSummary(rows=5, nulls=1, distinct=4, minimum=0.0, maximum=3.0, mean=1.5, m2=5.0, zeros=1,
                           positive={0: 1, 35: 1, 55: 1})  # fmt: skip
    found = measure(summary(x=column))
    assert found.values["x", "nulls"] == pytest.approx(0.2)
    assert found.values["x", "mean"] == 1.5
    assert found.values["x", "spread"] == pytest.approx(0.5 * math.log(5 / 4))
    assert found.noise["x", "mean"] == pytest.approx(5 / 4)
    assert found.values[TABLE, "rows"] == pytest.approx(math.log(6))
    assert not {("x", "zeros"), ("x", "q50")} & set(found.values)
    assert found.counts == {"x": 4}
    assert found.extremes == {"x": (0.0, 3.0)}


def test_quantiles_of_many_values(number) -> None:
    """Of 0 to 1,000 evenly: quantiles within a bucket, and each knows its error: q (1 - q) over the density squared."""
    found = measure(summary(x=number(np.arange(1, 1001).astype(float))))
    assert found.values["x", "q10"] == pytest.approx(100, rel=0.02)
    assert found.values["x", "q50"] == pytest.approx(500, rel=0.02)
    assert found.values["x", "q90"] == pytest.approx(900, rel=0.02)
    assert found.noise["x", "q50"] == pytest.approx(0.25 * 1000**2, rel=0.05)
    assert (found.values["x", "zeros"], found.values["x", "negatives"]) == (0.0, 0.0)


def test_buckets_too_wide_for_a_columns_spread_tell_no_quantiles(number) -> None:
    """A pressure of 1013 spreads by less than a bucket is wide; its moments are measured all the same."""
    found = measure(summary(x=number(np.random.default_rng(0).normal(1013, 8, 500))))
    assert "x" in found.coarse
    assert ("x", "q50") not in found.values
    assert found.values["x", "spread"] == pytest.approx(math.log(8), abs=0.1)


def test_text() -> None:
    """Text is counted by value; past what is held exactly, it says that it is."""
    exact = ColumnSummary(rows=10, distinct=2, top={"A": 7, "B": 3})
    found = measure(summary(x=exact, y=ColumnSummary(rows=10, distinct=9, top={"A": 7}, other=3)))
    assert found.values["x", "distinct"] == pytest.approx(math.log(3))
    assert found.tallies["x", "shares"] == {"A": 7, "B": 3}
    assert found.inexact == {"y"}


def test_a_share_never_seen_has_an_error_of_its_own() -> None:
    """Laplace's rule: none of 8 is 1 of 10, with a variance of 0.1 * 0.9 a row."""
    assert binomial(0, 8) == pytest.approx(0.09)
    assert binomial(4, 8) == pytest.approx(0.25)


def test_correlations_are_those_of_numpy_on_the_joint_scale() -> None:
    """On the scale sign(x) ln(1 + 16 |x|), over all rows; columns that are not watched are left out."""
    dice = np.random.default_rng(1)
    one = dice.normal(size=400)
    frame = pl.DataFrame({"a": one, "b": one + dice.normal(size=400), "c": dice.normal(size=400)})
    made = summarise(frame)
    columns, found = measure(made).correlations
    scaled = np.sign(frame.to_numpy()) * np.log1p(16 * np.abs(frame.to_numpy()))
    assert columns == ("a", "b", "c")
    assert found == pytest.approx(np.corrcoef(scaled, rowvar=False), abs=1e-3)
    kept = Summary(rows=400, columns={name: made.columns[name] for name in "ac"}, joint=made.joint)
    assert measure(kept).correlations[0] == ("a", "c")


def test_kinds_of_columns() -> None:
    """A summary says its column's kind; an old one is known by what it counts."""
    assert kind_of(ColumnSummary(rows=1, kind="bool", zeros=1)) == "number"
    assert kind_of(ColumnSummary(rows=1, kind="moment")) == "moment"
    assert kind_of(ColumnSummary(rows=1, top={"a": 1})) == "text"
    assert kind_of(ColumnSummary(rows=1, positive={0: 1})) == "number"
    assert kind_of(ColumnSummary(rows=1)) == "other"


def test_an_empty_partition_has_rows_alone() -> None:
    """Nothing is measured of a column without rows; one of nulls has nulls."""
    assert set(measure(Summary(rows=0, columns={"x": ColumnSummary(rows=0)})).values) == {(TABLE, "rows")}
    found = measure(summary(x=ColumnSummary(rows=4, nulls=4, kind="number")))
    assert found.values["x", "nulls"] == 1.0
    assert found.kinds == {"x": ""}
