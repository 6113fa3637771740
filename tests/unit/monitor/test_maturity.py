"""Maturity: delays learnt from cohorts that are still young, and weights for what has not come."""

import numpy as np
import pytest

from trivium.monitor.maturity import (
    LEAST_SEEN,
    MOST_WEIGHT,
    STEPS,
    Arrival,
    Delays,
    by_class,
    classes_of,
    copies,
    edges_of,
    learn,
    matured,
    seen,
    steps_of,
    weights,
)


def at_steps(age: int, **counts: int) -> Delays:
    """Make a cohort of one class: `s24=60` are 60 outcomes at step 24."""
    return Delays(counts={"0": {name[1:]: rows for name, rows in counts.items()}}, age=age)


def share(arrival: Arrival, step: float, name: str = "0") -> float:
    """The share of a class that has come by a step."""
    return float(arrival.share(name, np.array([step]))[0])


def test_old_cohorts_give_the_plain_share() -> None:
    """Without truncation the hazard in reversed time is the empirical distribution: 60 of 100 by step 24."""
    learnt = learn([at_steps(STEPS, s24=60, s48=30, s96=10)])
    assert share(learnt, 23) == 0.0
    assert share(learnt, 24) == pytest.approx(0.6)
    assert share(learnt, 48) == pytest.approx(0.9)
    assert share(learnt, STEPS) == 1.0


def test_a_young_cohort_speaks_of_what_it_has_lived() -> None:
    """By hand: from the old one 1 - 10/100 by step 48; by 24 then .9 x (1 - 30/90), the young one not asked at 48.

    It has 140 outcomes by step 24, all of them at 24: at the hazard of step 24 it changes nothing, for there nothing
    came before. A plain share of all 240 would say 200/240 = 0.83 by step 24.
    """
    learnt = learn([at_steps(STEPS, s24=60, s48=30, s96=10), at_steps(30, s24=140)])
    assert share(learnt, 48) == pytest.approx(0.9)
    assert share(learnt, 24) == pytest.approx(0.9 * 60 / 90)
    # At step 12 both speak: 50 of the young one's came by then, none of the old one's.
    early = learn([at_steps(STEPS, s24=60, s48=30, s96=10), at_steps(30, s12=50, s24=90)])
    assert share(early, 12) == pytest.approx(0.6 * 50 / (60 + 140))


def test_a_class_hardly_seen_is_not_known() -> None:
    """With fewer than 50 outcomes in cohorts that are old enough, however many are young, nothing is said."""
    few = LEAST_SEEN - 1
    assert share(learn([at_steps(STEPS, s1=few), at_steps(90, s1=9999)]), STEPS) == 0.0
    assert share(learn([at_steps(STEPS, s1=few + 1)]), 1) == 1.0
    assert matured(learn([at_steps(STEPS, s1=99)]), np.array([50.0]), count=2) == 0.0
    assert learn([]).shares == {}


def test_delays_are_counted_on_the_grid() -> None:
    """Known before the event: step 0; overdue: left out; not lived to see by the youngest row: left out."""
    steps = steps_of(np.array([-5.0, 0.0, 1.0, 12.0, 48.0, 96.0, 97.0]), longest=96.0)
    assert steps.tolist() == [0, 0, 1, 12, 48, 96, 97]
    found = seen(steps, np.array([0, 1, 0, 0, 0, 0, 0]), count=2, age=50.0)
    assert found == Delays(counts={"0": {"0": 1, "1": 1, "12": 1, "48": 1}, "1": {"0": 1}}, age=50)
    assert seen(steps, np.zeros(7, dtype=int), count=1, age=-3.0) == Delays(counts={"0": {}}, age=-1)


def test_the_slowest_class_decides() -> None:
    """A cohort is as mature as the class that is furthest behind, over the ages of its rows."""
    arrival = Arrival(shares={"0": (1.0,) * (STEPS + 1), "1": (*np.linspace(0, 1, STEPS + 1).tolist(),)})
    assert matured(arrival, np.array([24.0, 72.0]), count=2) == pytest.approx(0.5)
    assert matured(arrival, np.array([]), count=2) == 0.0


