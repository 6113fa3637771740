"""What `to_sql` writes; that databases answer it as the row closure does, `tests/property/test_expressions.py` holds."""

import duckdb
import pytest

from trivium.core.expressions import columns, row
from trivium.core.expressions.dialects import ANSI, DIALECTS
from trivium.core.expressions.parse import parse
from trivium.core.expressions.signatures import SIGNATURES
from trivium.core.expressions.sql import to_sql
from trivium.core.problems import ProjectError

TYPES = {"a": "float", 'we"ird': "int", "s": "str", "b": "bool", "at": "datetime", "day": "date"}
WRITTEN_BY_SQL = {"in", "like", "and", "or", "+", "-", "*", "/", "%", "case", "round"}


@pytest.mark.parametrize(
    ("text", "dialect", "sql"),
    [
        ("s = 'it''s'", "duckdb", "(CAST(\"s\" AS VARCHAR) = 'it''s')"),
        ("s like 'a\\_*%'", "sqlite", "(CAST(\"s\" AS TEXT) GLOB 'a\\?[*]*')"),
        ("s like 'a\\_%'", "postgresql", "((CAST(\"s\" AS text) COLLATE \"C\") LIKE 'a\\_%' ESCAPE '')"),
        ('"we""ird" is null', "sqlite", '(CAST("we""ird" AS REAL) IS NULL)'),
        ("at > date '2013-03-04'", "duckdb", "(CAST(\"at\" AS TIMESTAMP) > TIMESTAMP '2013-03-04 00:00:00.000000')"),
        ("b or null", "postgresql", '("b" OR CAST(NULL AS boolean))'),
        ("a in (1, 0.1, -1e300)", "duckdb",
         "(nullif(CAST(\"a\" AS DOUBLE), CAST('NaN' AS DOUBLE)) IN (1e0, 0.1e0, (- 1e+300)))"),
        ("coalesce(null, a)", "sqlite", 'coalesce(CAST(NULL AS REAL), CAST("a" AS REAL))'),
        ("least(s)", "sqlite", 'CAST("s" AS TEXT)'),
    ],
)  # fmt: skip
def test_it_writes(text: str, dialect: str, sql: str) -> None:
    """Each database's own SQL, names and texts quoted."""
    assert to_sql(parse(text), TYPES, dialect=dialect) == sql  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["s = '''; drop table r; --'", '"a""; drop table r; --" = 1', "s like '%''%'"])
def test_no_text_escapes_its_quotes(text: str) -> None:
    """Whatever an expression quotes stays one text or one name: the SQL is one value of one statement."""
    expression = parse(text)
    sql = to_sql(expression, {**TYPES, 'a"; drop table r; --': "int"})
    statements = duckdb.extract_statements(f"select {sql} from r")
    assert len(statements) == 1


def test_it_needs_the_columns_types() -> None:
    """An unknown column is the same problem as for `check_types`."""
    with pytest.raises(ProjectError) as caught:
        to_sql(parse("gone > 1"), TYPES)
    assert caught.value.problems[0].code == "TV-EXPR-004"


def test_each_compiler_knows_each_name() -> None:
    """No operator or function is missing anywhere, and none is left that the language has not."""
    assert SIGNATURES.keys() == columns.COMPILED
    assert SIGNATURES.keys() == row.COMPILED
    for dialect in DIALECTS.values():
        assert ANSI.keys() | dialect.calls.keys() | WRITTEN_BY_SQL == SIGNATURES.keys()


def test_the_text_stays_small() -> None:
    """The dearest expression that is admitted makes less than half a megabyte of SQL."""
    nest = "round(round(round(round(a % 7, 1), 1), 1), 1)"
    longest = max(len(to_sql(parse(nest), TYPES, dialect=dialect)) for dialect in DIALECTS)  # type: ignore[arg-type]
    assert longest < 500_000
