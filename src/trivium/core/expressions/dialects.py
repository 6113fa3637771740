"""How three databases write what the language means: DuckDB, PostgreSQL and SQLite.

Templates only; `sql` fills them in. Each keeps our meaning where the database's own differs: NaN and x / 0 are null,
`%` has the divisor's sign, halves round away from zero, text compares by code points, letters change case in ASCII
alone, `like` heeds case and escapes nothing. Times are UTC: a session of DuckDB or PostgreSQL is set to it
(`set timezone to 'UTC'`), and SQLite holds times as SQLAlchemy and Python write them (`2013-03-04 14:05:06.700000`).
"""

from dataclasses import dataclass, field
from typing import Literal

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CASES = f"'{_LETTERS.upper()}', '{_LETTERS}'", f"'{_LETTERS}', '{_LETTERS.upper()}'"
_PARTS = {"day": "day", "hour": "hour", "minute": "minute", "month": "month", "second": "second", "year": "year",
          "weekday": "isodow"}  # fmt: skip

ANSI = {
    **{op: f"({{0}} {op} {{1}})" for op in ("=", "<>", "<", "<=", ">", ">=", "||")},
    "is distinct from": "({0} IS DISTINCT FROM {1})",
    "is null": "({0} IS NULL)",
    "between": "({0} >= {1} AND {0} <= {2})",
    "not": "(NOT {0})",
    "negate": "(- {0})",
    "abs": "abs({0})",
    "ceil": "ceil({0})",
    "floor": "floor({0})",
    "nullif": "nullif({0}, {1})",
    "sqrt": "CASE WHEN {0} >= 0 THEN sqrt({0}) END",
    "substr": "substr({0}, {1})",
    "coalesce": "coalesce({0})",
    "least": "least({0})",
    "greatest": "greatest({0})",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs from one database to the next.

    Attributes:
        types: kind -> its type's name, for a null.
        columns: kind -> template of a column brought to the kind.
        number, text, time, infinity: templates of literals.
        settled: template that makes NaN null.
        like: template of a pattern's test.
        too_large: template of the condition that `{0}` times `{1}` is past the doubles.
        calls: operator or function -> template, over `ANSI`.
    """

    types: dict[str, str]
    columns: dict[str, str]
    number: str
    text: str
    time: str
    infinity: str
    settled: str
    like: str
    too_large: str
    calls: dict[str, str] = field(default_factory=dict)

    def template(self, name: str) -> str:
        """Give the template of a call."""
        return self.calls[name] if name in self.calls else ANSI[name]


DUCKDB = Dialect(
    types={"number": "DOUBLE", "text": "VARCHAR", "bool": "BOOLEAN", "datetime": "TIMESTAMP"},
    columns={
        "number": "nullif(CAST({0} AS DOUBLE), CAST('NaN' AS DOUBLE))",
        "text": "CAST({0} AS VARCHAR)",
        "bool": "CAST({0} AS BOOLEAN)",
        "datetime": "CAST({0} AS TIMESTAMP)",
    },
    number="{0}",
    text="{0}",
    time="TIMESTAMP '{0}'",
    infinity="CAST('Infinity' AS DOUBLE)",
    settled="nullif({0}, CAST('NaN' AS DOUBLE))",
    like="({0} LIKE {1})",
    too_large="abs({0}) * {1} = CAST('Infinity' AS DOUBLE)",
    calls={
        **{name: f"CAST(extract({part} FROM {{0}}) AS DOUBLE)" for name, part in _PARTS.items()},
        "contains": "contains({0}, {1})",
        "ends_with": "ends_with({0}, {1})",
        "starts_with": "starts_with({0}, {1})",
        "is_finite": "isfinite({0})",
        "length": "CAST(length({0}) AS DOUBLE)",
        "lower": f"translate({{0}}, {_CASES[0]})",
        "upper": f"translate({{0}}, {_CASES[1]})",
        "sign": "CAST(sign({0}) AS DOUBLE)",
        "seconds_between": "(CAST(epoch_us({1}) - epoch_us({0}) AS DOUBLE) / 1e6)",
        "trim": "trim({0}, chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13))",
    },
)

POSTGRESQL = Dialect(
    types={"number": "double precision", "text": "text", "bool": "boolean", "datetime": "timestamp"},
    columns={
        "number": "nullif(CAST({0} AS double precision), 'NaN')",
        "text": '(CAST({0} AS text) COLLATE "C")',
        "bool": "{0}",
        "datetime": "CAST({0} AS timestamp)",
    },
    number="CAST({0} AS double precision)",
    text='({0} COLLATE "C")',
    time="TIMESTAMP '{0}'",
    infinity="CAST('Infinity' AS double precision)",
    settled="nullif({0}, 'NaN')",
    like="({0} LIKE {1} ESCAPE '')",
    too_large="abs({0}) > 1.7976931348623157e308 / {1}",  # a product past the doubles is an error there
    calls={
        **{name: f"CAST(extract({part} FROM {{0}}) AS double precision)" for name, part in _PARTS.items()},
        "contains": "(strpos({0}, {1}) > 0)",
        "ends_with": "(right({0}, length({1})) = {1})",
        "starts_with": "starts_with({0}, {1})",
        "is_finite": "({0} NOT IN ('Infinity', '-Infinity'))",
        "length": "CAST(length({0}) AS double precision)",
        "lower": f"translate({{0}}, {_CASES[0]})",
        "upper": f"translate({{0}}, {_CASES[1]})",
        "second": "CAST(floor(extract(second FROM {0})) AS double precision)",
        "sign": "sign({0})",
        "seconds_between": "(CAST((extract(epoch FROM {1}) - extract(epoch FROM {0})) * 1000000 AS double precision)"
        " / 1000000)",
        "trim": "btrim({0}, E' \\t\\n\\r\\f\\x0b')",
    },
)

_SECONDS = "CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER)"
SQLITE = Dialect(
    types={"number": "REAL", "text": "TEXT", "bool": "INTEGER", "datetime": "TEXT"},
    columns={
        "number": "CAST({0} AS REAL)",
        "text": "CAST({0} AS TEXT)",
        "bool": "{0}",
        # A date has 10 letters, a time 19, with a fraction more: what lacks up to 26 is put behind.
        "datetime": "substr(replace({0}, 'T', ' ') || substr(' 00:00:00.000000', length({0}) - 9), 1, 26)",
    },
    number="{0}",
    text="{0}",
    time="'{0}'",
    infinity="9e999",
    settled="{0}",  # NaN is null there as well
    like="({0} GLOB {1})",  # LIKE is blind to case there
    too_large="abs({0}) * {1} = 9e999",
    calls={
        "is distinct from": "({0} IS NOT {1})",
        "contains": "(instr({0}, {1}) > 0)",
        "ends_with": "(substr({0}, length({0}) - length({1}) + 1) = {1})",
        "starts_with": "(substr({0}, 1, length({1})) = {1})",
        "is_finite": "({0} NOT IN (9e999, -9e999))",
        "length": "CAST(length({0}) AS REAL)",
        "lower": "lower({0})",
        "upper": "upper({0})",
        "sign": "CAST(sign({0}) AS REAL)",
        "trim": "trim({0}, char(32, 9, 10, 11, 12, 13))",
        "least": "(SELECT min(column1) FROM (VALUES {0}))",  # min(a, b) is null there if either is
        "greatest": "(SELECT max(column1) FROM (VALUES {0}))",
        # Cut out of the text: strftime rounds to milliseconds first, and the last microsecond of a year to the next.
        **{
            name: f"CAST(substr({{0}}, {first}, {count}) AS REAL)"
            for name, first, count in (
                ("year", 1, 4), ("month", 6, 2), ("day", 9, 2), ("hour", 12, 2), ("minute", 15, 2), ("second", 18, 2),
            )
        },
        "weekday": "CAST((strftime('%w', substr({0}, 1, 10)) + 6) % 7 + 1 AS REAL)",
        "seconds_between": f"((({_SECONDS.replace('{0}', '{1}')} - {_SECONDS}) * 1000000"
        " + CAST(substr({1}, 21, 6) AS INTEGER) - CAST(substr({0}, 21, 6) AS INTEGER)) / 1000000.0)",
    },
)  # fmt: skip

Dialects = Literal["duckdb", "postgresql", "sqlite"]
DIALECTS: dict[Dialects, Dialect] = {"duckdb": DUCKDB, "postgresql": POSTGRESQL, "sqlite": SQLITE}
