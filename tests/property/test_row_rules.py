"""A request is held to the rules that its table's partitions are held to."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.contract import Check, Column
from trivium.core.project import Table
from trivium.data.checks import rules
from trivium.data.row_rules import _bounded, matcher, request_rules
from trivium.data.schema import DTYPES

DAY = date(2024, 5, 1)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
COLUMNS = {
    "id": Column(type="str", nulls=0),
    "n": Column(type="int", min=-3, max=5, values=(1, 2, 3), unknown="warn"),
    "x": Column(type="float", min=0.5, max=2, values=(1, 2), nulls=0),
    "s": Column(type="str", pattern="N[0-9A-Z]{1,3}", min_length=2, max_length=3),
    "b": Column(type="bool", values=(True,)),
    "d": Column(type="date", min=DAY, max=DAY + timedelta(days=2)),
    "t": Column(type="datetime", min=DAY, max=DAY, nulls=0),
    "gone": Column(type="int", min=7, expires=DAY),
}
TABLE = Table(files="x", time="at", key=("id",), columns=COLUMNS)
CHECKS = (Check(name="ordered", on="q", must="n < x", else_="warn"), Check(name="other", on="r", must="false"))
MOMENTS = st.datetimes(
    datetime(2024, 4, 30, 20), datetime(2024, 5, 2, 4), timezones=st.just(UTC), allow_imaginary=False
)
ROWS = st.fixed_dictionaries(
    {
        "id": st.none() | st.just("a"),
        "at": st.none() | MOMENTS,
        "n": st.none() | st.integers(-5, 7),
        "x": st.none() | st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 2.5]),
        "s": st.none() | st.text("N0Aa\n", max_size=5),
        "b": st.none() | st.booleans(),
        "d": st.none() | st.dates(DAY - timedelta(days=1), DAY + timedelta(days=4)),
        "t": st.none() | MOMENTS,
        "gone": st.none() | st.integers(0, 9),
    }
)
SCHEMA = {"at": DTYPES["datetime"], **{name: DTYPES[column.type] for name, column in COLUMNS.items()}}


@given(st.lists(ROWS, min_size=1, max_size=20))
def test_a_request_breaks_what_its_row_would(rows):
    """Rule by rule and row by row: the closures say what the columns say, under the same name and severity."""
    frame = pl.DataFrame(rows, schema=SCHEMA)
    expected = rules(TABLE, CHECKS, name="q", at=NOON)
    found = request_rules(TABLE, CHECKS, name="q", today=DAY)
    assert [(rule.name, rule.severity, rule.column) for rule in found] == [
        (rule.name, rule.severity, rule.column) for rule in expected
    ]
    for ours, theirs in zip(found, expected, strict=True):
        kept = frame.select(theirs.ok.fill_null(True).alias("ok"))["ok"].to_list()
        assert [ours.holds(row) for row in rows] == kept, ours.name


@given(
    st.sampled_from(["N[0-9A-Z]{1,5}", "[A-Z]{3}", "a*b+", "(ab|a)(c|bcd)", "a?[^a]", "ab|", "(a*)*", ".*b"]), st.data()
)
def test_a_text_matches_in_both_engines(pattern, data):
    """Whichever engine is chosen, the whole text is matched as the collected column would be."""
    text = data.draw(st.text("NabcdA0\n", max_size=8))
    expected = pl.Series([text]).str.contains(rf"\A(?:{pattern})\z")[0]
    assert matcher(pattern)(text) is expected


@pytest.mark.parametrize(
    ("pattern", "is_fast"),
    [
        ("N[0-9A-Z]{1,5}", True),
        ("[A-Z]{3}-[0-9]{4,6}", True),
        ("(a+)+b", False),  # a repeat of a repeat
        ("a*a*b", False),  # two that share a text a million ways
        ("(a|a)*b", False),
        (r"\d+", False),  # another set of digits in either engine
        ("^a$", False),
        (".", False),  # a line's end matches it in one engine only
    ],
)
def test_only_patterns_that_cannot_run_long_are_pythons(pattern, is_fast):
    """What could backtrack for long, or mean something else, is left to the engine that does not backtrack."""
    assert (_bounded(pattern) is not None) is is_fast
