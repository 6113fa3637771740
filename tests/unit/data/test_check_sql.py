"""A table's checks as one SQL query: the databases count what the checks themselves count."""

import sqlite3
from datetime import date

import duckdb
import pytest

from trivium.core.contract import Check, Column
from trivium.core.problems import ProjectError
from trivium.core.project import Table
from trivium.data.check_sql import counting_query

TABLE = Table(files="x", columns={"a": Column(type="float"), "s": Column(type="str")})
CHECKS = [
    Check(name="a is small", on="odd name", must="a < 10"),
    Check(name='no "quotes"', on="odd name", must="s not like '%x%' or a is null"),
    Check(name="expired", on="odd name", must="a < 0", expires=date(2020, 1, 1)),
    Check(name="of another", on="other", must="a < 0"),
]
ROWS = [(1.0, "ax"), (11.0, "b"), (None, "x"), (12.0, None), (float("nan"), "")]


@pytest.mark.parametrize("dialect", ["duckdb", "sqlite"])
def test_a_database_counts_what_breaks(dialect: str) -> None:
    """Two rows are not small, one has an x; a null breaks nothing; what has expired or is of others is not asked."""
    connection = duckdb.connect() if dialect == "duckdb" else sqlite3.connect(":memory:")
    cursor = connection.cursor()
    cursor.execute('create table "odd name" (a double precision, s text)')
    for row in ROWS:
        cursor.execute('insert into "odd name" values (?, ?)', row)
    query = counting_query(TABLE, CHECKS, name="odd name", today=date(2024, 1, 1), dialect=dialect)  # type: ignore[arg-type]
    cursor.execute(query)
    assert [column[0] for column in cursor.description] == ["rows_read", "a is small", 'no "quotes"']
    assert cursor.fetchone() == (5, 2, 1)
    connection.close()


def test_a_check_that_does_not_fit_is_named() -> None:
    """Its problem says which check, and points at the character."""
    checks = [Check(name="typed", on="t", must="s < 10")]
    with pytest.raises(ProjectError) as caught:
        counting_query(TABLE, checks, name="t", today=date(2024, 1, 1), dialect="duckdb")
    (problem,) = caught.value.problems
    assert problem.code == "TV-EXPR-005"
    assert "'typed'" in problem.where
    assert problem.seen == "s < 10\n    ^"


def test_a_table_without_checks_counts_its_rows() -> None:
    """The query is whole without any."""
    query = counting_query(TABLE, [], name="t", today=date(2024, 1, 1), dialect="postgresql")
    assert query == 'SELECT\n  count(*) AS rows_read\nFROM "t"\n'
