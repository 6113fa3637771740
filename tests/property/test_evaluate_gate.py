"""Laws of metrics, intervals and the gate."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.project import Gate
from trivium.evaluate.gate import judge
from trivium.evaluate.metrics import BUILTIN
from trivium.evaluate.scorecard import blocks, score

BINARY = [metric for metric in BUILTIN.values() if "binary" in metric.tasks]


def _draw(seed, n):
    rng = np.random.default_rng(seed)
    return (rng.random(n) < 0.5).astype(float), rng.uniform(0.01, 0.99, n), rng.uniform(0.01, 0.99, n)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 300))
def test_the_order_of_rows_leaves_every_value_alone(seed, n):
    """Metrics are of sets of rows."""
    label, guess, _ = _draw(seed, n)
    order = np.random.default_rng(seed).permutation(n)
    for metric in BINARY:
        first = metric.score(label, guess, pl.DataFrame())
        second = metric.score(label[order], guess[order], pl.DataFrame())
        assert first == pytest.approx(second, abs=1e-12, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 300))
def test_intervals_hold_their_value_and_repeat(seed, n):
    """The value lies in its interval wherever there is an interval, and the same input gives the same card."""
    label, guess, _ = _draw(seed, n)
    given_ = {"metrics": BINARY, "masks": {"all": np.ones(n, bool)}, "groups": blocks(n), "confidence": 0.9}
    card = score(label, guess, pl.DataFrame({"a": range(n)}), version="v1", **given_)
    assert card == score(label, guess, pl.DataFrame({"a": range(n)}), version="v1", **given_)
    assert all(cell.low is None or cell.low <= cell.value <= cell.high for cell in card.cells)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(250, 500))
def test_swapping_the_two_turns_each_difference_round(seed, n):
    """What is worse one way is better by as much the other way."""
    label, first, second = _draw(seed, n)
    given_ = {"metrics": BINARY, "masks": {"all": np.ones(n, bool)}, "groups": blocks(n), "gate": Gate(),
              "primary": "log_loss"}  # fmt: skip
    rows = pl.DataFrame({"a": range(n)})
    there, back = judge(label, first, second, rows, **given_), judge(label, second, first, rows, **given_)
    for one, other in zip(there.comparisons, back.comparisons, strict=True):
        assert one.worse_by == pytest.approx(-other.worse_by, abs=1e-12)
        assert one.low == pytest.approx(-other.high, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), margin=st.floats(0, 1))
def test_a_wider_margin_never_turns_a_pass_into_a_fail(seed, margin):
    """Verdicts are monotone in the margin, and nothing fails against itself."""
    label, first, second = _draw(seed, 300)
    given_ = {"metrics": [BUILTIN["log_loss"]], "masks": {"all": np.ones(300, bool)}, "groups": blocks(300),
              "primary": "log_loss"}  # fmt: skip
    rows = pl.DataFrame({"a": range(300)})
    rank = ["fail", "unknown", "pass"]
    narrow, wide = (
        judge(label, first, second, rows, gate=Gate(margins={"log_loss": width}), **given_).verdict
        for width in (margin, margin + 0.1)
    )
    assert rank.index(wide) >= rank.index(narrow)
    assert judge(label, first, first, rows, gate=Gate(margins={"log_loss": margin}), **given_).verdict == "pass"
