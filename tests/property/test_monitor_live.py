"""Laws of live quality: arrival, weights, reliability, estimates and bonds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.monitor.estimate import Past, backtest, draws
from trivium.monitor.maturity import STEPS, Delays, copies, learn, weights
from trivium.monitor.reliability import calibrated, measure, merge, pooled

LAWS = settings(max_examples=60, deadline=None)
COHORTS = st.lists(
    st.builds(
        lambda counts, age: Delays(counts={"0": {str(k): n for k, n in counts.items()}}, age=age),
        st.dictionaries(st.integers(0, STEPS), st.integers(1, 200), max_size=8),
        st.integers(-1, STEPS),
    ),
    max_size=8,
)
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@LAWS
@given(COHORTS, st.randoms(use_true_random=False))
def test_arrival_rises_to_one_in_any_order(cohorts, random) -> None:
    """What is learnt is a distribution, or nothing, whatever the order of the cohorts."""
    whole = [Delays(counts={"0": {"96": 50}}, age=STEPS), *cohorts]
    learnt = learn(whole)
    shares = np.array(learnt.shares["0"])
    assert shares[-1] == 1.0
    assert shares.min() >= 0.0
    assert np.all(np.diff(shares) >= -1e-12)
    random.shuffle(whole)
    assert np.allclose(learn(whole).shares["0"], shares, atol=1e-12)


@LAWS
@given(COHORTS, st.lists(st.floats(0, STEPS), min_size=1, max_size=30))
def test_weights_never_shrink_a_row_and_fall_with_age(cohorts, ages) -> None:
    """A row stands for itself at least, and the longer one has waited the fewer it stands for."""
    arrival = learn([Delays(counts={"0": {"96": 50}}, age=STEPS), *cohorts])
    found = weights(arrival, np.sort(ages), np.zeros(len(ages), dtype=int))
    assert found.min() >= 1.0
    assert np.all(np.diff(found) <= 1e-9)


@LAWS
@given(st.lists(st.floats(1, 20), min_size=1, max_size=60))
def test_copies_sum_to_the_weights(weight) -> None:
    """Every row is there, and their number is the sum of weights to within one."""
    found = copies(np.array(weight), classes=np.zeros(len(weight), dtype=int), prediction=np.arange(len(weight)) / 99)
    assert found.min() >= 1
    assert abs(found.sum() - sum(weight)) <= 1


@LAWS
@given(SHARES, st.data())
def test_pooling_rises_and_keeps_the_mean(values, data) -> None:
    """Pooled values never fall, keep the weighted mean, and pooling again changes nothing."""
    weight = np.array(data.draw(st.lists(st.floats(0.1, 9), min_size=len(values), max_size=len(values))))
    found = pooled(np.array(values), weight)
    assert np.all(np.diff(found) >= 0)
    assert np.isclose(np.average(found, weights=weight), np.average(values, weights=weight))
    assert np.allclose(pooled(found, weight), found)


@LAWS
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80), st.integers(1, 5))
def test_tables_of_parts_merge_into_that_of_the_whole(rows, parts) -> None:
    """Cut anywhere: the same rows in the same bins, and a calibration that rises within 0 and 1."""
    said = np.array([prediction for prediction, _ in rows])
    label = np.array([float(is_one) for _, is_one in rows])
    cut = [measure(label[at], said[at], is_probability=True) for at in np.array_split(np.arange(len(rows)), parts)]
    whole, table = measure(label, said, is_probability=True), merge(cut)
    assert {name: one.rows for name, one in table.bins.items()} == {name: one.rows for name, one in whole.bins.items()}
    found = calibrated(table, np.linspace(0, 1, 21))
    assert np.all(np.diff(found) >= -1e-12)
    assert found.min() >= 0
    assert found.max() <= 1


@LAWS
@given(SHARES)
def test_draws_sum_to_the_chances(chance) -> None:
    """Every draw holds as many ones as the chances add up to, to within one."""
    for label in draws(np.array(chance)):
        assert set(np.unique(label)) <= {0.0, 1.0}
        assert abs(label.sum() - sum(chance)) <= 1 + 1e-6


@LAWS
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), max_size=60))
def test_the_error_covers_nine_in_ten_of_its_own_record(pairs) -> None:
    """Of the last 56 estimates at least nine in ten lie within the error that is read from them."""
    past = [Past(estimate=one, truth=other, error=None) for one, other in pairs]
    found = backtest(past)
    misses = [abs(one - other) for one, other in pairs][-56:]
    if found.error is None:
        assert len(misses) < 10
    else:
        assert np.mean([miss <= found.error for miss in misses]) >= 0.9
