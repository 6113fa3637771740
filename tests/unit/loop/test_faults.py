"""Each kind of fault strikes as documented, the same way for the same seed, partition and fault."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

import small_project
from trivium.core.problems import ProjectError
from trivium.core.project import read_project
from trivium.loop.faults import GRID, KINDS, ON_VERSIONS, SEVERITIES, Fault, delay, read_faults, standard, to_plain
from trivium.loop.strike import strike

PROJECT = read_project(small_project.PROJECT)
START = small_project.START
ROWS = small_project.visits_of(0, rows=400)
BEFORE = small_project.visits_of(1, rows=400)
KEEP = ["visit_id", "at"]


def fault(kind, **words):
    named = {"id": "f", "table": "visits", "column": "distance", **words}
    return Fault(kind=kind, from_=START, until=START + timedelta(days=1), **named)


def struck(fault_, rows=ROWS, *, seed=0, partition="2024-01-01"):
    return strike(fault_, rows, BEFORE, seed=seed, partition=partition, keep=KEEP)


def test_nulls():
    """About a share of the column's values go, the others stay."""
    after = struck(fault("nulls", share=0.3))
    gone = after["distance"].is_null()
    assert 0.2 < gone.mean() < 0.4
    assert after.filter(~gone).equals(ROWS.filter(~gone))


def test_scale():
    """Every value of the column is multiplied by the factor."""
    assert struck(fault("scale", factor=10.0))["distance"].to_list() == (ROWS["distance"] * 10.0).to_list()


def test_outliers():
    """Two rows in a hundred are multiplied, unless the fault says how many."""
    moved = struck(fault("outliers"))["distance"] != ROWS["distance"]
    assert 0 < moved.mean() < 0.05
    assert (struck(fault("outliers", share=0.5))["distance"] != ROWS["distance"]).mean() > 0.4


def test_categories():
    """A share of the values become ones never seen."""
    values = struck(fault("categories", column="clinic", share=0.5))["clinic"]
    new = values.str.starts_with("?")
    assert 0.4 < new.mean() < 0.6
    assert set(values.filter(~new)) <= set(small_project.CLINICS)


def test_drop_column():
    """The column is gone; the rest is as it was."""
    assert struck(fault("drop_column")).equals(ROWS.drop("distance"))


def test_swap_columns():
    """Two columns hold each other's values."""
    after = struck(fault("swap_columns", other="age"))
    assert after["distance"].to_list() == ROWS["age"].to_list()
    assert after["age"].to_list() == ROWS["distance"].to_list()
    some = struck(fault("swap_columns", other="age", share=0.3))
    there = some["distance"] == ROWS["age"]
    assert 0.2 < there.mean() < 0.4
    assert (some["age"] == ROWS["distance"]).to_list() == there.to_list()


def test_duplicates():
    """A share of the rows come a second time, after all the others."""
    after = struck(fault("duplicates", share=0.25))
    assert after.head(400).equals(ROWS)
    assert 60 < after.height - 400 < 140
    assert after["visit_id"].n_unique() == 400


def test_truncate():
    """The last share of the rows is missing."""
    assert struck(fault("truncate", share=0.25)).equals(ROWS.head(300))


def test_stale():
    """The partition before comes again; the first partition has none before it and stays."""
    assert struck(fault("stale")).equals(BEFORE)
    assert strike(fault("stale"), ROWS, None, seed=0, partition="p", keep=KEEP).equals(ROWS)
    some = struck(fault("stale", share=0.4))
    assert 0.3 < some["visit_id"].is_in(BEFORE["visit_id"]).mean() < 0.5
    assert 340 < some.height < 460


def test_sample_shift():
    """Rows of all but the commonest value of the first few-valued text get rarer; those of it all stay."""
    after = struck(fault("sample_shift", share=0.8))
    mode = ROWS["clinic"].value_counts(sort=True)["clinic"][0]
    assert after.filter(pl.col("clinic") == mode).equals(ROWS.filter(pl.col("clinic") == mode))
    rest, was = (each.filter(pl.col("clinic") != mode).height for each in (after, ROWS))
    assert 0.1 < rest / was < 0.3


def test_label_flip():
    """Outcomes change hands at an unchanged rate; the keys stay where they were."""
    outcomes = small_project.arrivals_of(ROWS, 0)
    one = fault("label_flip", table="arrivals", column=None, share=0.4)
    after = strike(one, outcomes, None, seed=0, partition="p", keep=["visit_id", "known_at"])
    assert after.select("visit_id", "known_at").equals(outcomes.select("visit_id", "known_at"))
    assert sorted(after["minutes"]) == sorted(outcomes["minutes"])
    assert 0.2 < (after["minutes"] != outcomes["minutes"]).mean() < 0.5


def test_concept_shift():
    """The amount is added to every value, in the column's own type."""
    after = struck(fault("concept_shift", column="age", amount=20.0))
    assert after["age"].to_list() == (ROWS["age"] + 20).to_list()
    assert after["age"].dtype == ROWS["age"].dtype
    usual = struck(fault("concept_shift", column="age"))
    assert usual["age"].to_list() == (ROWS["age"] + 20).to_list()


def test_concept_shift_by_severity():
    """A severity is measured in the column's own spread; a bool is turned round for a share of the rows."""
    after = struck(fault("concept_shift", severity="strong"))
    moved = (after["distance"] - ROWS["distance"]).mean()
    assert moved == pytest.approx(2 * ROWS["distance"].std())
    rows = ROWS.with_columns(far=pl.col("distance") > 10)
    turned = struck(fault("concept_shift", column="far", severity="strong"), rows)["far"] != rows["far"]
    assert 0.4 < turned.mean() < 0.6


