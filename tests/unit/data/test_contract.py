"""The contract: casts that lose nothing, problems that block, and contracts proposed, compared and written."""

import tomllib
from datetime import UTC, date, datetime

import msgspec
import polars as pl
import pytest

from trivium.core.project import Column, Table
from trivium.data.contract import conform, diff, infer, to_toml

NOON = datetime(2013, 3, 4, 12, tzinfo=UTC)


def table(**columns: Column) -> Table:
    return Table(files="x.csv", columns=columns)


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        (["1", " 2 ", "", None], "int", [1, 2, None, None]),
        (["3.0", "4"], "int", [3, 4]),
        (["1.5", "NaN", "1e3"], "float", [1.5, None, 1000.0]),
        (["true", "False", None], "bool", [True, False, None]),
        (["2013-03-04"], "date", [date(2013, 3, 4)]),
        (["2013-03-04T12:00:00", "2013-03-04 13:00:00+01:00", "2013-03-04T12Z"], "datetime", [NOON, NOON, NOON]),
        ([1, None], "float", [1.0, None]),
        ([1.0, float("nan"), -2.0], "int", [1, None, -2]),
        ([date(2013, 3, 4)], "datetime", [datetime(2013, 3, 4, tzinfo=UTC)]),
        ([datetime(2013, 3, 4)], "date", [date(2013, 3, 4)]),
        ([datetime(2013, 3, 4, 12)], "datetime", [NOON]),
        ([None, None], "str", [None, None]),
    ],
)
def test_a_lossless_cast_is_made(given: list[object], kind: str, expected: list[object]) -> None:
    """Text, whole floats, dates and nulls become the contract's type."""
    held = conform(pl.DataFrame({"x": given}), table(x=Column(type=kind)), name="t")  # type: ignore[arg-type]
    assert (held.blocking, held.warnings) == ((), ())
    assert held.frame["x"].to_list() == expected


@pytest.mark.parametrize(
    ("given", "kind", "seen"),
    [
        (["1", "x", "1.5"], "int", "String: 'x', '1.5'"),
        ([1.5, 2.0], "int", "Float64: 1.5"),
        ([2**53 + 1, 1], "float", "Int64: 9007199254740993"),
        ([7], "str", "Int64: 7"),
        ([0, 1], "bool", "Int64: 0, 1"),
        (["04/03/2013"], "datetime", "String: '04/03/2013'"),
        (["2013-03-04T12:00"], "date", "String: '2013-03-04T12:00'"),
        ([1362398400], "datetime", "Int64: 1362398400"),
        ([datetime(2013, 3, 4, 12)], "date", "2013-03-04 12:00:00"),
        ([True], "float", "Boolean: True"),
    ],
)
def test_a_cast_that_would_lose_blocks_and_shows_the_values(given: list[object], kind: str, seen: str) -> None:
    """A value that has no equal in the contract's type makes TV-DATA-002, and the column stays as it came."""
    frame = pl.DataFrame({"x": given})
    held = conform(frame, table(x=Column(type=kind)), name="t")  # type: ignore[arg-type]
    (problem,) = held.blocking
    assert problem.code == "TV-DATA-002"
    assert seen in problem.seen
    assert held.frame["x"].to_list() == given


def test_private_values_are_not_shown_in_a_type_problem() -> None:
    """A private column's values stay out of the problem."""
    held = conform(pl.DataFrame({"x": ["secret"]}), table(x=Column(type="int", private=True)), name="t")
    assert "secret" not in str(held.blocking[0])


def test_a_gone_column_blocks_and_names_the_nearest_new_one() -> None:
    """A renamed column is guessed from the columns that the contract does not know."""
    frame = pl.DataFrame({"dist": [1.0], "carrier": ["AA"], "zzz": [1]})
    held = conform(frame, table(distance=Column(type="float"), carrier=Column(type="str")), name="flights")
    (gone,), (new,) = held.blocking, held.warnings
    assert gone.code == "TV-DATA-001"
    assert gone.what == "column 'distance' of 'flights' is gone; maybe it was renamed to 'dist'"
    assert new.code == "TV-DATA-003"
    assert new.seen == "'dist', 'zzz'"
    assert held.frame.columns == ["dist", "carrier", "zzz"]


def test_without_columns_only_time_and_key_are_asked_for() -> None:
    """A table without a contract takes any schema that has its time and key."""
    bare = Table(files="x.csv", time="at", key=("id",))
    good = conform(pl.DataFrame({"at": ["2013-03-04T12:00Z"], "id": [1], "more": [1]}), bare, name="t")
    assert (good.blocking, good.warnings) == ((), ())
    assert good.frame["at"].to_list() == [NOON]
    bad = conform(pl.DataFrame({"at": [1.5], "more": [1]}), bare, name="t")
    assert [problem.code for problem in bad.blocking] == ["TV-DATA-001", "TV-DATA-002"]