def test_weights_are_one_over_the_share() -> None:
    """A row of which half its kind has come stands for two; of next to none, for no more than 20."""
    arrival = Arrival(shares={"0": (1.0,) * (STEPS + 1), "1": (*np.linspace(0, 1, STEPS + 1).tolist(),)})
    found = weights(arrival, np.array([48.0, 48.0, 0.5]), np.array([0, 1, 1]))
    assert found.tolist() == pytest.approx([1.0, 2.0, MOST_WEIGHT])
    assert by_class(found, np.array([0, 1, 1])) == {"0": 1.0, "1": pytest.approx(11.0)}
    assert weights(arrival, np.array([]), np.array([], dtype=int)).shape == (0,)


def test_copies_keep_the_sum_and_stay_near_the_weights() -> None:
    """Each row is copied its weight rounded up or down, and the whole to within one."""
    draw = np.random.default_rng(0)
    weight = draw.uniform(1, 3, 500)
    found = copies(weight, classes=draw.integers(0, 2, 500), prediction=draw.random(500))
    assert np.all((found >= np.floor(weight)) & (found <= np.ceil(weight)))
    assert abs(found.sum() - weight.sum()) <= 1
    assert copies(np.ones(5), classes=np.zeros(5, dtype=int), prediction=np.zeros(5)).tolist() == [1] * 5


def test_classes_of_a_number_are_thirds() -> None:
    """Of a binary label the edge is 0.5; of a number its terciles, edges once each; of nothing the binary edge."""
    assert edges_of(np.array([0.0, 1.0]), task="binary") == (0.5,)
    assert edges_of(np.arange(7.0), task="regression") == (2.0, 4.0)
    assert edges_of(np.ones(5), task="regression") == (1.0,)
    assert edges_of(np.array([]), task="regression") == (0.5,)
    assert classes_of(np.array([0.0, 2.0, 2.1, 9.0]), (2.0, 4.0)).tolist() == [0, 0, 1, 2]


def bookings(seed: int) -> tuple[float, float, float]:
    """Simulate 90 days of bookings, cancelled ones known soon; return the rate as it came, weighted, and in truth."""
    draw = np.random.default_rng(seed)
    longest, rows = 60.0, 300
    cancelled = draw.random((90, rows)) < 0.35
    delay = np.where(cancelled, draw.exponential(8, (90, rows)), draw.uniform(5, 60, (90, rows)))
    delay = np.minimum(delay, longest)
    booked = np.arange(90)[:, None] + draw.random((90, rows))
    now = 90.0
    known = booked + delay <= now
    cohorts = [
        seen(
            steps_of(delay[day][known[day]], longest=longest),
            cancelled[day][known[day]].astype(int),
            count=2,
            age=(now - day - 1) / longest * STEPS,
        )
        for day in range(90)
    ]
    arrival = learn(cohorts)
    day = 55
    came = cancelled[day][known[day]]
    weight = weights(arrival, (now - booked[day][known[day]]) / longest * STEPS, came.astype(int))
    return float(came.mean()), float(np.average(came, weights=weight)), float(cancelled[day].mean())


def test_weights_undo_the_bias_of_the_quick_class() -> None:
    """34 days on, what has come has 10 points too many cancelled; weighted by class it has none, over 40 seeds."""
    found = np.array([bookings(seed) for seed in range(40)])
    naive, weighted = found[:, 0] - found[:, 2], found[:, 1] - found[:, 2]
    assert naive.mean() > 0.08
    # Three standard errors of the mean of 40.
    assert abs(weighted.mean()) < 3 * weighted.std() / np.sqrt(40) + 0.003
    assert np.sqrt(np.mean(weighted**2)) < 0.4 * np.sqrt(np.mean(naive**2))
