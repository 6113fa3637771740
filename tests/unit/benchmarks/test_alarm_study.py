"""The study of alarms counts what it says it counts: cases small enough to count by hand."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from alarm_study import neighbours, ours, picture, results, rules
from alarm_study.faults import LASTS, QUIET, STRUCK_KINDS, WARM_UP, Struck, draw, strikes
from alarm_study.scoring import (
    Share,
    Walk,
    a_month,
    a_week,
    by_chance,
    false_days,
    hours_to_detect,
    outcomes,
    precision,
    share_of,
)
from alarm_study.tables import AT, DAY, KEY, Table, identical, resampled
from alarm_study.verdicts import Verdict
from trivium.loop.faults import SEVERITIES, Fault

FIRST = date(2024, 1, 1)


def table_of(days=240, rows=40, seed=0):
    draw_ = np.random.default_rng(seed)
    size = days * rows
    day = np.repeat(np.arange(days), rows)
    at = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=int(d), minutes=30 * (i % rows)) for i, d in enumerate(day)]
    frame = pl.DataFrame(
        {
            KEY: [f"{d}-{i}" for i, d in enumerate(day)],
            AT: at,
            DAY: pl.Series(day, dtype=pl.Int32),
            "price": draw_.normal(20, 3, size),
            "age": draw_.integers(18, 80, size),
            "shop": draw_.choice(["north", "south", "west"], size),
            "paid": draw_.random(size) < 0.4,
        }
    )
    return Table("shops", frame, tuple(FIRST + timedelta(days=d) for d in range(days)), "price", ("price", "paid"))


def struck(kind, first, *columns, severity="medium"):
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=first)
    fault = Fault(
        id=kind, kind=kind, severity=severity, from_=start, until=start + timedelta(days=LASTS), table="shops"
    )
    return Struck(fault, first, frozenset(columns))


def silent(day):
    return Verdict(day, False)


NULLS = struck("nulls", 40, "price")
SHIFT = struck("sample_shift", 44)
LATE = struck("late", 48)


def walk(*loud, faults=(NULLS, SHIFT, LATE), days=60):
    said = {day: silent(day) for day in range(days)} | {verdict.day: verdict for verdict in loud}
    return Walk("shops", 1, faults, [said[day] for day in range(days)])


def test_a_walk_counted_by_hand():
    """Of three faults one is caught on its second day, one is only shown; one ordinary day of 24 is alarmed."""
    one = walk(
        Verdict(10, True),  # the warm-up does not count
        Verdict(35, True, columns=("age",), kind="scale", messages=1),
        Verdict(41, True, columns=("age", "price"), kind="missing", messages=1),
        Verdict(44, False, shown=True, kind="population shift"),
    )
    nulls, shift, late = outcomes(one)
    assert (nulls.caught, nulls.noticed, nulls.hours) == (True, True, 48.0)
    assert (nulls.first_right, nulls.top_3_right, nulls.kind_right) == (False, True, True)
    assert (shift.caught, shift.noticed, shift.hours, shift.kind_right) == (False, True, None, True)
    assert shift.first_right is None, "a fault of whole rows has no column to name"
    assert (late.caught, late.noticed, late.kind_right) == (False, False, None)
    assert len(one.clean) == 60 - WARM_UP - 3 * LASTS == 24
    assert false_days([one], lambda said: said.alarm) == Share(1, 24)
    assert precision([one]) == Share(1, 2)
    assert hours_to_detect([nulls, shift, late]) == 48.0
    assert a_week([one], lambda said: said.messages) == pytest.approx(7 * 2 / 30)
    assert share_of([nulls, shift, late], lambda out: out.caught) == Share(1, 3)


def test_an_alarm_that_owes_a_column():
    """Who names the kind of a fault of one column, but no column, has not named the right one; a mute tool has no say."""
    (named,) = outcomes(walk(Verdict(40, True, kind="missing"), faults=[NULLS]))
    (mute,) = outcomes(walk(Verdict(40, True), faults=[NULLS]))
    assert (named.first_right, named.top_3_right) == (False, False)
    assert (mute.first_right, mute.top_3_right) == (None, None)


def test_a_late_partition_takes_longer():
    """The alarm on what is not there comes after the grace, and the hours say so."""
    (late,) = outcomes(walk(Verdict(48, True, kind="late", after_h=48.0), faults=[LATE]))
    assert (late.hours, late.kind_right) == (48.0, True)


def test_real_days_count_once():
    """Twenty seeds over one year are no twenty years: the interval stays that of the days there are."""
    one = false_days([walk(Verdict(35, True))], lambda said: said.alarm)
    many = false_days([walk(Verdict(35, True)) for _ in range(20)], lambda said: said.alarm)
    assert one == many
    value, low, high = a_month(one)
    assert value == pytest.approx(30.4 / 24)
    # Clopper and Pearson for 1 of 24: 1 - 0.975 ** (1 / 24) below; above, 0.2112 from their tables.
    assert low == pytest.approx(30.4 * (1 - 0.975 ** (1 / 24)))
    assert high == pytest.approx(30.4 * 0.2112, rel=1e-3)
    assert Share(0, 0).interval == (0.0, 1.0)
    assert Share(0, 10).interval[0] == 0.0
    assert Share(10, 10).interval[1] == 1.0


def test_faults_are_drawn_apart():
    """Each kind comes at each severity, after the warm-up, with quiet days between; the seed decides."""
    table = table_of()
    drawn = draw(table, seed=3)
    assert {(one.fault.kind, one.fault.severity) for one in drawn} == {(k, s) for k in STRUCK_KINDS for s in SEVERITIES}
    assert drawn[0].first >= WARM_UP
    assert all(b.first - a.first >= LASTS + QUIET for a, b in pairwise(drawn))
    assert drawn[-1].days[-1] < len(table.dates)
    assert drawn == draw(table, seed=3)
    assert drawn != draw(table, seed=4)
    with pytest.raises(ValueError, match="too few days"):
        draw(table_of(days=60), seed=0)


def test_strikes_give_what_was_delivered():
    """Every struck day differs from itself as it was, but for partitions that are only late, and one seed is one year."""
    table = table_of()
    faults = draw(table, seed=1)
    days = table.days()
    for day, one, rows in strikes(table, faults, seed=1):
        if one.fault.severity == "strong":  # fewer than one of 40 rows may be struck otherwise
            assert rows.equals(days[day]) == (one.fault.kind == "late"), (one.fault.kind, day)
    again = [rows.hash_rows().sum() for _, _, rows in strikes(table, faults, seed=1)]
    assert again == [rows.hash_rows().sum() for _, _, rows in strikes(table, faults, seed=1)]


def test_resampled_days_keep_their_weight():
    """A day twice as long as another stays so; no two rows share a key."""
    table = table_of(days=10)
    table = Table(
        "shops", table.rows.filter((pl.col(DAY) > 0) | (pl.int_range(pl.len()) < 20)), table.dates, "price", ()
    )
    drawn = resampled(table, seed=0, rows_a_day=400)
    heights = [day.height for day in drawn.days()]
    assert heights[1] == pytest.approx(2 * heights[0], abs=1)
    assert sum(heights) == pytest.approx(4000, abs=10)
    assert drawn.rows[KEY].is_unique().all()
    assert drawn.rows.select("price", "age").row(5) in table.days()[0].select("price", "age").rows()


def test_identical_days_hold_their_own_times():
    """Days drawn from the whole table lie on their own dates, in order."""
    drawn = identical(table_of(days=10), days=5, seed=0, rows_a_day=30)
    assert [day[AT].dt.date().unique().to_list() for day in drawn.days()] == [[date_] for date_ in drawn.dates]
    assert all(day[AT].is_sorted() for day in drawn.days())


def test_the_average_of_the_nearest():
    """A point far from six others that lie close is an outlier; one among them is not."""
    history = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    assert neighbours.is_outlier(history, np.array([60.0]))
    assert not neighbours.is_outlier(history, np.array([2.5]))


def test_peculiarity():
    """In "abab" and "abc" the odd one is abc: (log 3 + log 1) / 2 - log 1."""
    assert neighbours.peculiarity({"abab": 1, "abc": 1}) == pytest.approx((np.log(3) + np.log(1)) / 2)
    assert neighbours.peculiarity({"a": 3}) == 0.0


def test_psi_by_hand():
    """Half and half become one quarter and three: (1/4 - 1/2) ln 1/2 + (3/4 - 1/2) ln 3/2."""
    rule = rules.Psi(pl.Series(["x", "y"] * 50))
    _, score = rule.says(pl.Series(["x"] * 25 + ["y"] * 75))
    assert score == pytest.approx(-0.25 * np.log(0.5) + 0.25 * np.log(1.5))
    assert rule.says(pl.Series(["x"] * 5 + ["y"] * 95))[0]


def test_the_tests_agree_with_scipy():
    """Kolmogorov-Smirnov over a sorted reference gives scipy's own p."""
    from scipy.stats import ks_2samp

    draw_ = np.random.default_rng(0)
    reference, recent = draw_.normal(size=400), draw_.normal(0.2, 1, size=300)
    _, odd = rules.Test(pl.Series(reference)).says(pl.Series(recent))
    assert 1 - odd == pytest.approx(ks_2samp(reference, recent, method="asymp").pvalue, abs=1e-12)
    assert rules.Test(pl.Series(["a", "b"] * 20)).says(pl.Series(["a", "b"] * 20)) == (False, pytest.approx(0.0))


