"""Rules on rows: which hold, what they are called, and what an unknown is."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from trivium.core.contract import Check, Column, Terms
from trivium.core.problems import ProjectError
from trivium.core.project import Table
from trivium.data.checks import rules
from trivium.data.rules import RowRule

AT = datetime(2013, 3, 4, 12, tzinfo=UTC)


def made(
    columns: dict[str, Column], *checks: Check, time: str | None = None, key: tuple[str, ...] = ()
) -> list[RowRule]:
    table = Table(files="x", time=time, key=key, columns=columns)
    return rules(table, checks, name="flights", at=AT, references={"planes.tailnum": pl.Series(["N1", "N2", None])})


def passed(rule: RowRule, frame: pl.DataFrame) -> list[bool | None]:
    return frame.select(rule.ok.alias("ok"))["ok"].to_list()


def test_rules_are_named_after_column_and_kind() -> None:
    """Time and key first, then each column's rules, then the checks of this table."""
    found = made(
        {
            "distance": Column(type="float", min=1, max=6000, nulls=0),
            "carrier": Column(type="str", values=("AA",), unknown="warn"),
            "id": Column(type="str", nulls=0),
            "tailnum": Column(type="str", nulls=0.05),
        },
        Check(name="far", on="flights", must="distance > 2", else_="block", because="so"),
        Check(name="elsewhere", on="weather", must="wind > 0"),
        time="at",
        key=("id",),
    )
    assert [(rule.name, rule.severity, rule.column) for rule in found] == [
        ("at is not null", "quarantine", "at"),
        ("id is not null", "quarantine", "id"),
        ("distance is not null", "quarantine", "distance"),
        ("distance in range", "quarantine", "distance"),
        ("carrier is known", "warn", "carrier"),
        ("far", "block", None),
    ]
    assert found[-1].because == "so"
    assert found[-1].reads == ("distance",)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (Column(type="float", min=1, max=3), [0.9, 1.0, 3.0, 3.1, None], [False, True, True, False, None]),
        (Column(type="int", min=1), [0, 1], [False, True]),
        (Column(type="int", max=1), [2, 1], [False, True]),
        (Column(type="str", values=("a", "b")), ["a", "c", None], [True, False, None]),
        (Column(type="int", values=(1, 2)), [1, 3], [True, False]),
        (Column(type="bool", values=(True,)), [True, False], [True, False]),
        (Column(type="date", values=("2013-03-04",)), [date(2013, 3, 4), date(2013, 3, 5)], [True, False]),
        (Column(type="date", min=date(2013, 3, 4)), [date(2013, 3, 3), date(2013, 3, 4)], [False, True]),
        (Column(type="datetime", max=date(2013, 3, 4)), [AT, AT + timedelta(hours=12)], [True, False]),
        (Column(type="datetime", min=date(2013, 3, 5)), [AT, AT + timedelta(hours=12)], [False, True]),
        (
            Column(type="str", pattern=r"N\d+|X"),
            ["N1", "N1 ", " N1", "N1\n", "X", "NX", "", None],
            [True, False, False, False, True, False, False, None],
        ),
        (Column(type="str", pattern=""), ["", "a"], [True, False]),
        (
            Column(type="str", min_length=2, max_length=3),
            ["a", "żó", "abc", "abcd", None],
            [False, True, True, False, None],
        ),
        (Column(type="str", max_length=0), ["", "a"], [True, False]),
        (Column(type="str", references="planes.tailnum"), ["N1", "N9", None], [True, False, None]),
    ],
)
def test_limits_are_inclusive_and_null_is_neither_in_nor_out(
    column: Column, values: list[object], expected: list[bool | None]
) -> None:
    """A null is left to the rule on nulls."""
    (rule,) = made({"x": column})
    assert passed(rule, pl.DataFrame({"x": values})) == expected


def test_a_check_whose_truth_is_unknown_is_not_false() -> None:
    """A comparison with a null gives null, which passes."""
    (rule,) = made({}, Check(name="c", on="flights", must="a > b"))
    assert passed(rule, pl.DataFrame({"a": [2, 1, None], "b": [1, 2, 1]})) == [True, False, None]


@pytest.mark.parametrize(("expires", "held"), [(None, 1), ("2013-03-05", 1), ("2013-03-04", 0), ("2013-03-03", 0)])
def test_a_check_holds_until_the_day_it_expires(expires: str | None, held: int) -> None:
    """On its day of expiry it is over."""
    day = date.fromisoformat(expires) if expires else None
    assert len(made({}, Check(name="c", on="flights", must="a > 0", expires=day))) == held


@pytest.mark.parametrize(
    "column",
    [Column(type="int", values=("a",)), Column(type="str", values=("a", 1))],
)
def test_a_contract_that_does_not_fit_its_own_type_is_a_problem(column: Column) -> None:
    """A value of another type is the project file's fault."""
    with pytest.raises(ProjectError) as caught:
        made({"x": column})
    assert caught.value.problems[0].code == "TV-DATA-008"


@pytest.mark.parametrize("name", ["x in range", "key is unique", "time within partition"])
def test_a_check_may_not_take_a_rule_s_name(name: str) -> None:
    """Counts by name would be mixed up."""
    with pytest.raises(ProjectError) as caught:
        made({"x": Column(type="int", min=1)}, Check(name=name, on="flights", must="x > 0"))
    assert caught.value.problems[0].code == "TV-DATA-009"


def test_a_rule_of_a_column_has_its_terms() -> None:
    """The column's `else`, reason and owner hold for its rules, but for one that says otherwise or has expired."""
    column = Column(
        type="str",
        nulls=0,
        pattern="A",
        max_length=3,
        else_="warn",
        because="so",
        owner="us",
        rules={"pattern": Terms(else_="block", owner="them"), "length": Terms(expires=date(2013, 3, 4))},
    )
    assert [(rule.name, rule.severity, rule.because, rule.owner) for rule in made({"x": column})] == [
        ("x is not null", "warn", "so", "us"),
        ("x matches its pattern", "block", "so", "them"),
    ]


def test_a_table_that_holds_nothing_yet_has_none_of_the_values() -> None:
    """Every row is held to a list of none; what the rule says counts them."""
    table = Table(files="x", columns={"x": Column(type="int", references="planes.id")})
    (rule,) = rules(table, (), name="t", at=AT, references={"planes.id": pl.Series(dtype=pl.Int64)})
    assert passed(rule, pl.DataFrame({"x": [1, None]})) == [False, None]
    assert rule.what == "have x not among the 0 values of planes.id"
