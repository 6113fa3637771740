"""Laws of the intake: no row is lost, none is committed that broke a rule, and a second look finds nothing."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.contract import Bounds, Check, Column, Terms
from trivium.core.project import Table
from trivium.core.values import Partition
from trivium.data.checks import rules
from trivium.data.findings import Place, evaluate
from trivium.data.held import Taken, hold_back
from trivium.data.intake import Decided, begin, take_in
from trivium.data.keys import SeenKeys
from trivium.data.schema import conform

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
        "s": Column(
            type="str",
            values=("a", "b"),
            unknown=draw(severities),
            pattern="[az]",
            max_length=draw(st.sampled_from([0, 1, 9])),
            unique=draw(st.booleans()),
            rules={"pattern": Terms(else_=draw(severities)), "unique": Terms(else_=draw(severities))},
        ),
    }
    table = Table(files="x", time="at", key=("id",), columns=columns)
    checks = [
        Check(name="c", on="t", must="x > -9 or s = 'a'", else_=draw(severities)),
        Check(name="n", on="t", rows=Bounds(min=draw(st.sampled_from([0, 1, 6]))), else_=draw(severities)),
        Check(name="m", on="t", share=Bounds(of="x > 0", min=draw(st.sampled_from([0, 0.3]))), else_=draw(severities)),
    ]
    return table, checks[: draw(st.integers(1, 3))]


def taken(rows: pl.DataFrame, table: Table, checks: list[Check], keys: list[int]) -> tuple[Taken, Decided]:
    existing = pl.DataFrame({"id": keys}, schema={"id": pl.Int64})
    return take_in(rows, table, name="t", partition=PARTITION, checks=checks, at=DAY, existing_keys=lambda _: existing)


@settings(max_examples=100, deadline=None)
@given(frames, settled(), st.lists(st.integers(0, 8), max_size=2))
def test_every_row_goes_to_one_place(rows: pl.DataFrame, given_: tuple[Table, list[Check]], keys: list[int]) -> None:
    """Read = committed + quarantined + refused, and a quarantined row always says why."""
    found, decided = taken(rows, *given_, keys)
    assert rows.height == found.committed.height + found.quarantined.height + decided.refused == decided.read
    assert (decided.committed, decided.quarantined) == (found.committed.height, found.quarantined.height)
    assert decided.refused in (0, rows.height)
    assert found.quarantined["_broke"].list.len().min() != 0
    told = found.quarantined["_broke"].explode(empty_as_null=False).to_list() if found.quarantined.height else []
    for rule, count in decided.breaks.items():
        assert decided.refused or told.count(rule) == count
    assert decided.summary.breaks == {**decided.breaks, **decided.warnings}
    assert decided.summary.rows == found.committed.height
    assert bool(decided.problems) == bool(decided.breaks or decided.warnings or not rows.height)


@settings(max_examples=60, deadline=None)
@given(frames, settled(), st.lists(st.integers(0, 8), max_size=2))
def test_committed_rows_pass_a_second_time(
    rows: pl.DataFrame, given_: tuple[Table, list[Check]], keys: list[int]
) -> None:
    """What was committed is good: taken in again it breaks nothing, and stays the same."""
    found, _ = taken(rows, *given_, keys)
    if found.committed.height:
        again, decided = taken(found.committed, *given_, keys)
        assert decided.breaks == {}, "what is let in breaks no rule that holds back"
        assert again.committed.equals(found.committed)


@settings(max_examples=40, deadline=None)
@given(frames, settled())
def test_the_same_rows_are_decided_the_same_way(rows: pl.DataFrame, given_: tuple[Table, list[Check]]) -> None:
    """Two decisions on the same rows are equal to the byte."""
    (one, decided), (two, again) = taken(rows, *given_, []), taken(rows, *given_, [])
    assert one.committed.equals(two.committed) and one.quarantined.equals(two.quarantined)
    assert decided == again


@settings(max_examples=150, deadline=None)
@given(frames, settled(), st.lists(st.integers(0, 8), max_size=2), st.lists(st.integers(0, 25), max_size=4))
def test_where_the_rows_are_cut_changes_nothing(
    rows: pl.DataFrame, given_: tuple[Table, list[Check]], keys: list[int], cuts: list[int]
) -> None:
    """Chunk by chunk, empty chunks among them, each row meets the same fate, and the same is told."""
    whole, decided = taken(rows, *given_, keys)
    table, checks = given_
    existing = pl.DataFrame({"id": keys}, schema={"id": pl.Int64})
    intake = begin(table, name="t", partition=PARTITION, checks=checks, at=DAY, existing_keys=lambda _: existing)
    edges = [0, *sorted(cuts), rows.height]
    parts = [intake.take(rows[low:high]) for low, high in pairwise(edges) if low <= high]
    again = intake.finish()
    for field in ("read", "committed", "quarantined", "refused", "breaks", "warnings", "problems", "held"):
        assert getattr(again, field) == getattr(decided, field)
    assert again.summary.rows == decided.summary.rows
    assert {name: column.nulls for name, column in again.summary.columns.items()} == {
        name: column.nulls for name, column in decided.summary.columns.items()
    }
    if not decided.refused:
        committed = pl.concat([part.committed for part in parts])
        quarantined = pl.concat([part.quarantined for part in parts])
        if decided.held:
            committed, quarantined = (
                committed.clear(),
                pl.concat([quarantined, hold_back(committed, decided.held)]),
            )
        assert committed.equals(whole.committed)
        assert quarantined.equals(whole.quarantined)


@settings(max_examples=100, deadline=None)
@given(frames, settled())
def test_one_pass_finds_what_rule_by_rule_finds(rows: pl.DataFrame, given_: tuple[Table, list[Check]]) -> None:
    """Each rule alone, on rows as Python sees them, breaks on the rows that the fused pass says."""
    table, checks = given_
    frame, _ = conform(rows, table)
    found = rules(table, checks, name="t", at=DAY)
    place = Place("t", PARTITION, frozenset())
    broken, failures = evaluate(frame, found, place)
    assert failures == {}
    for rule in found:
        alone = [frame[at : at + 1].select(rule.ok.alias("ok"))["ok"].item() is False for at in range(frame.height)]
        assert broken[rule.name].to_list() == alone
    by_hand = {
        "x in range": [x is not None and not -8 <= x <= 8 for x in frame["x"]],
        "s is known": [s is not None and s not in ("a", "b") for s in frame["s"]],
        "s matches its pattern": [s is not None and re.fullmatch("[az]", s) is None for s in frame["s"]],
    }
    for name, expected in by_hand.items():
        assert broken[name].to_list() == expected


key = st.one_of(st.none(), st.integers(0, 5))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(key, key, st.booleans()), max_size=30), st.lists(st.integers(0, 30), max_size=3))
def test_a_key_is_lost_to_an_earlier_good_row(rows: list[tuple[int | None, int | None, bool]], cuts: list[int]) -> None:
    """Hashes in chunks agree with a set of the keys themselves, row by row."""
    held: set[tuple[int | None, int | None]] = set()
    expected = []
    for one, two, bad in rows:
        whole = one is not None and two is not None
        expected.append(whole and (one, two) in held)
        if whole and not bad:
            held.add((one, two))
    frame = pl.DataFrame(rows, schema={"one": pl.Int64, "two": pl.Int64, "bad": pl.Boolean}, orient="row")
    seen = SeenKeys()
    found: list[bool] = []
    for low, high in pairwise([0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]):
        part = frame[low:high]
        found += seen.take(part.select("one", "two"), part["bad"].to_numpy()).tolist()
    assert found == expected