def test_any_and_half_of_the_columns():
    """One of four columns is any, not half; the oddest comes first."""
    said = {"a": (True, 0.3), "b": (True, 0.9), "c": (False, 0.1), "d": (False, 0.0)}
    assert rules.any_column(1, said).columns == ("b", "a")
    assert rules.any_column(1, said).messages == 2
    assert rules.most_columns(1, said).alarm
    assert not rules.most_columns(1, {**said, "a": (False, 0.3)}).alarm


def test_the_product_walks_a_table():
    """Our own policy goes through a table by the product's entries, and sees a column of nulls."""
    table = table_of(days=50, rows=300)
    clean = [ours.summary_of(rows, table, day=day) for day, rows in enumerate(table.days())]
    rows = table.days()[45].with_columns(pl.lit(None, pl.Float64).alias("price"))
    one = struck("nulls", 45, "price", severity="strong")
    said = list(ours.judged(table, clean, {45: (one, ours.summary_of(rows, table, day=45))}, feedback=True))
    told, decided = said[45]
    assert told.alarm
    assert told.columns[0] == decided.columns[0] == "price"
    assert sum(verdict.alarm for verdict, _ in said) <= sum(verdict.alarm for _, verdict in said) <= 4


def test_results_have_the_known_shape():
    """Each row has the results file's fields; the printed tables have a line a system and a line a kind."""
    walks = [walk(Verdict(40, True, columns=("price",), kind="missing", messages=1))]
    rows = results.rows_of("Trivium", "a case", walks)
    fields = {"system", "case", "figure", "unit", "median", "low", "high", "runs"}
    assert all(set(row) == fields for row in rows)
    assert len(results.printed("a case", rows).splitlines()) == 2
    assert len(results.by_kind("a case", rows).splitlines()) == 3 + len(STRUCK_KINDS)
    calm = results.calibration_of("Trivium", "alike", [walk(faults=[])], nominal=0.02)
    assert results.calibration("alike", calm).splitlines()[1].split()[:3] == ["Trivium", "0.020", "0.000"]


