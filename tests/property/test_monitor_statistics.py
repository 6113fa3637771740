"""Laws of what is measured and decided on summaries, scores and findings."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.project import Alarms, Objective
from trivium.core.summary import ColumnSummary, Summary
from trivium.monitor.alarms import Finding, decide, joined
from trivium.monitor.causes import Lineage, place
from trivium.monitor.objectives import PeriodScore, check
from trivium.monitor.residuals import residuals, spreads, tail
from trivium.monitor.statistics import Pool, measure, quantiles

LAWS = settings(max_examples=80, deadline=None)
COUNTS = st.dictionaries(st.sampled_from("ABCDE"), st.integers(1, 1000), min_size=1)
NOW = datetime(2013, 3, 1, tzinfo=UTC)


def of(counts: dict[str, int]) -> Summary:
    """Summarise one text column."""
    rows = sum(counts.values())
    return Summary(rows=rows, columns={"x": ColumnSummary(rows=rows, distinct=len(counts), top=counts)})


@LAWS
@given(COUNTS, COUNTS)
def test_shares_are_a_distance(one, other) -> None:
    """Between 0 and 1, 0 from itself, symmetric, at least the share of unseen values."""
    left, right = Pool(), Pool()
    left.add(of(one))
    right.add(of(other))
    there, back = measure(of(other), left), measure(of(one), right)
    assert 0 <= there["x", "unseen"] <= there["x", "shares"] + 1e-12
    assert there["x", "shares"] <= 1
    assert math.isclose(there["x", "shares"], back["x", "shares"], abs_tol=1e-12)
    assert abs(measure(of(one), left)["x", "shares"]) < 1e-12


@LAWS
@given(
    st.dictionaries(st.integers(-50, 50), st.integers(1, 9)),
    st.dictionaries(st.integers(-50, 50), st.integers(1, 9)),
    st.integers(0, 9),
)
def test_quantiles_rise(positive, negative, zeros) -> None:
    """Quantiles are in order, and turn around with the sign."""
    column = ColumnSummary(rows=1, positive=positive, negative=negative, zeros=zeros)
    low, middle, high = quantiles(column)
    if positive or negative or zeros:
        assert low <= middle <= high
    else:
        assert math.isnan(low)


@LAWS
@given(st.lists(st.floats(0, 50), min_size=1, max_size=80), st.floats(0, 100), st.floats(0, 100), st.floats(0.001, 0.5))
def test_the_tail_falls(scores, one, other, rate) -> None:
    """A higher score has no higher p-value; p-values lie in (0, 1]; the threshold falls as the rate rises."""
    array = np.array(scores)
    low, high = sorted((one, other))
    assert 0 <= tail(array, score=high, rate=rate)[1] <= tail(array, score=low, rate=rate)[1] <= 1
    assert tail(array, score=low, rate=rate)[0] >= tail(array, score=low, rate=min(1.0, 2 * rate))[0]


@LAWS
@given(st.integers(15, 60), st.floats(0.1, 100), st.floats(-100, 100), st.integers(0, 1000))
def test_residuals_do_not_depend_on_the_unit(rows, scale, offset, seed) -> None:
    """Scaled and moved values have residuals that are scaled alone."""
    values = np.random.default_rng(seed).normal(size=(rows, 3))
    starts = [NOW + timedelta(days=day) for day in range(rows)]
    plain, _ = residuals(values, starts)
    moved, _ = residuals(values * scale + offset, starts)
    assert np.allclose(moved, plain * scale, atol=1e-9 * (1 + abs(offset)) * max(1.0, scale))
    wide = spreads(plain, least=np.full(3, 1e-12), seen_before=np.zeros(3))
    assert (wide > 0).all()


@LAWS
@given(st.lists(st.tuples(st.integers(0, 50), st.floats(-10, 10)), max_size=8), st.randoms(use_true_random=False))
def test_an_objective_is_a_mean(scores, random) -> None:
    """The value lies between the least and the greatest, and the order of periods does not matter."""
    periods = [
        PeriodScore(start=NOW - timedelta(hours=place + 1), end=NOW - timedelta(hours=place), rows=rows, value=value)
        for place, (rows, value) in enumerate(scores)
    ]
    ask = Objective(name="o", metric="m", target=0.0)
    found = check(ask, periods=periods, now=NOW, better="lower")
    random.shuffle(periods)
    assert found == check(ask, periods=periods, now=NOW, better="lower")
    held = [value for rows, value in scores if rows]
    assert (found.verdict == "unknown") == (not held)
    if held and found.value is not None:
        assert min(held) - 1e-9 <= found.value <= max(held) + 1e-9


@LAWS
@given(st.lists(st.tuples(st.integers(0, 50), st.floats(-1, 1)), max_size=40), st.floats(0.01, 0.99))
def test_an_objective_turned_around_is_judged_alike(scores, budget) -> None:
    """A loss and its negative as a score have the same verdict, spend as much, and burn as fast."""
    found = []
    for sign, better in ((1, "lower"), (-1, "higher")):
        periods = [
            PeriodScore(start=NOW - timedelta(days=n + 1), end=NOW - timedelta(days=n), rows=rows, value=sign * value)
            for n, (rows, value) in enumerate(scores)
        ]
        ask = Objective(name="o", metric="m", target=sign * 0.5, budget=budget)
        found.append(check(ask, periods=periods, now=NOW, better=better))
    assert [(f.verdict, f.spent, f.burning) for f in found[:1]] == [(f.verdict, f.spent, f.burning) for f in found[1:]]


@LAWS
@given(st.lists(st.booleans(), max_size=40), st.integers(0, 39), st.floats(0.01, 0.99))
def test_a_better_period_never_speeds_the_burn(misses, place, budget) -> None:
    """Turning one missed period into a met one spends no more of the budget, and no faster."""
    order = ["no", "slowly", "steadily", "fast"]
    ask = Objective(name="o", metric="m", target=0.5, budget=budget)

    def judged(missed):
        periods = [
            PeriodScore(start=NOW - timedelta(days=n + 1), end=NOW - timedelta(days=n), rows=9, value=float(is_bad))
            for n, is_bad in enumerate(missed)
        ]
        return check(ask, periods=periods, now=NOW, better="lower")

    worse, better = judged(misses), judged([is_bad and n != place for n, is_bad in enumerate(misses)])
    assert order.index(better.burning) <= order.index(worse.burning)
    assert (better.spent or 0.0) <= (worse.spent or 0.0)


@LAWS
@given(
    st.lists(
        st.tuples(st.sampled_from(["refused", "fault"]), st.sampled_from("xyz"), st.sampled_from(["page", "note"])),
        max_size=12,
    ),
    st.integers(0, 5),
)
def test_alarms_keep_to_the_budget(drawn, pages) -> None:
    """One alarm for each thing, never more pages than the budget, one for each incident, none for notes."""
    settings = Alarms(pages_per_week=pages)
    findings = joined([Finding(alarm=a, subject=s, severity=g, what="w") for a, s, g in drawn], settings=settings)
    placed = place(findings, standing=[], lineage=Lineage({}, {}), next_id=1)
    alarms = decide(placed, recent=[], now=NOW, budget=settings)
    assert len(alarms) == len({s for _, s, _ in drawn})
    paged = [alarm.incident for alarm in alarms if alarm.paged]
    assert len(paged) <= pages
    assert len(set(paged)) == len(paged)
    assert all(alarm.finding.severity == "page" for alarm in alarms if alarm.paged)