def test_time_and_key_are_not_new_columns() -> None:
    """Columns that the table names need no line in its contract."""
    bare = Table(files="x.csv", time="at", key=("id",), columns={"x": Column(type="int")})
    held = conform(pl.DataFrame({"at": [NOON], "id": [1], "x": [1]}), bare, name="t")
    assert (held.blocking, held.warnings) == ((), ())


def test_nan_becomes_null_and_datetimes_utc_microseconds_in_every_column() -> None:
    """Columns outside the contract are tidied too."""
    frame = pl.DataFrame({"x": [float("nan"), 1.0], "at": [NOON, NOON]}).with_columns(
        pl.col("at").dt.convert_time_zone("Europe/Paris").dt.cast_time_unit("ns")
    )
    held = conform(frame, Table(files="x.csv"), name="t").frame
    assert held["x"].to_list() == [None, 1.0]
    assert held.schema["at"] == pl.Datetime("us", "UTC")
    assert held["at"].to_list() == [NOON, NOON]


def test_an_empty_frame_conforms() -> None:
    """No rows are cast without a problem."""
    held = conform(pl.DataFrame({"x": []}), table(x=Column(type="datetime")), name="t")
    assert held.blocking == ()
    assert held.frame.schema["x"] == pl.Datetime("us", "UTC")


def test_infer_proposes_loose_limits_lists_and_shares() -> None:
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
    proposed = infer(frame)
    assert proposed["distance"] == Column(type="float", min=0, max=1600, nulls=0)
    assert proposed["delay"] == Column(type="int", min=-18, max=13, nulls=0.39)
    assert proposed["carrier"] == Column(type="str", values=("AA", "UA"), unknown="warn", nulls=0)
    assert proposed["id"] == Column(type="str", nulls=0)
    kinds = {name: column.type for name, column in proposed.items()}
    assert kinds["zip"] == "str"
    assert kinds["text_number"] == "int"
    assert (kinds["at"], kinds["day"], kinds["ok"]) == ("datetime", "date", "bool")
    assert "nothing" not in kinds and "parts" not in kinds


def test_what_infer_proposes_takes_the_rows_it_came_from() -> None:
    """A proposed contract finds no fault with its own sample."""
    frame = pl.DataFrame({"x": ["1", "2"], "y": [5, 5], "z": [float("inf"), 1.0], "s": [" ", None]})
    held = conform(frame, table(**infer(frame)), name="t")
    assert held.blocking == ()


def test_more_than_forty_values_are_not_listed() -> None:
    """Forty distinct values make a list, forty-one do not."""
    forty = [f"v{number:02}" for number in range(40)]
    assert len(infer(pl.DataFrame({"x": forty * 2}))["x"].values) == 40
    assert infer(pl.DataFrame({"x": [*forty, "more"] * 2}))["x"].values == ()


def test_diff_tells_what_changes_and_hides_private_values() -> None:
    """Columns gone, added and changed each get one line."""
    old = {
        "a": Column(type="int"),
        "b": Column(type="float", max=6000),
        "c": Column(type="str", values=("AA", "UA")),
        "d": Column(type="str", values=("x",), private=True),
    }
    new = {
        "b": Column(type="float", min=1, max=7000.5),
        "c": Column(type="str", values=("UA", "B6")),
        "d": Column(type="str", values=("secret",), private=True),
        "e": Column(type="str", values=("x", "y")),
    }
    assert diff(old, new) == [
        "- a: int",
        "+ e: str, 2 values",
        "~ b: min none -> 1, max 6000 -> 7000.5",
        '~ c: gains "B6", loses "AA"',
        "~ d: gains 1 values, loses 1 values",
    ]
    assert diff(old, old) == []


def test_a_contract_written_as_toml_reads_back_equal() -> None:
    """Odd names, quotes, control characters and every setting survive the way there and back."""
    columns = {
        "distance": Column(type="float", min=1, max=0.1 + 0.2, nulls=0),
        'odd "name" é': Column(type="str", values=('a"b', "tab\t", "\x7f", "😀"), unknown="block", private=True),
        "flag": Column(type="bool", values=(True,)),
        "big": Column(type="float", max=1e300, min=float("-inf")),
    }
    text = to_toml("my flights", columns)
    raw = tomllib.loads(text)["tables"]["my flights"]["columns"]
    assert msgspec.convert(raw, dict[str, Column]) == columns
    assert 'distance = { type = "float", min = 1,' in text
