"""Objectives over their window, by hand."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from trivium.core.project import Objective
from trivium.monitor.objectives import PeriodScore, check, would_have_met

NOW = datetime(2013, 3, 10, tzinfo=UTC)
LOSS = Objective(name="calibrated", metric="log_loss", target=0.5, window="7d")


def period(ago: int, rows: int, value: float | None) -> PeriodScore:
    """Make the score of the day that ended so many days ago."""
    end = NOW - timedelta(days=ago)
    return PeriodScore(start=end - timedelta(days=1), end=end, rows=rows, value=value)


def test_the_mean_is_weighted_by_rows() -> None:
    """300 rows at 0.4 and 100 at 0.6 make 0.45."""
    found = check(LOSS, periods=[period(0, 300, 0.4), period(1, 100, 0.6)], now=NOW, better="lower")
    assert (found.verdict, found.rows, found.since) == ("met", 400, NOW - timedelta(days=2))
    assert found.value == pytest.approx(0.45)


def test_only_whole_periods_within_the_window_count() -> None:
    """A day before the window and one not yet over are left out."""
    periods = [period(-1, 100, 9.0), period(0, 100, 0.4), period(6, 100, 0.4), period(7, 100, 9.0)]
    assert check(LOSS, periods=periods, now=NOW, better="lower").rows == 200


@pytest.mark.parametrize(
    ("value", "better", "verdict"),
    [(0.5, "lower", "met"), (0.5, "higher", "met"), (0.51, "lower", "missed"), (0.49, "higher", "missed")],
)
def test_the_target_itself_is_met(value: float, better: str, verdict: str) -> None:
    """Equal to the target is enough, either way round."""
    assert check(LOSS, periods=[period(0, 1, value)], now=NOW, better=better).verdict == verdict


@pytest.mark.parametrize("periods", [[], [period(0, 0, 0.1)], [period(0, 9, None)], [period(0, 9, math.nan)]])
def test_without_scored_rows_it_is_unknown(periods: list[PeriodScore]) -> None:
    """Nothing, no rows, no value and NaN are all unknown, for either version."""
    found = check(LOSS, periods=periods, now=NOW, better="lower")
    assert (found.verdict, found.value, found.since) == ("unknown", None, None)
    assert would_have_met(LOSS, periods=periods, now=NOW, better="lower") is None


def test_too_few_rows_are_unknown() -> None:
    """The least number of rows is asked of the whole window."""
    periods = [period(0, 30, 0.1), period(1, 30, 0.1)]
    assert check(LOSS, periods=periods, now=NOW, better="lower", least_rows=61).verdict == "unknown"
    assert check(LOSS, periods=periods, now=NOW, better="lower", least_rows=60).verdict == "met"


def test_what_another_version_would_have_done() -> None:
    """The same question on another version's scores."""
    assert would_have_met(LOSS, periods=[period(0, 9, 0.4)], now=NOW, better="lower") is True
    assert would_have_met(LOSS, periods=[period(0, 9, 0.6)], now=NOW, better="lower") is False
