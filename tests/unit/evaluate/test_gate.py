"""The gate passes what is within the margin, fails what is proven worse, and else says that it does not know."""

import math

import numpy as np
import polars as pl
import pytest

from trivium.core.project import Gate
from trivium.evaluate.gate import judge
from trivium.evaluate.metrics import BUILTIN
from trivium.evaluate.scorecard import blocks

N = 2000
RNG = np.random.default_rng(3)
LIVE = RNG.uniform(0.05, 0.95, N)
LABEL = (RNG.random(N) < LIVE).astype(float)
EVENING = np.arange(N) % 4 == 0
MASKS = {"all": np.ones(N, bool), "JFK evenings": EVENING}
GATE = Gate(margins={"log_loss": 0.01})
METRICS = [BUILTIN["log_loss"], BUILTIN["roc_auc"]]


def gate_on(candidate, *, gate=GATE, masks=MASKS, metrics=METRICS, label=LABEL, live=LIVE, primary="log_loss"):
    rows = pl.DataFrame({"a": np.arange(len(label))})
    return judge(
        label, candidate, live, rows, metrics=metrics, masks=masks, groups=blocks(len(label)), gate=gate,
        primary=primary,
    )  # fmt: skip


def test_identical_predictions_pass_even_with_a_margin_of_zero():
    """Nothing is worse than itself."""
    assert gate_on(LIVE).verdict == "pass"
    assert gate_on(LIVE, gate=Gate(margins={"log_loss": 0.0})).verdict == "pass"
    assert gate_on(LIVE, gate=Gate()).verdict == "pass"


def test_a_candidate_proven_worse_fails_with_figures():
    """The reason names metric, difference, interval, margin and rows."""
    found = gate_on(np.full(N, 0.5))
    assert found.verdict == "fail"
    assert found.reasons[0].startswith("log_loss over all rows is 0.")
    assert "margin 0.010), 2,000 rows" in found.reasons[0]


def test_one_bad_slice_fails_the_whole():
    """A candidate may be fine on the whole and harm a slice."""
    candidate = np.where(EVENING, 1 - LIVE, LABEL * 0.98 + 0.01)
    found = gate_on(candidate)
    assert found.verdict == "fail"
    assert "log_loss in 'JFK evenings' is" in found.reasons[0] and "500 rows" in found.reasons[0]


def test_too_few_rows_are_unknown_never_a_pass():
    """Under `least_rows` the gate does not decide."""
    found = gate_on(LIVE, gate=Gate(margins={"log_loss": 0.01}, least_rows=5000))
    assert found.verdict == "unknown" and "fewer than the 5,000 rows" in found.reasons[0]


def test_one_class_is_unknown():
    """Rows of one class cannot tell two classifiers apart."""
    found = gate_on(LIVE, label=np.zeros(N))
    assert found.verdict == "unknown" and "all of one class" in found.reasons[0]


def test_a_prediction_that_is_not_finite_never_passes():
    """One NaN is named, and the verdict is unknown."""
    candidate = LIVE.copy()
    candidate[0] = math.nan
    found = gate_on(candidate)
    assert found.verdict == "unknown" and found.reasons[0] == ("1 of 2,000 predictions of the candidate are not finite")


def test_a_wide_interval_over_the_margin_is_unknown():
    """Noise that could hide harm is no proof of harmlessness."""
    candidate = np.clip(LIVE + RNG.normal(0, 0.12, N), 0.01, 0.99)
    found = gate_on(candidate, gate=Gate(margins={"log_loss": 0.05}), masks={"all": MASKS["all"]})
    main = found.comparisons[0]
    margin = (main.low + main.high) / 2 + 1e-6
    assert gate_on(candidate, gate=Gate(margins={"log_loss": margin}), masks={"all": MASKS["all"]}).verdict == "unknown"


def test_a_metric_without_a_margin_informs_only():
    """A far worse ranking does not decide where no margin is set for it."""
    gate = Gate(margins={"log_loss": 10.0})
    found = gate_on(np.full(N, 0.5), gate=gate)
    informing = [each for each in found.comparisons if each.metric == "roc_auc"]
    assert found.verdict == "pass"
    assert {(each.margin, each.verdict) for each in informing} == {(None, "pass")}
    assert all(each.worse_by > 0.1 for each in informing)


def test_slice_margins_default_to_twice_the_margin():
    """As the project file's reference says."""
    margins = {each.slice: each.margin for each in gate_on(LIVE).comparisons if each.metric == "log_loss"}
    assert margins == {"all": 0.01, "JFK evenings": 0.02}
    own = gate_on(LIVE, gate=Gate(margins={"log_loss": 0.01}, slice_margins={"log_loss": 0.5})).comparisons[1]
    assert own.margin == 0.5


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "pass"), (0.5, "fail"), (-0.5, "fail")])
def test_bias_counts_by_its_magnitude(shift, verdict):
    """Guessing too low is no better than guessing too high."""
    label = RNG.normal(size=N)
    live = label + RNG.normal(0, 0.1, N)
    found = gate_on(
        live + shift, label=label, live=live, metrics=[BUILTIN["bias"]], gate=Gate(margins={"bias": 0.1}),
        primary="bias",
    )  # fmt: skip
    assert found.verdict == verdict


def test_many_slices_raise_few_false_alarms():
    """Of 60 candidates as good as live, judged on 20 slices with a margin of 0, few fail: Holm's level is 2.5 %."""
    rng = np.random.default_rng(11)
    fails = 0
    for _ in range(60):
        label = rng.normal(size=1000)
        first, second = label + rng.normal(size=1000), label + rng.normal(size=1000)
        part = rng.integers(0, 20, 1000)
        masks = {"all": np.ones(1000, bool)} | {f"s{each}": part == each for each in range(20)}
        gate = Gate(margins={"mae": 1.0}, slice_margins={"mae": 0.0}, least_rows=10)
        found = gate_on(first, label=label, live=second, metrics=[BUILTIN["mae"]], masks=masks, gate=gate,
                        primary="mae")  # fmt: skip
        fails += found.verdict == "fail"
    assert fails <= 6
