"""Databases that answer an expression's SQL text on rows, to hold beside the row closure. Each is a real one.

What a database's own column types cannot hold is left out of its rows; what it gives back is brought to the language's
kinds.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Literal

import duckdb

from trivium.core.expressions.kinds import KIND_OF_TYPE
from trivium.core.expressions.parse import Expression, check_types
from trivium.core.expressions.row import to_row
from trivium.core.expressions.sql import to_sql


class Database:
    """One table `r` of the given columns; `n` numbers its rows."""

    dialect: Literal["duckdb", "postgresql", "sqlite"]
    types: ClassVar[dict[str, str]]
    mark = "?"

    def __init__(self, types: Mapping[str, str], zoned: Iterable[str] = ("z",)) -> None:
        self._columns = dict(types)
        self._zoned = set(zoned)
        self._connection: Any = self._connect()
        self._cursor = self._connection.cursor()
        columns = ", ".join(f'"{name}" {self._type(name)}' for name in types)
        self._cursor.execute(f"create table r (n integer, {columns})")

    def _connect(self) -> Any:
        raise NotImplementedError

    def _type(self, name: str) -> str:
        return self.types["zoned" if name in self._zoned else self._columns[name]]

    def close(self) -> None:
        self._connection.close()

    def holds(self, row: Mapping[str, object]) -> bool:
        return True

    def stored(self, value: object) -> object:
        return value

    def ask(self, texts: list[str], rows: list[dict[str, object]]) -> list[tuple[Any, ...]]:
        """Answer each SQL text on each row, one tuple a row."""
        self._cursor.execute("delete from r")
        marks = ", ".join([self.mark] * (len(self._columns) + 1))
        for number, row in enumerate(rows):
            values = [self.stored(row.get(name)) for name in self._columns]
            self._cursor.execute(f"insert into r values ({marks})", [number, *values])
        self._cursor.execute(f"select {', '.join(texts)} from r order by n")
        return list(self._cursor.fetchall())

    def agree(self, expressions: list[Expression], rows: list[dict[str, object]]) -> None:
        """Fail where the database and the row closure give different answers."""
        rows = [row for row in rows if self.holds(row)]
        if not rows or not expressions:
            return
        texts = [to_sql(expression, self._columns, dialect=self.dialect) for expression in expressions]
        kinds = [KIND_OF_TYPE.get(check_types(expression, self._columns)) for expression in expressions]
        answers = self.ask(texts, rows)
        for index, expression in enumerate(expressions):
            expected = list(map(to_row(expression), rows))
            given = [self.answer(answer[index], kinds[index]) for answer in answers]
            assert given == expected, (self.dialect, expression.text, texts[index])
            assert list(map(type, given)) == list(map(type, expected)), (self.dialect, expression.text, texts[index])

    def answer(self, value: object, kind: str | None) -> object:
        """Bring what the database gives to the language's kinds."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC)
        return value


class DuckDB(Database):
    dialect = "duckdb"
    types: ClassVar = {
        "int": "BIGINT", "float": "DOUBLE", "str": "VARCHAR", "bool": "BOOLEAN", "datetime": "TIMESTAMP",
        "date": "DATE", "zoned": "TIMESTAMPTZ",
    }  # fmt: skip

    def _connect(self) -> Any:
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'")
        return connection


class PostgreSQL(Database):
    dialect = "postgresql"
    mark = "%s"
    types: ClassVar = {
        "int": "bigint", "float": "double precision", "str": "text", "bool": "boolean", "datetime": "timestamp",
        "date": "date", "zoned": "timestamptz",
    }  # fmt: skip

    def __init__(self, types: Mapping[str, str], *, url: str) -> None:
        self._url = url
        super().__init__(types)

    def _connect(self) -> Any:
        import psycopg

        connection = psycopg.connect(self._url, autocommit=True)
        connection.execute("set timezone to 'UTC'")
        connection.execute("set search_path to pg_temp")
        return connection

    def holds(self, row: Mapping[str, object]) -> bool:
        """PostgreSQL's texts have no zero character; sums past the doubles are errors there."""
        large = [value for value in row.values() if isinstance(value, float) and math.isfinite(value)]
        return not any("\x00" in str(value) for value in row.values()) and all(
            value == 0 or 1e-50 < abs(value) < 1e50 for value in large
        )


class SQLite(Database):
    dialect = "sqlite"
    types: ClassVar = {
        "int": "INTEGER", "float": "REAL", "str": "TEXT", "bool": "INTEGER", "datetime": "TEXT", "date": "TEXT",
        "zoned": "TEXT",
    }  # fmt: skip

    def _connect(self) -> Any:
        return sqlite3.connect(":memory:")

    def holds(self, row: Mapping[str, object]) -> bool:
        """SQLite's functions end a text at its zero character."""
        return not any("\x00" in str(value) for value in row.values())

    def stored(self, value: object) -> object:
        if isinstance(value, datetime):  # as SQLAlchemy stores it
            return (value.astimezone(UTC) if value.tzinfo else value).strftime("%Y-%m-%d %H:%M:%S.%f")
        return value.isoformat() if isinstance(value, date) else value

    def answer(self, value: object, kind: str | None) -> object:
        if value is None:
            return None
        if kind == "bool":
            return bool(value)
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC) if kind == "datetime" else value
