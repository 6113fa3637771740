"""Whether a partition is like its table's history: what must be caught, and what must be let be."""

import math
import time
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from trivium.core.summary import Summary
from trivium.monitor.decision import DriftDecision
from trivium.monitor.drift import History
from trivium.monitor.residuals import LEAST_SCORE, residuals, spreads, tail

ASK = {"rate": 0.02, "least_history": 20}


def lived(days, until: int = 56, seed: int = 0):
    """Let a history see ordinary days."""
    source, history = days(seed), History()
    for day in range(until):
        history.add(source.draw(day), start=source.start(day))
    return source, history


def test_an_ordinary_day_is_ordinary(days) -> None:
    """A weekday and a weekend day like those before are no drift, though they differ from one another."""
    source, history = lived(days, 54)
    friday, saturday = source.draw(53), source.draw(54)
    assert history.judge(saturday, start=source.start(54), **ASK).verdict == "ordinary"
    assert history.judge(friday, start=source.start(54), **ASK).verdict == "fault"


@pytest.mark.parametrize(
    ("change", "column", "statistics"),
    [
        ({"shift": 2.0}, "distance", {"mean", "q10", "q50", "q90"}),
        ({"nulls": 15}, "distance", {"nulls"}),
        ({"share": 0.75}, "carrier", {"shares"}),
        ({"extra": "ZZ"}, "carrier", {"unseen"}),
        ({"rows": 60}, "", {"rows"}),
    ],
)
def test_what_moved_is_caught_and_named(days, change, column, statistics) -> None:
    """A shift, nulls, other shares, new values and lost rows are drift, with the column on top."""
    source, history = lived(days)
    decision = history.judge(source.draw(56, **change), start=source.start(56), **ASK)
    assert decision.verdict == "fault"
    assert decision.score > decision.threshold
    assert decision.p_value < 0.02
    assert decision.moved[0].column == column
    assert decision.moved[0].statistic in statistics
    assert len(decision.moved) == 5
    assert decision.columns == ((column,) if column else ())


def test_a_lost_column_is_all_null(days) -> None:
    """A column that is gone counts as null throughout."""
    source, history = lived(days)
    whole = source.draw(56)
    lost = msgspec.structs.replace(whole, columns={k: v for k, v in whole.columns.items() if k != "delay"})
    worst = history.judge(lost, start=source.start(56), **ASK).moved[0]
    assert (worst.column, worst.statistic, worst.seen, worst.expected) == ("delay", "nulls", 1.0, 0.0)


def test_too_little_history_says_so(days) -> None:
    """Below the least history nothing is decided, however odd the day, and no more than 14 can be waived."""
    source, history = lived(days, 19)
    odd = source.draw(19, shift=50)
    assert history.judge(odd, start=source.start(19), **ASK) == DriftDecision(
        verdict="not enough history", partitions=19
    )
    _, short = lived(days, 13)
    verdict = short.judge(odd, start=source.start(19), rate=0.02, least_history=1).verdict
    assert verdict == "not enough history"


def test_a_drifted_partition_does_not_become_the_reference(days) -> None:
    """The same fault is told again on the next day."""
    source, history = lived(days)
    for day in range(56, 60):
        summary = source.draw(day, shift=2)
        assert history.judge(summary, start=source.start(day), **ASK).verdict == "fault"
        history.add(summary, start=source.start(day))
    assert len(history) == 56


def test_a_new_level_is_accepted_after_seven(days) -> None:
    """After a lasting shift, of numbers and of shares, the eighth day is ordinary, and the old level is drift."""
    source, history = lived(days)
    for day in range(56, 63):
        summary = source.draw(day, shift=3, share=0.7, extra="ZZ")
        assert history.judge(summary, start=source.start(day), **ASK).verdict == "fault"
        history.add(summary, start=source.start(day))
    verdicts = []
    for day in range(63, 80):
        summary = source.draw(day, shift=3, share=0.7, extra="ZZ")
        verdicts.append(history.judge(summary, start=source.start(day), **ASK).verdict)
        history.add(summary, start=source.start(day))
    assert verdicts.count("fault") <= 1
    assert history.judge(source.draw(80), start=source.start(80), **ASK).verdict == "fault"


def test_what_came_and_went_twice_is_recurring(days) -> None:
    """A third spell of the same size is let be; a larger one is not."""
    source, history = lived(days)
    found = []
    for day in range(56, 84):
        summary = source.draw(day, nulls=30 if day in (60, 68, 76) else 0)
        found.append(history.judge(summary, start=source.start(day), **ASK).verdict)
        history.add(summary, start=source.start(day))
    assert [found[4], found[12], found[20]] == ["fault", "fault", "ordinary"]
    assert history.judge(source.draw(84, nulls=140), start=source.start(84), **ASK).verdict == "fault"


def test_a_person_may_accept(days) -> None:
    """An accepted partition joins the history; another start does not matter."""
    source, history = lived(days, 30)
    odd = source.draw(30, shift=2)
    history.judge(odd, start=source.start(30), **ASK)
    history.add(odd, start=source.start(30))
    history.mark(source.start(3), "noise")
    history.mark(source.start(30), "useful")
    assert len(history) == 30
    history.mark(source.start(30), "noise")
    assert len(history) == 31


def test_a_partition_read_again_takes_the_place_of_the_first(days) -> None:
    """Adding the same start twice keeps one, also when the first was kept apart, and out of order."""
    source, history = lived(days, 30)
    history.add(source.draw(29), start=source.start(29))
    history.add(source.draw(3), start=source.start(3))
    assert len(history) == 30
    odd = source.draw(30, shift=5)
    history.judge(odd, start=source.start(30), **ASK)
    history.add(odd, start=source.start(30))
    mended = source.draw(30)
    assert history.judge(mended, start=source.start(30), **ASK).verdict == "ordinary"
    history.add(mended, start=source.start(30))
    assert len(history) == 31


