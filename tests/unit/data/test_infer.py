"""A contract proposed from the past: types, limits, lists, patterns, keys, parents; tried on the later half."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from trivium.core.contract import Column, Terms
from trivium.core.project import Table
from trivium.data.evidence import Past, kinds_of
from trivium.data.infer import infer
from trivium.data.proposal import Line, Proposal, limits, usual_rows
from trivium.data.schema import conform

AT = datetime(2014, 1, 1, tzinfo=UTC)


def past(*frames: pl.DataFrame) -> Past:
    held = {f"day {number}": frame for number, frame in enumerate(frames)}
    return Past(list(held), held.__getitem__)


def proposed(
    *frames: pl.DataFrame, table: Table | None = None, parents: dict[str, pl.Series] | None = None
) -> Proposal:
    return infer(past(*frames), table or Table(files="x", key=("id",)), name="flights", at=AT, parents=parents or {})


def line(values: list[Any], name: str = "x") -> Line:
    return proposed(pl.DataFrame({name: values})).lines[name]


def test_limits_lists_and_shares_by_hand() -> None:
    """Limits are half a range off and rounded outwards; 1 null of 4 gives 0.385, rounded up."""
    frame = pl.DataFrame(
        {
            "distance": [100.0, 200.0, 300.0, 1100.0],
            "delay": [-10, 0, 5, None],
            "carrier": ["UA", "AA", "UA", "AA"],
            "id": ["a", "b", "c", "d"],
            "zip": ["01234", "00001", "10000", "99999"],
            "text_number": ["1", "2", "3", ""],
            "at": ["2013-03-04T12:00Z"] * 4,
            "day": ["2013-03-04"] * 4,
            "ok": [True, False, True, True],
            "nothing": [None] * 4,
            "parts": [[1], [2], [3], [4]],
        }
    )
    lines = proposed(frame).lines
    assert lines["distance"].contract == Column(type="float", min=0, max=1600, nulls=0)
    assert lines["distance"].why == "100 to 1,100; no nulls in 4 rows in 1 partition"
    assert lines["delay"].contract == Column(type="int", min=-18, max=13, nulls=0.39)
    assert lines["delay"].why == "-10 to 5; 1 nulls in 4 rows in 1 partition, at most 25.0% of one"
    assert lines["carrier"].contract == Column(type="str", values=("AA", "UA"), unknown="warn", nulls=0)
    assert lines["zip"].contract == Column(type="str", nulls=0, pattern="[0-9]{5}")
    kinds = {name: held.contract.type for name, held in lines.items()}
    assert kinds["text_number"] == "int"
    assert (kinds["at"], kinds["day"], kinds["ok"]) == ("datetime", "date", "bool")
    assert "nothing" not in kinds and "parts" not in kinds


def test_a_type_holds_in_every_partition() -> None:
    """Numbers on one day and words on the next are text; whole numbers and others are floats."""
    days = past(pl.DataFrame({"x": ["1"], "y": [1]}), pl.DataFrame({"x": ["one"], "y": [1.5]}))
    assert kinds_of(days) == {"x": "str", "y": "float"}


@pytest.mark.parametrize(
    ("values", "contract"),
    [
        (
            [f"v{number:02}" for number in range(40)] * 2,
            {"values": tuple(f"v{n:02}" for n in range(40)), "unknown": "warn"},
        ),
        ([f"v{number:02}" for number in range(41)] * 2, {"pattern": "[a-z][0-9]{2}"}),
        ([f"{number} words in a row" for number in range(41)], {"max_length": 34}),
        ([float("inf"), 1.0], {"type": "float", "min": 0.0, "max": 2.0}),
        ([5, 5], {"type": "int", "min": 0.0, "max": 10.0}),
        ([0.0, 0.0], {"type": "float", "min": 0.0, "max": 0.0}),
    ],
)
def test_a_column_by_hand(values: list[Any], contract: dict[str, Any]) -> None:
    """Forty values are listed and forty-one are not; what is no code has a greatest length; infinities have no say."""
    assert line(values).contract == Column(**({"type": "str", "nulls": 0} | contract))


def test_unique_values_have_no_limits() -> None:
    """Numbers that name things grow for ever; the column says that they are unique, once there are fifty."""
    held = line(list(range(60)))
    assert held.contract == Column(type="int", nulls=0, unique=True)
    assert "no value twice in a partition" in held.why


@pytest.mark.parametrize("name", ["contact", "email"])
def test_a_person_s_columns_are_private_and_their_values_stay_out(name: str) -> None:
    """By their values or by their name; nothing of what they hold is in the line or its evidence."""
    values = [f"person{number}@example.org" for number in range(30)]
    held = line(values, name)
    assert held.contract.private
    assert "person" not in repr(held) and "example" not in repr(held)
    few = line(["Secretstreet"] * 30, "address")
    assert few.contract.private and few.contract.values == () and "Secret" not in repr(few)


def test_what_a_contract_calls_private_stays_private() -> None:
    """Numbers too: no limits, and no word of how large they are."""
    table = Table(files="x", key=("id",), columns={"salary": Column(type="int", private=True)})
    held = proposed(pl.DataFrame({"salary": [123_456, 7]}), table=table).lines["salary"]
    assert held.contract == Column(type="int", private=True, nulls=0)
    assert "123" not in repr(held)


def test_what_the_early_half_proposes_is_tried_on_the_later() -> None:
    """Two days from 0 to 10 propose at most 15; the 12 of the third passes, the 40 of the fourth would not."""
    days = [pl.DataFrame({"x": [0, 10], "code": ["A1", "A2"]})] * 2
    days += [pl.DataFrame({"x": [12, 3], "code": ["A1", "B22"]}), pl.DataFrame({"x": [40, 3], "code": ["A1", None]})]
    lines = proposed(*days).lines
    assert lines["x"].tried == "from the half before day 2: 1 by its range of 4 later rows"
    assert lines["x"].contract == Column(type="int", nulls=0, min=0, max=60, rules={"range": Terms(else_="warn")})
    # A list only warns anyway; a null where none was seen would have been held back, and now has its share.
    assert lines["code"].tried == "from the half before day 2: 1 by its nulls, 1 by its values of 4 later rows"
    assert lines["code"].contract.rules == {}
    assert lines["code"].contract.nulls == 0.76


def test_a_type_that_later_rows_break_is_told() -> None:
    """Text where the early half had numbers."""
    days = [pl.DataFrame({"x": ["1", "2"]})] * 2 + [pl.DataFrame({"x": ["1", "two"]})] * 2
    held = proposed(*days).lines["x"]
    assert held.contract.type == "str"
    assert "later rows" in held.tried


def test_three_partitions_are_too_few_to_try() -> None:
    """Nothing is said of what was not done."""
    assert proposed(*[pl.DataFrame({"x": [1]})] * 3).lines["x"].tried == ""


def test_a_key_is_proposed_where_a_table_has_none() -> None:
    """One column if one suffices over all partitions, else two; the time alone is no key."""
    days = [
        pl.DataFrame({"at": [AT, AT], "id": [2 * day, 2 * day + 1], "place": ["n", "s"], "day": [day, day]})
        for day in range(3)
    ]
    bare = Table(files="x", time="at")
    assert proposed(*days, table=bare).key == ("id",)
    without = [day.drop("id") for day in days]
    assert proposed(*without, table=bare).key == ("place", "day")
    assert proposed(*[day.drop("day") for day in without], table=bare).key == ()
    assert proposed(*days).key == ()


def test_a_parent_is_proposed_where_it_holds_nearly_all() -> None:
    """All of them: a break quarantines. Ninety-nine in a hundred: it warns. Less: it is none."""
    codes = pl.DataFrame({"code": ["a", "b"] * 100})
    parents = {"airlines.code": pl.Series(["a", "b", "c"])}
    held = proposed(codes, parents=parents).lines["code"]
    assert held.contract == Column(type="str", nulls=0, references="airlines.code")
    assert "200 of 200 are in airlines.code" in held.why
    some = pl.concat([codes, pl.DataFrame({"code": ["x", "y"]})])
    assert proposed(some, parents=parents).lines["code"].contract.rules == {"references": Terms(else_="warn")}
    few = pl.concat([codes, pl.DataFrame({"code": ["x"] * 3})])
    assert proposed(few, parents=parents).lines["code"].contract.references is None
    assert proposed(codes.rename({"code": "other"}), parents=parents).lines["other"].contract.references is None


def test_usual_rows_by_hand() -> None:
    """Nine days of 100 and one of 40: 0.4 to 1 times the usual, so 0.2 to 2."""
    found = usual_rows({f"d{day}": 40 if day == 9 else 100 for day in range(10)}, "t")
    assert found is not None
    check, why = found
    assert (check.name, check.else_) == ("as many rows of t as usual", "warn")
    assert check.rows is not None and (check.rows.min, check.rows.max) == (0.2, 2.0)
    assert why == "40 to 100 rows in 10 partitions, 0.40 to 1.00 times the usual"
    assert usual_rows({f"d{day}": 100 for day in range(9)}, "t") is None


@pytest.mark.parametrize(
    ("least", "most", "expected"), [(17, 4983, (0, 7500)), (-10, 5, (-18, 13)), (-5, -1, (-7, 0)), (0, 0, (0, 0))]
)
def test_limits_by_hand(least: float, most: float, expected: tuple[float, float]) -> None:
    """Half the range, two digits, and zero stays a limit of what never crossed it."""
    assert limits(least, most) == expected


def test_what_is_proposed_takes_the_rows_it_came_from() -> None:
    """A proposed contract finds no fault with its own past."""
    frame = pl.DataFrame(
        {"x": ["1", "2"], "y": [5, 5], "z": [float("inf"), 1.0], "s": [" ", None], "d": [date(2013, 1, 1)] * 2}
    )
    table = Table(files="x.csv", columns={name: held.contract for name, held in proposed(frame).lines.items()})
    assert conform(frame, table)[1].blocking(table, name="t") == []