def test_a_severity_gives_what_the_fault_does_not():
    """Each kind has three severities, none weaker than the one before; a fault's own settings come first."""
    assert set(GRID) == set(KINDS)
    assert all(len(sizes) == len(SEVERITIES) for sizes in GRID.values())
    assert all(
        one.share <= two.share and one.factor <= two.factor for sizes in GRID.values() for one, two in pairwise(sizes)
    )
    assert fault("nulls", severity="subtle").size.share == 0.01
    assert fault("nulls", severity="subtle", share=0.2).size.share == 0.2
    assert fault("late", severity="strong").size.delay == "5d"
    assert fault("nulls").size.share == 0.5


def test_late():
    """A late partition is unchanged, and comes as late as the latest fault says."""
    assert struck(fault("late")).equals(ROWS)
    faults = [fault("late", delay="1d"), fault("late", delay="2d"), fault("nulls")]
    day = timedelta(days=1)
    assert delay(faults, "visits", start=START, end=START + day) == timedelta(days=2)
    assert delay(faults, "arrivals", start=START, end=START + day) == timedelta(0)
    assert delay(faults, "visits", start=START + day, end=START + 2 * day) == timedelta(0)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ON_VERSIONS])
def test_the_seed_decides(kind):
    """The same seed, fault and partition strike the same rows; a partition without rows or column is left alone."""
    column = "clinic" if kind == "categories" else "distance"
    one = fault(kind, column=column, other="age")
    assert struck(one, seed=5).equals(struck(one, seed=5))
    assert struck(one, ROWS.clear()).is_empty()
    without = ROWS.drop(column)
    assert struck(one, without).equals(without)


@pytest.mark.parametrize("kind", ["nulls", "duplicates", "outliers"])
def test_another_seed_or_partition_strikes_other_rows(kind):
    """What is struck differs by seed and by partition, but for chance."""
    one = fault(kind)
    assert not struck(one, seed=1).equals(struck(one, seed=2))
    assert not struck(one).equals(struck(one, partition="2024-01-02"))


def test_strikes_from_until():
    """A fault is on from its start up to its end, the end left out."""
    day = timedelta(days=1)
    one = fault("nulls")
    assert one.strikes(START, START + day)
    assert not one.strikes(START + day, START + 2 * day)
    assert not one.strikes(START - day, START)
    assert to_plain(one)["from"] == "2024-01-01"


def test_standard_draws_by_the_seed():
    """The standard schedule names each kind once, in the history, one at a time, and is the seed's."""
    until = START + timedelta(days=365)
    drawn = standard(PROJECT, start=START, until=until, seed=3)
    assert drawn == standard(PROJECT, start=START, until=until, seed=3)
    assert drawn != standard(PROJECT, start=START, until=until, seed=4)
    assert sorted(each.kind for each in drawn) == sorted(KINDS)
    assert all(START + timedelta(days=60) <= each.from_ < each.until <= until for each in drawn)
    assert all(one.until <= other.from_ for one, other in pairwise(drawn))
    for each in drawn:
        if each.kind in ("label_flip", "concept_shift"):
            assert each.table == "arrivals"
        elif each.kind not in ON_VERSIONS:
            assert each.table in ("visits", "weather")


def test_standard_of_a_short_history():
    """A history too short for faults gets none."""
    assert standard(PROJECT, start=START, until=START + timedelta(days=40), seed=0) == ()


FILE = """
[[faults]]
id = "one"
kind = "nulls"
table = "visits"
column = "distance"
from = 2024-01-03
until = 2024-01-05T12:00:00Z
"""


def test_read_faults():
    """Dates are UTC midnights, times with a zone are turned to UTC."""
    (read,) = read_faults(FILE, PROJECT, where="faults.toml")
    assert read.from_ == datetime(2024, 1, 3, tzinfo=UTC)
    assert read.until == datetime(2024, 1, 5, 12, tzinfo=UTC)
    assert read_faults("", PROJECT, where="faults.toml") == ()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('kind = "nulls"', 'kind = "nuls"', "TV-REH-002"),
        ('table = "visits"', 'table = "visit"', "TV-REH-002"),
        ('column = "distance"', "", "TV-REH-003"),
        ("until = 2024-01-05T12:00:00Z", "until = 2024-01-03", "TV-REH-003"),
        ('kind = "nulls"', 'kind = "swap_columns"', "TV-REH-003"),
        ('id = "one"', "", "TV-REH-001"),
        ('id = "one"', 'id = "one"\nshares = 3', "TV-REH-001"),
        ('id = "one"', 'id = "one"\nseverity = "mild"', "TV-REH-001"),
        ("[[faults]]", "[[faults", "TV-REH-001"),
        (FILE, "faults = 3", "TV-REH-001"),
        (FILE, "faults = [3]", "TV-REH-001"),
        (
            'kind = "nulls"\ntable = "visits"\ncolumn = "distance"',
            'kind = "scale"\ntable = "visits"\ncolumn = "clinic"',
            "TV-REH-003",
        ),
        ("[[faults]]", "[faults]", "TV-REH-001"),
        (FILE, FILE + FILE, "TV-REH-003"),
    ],
)
def test_fault_files_that_cannot_be(old, new, code):
    """What is wrong with a fault file is told with its place and what to do."""
    with pytest.raises(ProjectError) as caught:
        read_faults(FILE.replace(old, new), PROJECT, where="faults.toml")
    assert code in [problem.code for problem in caught.value.problems]
    assert all(problem.where == "faults.toml" and problem.fix for problem in caught.value.problems)
