"""The contract's values, and what makes no sense in them: each odd setting is one problem that says what to do."""

from datetime import date

import pytest

from trivium.core.contract import Age, Bounds, Check, Column, Terms, parents_first, reference
from trivium.core.contract_rules import broken_contracts
from trivium.core.problems import Problem


def found(tables: dict[str, dict[str, Column]], *checks: Check) -> list[Problem]:
    return broken_contracts(tables, checks, times=dict.fromkeys(tables, "at") | {"planes": None})


def of_column(column: Column) -> list[Problem]:
    return found({"flights": {"x": column}})


def of_check(**settings: object) -> list[Problem]:
    return found({"flights": {}, "planes": {}}, Check(name="c", **({"on": "flights"} | settings)))  # type: ignore[arg-type]


def test_a_rule_s_own_terms_come_before_the_column_s() -> None:
    """What the rule does not say the column says; `unknown` is the short form for the list of values."""
    column = Column(
        type="str",
        pattern="A+",
        values=("A",),
        unknown="warn",
        nulls=0,
        else_="block",
        because="so",
        owner="us",
        expires=date(2014, 1, 1),
        rules={"pattern": Terms(else_="quarantine", expires=date(2015, 1, 1)), "nulls": Terms(because="")},
    )
    assert column.terms("pattern") == Terms(else_="quarantine", because="so", owner="us", expires=date(2015, 1, 1))
    assert column.terms("values").else_ == "warn"
    assert (column.terms("nulls").else_, column.terms("nulls").because) == ("block", "")
    assert Column(type="str").terms("pattern") == Terms()
    assert column.holds("pattern", today=date(2014, 6, 1))
    assert not column.holds("values", today=date(2014, 1, 1))


def test_a_check_says_what_it_bounds_and_which_expressions_it_holds() -> None:
    """A rule over a row has no measure."""
    row = Check(name="c", on="prediction", must="x > 0", else_="override", value="0.5")
    assert (row.measure, row.expressions) == (None, {"must": "x > 0", "value": "0.5"})
    share = Check(name="c", on="flights", share=Bounds(of="x > 0", max=0.5))
    assert (share.measure, share.expressions) == ("share", {"share": "x > 0"})
    assert Check(name="c", on="flights", age=Age(max="3h")).expressions == {}


def test_a_reference_is_cut_at_its_first_dot() -> None:
    """A column's name may hold one."""
    assert reference("planes.tail.num") == ("planes", "tail.num")


def test_parents_come_first_and_else_the_order_stands() -> None:
    """Even where they stand last, and over two generations; in a circle each table comes once."""
    tables = {
        "a": {"x": Column(type="str", references="b.y")},
        "free": {},
        "b": {"y": Column(type="str", references="c.z")},
        "c": {"z": Column(type="str")},
    }
    assert parents_first(tables) == ["c", "b", "a", "free"]
    circle = {"a": {"x": Column(type="str", references="b.y")}, "b": {"y": Column(type="str", references="a.x")}}
    assert sorted(parents_first(circle)) == ["a", "b"]


def test_a_sound_contract_has_no_problem() -> None:
    """Every setting at once."""
    tables = {
        "flights": {
            "tailnum": Column(
                type="str",
                pattern=r"N\d{1,5}",
                min_length=2,
                max_length=6,
                values=("N1",),
                unknown="warn",
                unique=True,
                references="planes.tailnum",
                rules={name: Terms(else_="warn") for name in ("pattern", "length", "unique", "references")},
            ),
            "day": Column(type="date", min=date(2013, 1, 1), max=date(2013, 12, 31)),
            "distance": Column(type="float", min=1, max=1, nulls=0.5),
        },
        "planes": {"tailnum": Column(type="str")},
    }
    checks = [
        Check(name="a", on="flights", must="distance > 0"),
        Check(name="b", on="flights", rows=Bounds(of="usual", min=0.5, max=2)),
        Check(name="c", on="flights", share=Bounds(of="distance > 5", max=1)),
        Check(name="d", on="flights", mean=Bounds(of="distance", min=-5)),
        Check(name="e", on="flights", age=Age(max="3h")),
        Check(name="f", on="planes", age=Age(of="seen_at", max="30d")),
        Check(name="g", on="flights", repeats=Bounds(max=0.1), else_="block"),
    ]
    assert found(tables, *checks) == []


