"""Scorecards: intervals by hand and by the textbook, and None for what is undefined."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from trivium.evaluate.jackknife import standard_error, t_quantile, upper_tail
from trivium.evaluate.metrics import BUILTIN, custom_metric
from trivium.evaluate.scorecard import blocks, score


def test_blocks_are_contiguous_and_even():
    """Seven rows in three blocks; fewer rows than blocks are a block each."""
    assert blocks(7, 3).tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert blocks(2).tolist() == [0, 1]
    assert blocks(0).tolist() == []


def test_jackknife_of_a_mean_with_one_row_a_group_is_the_textbook_error():
    """The standard error of the mean of 1, 2, 3, 6 is s / sqrt(n)."""
    values = np.array([1.0, 2.0, 3.0, 6.0])
    left_out = (values.sum() - values) / 3
    assert standard_error(values.mean(), left_out, np.ones(4)) == pytest.approx(values.std(ddof=1) / 2, abs=1e-12)


def test_jackknife_of_unequal_groups_by_hand():
    """Two groups of 1 and 3 rows: the pseudo-values of a mean are the groups' means."""
    left_out = np.array([2.0, 6.0])  # means 6 and 2 with 1 and 3 rows, whole mean 3
    by_hand = math.sqrt(((6 - 3) ** 2 / 3 + (2 - 3) ** 2 / (1 / 3)) / 2)
    assert standard_error(3.0, left_out, np.array([1, 3])) == pytest.approx(by_hand, abs=1e-12)


def test_t_is_students():
    """The quantile and the tail are scipy.stats' own; no degrees of freedom give NaN."""
    assert t_quantile(0.95, 19) == pytest.approx(stats.t.ppf(0.975, 19), abs=1e-10)
    assert upper_tail(1.7, 19) == pytest.approx(stats.t.sf(1.7, 19), abs=1e-12)
    assert math.isnan(t_quantile(0.95, 0))


def test_cells_and_their_intervals():
    """The interval of a mean with one row a group is the textbook's; an empty slice is all None."""
    label, guess = np.zeros(4), np.array([1.0, 2.0, 3.0, 6.0])
    card = score(
        label, guess, pl.DataFrame({"a": range(4)}), metrics=[BUILTIN["mae"]],
        masks={"all": np.ones(4, bool), "none": np.zeros(4, bool)}, groups=blocks(4), confidence=0.9, version="v1",
    )  # fmt: skip
    low, high = stats.t.interval(0.9, 3, loc=3, scale=guess.std(ddof=1) / 2)
    whole, empty = card.cells
    assert (whole.value, whole.rows) == (3.0, 4)
    assert (whole.low, whole.high) == (pytest.approx(low), pytest.approx(high))
    assert (empty.rows, empty.value, empty.low, empty.high) == (0, None, None, None)


def test_a_custom_metric_is_scored_on_each_slices_own_rows():
    """Frame and arrays are cut together, in slices and with groups left out."""
    rows = pl.DataFrame({"label": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})

    def gap(label, prediction, rows):
        assert label.to_list() == rows["label"].to_list()
        return (prediction - label).mean()

    label = rows["label"].to_numpy()
    metric = custom_metric(gap, better="lower", unit="", name="gap")
    card = score(
        label, label + 1, rows, metrics=[metric], masks={"all": np.ones(6, bool), "odd": label % 2 == 1},
        groups=blocks(6, 3), confidence=0.95, version="v1",
    )  # fmt: skip
    assert [(cell.value, cell.low, cell.high) for cell in card.cells] == [(1.0, 1.0, 1.0)] * 2
