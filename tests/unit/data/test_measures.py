"""Rules on a partition as a whole: what each measures, when it stays silent, and what befalls the rows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from trivium.core.contract import Age, Bounds, Check, Column, Terms
from trivium.core.project import Table
from trivium.core.summary import Summary
from trivium.core.values import Partition
from trivium.data.held import Taken
from trivium.data.intake import Decided, begin, take_in
from trivium.data.measures import needs_history
from trivium.data.summary import summarise

DAY = datetime(2013, 3, 4, tzinfo=UTC)
PARTITION = Partition("flights", DAY, DAY + timedelta(days=1))
NEXT = DAY + timedelta(days=1, hours=2)
TABLE = Table(files="x", time="at", columns={"distance": Column(type="float", min=0), "late": Column(type="bool")})
ROWS = pl.DataFrame(
    {
        "at": [DAY + timedelta(hours=hour) for hour in (1, 5, 9, 12)],
        "distance": [100.0, 200.0, None, 600.0],
        "late": [True, False, None, True],
    }
)


def taken(*checks: Check, rows: pl.DataFrame = ROWS, table: Table = TABLE, **more: Any) -> tuple[Taken, Decided]:
    found = take_in(rows, table, name="flights", partition=PARTITION, checks=checks, at=NEXT, **more)
    held, decided = found
    assert rows.height == held.committed.height + held.quarantined.height + decided.refused
    return found


def check(else_: Any = "warn", **measure: Any) -> Check:
    return Check(name="c", on="flights", else_=else_, **measure)


def seen(**measure: Any) -> str | None:
    """What the problem shows; None where there is none."""
    _, decided = taken(check(**measure))
    assert len(decided.problems) == len(decided.warnings) <= 1
    return decided.problems[0].seen if decided.problems else None


@pytest.mark.parametrize(
    ("measure", "shown"),
    [
        ({"rows": Bounds(min=4, max=4)}, None),
        ({"rows": Bounds(min=5)}, "4"),
        ({"rows": Bounds(max=3)}, "4"),
        ({"share": Bounds(of="late", max=0.5)}, None),
        ({"share": Bounds(of="late", max=0.49)}, "50.00%"),
        ({"share": Bounds(of="late", min=0.51)}, "50.00%"),
        ({"share": Bounds(of="1 = 1", min=1)}, None),
        ({"share": Bounds(of="1 = 2", min=0.1)}, "0.00%"),
        ({"mean": Bounds(of="distance", min=300, max=300)}, None),
        ({"mean": Bounds(of="distance / 100", max=2.9)}, "3"),
        ({"mean": Bounds(of="distance + null", max=2.9)}, None),
        ({"age": Age(max="12h")}, None),
        ({"age": Age(max="11h")}, "12.0 hours old"),
    ],
)
def test_each_measure_by_hand(measure: dict[str, Any], shown: str | None) -> None:
    """Four rows, two of them late, a mean distance of 300, the newest at noon: 12 hours before the partition's end."""
    assert seen(**measure) == shown


def test_the_age_counts_from_now_where_the_partition_has_not_ended() -> None:
    """Asked at two in the afternoon the newest row is two hours old; a table without a time is asked as of now."""
    early = DAY + timedelta(hours=14)
    rule = check(age=Age(max="1h"))
    _, decided = take_in(ROWS, TABLE, name="flights", partition=PARTITION, checks=[rule], at=early)
    assert decided.problems[0].seen == "2.0 hours old"
    whole = Table(files="x")
    rule = check(age=Age(of="at", max="1d"))
    late = DAY + timedelta(days=4)
    _, decided = take_in(ROWS, whole, name="flights", partition=Partition.whole("flights"), checks=[rule], at=late)
    assert decided.problems[0].seen == "3.5 days old"


def test_usual_rows_are_the_median_of_history() -> None:
    """Of 10, 12 and 100 rows 12 are usual, so that 4 are a third; two partitions are no history."""
    history = {f"d{rows}": Summary(rows=rows, columns={}) for rows in (10, 12, 100)}
    rule = check(rows=Bounds(of="usual", min=0.5))
    _, decided = taken(rule, history=history)
    assert decided.problems[0].what == "a partition of 'flights' has 4 rows; 12 are usual: below 0.5"
    assert decided.problems[0].seen == "0.33 times"
    assert taken(rule, history=dict(list(history.items())[:2]))[1].problems == ()
    assert needs_history([rule], "flights") and not needs_history([check(rows=Bounds(min=1))], "flights")


def test_repeats_are_rows_that_one_earlier_partition_held() -> None:
    """Three of four rows came yesterday, under other times."""
    before = ROWS[:3].with_columns(at=pl.col("at") - pl.duration(days=1))
    history = {
        "2013-03-02": summarise(before[:1], time="at"),
        "2013-03-03": summarise(before, time="at"),
    }
    _, decided = taken(check(repeats=Bounds(max=0.7)), history=history)
    assert decided.problems[0].seen == "about 75%"
    assert "2013-03-03" in decided.problems[0].what
    assert taken(check(repeats=Bounds(max=0.75)), history=history)[1].problems == ()
    assert taken(check(repeats=Bounds(max=0.0)))[1].problems == ()


