"""Whether a partition is like its table's history, and what happened to it: what must be told, and what let be."""

import math
import time
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from trivium.core.summary import Summary
from trivium.monitor.decision import DriftDecision
from trivium.monitor.drift import History

ASK = {"rate": 0.02, "least_history": 20}
DAY = 50


def some(frame: pl.DataFrame, share: float, seed: int = 1) -> pl.Series:
    """Draw a share of the rows."""
    return pl.Series(np.random.default_rng(seed).random(frame.height) < share)


def changed(frame: pl.DataFrame, column: str, value: pl.Expr, share: float = 1.0) -> pl.DataFrame:
    """Put a value into a share of the rows."""
    return frame.with_columns(pl.when(some(frame, share)).then(value).otherwise(pl.col(column)).alias(column))


def swapped(frame: pl.DataFrame, one: str, other: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(one).alias(other), pl.col(other).alias(one))


def mixed_up(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Hand each row another's value."""
    return frame.with_columns(frame[column].shuffle(seed=3))


FAULTS = {
    "missing": (lambda f, _: changed(f, "distance", pl.lit(None), 0.1), ("distance",), "is null in"),
    "all missing": (lambda f, _: changed(f, "distance", pl.lit(None)), ("distance",), "is null in"),
    "filled in": (lambda f, _: changed(f, "distance", pl.lit(0.0), 0.2), ("distance",), "looks filled in"),
    "miles": (lambda f, _: changed(f, "distance", pl.col("distance") * 1.609), ("distance",), "looks like kilometres"),
    "cents": (lambda f, _: changed(f, "price", pl.col("price") * 100), ("price",), "100 times its usual scale"),
    "some cents": (lambda f, _: changed(f, "price", pl.col("price") * 100, 0.3), ("price",), "% of the rows"),
    "celsius": (lambda f, _: changed(f, "warmth", (pl.col("warmth") - 32) / 1.8), ("warmth",), "Celsius"),
    "category": (lambda f, _: changed(f, "site", "?" + pl.col("site"), 0.1), ("site",), "never seen"),
    "gone": (lambda f, _: f.drop("weight"), ("weight",), "is gone"),
    "new": (lambda f, _: f.with_columns(extra=pl.lit(1.0)), ("extra",), "is new"),
    "type": (lambda f, _: f.with_columns(pl.col("weight").cast(pl.String)), ("weight",), "holds text"),
    "swapped": (lambda f, _: swapped(f, "weight", "distance"), ("distance", "weight"), "each other"),
    "outliers": (lambda f, _: changed(f, "weight", pl.lit(500.0), 0.01), ("weight",), "reaches 500"),
    "duplicates": (lambda f, _: pl.concat([f, f.filter(some(f, 0.2))]), (), "repeat another"),
    "truncated": (lambda f, _: f.head(int(f.height * 0.8)), (), "looks cut off"),
    "thinned": (lambda f, _: f.filter(some(f, 0.5)), (), "rows are missing"),
    "stale": (lambda f, before: before, (), "looks stale"),
    "half stale": (lambda f, before: pl.concat([before.filter(some(before, 0.5)), f.filter(some(f, 0.5))]), (), "stale"),
}  # fmt: skip
KINDS = {
    "all missing": "missing", "filled in": "missing", "miles": "scale", "cents": "scale", "some cents": "scale", "celsius": "scale",
    "gone": "schema", "new": "schema", "type": "schema", "thinned": "truncated", "half stale": "stale",
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_apart(shop, lived, name) -> None:
    """Each kind of fault is a fault, of its kind, with its columns and in its words."""
    strike, columns, words = FAULTS[name]
    decision = lived.judge(
        shop.summary(strike(shop.frame(DAY), shop.frame(DAY - 1)), DAY), start=shop.start(DAY), **ASK
    )
    assert (decision.verdict, decision.kind) == ("fault", KINDS.get(name, name)), decision.words
    assert set(decision.columns) == set(columns)
    assert words in decision.words
    assert decision.is_alarm
    assert decision.kind == "schema" or decision.p_value <= ASK["rate"]


SHIFTS = {
    "population shift": (lambda f: f.filter((pl.col("site") == "north") | some(f, 0.5)), "site"),
    "label shift": (lambda f: f.sort("late", maintain_order=True)[f.height // 4 :].sort("at"), "late"),
    "concept shift": (lambda f: turned(f, "late", by="price"), "late"),
}


def turned(frame, column, *, by):
    """Give a column's values out again in the opposite order of another: each as often as before, the bond turned."""
    order = frame[by].arg_sort()
    return frame[order].with_columns(frame[column][order].reverse()).sort("at", maintain_order=True)


@pytest.mark.parametrize("kind", SHIFTS)
def test_shifts_are_told_apart_and_are_no_alarm(shop, lived, kind) -> None:
    """A population that moved, other labels with other features, and labels that left their features."""
    strike, column = SHIFTS[kind]
    decision = lived.judge(shop.summary(strike(shop.frame(DAY)), DAY), start=shop.start(DAY), labels=("late",), **ASK)
    assert decision.verdict == "shift", decision.words
    assert decision.columns[0] == column
    assert not decision.is_alarm
    assert kind in {decision.kind, "label shift"}


def test_labels_handed_round_among_rows_are_a_fault(shop, lived) -> None:
    """A bond that is gone, while both of its columns hold what they always do, is no doing of the world."""
    handed = mixed_up(shop.frame(DAY), "late")
    decision = lived.judge(shop.summary(handed, DAY), start=shop.start(DAY), labels=("late",), **ASK)
    assert (decision.verdict, decision.kind, decision.columns[0]) == ("fault", "swapped", "late"), decision.words
    assert "rows may hold each other's" in decision.words


@pytest.mark.parametrize("more", [20, 40])
def test_who_moved_tore_the_bond(shop, lived, more) -> None:
    """Prices that move in half of the rows come apart from weights, and nobody blames the weights, which stayed."""
    risen = changed(shop.frame(DAY), "price", pl.col("price") + more, 0.5)
    decision = lived.judge(shop.summary(risen, DAY), start=shop.start(DAY), **ASK)
    assert (decision.verdict, decision.columns[0]) == ("shift", "price"), decision.words


def test_labels_that_move_and_take_their_features_along_are_a_label_shift(shop) -> None:
    """Nine in ten of the early rows leave: the label moves, and its features just as they go with it."""
    from trivium.monitor.evidence import Evidence
    from trivium.monitor.kinds import _label_moved  # the choice between two kinds, on evidence made to measure

    history = shop.lived(40)
    frame = shop.frame(40)
    kept = frame.filter((pl.col("late") == 1) | some(frame, 0.75))
    for strike, kind in ((kept, "label shift"), (changed(frame, "late", pl.lit(1), 0.2), "concept shift")):
        reading = history.read(shop.summary(strike, 40), start=shop.start(40), **ASK)
        assert _label_moved(Evidence(reading, ["late"]), "late").kind == kind


def test_ordinary_days_are_ordinary(shop, lived) -> None:
    """A weekday, a weekend day, a day of few rows and a day of many are ordinary, though they differ."""
    for day, rows in ((50, None), (54, None), (50, 960), (51, 1_060)):
        frame = shop.frame(day, rows)
        decision = lived.judge(shop.summary(frame, day), start=shop.start(day), **ASK)
        assert decision.verdict == "ordinary", decision
        assert (decision.kind, decision.columns, decision.words, decision.causes) == (None, (), "", ())


def test_each_column_tells_how_far_it_went(shop, lived) -> None:
    """The culprit furthest, beyond the threshold, to three digits; what stayed near is left out."""
    strike = FAULTS["miles"][0]
    struck = shop.summary(strike(shop.frame(DAY), shop.frame(DAY - 1)), DAY)
    decision = lived.judge(struck, start=shop.start(DAY), **ASK)
    assert max(decision.furthest, key=lambda name: decision.furthest[name]) == "distance"
    assert decision.furthest["distance"] == pytest.approx(decision.score, rel=0.005)
    ordinary = lived.judge(shop.summary(shop.frame(DAY), DAY), start=shop.start(DAY), **ASK)
    assert all(0.25 * ordinary.threshold <= size <= ordinary.score * 1.005 for size in ordinary.furthest.values())


@pytest.mark.parametrize("rows", [100, 3_000])
def test_a_column_of_a_small_day_is_judged_as_a_small_day(shop, lived, rows) -> None:
    """Only the number of rows is odd about a day that has a tenth, or thrice as many."""
    decision = lived.judge(shop.summary(shop.frame(DAY, rows), DAY), start=shop.start(DAY), **ASK)
    assert [moved.statistic for moved in decision.moved if abs(moved.residual) > decision.threshold] == ["rows"]


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_more_rows_find_no_less(share) -> None:
    """The same change is further off on a table of more rows."""
    from unit.monitor.conftest import Shop

    scores = []
    for rows in (150, 600, 2_400):
        few = Shop(rows=rows)
        frame = changed(few.frame(30), "distance", pl.lit(None), share)
        decision = few.lived(30).judge(few.summary(frame, 30), start=few.start(30), **ASK)
        scores.append(next((held.residual for held in decision.moved if held.statistic == "nulls"), 0.0))
    assert scores == sorted(scores)


def test_false_alarms_are_kept_on_identical_partitions() -> None:
    """Of 500 identical days no more are called odd than 2 % and the chance of a binomial above it (99.9 %)."""
    dice = np.random.default_rng(5)
    odd = judged = 0
    for _ in range(5):
        history = History()
        for day in range(120):
            start = datetime(2013, 1, 7, tzinfo=UTC) + timedelta(days=day)
            rows = pl.DataFrame(
                {f"x{place}": dice.normal(size=300) for place in range(4)}
                | {"t": pl.Series(list("abcde")).gather(dice.integers(0, 5, 300))}
            )
            from trivium.data.summary import summarise

            summary = summarise(rows)
            decision = history.judge(summary, start=start, **ASK)
            history.add(summary, start=start, decision=decision)
            if decision.confidence == "own history":
                judged, odd = judged + 1, odd + (decision.verdict != "ordinary")
    # The binomial of 500 at 0.02 is above 21 in 0.1 % of cases.
    assert judged == 500
    assert odd <= 21


def test_the_order_of_columns_does_not_matter(shop, lived) -> None:
    """Columns turned around give the same decision."""
    summary = shop.summary(changed(shop.frame(DAY), "price", pl.lit(None), 0.1), DAY)
    turned = msgspec.structs.replace(summary, columns=dict(reversed(summary.columns.items())))
    assert lived.judge(summary, start=shop.start(DAY), **ASK) == lived.judge(turned, start=shop.start(DAY), **ASK)


def test_the_unit_of_a_column_does_not_matter(shop) -> None:
    """A table in metres is judged as one in kilometres: scores differ by no more than buckets do."""
    scores = []
    for factor in (1.0, 1_000.0):
        history = History()
        for day in range(41):
            frame = shop.frame(day).with_columns(pl.col("distance") * factor * (1.3 if day == 40 else 1.0))
            summary = shop.summary(frame, day, watch=("distance",))
            if day == 40:
                scores.append(history.judge(summary, start=shop.start(day), **ASK).score)
            history.add(summary, start=shop.start(day))
    assert scores[0] == pytest.approx(scores[1], rel=0.2)


def test_too_little_history_says_so_and_three_partitions_are_judged_wide(shop) -> None:
    """With two nothing is said; with three only the gross is, by defaults, and the words tell it."""
    frame = shop.frame(3)
    two = shop.lived(2).judge(shop.summary(frame.head(10), 3), start=shop.start(3), **ASK)
    assert two == DriftDecision(verdict="not enough history", partitions=2)
    three = shop.lived(3)
    fine = three.judge(shop.summary(frame, 3), start=shop.start(3), **ASK)
    assert (fine.verdict, fine.confidence, fine.partitions) == ("ordinary", "wide defaults", 3)
    subtle = three.judge(shop.summary(changed(frame, "price", pl.lit(None), 0.1), 3), start=shop.start(3), **ASK)
    assert subtle.verdict == "ordinary"
    gross = three.judge(shop.summary(changed(frame, "price", pl.lit(None), 0.5), 3), start=shop.start(3), **ASK)
    assert (gross.verdict, gross.kind, gross.columns) == ("fault", "missing", ("price",))
    assert "only 3 partitions of history: judged by wide defaults" in gross.words


def test_no_history_is_too_short_for_a_lost_column(shop) -> None:
    """A column that three partitions had and the fourth has not is gone."""
    decision = shop.lived(3).judge(shop.summary(shop.frame(3).drop("price"), 3), start=shop.start(3), **ASK)
    assert (decision.verdict, decision.kind, decision.columns) == ("fault", "schema", ("price",))


def test_a_late_partition_is_judged_in_its_own_place(shop) -> None:
    """A day in the middle of a growing table is ordinary when it comes last, and odd in the place of another."""
    history = History()
    for day in range(60):
        if day != 30:
            frame = shop.frame(day).with_columns(pl.col("price") + 3.0 * day)
            history.add(shop.summary(frame, day), start=shop.start(day))
    late = shop.summary(shop.frame(30).with_columns(pl.col("price") + 90.0), 30)
    assert history.judge(late, start=shop.start(30), **ASK).verdict == "ordinary"
    assert history.judge(late, start=shop.start(60), **ASK).verdict != "ordinary"


def test_the_first_partition_may_come_last(shop) -> None:
    """Where nothing came before, what came after serves."""
    history = shop.lived(50, since=1)
    assert history.judge(shop.summary(shop.frame(0), 0), start=shop.start(0), **ASK).verdict == "ordinary"
    broken = changed(shop.frame(0), "price", pl.col("price") * 100)
    assert history.judge(shop.summary(broken, 0), start=shop.start(0), **ASK).kind == "scale"


def test_a_fault_that_lasts_is_told_seven_times(shop) -> None:
    """It does not become its own reference; the eighth day is the new level, and the old level is odd then."""
    history = shop.lived(45)
    verdicts = []
    for day in range(45, 56):
        summary = shop.summary(changed(shop.frame(day), "distance", pl.col("distance") * 1.609), day)
        decision = history.judge(summary, start=shop.start(day), **ASK)
        history.add(summary, start=shop.start(day), decision=decision)
        verdicts.append(decision.verdict)
    assert verdicts[:7] == ["fault"] * 7
    assert set(verdicts[8:]) == {"ordinary"}
    back = history.judge(shop.summary(shop.frame(56), 56), start=shop.start(56), **ASK)
    assert (back.kind, back.columns) == ("scale", ("distance",))


def test_noise_widens_what_fired_and_nothing_else(shop) -> None:
    """Nulls that people called noise are let be when they come again, as far; other columns are watched as before."""
    history = shop.lived(45)
    nulls = {
        column: shop.summary(changed(shop.frame(45), column, pl.lit(None), 0.1), 45) for column in ("price", "warmth")
    }
    first = history.judge(nulls["price"], start=shop.start(45), **ASK)
    history.add(nulls["price"], start=shop.start(45), decision=first)
    again = shop.summary(changed(shop.frame(46), "price", pl.lit(None), 0.1), 46)
    assert history.judge(again, start=shop.start(46), **ASK).kind == "missing"
    history.mark(shop.start(45), "useful")
    assert history.judge(again, start=shop.start(46), **ASK).kind == "missing"
    history.mark(shop.start(45), "noise")
    assert history.judge(again, start=shop.start(46), **ASK).verdict == "ordinary"
    more = shop.summary(changed(shop.frame(46), "price", pl.lit(None), 0.5), 46)
    assert history.judge(more, start=shop.start(46), **ASK).kind == "missing"
    other = shop.summary(changed(shop.frame(46), "warmth", pl.lit(None), 0.1), 46)
    assert history.judge(other, start=shop.start(46), **ASK).columns == ("warmth",)


def test_one_sender_that_broke_is_named(shop, lived) -> None:
    """Nulls of one site alone make that site the likeliest cause; a check that broke comes before it."""
    frame = shop.frame(DAY).with_columns(
        weight=pl.when(pl.col("site") == "east").then(None).otherwise(pl.col("weight"))
    )
    summary = shop.summary(frame, DAY, breaks={"weight is known": 210})
    decision = lived.judge(summary, start=shop.start(DAY), **ASK)
    assert decision.columns == ("weight",)
    assert [(cause.what, cause.name) for cause in decision.causes] == [
        ("check", "weight is known"), ("slice", "site = 'east'"), ("column", "weight"),
    ]  # fmt: skip
    assert decision.causes[1].words == "only site = 'east' moved"


def test_judging_changes_nothing(shop, lived) -> None:
    """The same question has the same answer, asked twice."""
    summary = shop.summary(changed(shop.frame(DAY), "price", pl.lit(None), 0.1), DAY)
    assert lived.judge(summary, start=shop.start(DAY), **ASK) == lived.judge(summary, start=shop.start(DAY), **ASK)


def test_the_order_of_arrival_does_not_matter(shop) -> None:
    """The same partitions, added in another order, give the same decision."""
    summaries = {day: shop.summary(shop.frame(day), day) for day in range(40)}
    asked = shop.summary(changed(shop.frame(40), "price", pl.lit(None), 0.1), 40)
    decisions = []
    for order in (range(40), reversed(range(40)), np.random.default_rng(0).permutation(40).tolist()):
        history = History()
        for day in order:
            history.add(summaries[day], start=shop.start(day))
        decisions.append(history.judge(asked, start=shop.start(40), **ASK))
    assert decisions[0] == decisions[1] == decisions[2]


def test_a_table_that_never_changes_is_never_odd() -> None:
    """Constant, empty and columnless partitions give finite numbers and no alarm."""
    for summary in (Summary(rows=0, columns={}), Summary(rows=10, columns={})):
        history = History()
        for day in range(60):
            start = datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=day)
            decision = history.judge(summary, start=start, **ASK)
            history.add(summary, start=start, decision=decision)
        assert (decision.verdict, decision.score) == ("ordinary", 0.0)


def test_old_summaries_without_the_joint_part_are_judged(days) -> None:
    """A summary of counts alone has fewer statistics, and its faults are found all the same."""
    source, history = days(0), History()
    for day in range(50):
        history.add(source.draw(day), start=source.start(day))
    assert history.judge(source.draw(50), start=source.start(50), **ASK).verdict == "ordinary"
    decision = history.judge(source.draw(50, nulls=30), start=source.start(50), **ASK)
    assert (decision.kind, decision.columns) == ("missing", ("distance",))
    assert history.judge(source.draw(50, extra="ZZ"), start=source.start(50), **ASK).kind == "category"
    assert math.isfinite(decision.score)


def test_a_decision_is_fast(shop, lived) -> None:
    """A decision stays below 100 ms, with room for a busy machine."""
    summary = shop.summary(shop.frame(DAY), DAY)
    took = []
    for _ in range(5):
        before = time.perf_counter()
        lived.judge(summary, start=shop.start(DAY), **ASK)
        took.append(time.perf_counter() - before)
    assert min(took) < 0.1


def test_a_fault_is_still_there_with_less_than_a_threshold(shop) -> None:
    """A tenth of the rows lack a value, then 1 %: which by itself is ordinary, and after the first is the same."""
    history = shop.lived(DAY)
    weak = changed(shop.frame(DAY + 1), "distance", pl.lit(None), 0.012)
    alone = history.judge(shop.summary(weak, DAY + 1), start=shop.start(DAY + 1), **ASK)
    assert alone.verdict == "ordinary"
    assert alone.score >= 0.6 * alone.threshold
    broken = shop.summary(changed(shop.frame(DAY), "distance", pl.lit(None), 0.1), DAY)
    first = history.judge(broken, start=shop.start(DAY), **ASK)
    history.add(broken, start=shop.start(DAY), decision=first)
    second = history.judge(shop.summary(weak, DAY + 1), start=shop.start(DAY + 1), **ASK)
    assert (first.verdict, first.lasts) == ("fault", 1)
    assert (second.verdict, second.kind, second.columns, second.lasts) == ("fault", "missing", ("distance",), 2)
    assert "off as it was just before" in second.words


def test_more_decimal_places_than_ever_are_a_conversion(shop, lived) -> None:
    """A twentieth of the whole numbers were divided by 3: no matter for the mean, and no whole numbers any more."""
    frame = shop.frame(DAY).with_columns(pl.col("distance").round(0))
    history = lived_with(shop, "distance", pl.col("distance").round(0))
    odd = changed(frame, "distance", pl.col("distance") / 3, 0.05)
    decision = history.judge(shop.summary(odd, DAY), start=shop.start(DAY), **ASK)
    assert (decision.verdict, decision.kind, decision.columns) == ("fault", "scale", ("distance",)), decision.words
    assert history.judge(shop.summary(frame, DAY), start=shop.start(DAY), **ASK).verdict == "ordinary"


def lived_with(shop, column: str, value: pl.Expr):
    """A history whose days hold a column in another form."""
    history = History()
    for day in range(DAY):
        summary = shop.summary(shop.frame(day).with_columns(value.alias(column)), day)
        start = shop.start(day)
        history.add(summary, start=start, decision=history.judge(summary, start=start, **ASK))
    return history


def test_a_character_never_seen_is_a_category(shop) -> None:
    """Of texts that are nearly all different, values and forms tell nothing, and a question mark all."""
    name = pl.format("customer {}", pl.int_range(pl.len()).hash(seed=1) % 100_000)
    history = lived_with(shop, "who", name)
    frame = shop.frame(DAY).with_columns(name.alias("who"))
    odd = changed(frame, "who", pl.lit("?") + pl.col("who"), 0.05)
    decision = history.judge(shop.summary(odd, DAY), start=shop.start(DAY), **ASK)
    assert (decision.verdict, decision.kind, decision.columns) == ("fault", "category", ("who",)), decision.words


def test_nulls_where_they_never_are_show_among_those_where_they_are(shop) -> None:
    """Late rows have no price, and how many are late varies; a price missing from rows in time is a fault."""
    missing = pl.when(pl.col("late") == 0).then(pl.col("price"))
    days = [
        shop.frame(day).filter((pl.col("late") == 0) | (pl.int_range(pl.len()) % (2 + day % 3) == 0))
        for day in range(DAY + 1)
    ]
    days = [day.with_columns(missing.alias("price"), (pl.col("late") == 1).alias("is_late")) for day in days]
    history = History()
    for day, frame in enumerate(days[:-1]):
        summary = shop.summary(frame, day)
        history.add(summary, start=shop.start(day), decision=history.judge(summary, start=shop.start(day), **ASK))
    odd = changed(days[-1], "price", pl.lit(None), 0.05)
    decision = history.judge(shop.summary(odd, DAY), start=shop.start(DAY), **ASK)
    assert (decision.verdict, decision.kind, decision.columns) == ("fault", "missing", ("price",)), decision.words
    assert ("price", "nulls within") in {(moved.column, moved.statistic) for moved in decision.moved}