@pytest.mark.parametrize(
    ("column", "code", "words"),
    [
        (Column(type="str", min=1), "TV-PROJ-005", "a str column has no min or max"),
        (Column(type="float", min=2, max=1), "TV-PROJ-005", "min is above max"),
        (Column(type="date", min=date(2014, 1, 1), max=date(2013, 1, 1)), "TV-PROJ-005", "min is above max"),
        (Column(type="date", min=3), "TV-PROJ-005", "a limit of a column of type date must be a date"),
        (Column(type="int", max=date(2013, 1, 1)), "TV-PROJ-005", "a limit of a column of type int must be a number"),
        (Column(type="int", pattern="a"), "TV-PROJ-005", "only a str column has pattern"),
        (Column(type="str", min_length=3, max_length=2), "TV-PROJ-005", "min_length is above max_length"),
        (Column(type="str", min_length=-1), "TV-PROJ-005", "min_length is below 0"),
        (Column(type="str", nulls=1.5), "TV-PROJ-005", "nulls must lie between 0 and 1"),
        (Column(type="str", unknown="warn"), "TV-PROJ-005", "there is none"),
        (Column(type="str", rules={"patern": Terms()}), "TV-PROJ-004", "did you mean 'pattern'?"),
        (Column(type="str", rules={"pattern": Terms()}), "TV-PROJ-005", "the column has no rule 'pattern'"),
        (
            Column(type="str", values=("a",), unknown="warn", rules={"values": Terms(else_="block")}),
            "TV-PROJ-005",
            "the same thing twice",
        ),
        (Column(type="str", pattern="a("), "TV-PROJ-008", "a pattern cannot be compiled"),
        (Column(type="str", pattern="a)|(b"), "TV-PROJ-008", "a pattern cannot be compiled"),
        (Column(type="str", pattern="(?<=a)b"), "TV-PROJ-008", "a pattern cannot be compiled"),
        (Column(type="str", pattern="(a{1000}){1000}"), "TV-PROJ-008", "a pattern cannot be compiled"),
        (Column(type="str", references="plans.tailnum"), "TV-PROJ-004", "unknown table 'plans'"),
        (Column(type="str", references="flights.y"), "TV-PROJ-004", "unknown column of 'flights' 'y'"),
        (Column(type="str", references="flights.x"), "TV-PROJ-005", "cannot reference itself"),
    ],
)
def test_an_odd_column_is_one_problem(column: Column, code: str, words: str) -> None:
    """It names the place, and its fix starts with a verb."""
    (problem,) = of_column(column)
    assert (problem.code, "tables.flights.columns.x" in problem.where) == (code, True)
    assert words in problem.what
    assert problem.fix


def test_tables_in_a_circle_are_told_once_with_those_in_it() -> None:
    """A table below the circle is not in it."""
    tables = {
        "a": {"x": Column(type="str", references="b.y")},
        "b": {"y": Column(type="str", references="a.x")},
        "below": {"z": Column(type="str", references="a.x")},
        "above": {"w": Column(type="str")},
    }
    (problem,) = found(tables)
    assert (problem.code, problem.seen) == ("TV-PROJ-005", "a, b")


def test_a_reference_to_another_type_is_a_problem() -> None:
    """Text is in no list of numbers."""
    (problem,) = found(
        {"flights": {"x": Column(type="str", references="planes.y")}, "planes": {"y": Column(type="int")}}
    )
    assert problem.what == "a column of type str cannot reference one of type int"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "a check says one thing"),
        ({"must": "x", "rows": Bounds(min=1)}, "a check says one thing"),
        ({"on": "request", "rows": Bounds(min=1), "else_": "warn"}, "request has none"),
        ({"rows": Bounds()}, "nothing is bounded"),
        ({"rows": Bounds(min=2, max=1)}, "min is above max"),
        ({"rows": Bounds(of="usal", min=1)}, "did you mean 'usual'?"),
        ({"share": Bounds(max=0.5)}, "share of what?"),
        ({"share": Bounds(of="x", max=50)}, "a share lies between 0 and 1"),
        ({"mean": Bounds(min=1)}, "mean of what?"),
        ({"repeats": Bounds(of="x", max=0.1)}, "repeats are of whole rows"),
        ({"age": Age(max="soon")}, "is not a length of time"),
        ({"on": "planes", "age": Age(max="3h")}, "has no time that could be old"),
        ({"must": "x", "else_": "refuse"}, "unknown else 'refuse'"),
        ({"must": "x", "value": "1"}, "override and value go together"),
        ({"on": "flihgts", "must": "x"}, "did you mean 'flights'?"),
    ],
)
def test_an_odd_check_is_one_problem(settings: dict[str, object], words: str) -> None:
    """It names the check."""
    (problem,) = of_check(**settings)
    assert words in problem.what
    assert "checks 'c'" in problem.where
