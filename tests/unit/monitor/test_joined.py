"""The joined table's measures, by hand."""

import math

import msgspec
import numpy as np
import pytest

from trivium.monitor.joined import LEAST_ROWS, Joined, join, rank


def test_ties_share_their_ranks() -> None:
    """10, 20, 20, 30: 0, 1.5, 1.5, 3."""
    assert rank(np.array([20.0, 10.0, 30.0, 20.0])).tolist() == [1.5, 0.0, 3.0, 1.5]
    assert rank(np.array([])).tolist() == []


def joined(rows: int = 60, **more: np.ndarray) -> Joined:
    """Join rows whose outcome `minutes` is twice the request's `miles`, and whose label is 1 in the upper half."""
    miles = np.arange(rows, dtype=float)
    label = (miles >= rows / 2).astype(float)
    return join(
        label,
        np.linspace(0.1, 0.9, rows),
        requests={"miles": miles},
        outcomes={"minutes": 2 * miles, **more},
        agree={"carrier": 1.0},
        is_probability=True,
    )


def test_what_belongs_together_is_measured() -> None:
    """A rank correlation of 1; means of 29.5 and 59; a covariance twice the variance; thirds by hand."""
    found = joined()
    assert found.columns == ("miles", "prediction", "minutes")
    assert found.asked == 2
    assert found.ranks["miles|minutes"] == pytest.approx(1.0)
    assert found.ranks["prediction|label"] == pytest.approx(0.8662, abs=1e-3)
    assert found.means == pytest.approx((29.5, 0.5, 59.0))
    assert found.covariance[0][2] == pytest.approx(2 * np.arange(60).var(ddof=1))
    assert found.thirds == pytest.approx((-(0.1 + 0.8 * 9.5 / 59), 0.0, 1 - (0.9 - 0.8 * 9.5 / 59)))
    assert (found.label, found.prediction) == (0.5, pytest.approx(0.5))


def test_columns_that_are_mostly_null_are_left_out() -> None:
    """A column with a third of nulls would leave too few complete rows; one with few loses those rows alone."""
    some, few = np.arange(60.0), np.arange(60.0)
    some[:30], few[:3] = math.nan, math.nan
    found = joined(some=some, few=few)
    assert found.columns == ("miles", "prediction", "minutes", "few")
    assert found.means[0] == pytest.approx(31.0)


def test_a_constant_column_is_bound_to_nothing() -> None:
    """Its correlation is 0 and not NaN."""
    assert joined(still=np.ones(60)).ranks["miles|still"] == 0.0


@pytest.mark.parametrize("rows", [0, 1, LEAST_ROWS - 1])
def test_few_rows_measure_no_bonds(rows: int) -> None:
    """Rates are told of any rows, bonds only of 30."""
    found = joined(rows)
    assert (found.rows, found.ranks, found.thirds, found.columns) == (rows, {}, (), ())


def test_it_is_written_and_read() -> None:
    """The blob holds all of it."""
    found = joined()
    assert msgspec.json.decode(msgspec.json.encode(found), type=Joined) == found
