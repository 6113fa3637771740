"""Scores over several periods: days as clusters."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from trivium.loop.live_history import over_periods
from trivium.monitor.objectives import PeriodScore

START = datetime(2024, 1, 1, tzinfo=UTC)


def period(day: int, rows: int, value: float | None) -> PeriodScore:
    """Make a day's score."""
    return PeriodScore(start=START + timedelta(days=day), end=START + timedelta(days=day + 1), rows=rows, value=value)


def test_two_days_by_hand() -> None:
    """100 rows at 0.4 and 300 at 0.6: 0.55; equal days at 0.4 and 0.6: 0.5 with 0.1 of standard error, t of 12.7."""
    assert over_periods([period(0, 100, 0.4), period(1, 300, 0.6)], confidence=0.95)["value"] == pytest.approx(0.55)
    found = over_periods([period(0, 100, 0.4), period(1, 100, 0.6)], confidence=0.95)
    assert (found["rows"], found["periods"]) == (200, 2)
    assert found["high"] - 0.5 == pytest.approx(0.1 * 12.706, rel=1e-3)
    assert 0.5 - found["low"] == pytest.approx(0.1 * 12.706, rel=1e-3)


@pytest.mark.parametrize("periods", [[], [period(0, 0, 0.4)], [period(0, 9, None)]])
def test_nothing_scored_is_no_value(periods: list[PeriodScore]) -> None:
    """No rows, or no value, is None and not zero."""
    assert over_periods(periods, confidence=0.95)["value"] is None


def test_one_period_has_no_interval() -> None:
    """How periods differ cannot be told from one."""
    found = over_periods([period(0, 9, 0.4)], confidence=0.95)
    assert (found["value"], found["low"], found["high"]) == (0.4, None, None)


def test_the_interval_covers_the_truth_where_rows_go_wrong_together() -> None:
    """Over 400 runs of 14 days that differ far more than their rows, 95 of 100 intervals hold the true mean.

    Intervals that took the 14,000 rows as independent would hold it in fewer than 40.
    """
    draw = np.random.default_rng(7)
    held, naive = [], []
    for _ in range(400):
        days = 0.5 + draw.normal(0, 0.1, 14) + draw.normal(0, 0.5, (14, 1000)).mean(axis=1)
        found = over_periods([period(at, 1000, float(value)) for at, value in enumerate(days)], confidence=0.95)
        held.append(found["low"] <= 0.5 <= found["high"])
        naive.append(abs(found["value"] - 0.5) <= 1.96 * 0.5 / np.sqrt(14_000))
    assert 0.92 <= np.mean(held) <= 0.98
    assert np.mean(naive) < 0.4
