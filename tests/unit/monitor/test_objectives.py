"""Objectives over their window, by hand."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from trivium.core.project import Objective
from trivium.monitor.objectives import PeriodScore, burning, check

NOW = datetime(2013, 3, 10, tzinfo=UTC)
LOSS = Objective(name="calibrated", metric="log_loss", target=0.5, window="7d")


def period(ago: int, rows: int, value: float | None) -> PeriodScore:
    """Make the score of the day that ended so many days ago."""
    end = NOW - timedelta(days=ago)
    return PeriodScore(start=end - timedelta(days=1), end=end, rows=rows, value=value)


def test_the_mean_is_weighted_by_rows() -> None:
    """300 rows at 0.4 and 100 at 0.6 make 0.45, which is below the target; a quarter of the rows missed it all the same."""
    found = check(LOSS, periods=[period(0, 300, 0.4), period(1, 100, 0.6)], now=NOW, better="lower")
    assert (found.verdict, found.rows, found.since) == ("missed", 400, NOW - timedelta(days=2))
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
    assert (found.verdict, found.value, found.since, found.spent) == ("unknown", None, None, None)
    assert found.burning == "no"


def test_too_few_rows_are_unknown() -> None:
    """The least number of rows is asked of the whole window."""
    periods = [period(0, 30, 0.1), period(1, 30, 0.1)]
    assert check(LOSS, periods=periods, now=NOW, better="lower", least_rows=61).verdict == "unknown"
    assert check(LOSS, periods=periods, now=NOW, better="lower", least_rows=60).verdict == "met"


STORM = Objective(name="daily", metric="log_loss", target=0.5, window="28d", budget=0.1)


def days(*missed: int, of: int = 28) -> list[PeriodScore]:
    """Make so many days of 100 rows; those that many days ago missed the target."""
    return [period(ago, 100, 0.9 if ago in missed else 0.4) for ago in range(of)]


def test_the_budget_is_a_share_of_the_windows_rows() -> None:
    """One day in ten of 28 may miss: 2 spend 71 % of the budget, 3 spend 107 % of it."""
    found = check(STORM, periods=days(5, 9), now=NOW, better="lower")
    assert (found.verdict, found.missed, found.periods) == ("met", 2, 28)
    assert found.spent == pytest.approx(2 / 2.8)
    found = check(STORM, periods=days(5, 9, 20), now=NOW, better="lower")
    assert (found.verdict, found.spent) == ("missed", pytest.approx(3 / 2.8))


def test_a_large_day_spends_more() -> None:
    """A missed day of 300 rows among 9 of 100 is a quarter of the rows."""
    periods = [period(0, 300, 0.9), *(period(ago, 100, 0.4) for ago in range(1, 10))]
    assert check(STORM, periods=periods, now=NOW, better="lower").spent == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("missed", "speed"),
    [
        ((), "no"),
        ((0,), "no"),  # a storm
        ((0, 1), "no"),  # two days of it
        ((0, 1, 2), "fast"),  # 3 of 3
        ((1, 2, 3), "no"),  # over: the short window ended it
        ((0, 1, 3, 4, 6), "steadily"),  # 5 of 7, 0.71 >= 6 times the budget
        ((0, 1, 3, 4), "slowly"),  # 4 of 7; 4 of 14 are more than twice the budget
        ((0, 6, 12), "slowly"),  # 3 of 14, 0.21 >= 0.2
        ((0, 6), "no"),
        ((0, 6, 15), "no"),
        ((2, 6, 12), "no"),  # nothing missed lately
    ],
)
def test_both_windows_must_burn(missed: tuple[int, ...], speed: str) -> None:
    """By hand: which runs of missed days alarm, and how."""
    assert burning(STORM, periods=days(*missed), now=NOW, better="lower") == speed


def test_a_large_budget_burns_fast_when_nearly_all_is_missed() -> None:
    """With a budget of a half no rate of 14 exists; three missed days of three are as fast as it gets."""
    half = Objective(name="daily", metric="log_loss", target=0.5, window="28d", budget=0.5)
    assert burning(half, periods=days(0, 1, 2), now=NOW, better="lower") == "fast"
    assert burning(half, periods=days(0, 1), now=NOW, better="lower") == "no"


def test_a_young_project_does_not_burn() -> None:
    """Two missed days, the only ones there are, are too few for any rule."""
    assert burning(STORM, periods=days(0, 1, of=2), now=NOW, better="lower") == "no"


def test_short_periods_have_the_workbooks_windows() -> None:
    """With periods of a minute, 28 days, and 1 in 720 of them: the long window is 56 minutes, the short one 5."""
    minutes = [
        PeriodScore(start=NOW - timedelta(minutes=n + 1), end=NOW - timedelta(minutes=n), rows=1, value=value)
        for n, value in enumerate([0.9] * 50 + [0.4] * 200)
    ]
    strict = Objective(name="m", metric="log_loss", target=0.5, window="28d", budget=0.06)
    # 50 of 56 is 0.893; the limit is 14.4 * 0.06 = 0.864.
    assert burning(strict, periods=minutes, now=NOW, better="lower") == "fast"
    assert burning(strict, periods=minutes[2:], now=NOW - timedelta(minutes=2), better="lower") != "fast"


def test_the_order_does_not_matter() -> None:
    """Periods may come in any order."""
    periods = days(0, 1, 2)
    assert check(STORM, periods=periods[::-1], now=NOW, better="lower") == check(
        STORM, periods=periods, now=NOW, better="lower"
    )