def test_the_picture_is_a_picture():
    """Every system has its point and its line, and its name cannot break the file."""
    points = [
        picture.Point("Trivium", (0.9, 0.8, 0.95), (0.5, 0.2, 1.0), is_told=False),
        picture.Point("KS <&>", (1.0, 0.9, 1.0), (30.4, 29.0, 30.4), is_told=False),
    ]
    drawn = ElementTree.fromstring(picture.drawn(points, title="a < b", target=(0.95, 1.0)))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}circle")) == 2 * len(points)
    assert "KS <&>" in [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]


def test_by_chance():
    """Who alarms every second day, whatever comes, catches three of four faults of two days."""
    assert by_chance(Share(10, 20)) == pytest.approx(0.75)


def test_an_explained_fault_names_the_right_thing():
    """A caught fault of a column needs the column first; one of whole rows must not be called something else."""
    dupes = struck("duplicates", 40)
    (wrong,) = outcomes(walk(Verdict(40, True, columns=("age",), kind="missing"), faults=[NULLS]))
    (right,) = outcomes(walk(Verdict(40, True, columns=("price",), kind="scale"), faults=[NULLS]))
    (called,) = outcomes(walk(Verdict(40, True, kind="truncated"), faults=[dupes]))
    (mute,) = outcomes(walk(Verdict(40, True), faults=[dupes]))
    assert [one.explained for one in (wrong, right, called, mute)] == [False, True, False, True]
