"""The schema: casts that lose nothing, and problems that block."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl
import pytest

from trivium.core.contract import Column
from trivium.core.problems import Problem
from trivium.core.project import Table
from trivium.data.schema import conform

NOON = datetime(2013, 3, 4, 12, tzinfo=UTC)


@dataclass
class Conformed:
    frame: pl.DataFrame
    blocking: list[Problem]
    warnings: list[Problem]


def table(**columns: Column) -> Table:
    return Table(files="x.csv", columns=columns)


def conformed(rows: pl.DataFrame, held: Table, *, name: str) -> Conformed:
    frame, breaks = conform(rows, held)
    return Conformed(frame, breaks.blocking(held, name=name), breaks.warnings(held, name=name))


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
    held = conformed(pl.DataFrame({"x": given}), table(x=Column(type=kind)), name="t")  # type: ignore[arg-type]
    assert (held.blocking, held.warnings) == ([], [])
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
    held = conformed(frame, table(x=Column(type=kind)), name="t")  # type: ignore[arg-type]
    (problem,) = held.blocking
    assert problem.code == "TV-DATA-002"
    assert seen in problem.seen
    assert held.frame["x"].to_list() == given


def test_private_values_are_not_shown_in_a_type_problem() -> None:
    """A private column's values stay out of the problem."""
    held = conformed(pl.DataFrame({"x": ["secret"]}), table(x=Column(type="int", private=True)), name="t")
    assert "secret" not in str(held.blocking[0])


def test_a_gone_column_blocks_and_names_the_nearest_new_one() -> None:
    """A renamed column is guessed from the columns that the contract does not know."""
    frame = pl.DataFrame({"dist": [1.0], "carrier": ["AA"], "zzz": [1]})
    held = conformed(frame, table(distance=Column(type="float"), carrier=Column(type="str")), name="flights")
    (gone,), (new,) = held.blocking, held.warnings
    assert gone.code == "TV-DATA-001"
    assert gone.what == "column 'distance' of 'flights' is gone; maybe it was renamed to 'dist'"
    assert new.code == "TV-DATA-003"
    assert new.seen == "'dist', 'zzz'"
    assert held.frame.columns == ["dist", "carrier", "zzz"]


def test_without_columns_only_time_and_key_are_asked_for() -> None:
    """A table without a contract takes any schema that has its time and key."""
    bare = Table(files="x.csv", time="at", key=("id",))
    good = conformed(pl.DataFrame({"at": ["2013-03-04T12:00Z"], "id": [1], "more": [1]}), bare, name="t")
    assert (good.blocking, good.warnings) == ([], [])
    assert good.frame["at"].to_list() == [NOON]
    bad = conformed(pl.DataFrame({"at": [1.5], "more": [1]}), bare, name="t")
    assert [problem.code for problem in bad.blocking] == ["TV-DATA-001", "TV-DATA-002"]


def test_time_and_key_are_not_new_columns() -> None:
    """Columns that the table names need no line in its contract."""
    bare = Table(files="x.csv", time="at", key=("id",), columns={"x": Column(type="int")})
    held = conformed(pl.DataFrame({"at": [NOON], "id": [1], "x": [1]}), bare, name="t")
    assert (held.blocking, held.warnings) == ([], [])


def test_nan_becomes_null_and_datetimes_utc_microseconds_in_every_column() -> None:
    """Columns outside the contract are tidied too."""
    frame = pl.DataFrame({"x": [float("nan"), 1.0], "at": [NOON, NOON]}).with_columns(
        pl.col("at").dt.convert_time_zone("Europe/Paris").dt.cast_time_unit("ns")
    )
    held = conformed(frame, Table(files="x.csv"), name="t").frame
    assert held["x"].to_list() == [None, 1.0]
    assert held.schema["at"] == pl.Datetime("us", "UTC")
    assert held["at"].to_list() == [NOON, NOON]


def test_an_empty_frame_conforms() -> None:
    """No rows are cast without a problem."""
    held = conformed(pl.DataFrame({"x": []}), table(x=Column(type="datetime")), name="t")
    assert held.blocking == []
    assert held.frame.schema["x"] == pl.Datetime("us", "UTC")


def test_the_breaks_of_chunks_add_up_to_those_of_the_whole() -> None:
    """Counts are sums, the first values stay the first, and each column is named once."""
    held = table(x=Column(type="int"), gone=Column(type="str"))
    frame = pl.DataFrame({"x": [str(number) + "!" for number in range(9)], "more": [1] * 9})
    _, whole = conform(frame, held)
    assert whole.mistyped["x"].rows == 9
    for cut in range(1, 9):
        _, first = conform(frame[:cut], held)
        _, second = conform(frame[cut:], held)
        assert first + second == whole
    (gone, problem) = whole.blocking(held, name="t")
    assert gone.code == "TV-DATA-001"
    assert problem.seen == "String: '0!', '1!', '2!', '3!', '4!' and 4 more"
