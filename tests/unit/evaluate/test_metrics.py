"""Metrics agree with scikit-learn, and are NaN where they are undefined."""

import math

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as reference

from trivium.core.problems import ProjectError
from trivium.evaluate.metrics import BUILTIN, custom_metric, select

ROWS = pl.DataFrame()
RNG = np.random.default_rng(7)
LABEL = (RNG.random(500) < 0.3).astype(float)
GUESS = np.round(RNG.random(500), 2)  # rounded, so that there are ties
SIZE, ANSWER = RNG.normal(size=500), RNG.normal(size=500)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_loss", lambda: reference.log_loss(LABEL, GUESS, labels=[0, 1])),
        ("brier", lambda: reference.brier_score_loss(LABEL, GUESS)),
        ("roc_auc", lambda: reference.roc_auc_score(LABEL, GUESS)),
        ("average_precision", lambda: reference.average_precision_score(LABEL, GUESS)),
        ("accuracy", lambda: reference.accuracy_score(LABEL, GUESS >= 0.5)),
    ],
)
def test_binary_metrics_agree_with_scikit_learn(name, expected):
    """Ours and theirs are the same to 1e-12, ties included."""
    assert BUILTIN[name].score(LABEL, GUESS, ROWS) == pytest.approx(expected(), abs=1e-12)


def test_regression_metrics_agree_with_scikit_learn():
    """Ours and theirs are the same to 1e-12."""
    assert BUILTIN["mae"].score(SIZE, ANSWER, ROWS) == pytest.approx(
        reference.mean_absolute_error(SIZE, ANSWER), abs=1e-12
    )
    assert BUILTIN["rmse"].score(SIZE, ANSWER, ROWS) == pytest.approx(
        reference.root_mean_squared_error(SIZE, ANSWER), abs=1e-12
    )
    assert BUILTIN["bias"].score(SIZE, ANSWER, ROWS) == pytest.approx((ANSWER - SIZE).mean(), abs=1e-12)


def test_certain_mistakes_stay_finite_as_in_scikit_learn():
    """A probability of 0 for what happened is clipped."""
    label, guess = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    expected = reference.log_loss(label, guess)
    assert BUILTIN["log_loss"].score(label, guess, ROWS) == pytest.approx(expected, abs=1e-12)


def test_multiclass_metrics_agree_with_scikit_learn():
    """A matrix of probabilities is scored by class."""
    guess = RNG.dirichlet([1, 1, 1], size=200)
    label = RNG.integers(0, 3, 200)
    assert BUILTIN["log_loss"].score(label, guess, ROWS) == pytest.approx(reference.log_loss(label, guess), abs=1e-12)
    assert BUILTIN["accuracy"].score(label, guess, ROWS) == pytest.approx(
        reference.accuracy_score(label, guess.argmax(axis=1)), abs=1e-12
    )
    assert BUILTIN["brier"].score(label, guess, ROWS) == pytest.approx(
        reference.brier_score_loss(label, guess, scale_by_half=False), abs=1e-12
    )


def test_calibration_error_by_hand():
    """Two bins: 0.2 against 0.5 and 0.9 against 1.0, two rows each, give (0.3 + 0.1) / 2."""
    label, guess = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.25, 0.25, 0.95, 0.85])
    by_hand = (2 * abs(0.25 - 0.5) + abs(0.95 - 1) + abs(0.85 - 1)) / 4
    assert BUILTIN["calibration_error"].score(label, guess, ROWS) == pytest.approx(by_hand, abs=1e-12)
    assert BUILTIN["calibration_error"].score(np.ones(3), np.ones(3), ROWS) == 0


@pytest.mark.parametrize("name", list(BUILTIN))
def test_no_rows_and_broken_predictions_are_nan(name):
    """Nothing raises; NaN says that there is no number."""
    assert math.isnan(BUILTIN[name].score(np.zeros(0), np.zeros(0), ROWS))
    assert math.isnan(BUILTIN[name].score(np.array([0.0, 1.0]), np.array([0.5, math.nan]), ROWS))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_ranking_needs_two_classes(name, label):
    """One class has no order to get right."""
    assert math.isnan(BUILTIN[name].score(np.full(5, label), np.linspace(0, 1, 5), ROWS))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "calibration_error", "rmse"])
def test_leaving_out_is_scoring_without(name):
    """The fast way gives what scoring the rest would give."""
    metric = BUILTIN[name]
    groups = RNG.integers(0, 6, len(LABEL))
    fast = metric.leave_out(LABEL, GUESS, groups, 6)
    slow = [metric.score(LABEL[groups != group], GUESS[groups != group], ROWS) for group in range(6)]
    assert fast == pytest.approx(slow, abs=1e-12)


def test_select_keeps_the_order_and_prefers_the_projects_own():
    """A project may put its own metric in the place of a built-in one."""
    own = custom_metric(lambda label, prediction, rows: 1.0, better="lower", unit="EUR", name="brier")
    assert select(["roc_auc", "brier"], {"brier": own}, task="binary") == [BUILTIN["roc_auc"], own]


def test_select_reports_all_problems_at_once():
    """An unknown name and a misfit come together, each with its code."""
    with pytest.raises(ProjectError) as caught:
        select(["log_los", "rmse"], {}, task="binary")
    assert [problem.code for problem in caught.value.problems] == ["TV-EVAL-001", "TV-EVAL-002"]
    assert "did you mean 'log_loss'" in caught.value.problems[0].what


def test_a_custom_metric_gets_series_and_rows():
    """The user's function sees labels, predictions and the rows they belong to."""
    cost = custom_metric(
        lambda label, prediction, rows: float(((prediction - label).abs() * rows["weight"]).sum()),
        better="lower", unit="EUR", name="cost",
    )  # fmt: skip
    rows = pl.DataFrame({"weight": [1.0, 10.0]})
    assert cost.score(np.array([0.0, 1.0]), np.array([0.5, 0.5]), rows) == 5.5
    assert math.isnan(cost.score(np.zeros(0), np.zeros(0), rows.clear()))
