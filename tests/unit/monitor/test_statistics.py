"""What is measured of a summary, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from trivium.core.summary import ColumnSummary, Summary
from trivium.monitor.statistics import TABLE, Pool, measure, quantiles


def summary(**columns: ColumnSummary) -> Summary:
    """Make a summary of columns with equally many rows."""
    return Summary(rows=next(iter(columns.values())).rows, columns=columns)


def text(**counts: int) -> ColumnSummary:
    """Summarise text from counts."""
    return ColumnSummary(rows=sum(counts.values()), distinct=len(counts), top=counts)


def test_shares_are_the_total_variation_distance() -> None:
    """Half A half B against A 3/4, B 1/4: half of (1/4 + 1/4)."""
    pool = Pool()
    pool.add(summary(carrier=text(A=30, B=10)))
    found = measure(summary(carrier=text(A=5, B=5)), pool)
    assert found["carrier", "shares"] == pytest.approx(0.25)
    assert found["carrier", "unseen"] == 0
    assert found["carrier", "distinct"] == pytest.approx(math.log(3))
    assert found[TABLE, "rows"] == pytest.approx(math.log(11))


def test_unseen_values_are_counted() -> None:
    """3 of 10 rows hold a value the pool never held."""
    pool = Pool()
    pool.add(summary(carrier=text(A=30)))
    found = measure(summary(carrier=text(A=7, Z=3)), pool)
    assert found["carrier", "unseen"] == pytest.approx(0.3)
    assert found["carrier", "shares"] == pytest.approx(0.3)


def test_an_empty_pool_says_nothing_of_shares() -> None:
    """Without a past there is no distance from it."""
    assert ("carrier", "shares") not in measure(summary(carrier=text(A=7)), Pool())


def test_what_is_put_into_the_pool_can_be_taken_out() -> None:
    """A pool after adding and removing is as before."""
    pool = Pool()
    pool.add(summary(carrier=text(A=3, B=1)))
    pool.add(summary(carrier=text(B=1, C=2)))
    pool.add(summary(carrier=text(A=3, B=1)), times=-1)
    assert dict(pool.counts("carrier")) == {"B": 1, "C": 2}
    assert pool.counts("unknown") == {}


def test_numbers() -> None:
    """Mean, spread, share of zeros and nulls of 0, 1, 2, 3 and one null."""
    column = ColumnSummary(rows=5, nulls=1, distinct=4, minimum=0.0, maximum=3.0, mean=1.5, m2=5.0, zeros=1,
                           positive={0: 1, 35: 1, 55: 1})  # fmt: skip
    found = measure(summary(x=column), Pool())
    assert found["x", "nulls"] == pytest.approx(0.2)
    assert found["x", "mean"] == 1.5
    assert found["x", "zeros"] == pytest.approx(0.25)
    assert found["x", "spread"] == pytest.approx(0.5 * math.log(5 / 4))
    assert found["x", "q10"] == 0
    assert found["x", "q90"] == pytest.approx(3, rel=0.011)


def test_quantiles_are_within_the_relative_error(number) -> None:
    """Log buckets give the nearest rank within 1 %, negative values and zeros included."""
    values = np.concatenate([np.random.default_rng(0).normal(0, 100, 999), [0.0]])
    exact = np.quantile(values, [0.1, 0.5, 0.9], method="inverted_cdf")
    assert quantiles(number(values)) == pytest.approx(exact, rel=0.0101)


def test_edges() -> None:
    """No values, constants, all zeros, times: what cannot be measured is left out, and nothing raises."""
    assert all(math.isnan(value) for value in quantiles(ColumnSummary(rows=3, nulls=3)))
    empty = measure(Summary(rows=0, columns={"x": ColumnSummary(rows=0)}), Pool())
    assert empty == {(TABLE, "rows"): 0.0}
    nulls = measure(summary(x=ColumnSummary(rows=3, nulls=3)), Pool())
    assert nulls["x", "nulls"] == 1
    assert ("x", "mean") not in nulls
    zeros = measure(summary(x=ColumnSummary(rows=3, zeros=3, minimum=0.0, maximum=0.0)), Pool())
    assert ("x", "spread") not in zeros
    constant = measure(summary(x=ColumnSummary(rows=3, mean=1.0, minimum=1.0, maximum=1.0, positive={0: 3})), Pool())
    assert constant["x", "spread"] == pytest.approx(math.log(1e-3))
    times = measure(summary(x=ColumnSummary(rows=3, minimum=1e9, maximum=2e9, distinct=3)), Pool())
    assert set(times) == {(TABLE, "rows"), ("x", "nulls")}
    assert math.isfinite(quantiles(ColumnSummary(rows=1, positive={40_000: 1}))[0])