def test_only_rows_that_are_let_in_are_measured() -> None:
    """A broken row is no part of the mean; a partition of which nothing is let in has none."""
    rows = ROWS.with_columns(distance=pl.Series([100.0, 200.0, None, -9e9]))
    _, decided = taken(check(mean=Bounds(of="distance", min=150)), rows=rows)
    assert decided.breaks == {"distance in range": 1} and decided.warnings == {}
    bad = ROWS.with_columns(distance=pl.lit(-1.0))
    _, decided = taken(check(mean=Bounds(of="distance", min=150)), check(share=Bounds(of="late", min=1)), rows=bad)
    assert decided.warnings == {}


def test_a_measure_that_blocks_refuses_all() -> None:
    """Rows and rule are in the problem, with the reason and the owner."""
    rule = Check(
        name="c", on="flights", rows=Bounds(min=9), else_="block", because="a day has more", owner="data-platform"
    )
    _, decided = taken(rule)
    assert (decided.refused, decided.breaks) == (4, {"c": 4})
    (problem,) = decided.problems
    assert problem.code == "TV-DATA-004"
    assert problem.where == "table flights, partition 2013-03-04, check 'c'"
    assert problem.fix.endswith("it is there because a day has more, and data-platform answers for it")


def test_a_measure_that_quarantines_holds_all_rows_back() -> None:
    """Rows that broke a rule of their own say that one; the others say the measure's. The summary is empty."""
    rows = ROWS.with_columns(distance=pl.Series([100.0, -200.0, None, 600.0]))
    held, decided = taken(check("quarantine", rows=Bounds(min=9)), rows=rows)
    assert (decided.committed, decided.quarantined, decided.held) == (0, 4, ("c",))
    assert held.quarantined["_broke"].to_list() == [["distance in range"], ["c"], ["c"], ["c"]]
    assert decided.breaks == {"distance in range": 1, "c": 3}
    assert decided.summary.rows == 0
    assert decided.problems[-1].code == "TV-DATA-005"


def test_a_share_of_nulls_warns_unless_its_terms_say_otherwise() -> None:
    """The column's `else` is about rows, and a share names none."""

    def found(**terms: Any) -> Decided:
        column = Column(type="float", nulls=0.2, else_="block", **terms)
        return taken(table=Table(files="x", columns={"distance": column}))[1]

    assert found().warnings == {"distance nulls within 0.2": 1}
    assert found(rules={"nulls": Terms(else_="block")}).refused == 4
    assert found(rules={"nulls": Terms(else_="quarantine")}).quarantined == 4
    assert found(rules={"nulls": Terms(expires=date(2013, 3, 5))}).warnings == {}


def test_a_measure_that_cannot_be_computed_refuses() -> None:
    """The mean of text is none; only that check is named."""
    rows = ROWS.with_columns(note=pl.lit("x"))
    _, decided = taken(
        check(mean=Bounds(of="distance", min=0)),
        Check(name="bad", on="flights", mean=Bounds(of="note + 1", min=0)),
        rows=rows,
    )
    assert decided.refused == 4
    assert [problem.code for problem in decided.problems if "cannot be computed" in problem.what] == ["TV-DATA-010"]
    assert "'bad'" in decided.problems[-1].what


def test_a_private_column_s_mean_is_not_shown() -> None:
    """The mean of one row is its value."""
    table = Table(files="x", columns={"distance": Column(type="float", private=True)})
    _, decided = taken(check(mean=Bounds(of="distance", min=1e6)), table=table)
    assert decided.problems[-1].seen == "(private)"


def test_an_expired_measure_and_one_of_another_table_are_left_out() -> None:
    """Like any other check."""
    old = Check(name="old", on="flights", rows=Bounds(min=9), expires=date(2013, 3, 5))
    other = Check(name="other", on="planes", rows=Bounds(min=9))
    assert taken(old, other)[1].problems == ()


def test_chunks_measure_as_the_whole() -> None:
    """Two chunks and an empty one give the same mean, share and age."""
    checks = [
        Check(name="m", on="flights", mean=Bounds(of="distance", max=1), else_="warn"),
        Check(name="s", on="flights", share=Bounds(of="late", max=0.1), else_="warn"),
        Check(name="a", on="flights", age=Age(max="1h"), else_="warn"),
        Check(name="r", on="flights", rows=Bounds(min=9), else_="warn"),
    ]
    intake = begin(TABLE, name="flights", partition=PARTITION, checks=checks, at=NEXT)
    for part in (ROWS[:1], ROWS[:0], ROWS[1:]):
        intake.take(part)
    assert intake.finish().problems == taken(*checks)[1].problems
