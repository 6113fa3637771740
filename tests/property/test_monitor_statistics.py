"""Laws of what is measured and decided on summaries, scores and findings."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.project import Alarms, Objective
from trivium.core.summary import ColumnSummary, Summary
from trivium.monitor.alarms import Finding, decide, joined
from trivium.monitor.causes import Lineage, place
from trivium.monitor.distances import Window
from trivium.monitor.fits import mixture
from trivium.monitor.objectives import PeriodScore, check
from trivium.monitor.residuals import residuals, scales
from trivium.monitor.statistics import measure
from trivium.monitor.threshold import tail

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
    """The bare distance lies between 0 and 1, and is at least the share of unseen values."""
    window = Window([measure(of(one)), measure(of(other))], serves=[True, True], eras=[0, 0])
    unseen = float(window.values["x", "unseen"][1])
    total, before = sum(other.values()), sum(one.values())
    moved = 0.5 * sum(abs(other.get(key, 0) / total - one.get(key, 0) / before) for key in {*one, *other})
    assert 0 <= unseen <= moved + 1e-12
    assert window.values["x", "shares"][1] <= moved <= 1 + 1e-12


@LAWS
@given(
    st.dictionaries(st.integers(-50, 50), st.integers(1, 9)),
    st.dictionaries(st.integers(-50, 50), st.integers(1, 9)),
    st.integers(0, 9),
    st.floats(0.1, 10),
)
def test_a_fit_is_a_share_and_explains_no_more_than_all(positive, negative, zeros, factor) -> None:
    """Shares and what they explain lie in 0 to 1; a distribution explains itself."""
    column = ColumnSummary(rows=1, positive=positive, negative=negative, zeros=zeros)
    rungs = list(column.ladder())
    if not rungs:
        return
    seen = np.array(rungs, dtype=np.float64).T
    other = (np.sort(seen[0] * factor), seen[1])
    fit = mixture((seen[0], seen[1]), other, (seen[0], seen[1]))
    assert 0 <= fit.share <= 1
    assert 0 <= fit.explained <= 1
    assert 0 <= fit.left <= 1
    assert fit.left == 0 or fit.share == 1 or fit.explained > 0.99


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
    ask = {"floors": np.full(3, 1e-12), "seen_before": np.zeros(3)}
    one = scales(plain, sampling=np.ones((rows - 7, 3)), **ask)
    other = scales(plain * scale, sampling=np.full((rows - 7, 3), scale**2), **ask)
    assert np.allclose(other, one * scale, rtol=1e-6)


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