def test_judging_changes_nothing(days) -> None:
    """The same question has the same answer, asked twice or of a twin."""
    source, history = lived(days)
    _, twin = lived(days)
    summary = source.draw(56, shift=1)
    first = history.judge(summary, start=source.start(56), **ASK)
    assert first == history.judge(summary, start=source.start(56), **ASK)
    assert first == twin.judge(summary, start=source.start(56), **ASK)


def test_a_table_that_never_changes_is_never_drift() -> None:
    """Constant, empty and columnless partitions give finite numbers and no alarm."""
    for summary in (Summary(rows=0, columns={}), Summary(rows=10, columns={})):
        history = History()
        for day in range(60):
            start = datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=day)
            decision = history.judge(summary, start=start, **ASK)
            history.add(summary, start=start)
        assert (decision.verdict, decision.score) == ("ordinary", 0.0)


def test_false_alarms_are_about_as_many_as_asked_for(days) -> None:
    """Of 300 ordinary days at most 5 % are called drifted at a rate of 2 %."""
    alarms = 0
    for seed in range(3):
        source, history = days(seed), History()
        for day in range(120):
            summary = source.draw(day)
            alarms += history.judge(summary, start=source.start(day), **ASK).verdict == "fault"
            history.add(summary, start=source.start(day))
    assert alarms <= 15


def test_the_tail_within_and_beyond_the_history() -> None:
    """Ranks of 1 to 99 by hand, and the exponential tail beyond the greatest."""
    scores = np.arange(1.0, 100.0)
    assert tail(scores, score=91.0, rate=0.1) == (90.0, pytest.approx(0.10))
    assert tail(scores, score=0.0, rate=0.1)[1] == 1.0
    threshold, p_value = tail(scores, score=99.0 + 12.5 * math.log(10), rate=0.001)
    # Scores from the upper quartile, 74, to 99: their mean excess is 12.5.
    assert threshold == pytest.approx(99 + 12.5 * math.log(10))
    assert p_value == pytest.approx(0.001)
    assert tail(np.zeros(20), score=0.1, rate=0.02)[0] == LEAST_SCORE


@pytest.mark.parametrize("slope_and_weekend", [(0.5, 0.0), (0.0, 10.0), (-3.0, 0.0)])
def test_level_weekday_and_growth_are_taken_out(slope_and_weekend: tuple[float, float]) -> None:
    """Steady growth, or a weekly rhythm, leaves nothing over, and is what is expected next."""
    slope, weekend = slope_and_weekend
    starts = [datetime(2013, 1, 7, tzinfo=UTC) + timedelta(days=day) for day in range(56)]
    values = np.array([[slope * day + (weekend if day % 7 >= 5 else 0.0)] for day in range(56)])
    left, expected = residuals(values, starts)
    assert left == pytest.approx(np.zeros((49, 1)), abs=1e-9)
    assert expected == pytest.approx(values[-1])


def test_a_missing_statistic_stays_missing() -> None:
    """A partition without a statistic has no residual, and the others have theirs."""
    starts = [datetime(2013, 1, 7, tzinfo=UTC) + timedelta(days=day) for day in range(30)]
    values = np.full((30, 1), 2.0)
    values[20] = np.nan
    left, _ = residuals(values, starts)
    assert np.flatnonzero(np.isnan(left[:, 0])).tolist() == [13]
    assert np.nansum(np.abs(left)) == 0


def test_spreads_leave_the_partition_itself_out() -> None:
    """The greatest is measured by a third of the second, all others by a third of the greatest."""
    left = np.zeros((42, 1))
    left[40], left[41] = 6.0, -9.0
    found = spreads(left, least=np.array([0.1]), seen_before=np.array([0.0]))
    assert (found[41, 0], found[40, 0], found[0, 0]) == (2.0, 3.0, 3.0)
    wide = spreads(left, least=np.array([0.1]), seen_before=np.array([30.0]))
    assert wide[:, 0] == pytest.approx(10.0)


def test_a_statistic_wild_at_times_has_the_spread_of_its_far_end() -> None:
    """Still on 54 partitions, at 1.96 on 6: the far end makes the spread 1."""
    left = np.zeros((60, 1))
    left[::10] = 1.96
    found = spreads(left, least=np.array([0.1]), seen_before=np.array([0.0]))
    assert found[:, 0] == pytest.approx(1.0)


def test_spreads_of_a_normal_statistic_are_its_deviation() -> None:
    """For normal residuals the spread estimates the standard deviation."""
    left = np.random.default_rng(0).normal(0, 3, (56, 200))
    found = spreads(left, least=np.full(200, 0.1), seen_before=np.zeros(200))
    assert np.median(found) == pytest.approx(3, rel=0.15)


def test_a_decision_is_fast(days) -> None:
    """Judging and adding stay far below the tick's budget (5 ms for 15 columns; here with room for a busy machine)."""
    source, history = lived(days)
    summary = source.draw(56)
    wide = Summary(rows=summary.rows, columns={f"c{place}": summary.columns["distance"] for place in range(15)})
    history = History()
    for day in range(56):
        history.add(wide, start=source.start(day))
    took = []
    for _ in range(5):
        before = time.perf_counter()
        history.judge(wide, start=source.start(56), **ASK)
        took.append(time.perf_counter() - before)
    assert min(took) < 0.025
