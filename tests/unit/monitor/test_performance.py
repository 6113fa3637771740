"""Live scores against the gate's expectation."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from trivium.monitor.performance import ScoreDecision, below_expectation


def judged(values: Sequence[float | None], better: str = "lower", rows: int = 500) -> ScoreDecision:
    """Judge scores against an expectation of 0.40 to 0.44."""
    return below_expectation([(rows, v) for v in values], expected_low=0.40, expected_high=0.44, better=better)


USUAL = [0.42, 0.45, 0.39, 0.44, 0.40, 0.42, 0.47, 0.38, 0.43, 0.41]


def test_usual_days_are_as_expected() -> None:
    """Days that vary as they did before raise nothing; the bounds stand around the expectation."""
    found = judged([*USUAL, 0.45, 0.39, 0.44, 0.46, 0.40])
    assert found.verdict == "as expected"
    assert found.low is not None and found.high is not None
    assert found.low < 0.40
    assert found.high > 0.44
    assert found.expected == pytest.approx(0.42)
    assert found.value == pytest.approx(np.mean([0.45, 0.39, 0.44, 0.46, 0.40]))


def test_one_bad_day_is_not_worse() -> None:
    """A day a little beyond the worst so far raises nothing."""
    assert judged([*USUAL, 0.42, 0.43, 0.41, 0.42, 0.50]).verdict == "as expected"


def test_an_extreme_day_is_worse() -> None:
    """A day far beyond everything is told at once, and as such."""
    found = judged([*USUAL, 0.42, 0.43, 0.41, 0.42, 0.90])
    assert (found.verdict, found.reason) == ("worse", "the last period is extreme")


def test_lasting_loss_is_worse() -> None:
    """Five days each beyond the expectation are told."""
    found = judged([*USUAL, 0.55, 0.56, 0.54, 0.55, 0.57])
    assert found.verdict == "worse"
    assert "persistently" in found.reason


def test_better_than_expected_is_not_worse() -> None:
    """A fall of a loss is good news."""
    assert judged([*USUAL, 0.1, 0.1, 0.1, 0.1, 0.1]).verdict == "as expected"


def test_the_direction_turns_everything() -> None:
    """For a score of which more is better the same holds upside down."""
    flipped = [0.84 - value for value in USUAL]
    assert judged([*flipped, 0.30, 0.29, 0.31, 0.28, 0.30], better="higher").verdict == "worse"
    assert judged([*flipped, 0.60, 0.60, 0.60, 0.60, 0.60], better="higher").verdict == "as expected"


def test_stormy_history_bears_stormy_days() -> None:
    """Where days always varied widely, the same five days are as expected."""
    stormy = [0.30, 0.60, 0.25, 0.55, 0.35, 0.62, 0.28, 0.50, 0.33, 0.58]
    assert judged([*stormy, 0.55, 0.56, 0.35, 0.55, 0.57]).verdict == "as expected"


@pytest.mark.parametrize("values", [[], [0.4] * 9, [math.nan] * 30, [None] * 30])
def test_few_periods_are_unknown(values: list[float | None]) -> None:
    """Without enough finite scores nothing is said."""
    found = judged(values)
    assert (found.verdict, found.value, found.low) == ("unknown", None, None)


def test_few_rows_are_unknown() -> None:
    """Five days of 9 rows are below the least of 50."""
    assert judged(USUAL, rows=9).verdict == "unknown"


def test_constant_days_have_the_gates_spread() -> None:
    """Days all alike do not make the least step an alarm."""
    assert judged([0.42] * 14 + [0.45]).verdict == "as expected"
