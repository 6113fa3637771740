"""Residuals, scales and thresholds, against numbers worked out by hand."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from trivium.monitor.residuals import LEAST_SCORE, LEVEL_ERROR, nearby_season, residuals, scales
from trivium.monitor.threshold import tail

MONDAY = datetime(2013, 1, 7, tzinfo=UTC)


def days(count: int) -> list[datetime]:
    return [MONDAY + timedelta(days=day) for day in range(count)]


@pytest.mark.parametrize("slope_and_weekend", [(0.5, 0.0), (0.0, 10.0), (-3.0, 0.0)])
def test_level_weekday_and_growth_are_taken_out(slope_and_weekend: tuple[float, float]) -> None:
    """Steady growth, or a weekly rhythm, leaves nothing over, and is what is expected."""
    slope, weekend = slope_and_weekend
    values = np.array([[slope * day + (weekend if day % 7 >= 5 else 0.0)] for day in range(56)])
    left, expected = residuals(values, days(56))
    assert left == pytest.approx(np.zeros((49, 1)), abs=1e-9)
    assert expected == pytest.approx(values[7:])


def test_the_hour_is_the_season_of_hours() -> None:
    """A table of hours that are quiet at night leaves nothing over."""
    starts = [MONDAY + timedelta(hours=hour) for hour in range(24 * 10)]
    values = np.array([[0.0 if start.hour < 6 else 5.0] for start in starts])
    left, _ = residuals(values, starts)
    assert np.abs(left[24:]).max() == pytest.approx(0.0)


def test_a_missing_statistic_stays_missing() -> None:
    """A partition without a statistic has no residual, and the others have theirs."""
    values = np.full((30, 1), 2.0)
    values[20] = np.nan
    left, _ = residuals(values, days(30))
    assert np.flatnonzero(np.isnan(left[:, 0])).tolist() == [13]
    assert np.nansum(np.abs(left)) == 0


def scale(left: np.ndarray, *, sampling: float = 0.0, floor: float = 0.4, before: float = 0.0) -> np.ndarray:
    """Scale one statistic."""
    return scales(
        left, sampling=np.full(left.shape, sampling), floors=np.array([floor]), seen_before=np.array([before])
    )


def test_a_quiet_history_has_a_quarter_of_the_floor() -> None:
    """So that a change of the floor lies 4 spreads away, the least score."""
    assert scale(np.zeros((42, 1))) == pytest.approx(0.4 / LEAST_SCORE)


def test_scales_leave_the_partition_itself_out() -> None:
    """The two greatest are measured by a third of the third, all others by a third of the second."""
    left = np.zeros((82, 1))
    left[39], left[40], left[41] = 3.0, 6.0, -9.0
    found = scale(left)
    assert (found[41, 0], found[40, 0], found[0, 0]) == (1.0, 1.0, 2.0)
    assert scale(left, before=30.0)[:, 0] == pytest.approx(10.0)


def test_one_of_few_does_not_make_its_own_scale() -> None:
    """Of 15 quiet partitions and one that moved, that one lies far out."""
    left = np.zeros((16, 1))
    left[15] = 4.0
    assert (left / scale(left))[15, 0] == pytest.approx(4.0 / 0.1)


def test_a_statistic_wild_at_times_has_the_spread_of_its_far_end() -> None:
    """Still on 54 partitions, at 1.96 on 6: the far end makes the spread 1, and the floor adds its quarter."""
    left = np.zeros((60, 1))
    left[::10] = 1.96
    assert scale(left)[:, 0] == pytest.approx(math.hypot(1.0, 0.1))


def test_sampling_error_is_each_partitions_own() -> None:
    """Where days do not differ by more than chance, a partition of a ninth of the rows has three times the scale."""
    left = np.random.default_rng(0).normal(0, math.sqrt(LEVEL_ERROR), (80, 1))
    sampling = np.ones((80, 1))
    sampling[5] = 9.0
    found = scales(left, sampling=sampling, floors=np.array([1e-9]), seen_before=np.zeros(1))
    assert found[5, 0] == pytest.approx(math.sqrt(9 * LEVEL_ERROR), rel=0.1)
    assert found[6, 0] == pytest.approx(math.sqrt(LEVEL_ERROR), rel=0.25)


def test_the_tail_is_an_exponential_from_the_upper_quartile() -> None:
    """Of 1 to 99 by hand: the upper quartile is 74, the median excess over it 12.5, the mean so 12.5 / ln 2."""
    scores = np.arange(1.0, 100.0)
    threshold, p_value = tail(scores, score=91.0, rate=0.1)
    mean = 12.5 / math.log(2)
    assert threshold == pytest.approx(74 + mean * math.log(0.25 / 0.1))
    assert p_value == pytest.approx(0.25 * math.exp(-17 / mean))
    assert tail(scores, score=50.0, rate=0.1)[1] == pytest.approx(51 / 100)
    assert tail(scores, score=0.0, rate=0.1)[1] == pytest.approx(1.0)
    assert tail(scores, score=threshold, rate=0.1)[1] == pytest.approx(0.1)
    assert tail(np.zeros(20), score=0.1, rate=0.02)[0] == LEAST_SCORE


def test_faults_that_nobody_was_told_of_do_not_raise_the_threshold() -> None:
    """Two scores of 50 and 200 among 60 of 0 to 3 leave it about where it was."""
    usual = np.linspace(0, 3, 60)
    assert tail(np.append(usual, [50.0, 200.0]), score=1.0, rate=0.02)[0] == pytest.approx(
        tail(usual, score=1.0, rate=0.02)[0], rel=0.02
    )


def test_seasons_come_again_after_years() -> None:
    """A year and two before, give or take; not a month before, and not after."""
    within = timedelta(days=10)
    assert nearby_season(MONDAY, MONDAY - timedelta(days=360), within=within)
    assert nearby_season(MONDAY, MONDAY - timedelta(days=731), within=within)
    assert not nearby_season(MONDAY, MONDAY - timedelta(days=30), within=within)
    assert not nearby_season(MONDAY, MONDAY + timedelta(days=365), within=within)
