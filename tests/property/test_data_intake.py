"""Laws of the intake: no row is lost, none is committed that broke a rule, and a second look finds nothing."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.project import Check, Column, Table
from trivium.core.values import Partition
from trivium.data.intake import Intake, take_in

DAY = datetime(2013, 3, 4, tzinfo=UTC)
PARTITION = Partition("t", DAY, DAY + timedelta(days=1))
SCHEMA = {"id": pl.Int64, "at": pl.Datetime("us", "UTC"), "x": pl.Float64, "s": pl.String}
row = st.tuples(
    st.one_of(st.none(), st.integers(0, 8)),
    st.one_of(st.none(), st.integers(-6, 30).map(lambda hour: DAY + timedelta(hours=hour))),
    st.one_of(st.none(), st.floats(-10, 10), st.just(float("nan"))),
    st.one_of(st.none(), st.sampled_from(["a", "b", "z"])),
)
frames = st.lists(row, max_size=25).map(lambda rows: pl.DataFrame(rows, schema=SCHEMA, orient="row"))
severities = st.sampled_from(["block", "quarantine", "warn"])


@st.composite
def settled(draw: st.DrawFn) -> tuple[Table, list[Check]]:
    """A contract and a check of any severity."""
    columns = {
        "x": Column(type="float", min=-8, max=8, nulls=draw(st.sampled_from([None, 0, 0.1]))),
        "s": Column(type="str", values=("a", "b"), unknown=draw(severities)),
    }
    table = Table(files="x", time="at", key=("id",), columns=columns)
    return table, [Check(name="c", on="t", must="x > -9 or s = 'a'", else_=draw(severities))]


def taken(rows: pl.DataFrame, table: Table, checks: list[Check], keys: list[int]) -> Intake:
    existing = pl.DataFrame({"id": keys}, schema={"id": pl.Int64})
    return take_in(rows, table, name="t", partition=PARTITION, checks=checks, at=DAY, existing_keys=existing)


@settings(max_examples=100, deadline=None)
@given(frames, settled(), st.lists(st.integers(0, 8), max_size=2))
def test_every_row_goes_to_one_place(rows: pl.DataFrame, given_: tuple[Table, list[Check]], keys: list[int]) -> None:
    """Read = committed + quarantined + refused, and a quarantined row always says why."""
    intake = taken(rows, *given_, keys)
    assert rows.height == intake.committed.height + intake.quarantined.height + intake.refused
    assert intake.refused in (0, rows.height)
    assert intake.quarantined["_broke"].list.len().min() != 0
    told = intake.quarantined["_broke"].explode(empty_as_null=False).to_list() if intake.quarantined.height else []
    for rule, count in intake.breaks.items():
        assert intake.refused or told.count(rule) == count
    assert intake.summary.breaks == {**intake.breaks, **intake.warnings}
    assert intake.summary.rows == intake.committed.height
    assert bool(intake.problems) == bool(intake.breaks or intake.warnings or not rows.height)


@settings(max_examples=60, deadline=None)
@given(frames, settled(), st.lists(st.integers(0, 8), max_size=2))
def test_committed_rows_pass_a_second_time(
    rows: pl.DataFrame, given_: tuple[Table, list[Check]], keys: list[int]
) -> None:
    """What was committed is good: taken in again it breaks nothing, and stays the same."""
    committed = taken(rows, *given_, keys).committed
    if committed.height:
        again = taken(committed, *given_, keys)
        assert again.breaks == {}
        assert again.committed.equals(committed)


@settings(max_examples=40, deadline=None)
@given(frames, settled())
def test_the_same_rows_are_decided_the_same_way(rows: pl.DataFrame, given_: tuple[Table, list[Check]]) -> None:
    """Two decisions on the same rows are equal to the byte."""
    one, two = taken(rows, *given_, []), taken(rows, *given_, [])
    assert one.committed.equals(two.committed) and one.quarantined.equals(two.quarantined)
    assert (one.breaks, one.warnings, one.problems, one.summary) == (
        two.breaks,
        two.warnings,
        two.problems,
        two.summary,
    )
