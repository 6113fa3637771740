"""Reliability tables, calibration and usual errors, by hand."""

import math

import numpy as np
import pytest

from trivium.monitor.reliability import Bin, Reliability, bins_of, calibrated, measure, merge, pooled, usual_errors


def test_rows_are_counted_by_what_was_predicted() -> None:
    """Two rows at 0.21 and 0.22 share the bin from 0.2 to 0.225; what is not finite is left out."""
    found = measure(np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.21, 0.22, 1.0, math.nan]), is_probability=True)
    assert sorted(found.bins) == ["39", "8"]
    held = found.bins["8"]
    assert (held.rows, held.label) == (2, 1.0)
    assert held.prediction == pytest.approx(0.43)
    assert held.error_size == pytest.approx(0.79 + 0.22)
    assert held.error_square == pytest.approx(0.79**2 + 0.22**2)
    assert found.rows == 3


def test_bins_of_numbers_are_half_octaves_on_either_side() -> None:
    """1 and 1.3 share a bin, 1.5 has the next, -1 its mirror; zero and the tiniest are in the middle."""
    found = bins_of(np.array([1.0, 1.3, 1.5, -1.0, 0.0, 1e-320]), is_probability=False)
    assert found[0] == found[1] == found[2] - 1 == -found[3]
    assert found[4:].tolist() == [0, 0]


def test_tables_merge_in_any_order() -> None:
    """Adding up tables gives the table of all rows, bit for bit whatever the order."""
    draw = np.random.default_rng(1)
    label, said = (draw.random(300) < 0.4).astype(float), draw.random(300)
    parts = [measure(label[at], said[at], is_probability=True) for at in np.array_split(np.arange(300), 7)]
    whole = measure(label, said, is_probability=True)
    assert merge(parts) == merge(parts[::-1])
    assert {name: held.rows for name, held in merge(parts).bins.items()} == {n: h.rows for n, h in whole.bins.items()}
    assert merge([]) == Reliability(is_probability=True, bins={})


def test_pooling_by_hand() -> None:
    """1, 3, 2, 4 with equal weights: 3 and 2 are pooled to 2.5; with weights 1 and 3 to 2.25."""
    assert pooled(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4)).tolist() == [1.0, 2.5, 2.5, 4.0]
    assert pooled(np.array([1.0, 3.0, 2.0, 4.0]), np.array([1.0, 1.0, 3.0, 1.0])).tolist() == [1.0, 2.25, 2.25, 4.0]
    assert pooled(np.array([3.0, 2.0, 1.0]), np.ones(3)).tolist() == [2.0, 2.0, 2.0]
    assert pooled(np.array([]), np.array([])).tolist() == []


def test_calibration_finds_the_true_shares() -> None:
    """Of a model that says p where p squared is true, 50,000 rows find the square to within 0.02, and it rises."""
    draw = np.random.default_rng(0)
    said = draw.random(50_000)
    table = measure((draw.random(50_000) < said**2).astype(float), said, is_probability=True)
    at = np.linspace(0.05, 0.95, 19)
    found = calibrated(table, at)
    assert np.abs(found - at**2).max() < 0.02
    assert np.all(np.diff(found) >= 0)


def test_calibration_without_rows_returns_the_predictions() -> None:
    """Nothing learnt, nothing changed."""
    at = np.array([0.1, 0.9])
    assert calibrated(merge([]), at).tolist() == [0.1, 0.9]


def test_one_row_does_not_make_a_bin_certain() -> None:
    """One late flight at 0.01: with four rows at the prediction beside it the share is (1 + 0.04) / 5."""
    table = measure(np.array([1.0]), np.array([0.01]), is_probability=True)
    assert calibrated(table, np.array([0.01]))[0] == pytest.approx(0.208)


def test_usual_errors_by_bin_and_by_all() -> None:
    """A bin of 20 rows has its own errors; one row alone takes those of all 21; no rows at all: NaN."""
    said = np.array([1.0] * 20 + [100.0])
    table = measure(said - np.array([0.5, -0.5] * 10 + [30.0]), said, is_probability=False)
    error, size, square = usual_errors(table, np.array([1.1, 100.0, -7.0]))
    assert error.tolist() == pytest.approx([0.0, 30 / 21, 30 / 21])
    assert size.tolist() == pytest.approx([0.5, 40 / 21, 40 / 21])
    assert square.tolist() == pytest.approx([0.25, 905 / 21, 905 / 21])
    empty = Reliability(is_probability=False, bins={})
    assert np.isnan(usual_errors(empty, np.array([1.0]))[0]).all()


def test_a_bin_is_written_short() -> None:
    """A bin is five numbers, so a period's table stays below 4 kB."""
    import msgspec

    draw = np.random.default_rng(0)
    table = measure((draw.random(900) < 0.3).astype(float), draw.random(900), is_probability=True)
    assert len(msgspec.json.encode(table)) < 4_000
    assert msgspec.json.decode(msgspec.json.encode(table), type=Reliability) == table
    assert isinstance(table.bins["0"], Bin)
