"""Laws of the expression language: both compilers agree on any typed expression and row; no text breaks the parser."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from databases import Database, DuckDB, SQLite
from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.kinds import KIND_OF_TYPE
from trivium.core.expressions.parse import Expression, check_types, parse
from trivium.core.expressions.row import to_row
from trivium.core.problems import ProjectError

SETTINGS = settings(max_examples=100, deadline=None)
TYPES = {
    "i": "int", "j": "int", "f": "float", "g": "float", "s": "str", "u": "str",
    "b": "bool", "c": "bool", "t": "datetime", "z": "datetime", "d": "date",
}  # fmt: skip
DTYPES = {"int": pl.Int64, "float": pl.Float64, "str": pl.String, "bool": pl.Boolean, "date": pl.Date}
ZONE = timezone(timedelta(hours=2))
SCHEMA = {name: DTYPES.get(kind) for name, kind in TYPES.items()} | {
    "t": pl.Datetime("us"),
    "z": pl.Datetime("us", "UTC"),
}
TEXTS = ["", "a", "ab", "A", "É", "NaN", "a%b", "a_b", "a\nb", "'", "żółw", "𝔘", "a.b", "\\", "^$", "null"]
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 0.5, 1.5, 2.5, 0.49999999999999994, 1e308, 5e-324]),
    st.integers(-5, 5).map(float),
    st.floats(),
)
INTS = st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**53, 2**53 + 1]))
VALUES = {
    "i": INTS, "j": INTS, "f": FLOATS, "g": FLOATS,
    "s": st.sampled_from(TEXTS),
    "u": st.one_of(st.text(st.characters(codec="utf-8"), max_size=5), st.sampled_from(TEXTS)),
    "b": st.booleans(), "c": st.booleans(), "t": TIMES, "z": TIMES.map(lambda at: at.replace(tzinfo=ZONE)),
    "d": st.dates(date(1900, 1, 1), date(2100, 1, 1)),
}  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | value for name, value in VALUES.items()}), min_size=1, max_size=6
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literal(number: float) -> str:
    return f"{number!r}" if number >= 0 else f"(- {-number!r})"


LEAF = {
    "number": st.one_of(
        st.sampled_from(["i", "j", "f", "g", '"f"', "null"]),
        st.sampled_from([0, 1, 2, 0.1, 1e300, 2**53 + 1, -1, -2.5, 1e-300]).map(_literal),
    ),
    "text": st.one_of(st.sampled_from(["s", "u", "null"]), st.sampled_from(TEXTS).map(_quoted)),
    "bool": st.sampled_from(["b", "c", "true", "false", "null"]),
    "datetime": st.one_of(
        st.sampled_from(["t", "z", "d", "null", "date '2013-03-04'", "timestamp '2013-03-04 14:05:06.7'"]),
        TIMES.map(lambda at: f"timestamp '{at.isoformat()}'"),
    ),
}
KINDS = ["number", "text", "datetime"]
COMPARISONS = st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="])
PATTERNS = st.text(st.sampled_from("ab%_.^$\\É\n"), max_size=5).map(_quoted)


def _expressions(kind: str, depth: int) -> st.SearchStrategy[str]:
    """Texts of expressions of a kind, at most `depth` operators deep."""
    if depth == 0:
        return LEAF[kind]
    return st.one_of(LEAF[kind], st.deferred(lambda: _deeper(kind, depth - 1)))


def _deeper(kind: str, depth: int) -> st.SearchStrategy[str]:
    same, number = _expressions(kind, depth), _expressions("number", depth)
    condition = _expressions("bool", depth)
    ways = [
        st.builds("coalesce({}, {})".format, same, same),
        st.builds("nullif({}, {})".format, same, same),
        st.builds("case when {} then {} when {} then {} else {} end".format, condition, same, condition, same, same),
        st.builds("case when {} then {} end".format, condition, same),
    ]
    if kind != "bool":
        ways.append(st.builds("{}({}, {})".format, st.sampled_from(["least", "greatest"]), same, same))
    if kind == "number":
        ways += [
            st.builds("({} {} {})".format, number, st.sampled_from("+-*/%"), number),
            st.builds(
                "{}({})".format, st.sampled_from(["abs", "floor", "ceil", "round", "sign", "sqrt", "- "]), number
            ),
            st.builds("round({}, {})".format, number, st.integers(0, 15)),
            st.builds("length({})".format, _expressions("text", depth)),
            st.builds(
                "{}({})".format,
                st.sampled_from(["day", "hour", "minute", "month", "second", "weekday", "year"]),
                _expressions("datetime", depth),
            ),
            st.builds("seconds_between({0}, {0})".format, _expressions("datetime", depth)),
            st.builds("seconds_between({}, {})".format, *[_expressions("datetime", depth)] * 2),
        ]
    if kind == "text":
        ways += [
            st.builds("{}({})".format, st.sampled_from(["lower", "upper", "trim"]), same),
            st.builds("substr({}, {})".format, same, st.integers(1, 4)),
            st.builds("substr({}, {}, {})".format, same, st.integers(1, 4), st.integers(0, 3)),
            st.builds("({} || {})".format, same, same),
        ]
    if kind == "bool":
        ways += [
            st.builds("({} {} {})".format, same, st.sampled_from(["and", "or", "=", "<>"]), same),
            st.builds("({0} and {1} and {0} or {1})".format, same, same),
            st.builds("(not {})".format, same),
            st.builds("({} is {}{})".format, same, st.sampled_from(["", "not "]), st.sampled_from(["true", "false"])),
            st.builds("is_finite({})".format, number),
            st.builds(
                "{}({}, {})".format,
                st.sampled_from(["starts_with", "ends_with", "contains"]),
                *[_expressions("text", depth)] * 2,
            ),
            st.builds("({} {}like {})".format, _expressions("text", depth), st.sampled_from(["", "not "]), PATTERNS),
        ]
        for inner in KINDS:
            part = _expressions(inner, depth)
            options = st.lists(LEAF[inner].filter(lambda text: text[0] in "0123456789('nd" and text != "d"), min_size=1)
            ways += [
                st.builds("({} {} {})".format, part, COMPARISONS, part),
                st.builds("({} is {}distinct from {})".format, part, st.sampled_from(["", "not "]), part),
                st.builds("({} {}between {} and {})".format, part, st.sampled_from(["", "not "]), part, part),
                st.builds("({} is {}null)".format, part, st.sampled_from(["", "not "])),
                st.builds("({} {}in ({}))".format, part, st.sampled_from(["", "not "]), options.map(", ".join)),
            ]
    return st.one_of(ways)


# Several expressions a draw, none of them a bare leaf: else a hundred draws miss most operators.
SHALLOW = st.one_of(*[_deeper(kind, 0) for kind in ("bool", "number", "text", "datetime")])
DEEP = st.one_of(*[_deeper(kind, 2) for kind in ("bool", "number", "text", "datetime")])
MANY = st.tuples(st.lists(SHALLOW, min_size=6, max_size=12), st.lists(DEEP, max_size=3)).map(
    lambda two: two[0] + two[1]
)


def _frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    def stored(name: str, value: object) -> object:
        return value.astimezone(UTC) if name == "z" and isinstance(value, datetime) else value

    columns = [pl.Series(name, [stored(name, row[name]) for row in rows], dtype=SCHEMA[name]) for name in TYPES]
    return pl.DataFrame(columns)


@cache
def databases() -> list["Database"]:
    """Open those that are at hand everywhere; PostgreSQL has a test of its own, where a server is."""
    return [DuckDB(TYPES), SQLite(TYPES)]


def _parsed(text: str) -> Expression | None:
    """Parse; None where a random text is too much work."""
    try:
        return parse(text)
    except ProjectError as error:
        assert {problem.code for problem in error.problems} == {"TV-EXPR-003"}, error
        return None


def _agree(texts: list[str], rows: list[dict[str, object]]) -> None:
    frame = _frame(rows)
    asked = [expression for expression in map(_parsed, texts) if expression is not None]
    for expression in asked:
        text = expression.text
        check_types(expression, TYPES)
        answer = pl.when(pl.int_range(pl.len()) >= 0).then(to_columns(expression)).alias("x")  # one a row, literals too
        by_column, by_row = frame.select(answer)["x"].to_list(), list(map(to_row(expression), rows))
        assert by_column == by_row, text
        assert [type(value) for value in by_column] == [type(value) for value in by_row], text
    for database in databases():
        database.agree(asked, rows)


EDGES: dict[str, list[object]] = {
    "f": [
        None,
        math.nan,
        math.inf,
        -math.inf,
        0.0,
        -0.0,
        0.5,
        -1.5,
        2.5,
        3.0,
        0.49999999999999994,
        2.0**53,
        1e308,
        5e-324,
    ],
    "i": [None, 0, 1, -1, 2, -7, 10, 2**53 + 1, 2**63 - 1, -(2**63)],
    "s": [None, *TEXTS],
    "b": [None, True, False],
    "t": [None, datetime(2013, 3, 4, 14, 5), datetime(2013, 3, 3), datetime(1969, 12, 31, 23, 59, 59, 999999)],
    "d": [None, date(2013, 3, 3), date(2012, 2, 29), date(1969, 12, 31)],
}
PAIRS = [("f", "g"), ("i", "j"), ("f", "i"), ("i", "f"), ("s", "u"), ("b", "c"), ("t", "d"), ("d", "t"), ("t", "z")]
TWIN = {"g": "f", "j": "i", "u": "s", "c": "b", "z": "t"}
OF_TWO = {
    "number": [
        "{0} + {1}",
        "{0} - {1}",
        "{0} * {1}",
        "{0} / {1}",
        "{0} / 3",
        "{0} % 0.1",
        "7 / {0}",
        "7 % {0}",
        "{0} % {1}",
        "- {0}",
        "abs({0})",
        "floor({0})",
        "ceil({0})",
        "round({0})",
        "round({0}, 1)",
        "round({0} / {1}, 15)",
        "{0} in (0, 3, -7)",
        "{0} in (2.5, null)",
        "sign({0})",
        "sqrt({0})",
        "is_finite({0})",
    ],
    "text": [
        "length({0})",
        "lower({0})",
        "upper({0})",
        "{0} in ('', 'É')",
        "{0} not in ('a', null)",
        "trim({0})",
        "trim(' 	' || {0} || ' ')",
        "substr({0}, 2)",
        "substr({0}, 1, 1)",
        "{0} || {1}",
        "starts_with({0}, {1})",
        "ends_with({0}, {1})",
        "contains({0}, {1})",
        "contains({0} || {1}, 'ba')",
        *[
            f"{{0}} like '{pattern}'"
            for pattern in ("%", "_", "a%", "%b", "a_b", "%_b%", "a.b", "^$", "", "%a%b%", "\\")
        ],
    ],
    "bool": [
        "{0} and {1}",
        "{0} or {1}",
        "not {0}",
        "{0} = {1}",
        "{0} <> {1}",
        "{0} in (true)",
        "{0} in (null)",
        "{0} or {1} and not {0}",
        "not ({0} and {1}) or {1}",
        "{0} is true",
        "{0} is not false",
    ],
    "datetime": [
        *[f"{part}({{0}})" for part in ("day", "hour", "minute", "month", "second", "weekday", "year")],
        "seconds_between({0}, {1})",
        "{0} > timestamp '2013-03-03 00:00'",
        "{0} in (date '2013-03-03')",
    ],
}
OF_ANY = [
    "{0} is null",
    "{0} is not null",
    "{0} is distinct from {1}",
    "{0} is not distinct from {1}",
    "coalesce({0}, {1})",
    "nullif({0}, {1})",
    "case when {0} = {1} then {0} when {1} is null then {0} end",
    "{0}",
]
OF_ORDERED = [
    "{0} = {1}",
    "{0} <> {1}",
    "{0} < {1}",
    "{0} <= {1}",
    "{0} > {1}",
    "{0} >= {1}",
    "least({0}, {1})",
    "greatest({0}, {1})",
    "{0} between {1} and {1}",
    "{0} between null and {1}",
    "{0} not between {1} and null",
]


@pytest.mark.parametrize("pair", PAIRS, ids="".join)
def test_each_operator_agrees_on_each_pair_of_edges(pair: tuple[str, str]) -> None:
    """Every operator and function, on every pair of awkward values; nothing is left to luck."""
    one, two = pair
    kind = KIND_OF_TYPE[TYPES[one]]
    rows = [
        dict.fromkeys(TYPES) | {one: left, two: right.replace(tzinfo=ZONE) if two == "z" and right else right}
        for left in EDGES[TWIN.get(one, one)]
        for right in EDGES[TWIN.get(two, two)]
    ]
    forms = OF_TWO[kind] + OF_ANY + (OF_ORDERED if kind != "bool" else [])
    _agree([form.format(one, two) for form in forms], rows)


@SETTINGS
@given(
    numbers=st.lists(st.floats(-1e6, 1e6) | st.integers(-9999, 9999).map(lambda n: n * 0.1), min_size=2, max_size=60),
    divisor=st.sampled_from([0.1, 3.0, 7.0, 0.001, 49.0, 60.0]) | st.floats(1e-3, 1e6),
)
@example([2.5, 0.1 * 3, 0.5], 3.0)
def test_dividing_by_one_value_is_dividing(numbers: list[float], divisor: float) -> None:
    """A divisor that is the same on all rows, literal or column, is no product with its reciprocal."""
    rows = [{"f": number, "g": divisor} for number in numbers]
    frame = pl.DataFrame({"f": numbers}).with_columns(g=pl.lit(divisor))
    for text in ("f / g", "f % g", f"f / {divisor!r}", f"f % {divisor!r}", "f / month(date '2013-03-04')"):
        expression = parse(text)
        assert frame.select(to_columns(expression).alias("x"))["x"].to_list() == list(map(to_row(expression), rows))


@SETTINGS
@given(texts=MANY, rows=ROWS)
def test_columns_and_rows_agree(texts: list[str], rows: list[dict[str, object]]) -> None:
    """The Polars expression and the closure give the same answer on each row, to the last digit."""
    _agree(texts, rows)


@SETTINGS
@given(texts=MANY, rows=ROWS)
def test_whole_floats_may_come_as_ints(texts: list[str], rows: list[dict[str, object]]) -> None:
    """A request that says 3 where the column holds 3.0 gets the same answer."""
    for by_row in [to_row(expression) for expression in map(_parsed, texts) if expression]:
        for row in rows:
            as_ints = {
                name: int(value) if isinstance(value, float) and math.isfinite(value) and value.is_integer() else value
                for name, value in row.items()
            }
            assert by_row(as_ints) == by_row(row)


@SETTINGS
@given(texts=MANY, rows=ROWS)
def test_the_type_told_is_the_type_given(texts: list[str], rows: list[dict[str, object]]) -> None:
    """`check_types` tells the type of each answer that is not null."""
    kinds = {"bool": bool, "float": float, "str": str, "datetime": datetime, "null": type(None)}
    for expression in filter(None, map(_parsed, texts)):
        told = kinds[check_types(expression, TYPES)]
        by_row = to_row(expression)
        assert all(isinstance(value, told) for value in map(by_row, rows) if value is not None)


@SETTINGS
@given(text=_expressions("bool", 3), rows=ROWS)
def test_excluded_middle_but_for_null(text: str, rows: list[dict[str, object]]) -> None:
    """A condition or its negation is true, unless both are null."""
    if _parsed(f"({text}) or not ({text})") is None:
        return
    plain, negated, either = (to_row(parse(form.format(text))) for form in ("{0}", "not ({0})", "({0}) or not ({0})"))
    for row in rows:
        assert either(row) is (None if plain(row) is None else True)
        assert negated(row) is (None if plain(row) is None else not plain(row))


PIECES = st.sampled_from(
    ["a", "b", "and", "or", "not", "in", "is", "null", "like", "between", "(", ")", ",", "'x'", "'", '"', "1", "1.",
     ".5", "1e5", "1e", "-", "+", "--", "/*", "*", "/", "%", "=", "==", "<>", "<", ";", ".", "case", "when", "then",
     "end", "select", "from", "cast(", "date", "timestamp", "'2013-01-01'", "interval", "abs(", "round(", "coalesce(",
     "least(", "exists", "any", "all", "over", "filter", "distinct", "array", "struct", "map", "union", "with",
     "values", "lambda", "[", "]", "{", "}", "$1", "?", "@", "\\", "\x00", "é", "collate", "escape", "at time zone",
     "isnull", "row", "if(", "symmetric", "from", "as", "order by", "limit", "default", "primary key", "unnest",
     "try", "extract(hour from t)"]
)  # fmt: skip


@SETTINGS
@given(text=st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map(" ".join)))
@example("(" * 4000)
@example("not " * 1000 + "a")
@example("- " * 1000 + "a")
@example("abs(" * 900 + "a")
@example("a between " * 300 + "1")
@example("a in (" * 600)
@example("+".join(["a"] * 2000))
@example(" and ".join(["a"] * 680))
@example("\ud800")
def test_only_problems_come_out_of_the_parser(text: str) -> None:
    """Whatever the text, it parses, or a ProjectError with a code of this room names what is wrong."""
    try:
        expression = parse(text, where="check 'x'")
    except ProjectError as error:
        assert all(problem.code.startswith("TV-EXPR-") for problem in error.problems)
        assert all(problem.where == "check 'x'" and problem.fix for problem in error.problems)
    else:
        assert callable(to_row(expression))
        assert isinstance(to_columns(expression), pl.Expr)


WHOLE = st.integers(0, 3).map(str)
TERM = st.sampled_from(["i", "j", "f", "- i", "2", "0"])
SUM = st.lists(TERM, min_size=1, max_size=4).flatmap(
    lambda terms: st.lists(st.sampled_from("+-*"), min_size=len(terms) - 1, max_size=len(terms) - 1).map(
        lambda signs: " ".join(map("".join, zip(terms, [f" {sign}" for sign in signs] + [""], strict=True)))
    )
)
UNBRACKETED = st.lists(
    st.tuples(
        st.sampled_from(["", "not ", "not not "]),
        st.one_of(
            st.builds("{} {} {}".format, SUM, COMPARISONS, SUM),
            st.builds("{} {}between {} and {}".format, SUM, st.sampled_from(["", "not "]), SUM, SUM),
            st.builds("{} is {}null".format, SUM, st.sampled_from(["", "not "])),
            st.builds("{} {}in ({}, {})".format, SUM, st.sampled_from(["", "not "]), WHOLE, WHOLE),
            st.builds("{} is {}distinct from {}".format, SUM, st.sampled_from(["", "not "]), SUM),
            st.sampled_from(["b", "c", "b is true", "c is not false", "s || 'b' like 'a%b'", "s || 'b' = 'ab' || u"]),
        ),
        st.sampled_from([" and ", " or "]),
    ).map("".join),
    min_size=1,
    max_size=5,
).map(lambda parts: "".join(parts) + "true")
SMALL = st.fixed_dictionaries(
    dict.fromkeys(TYPES, st.none())
    | dict.fromkeys("ij", st.none() | st.integers(-3, 3))
    | {"f": st.none() | st.integers(-3, 3).map(float), "b": st.none() | st.booleans(), "c": st.none() | st.booleans()}
    | dict.fromkeys("su", st.none() | st.sampled_from(["", "a", "b", "ab"]))
)


@SETTINGS
@given(texts=st.lists(UNBRACKETED, min_size=3, max_size=8), rows=st.lists(SMALL, min_size=3, max_size=6))
def test_the_order_of_operators_is_that_of_sql(texts: list[str], rows: list[dict[str, object]]) -> None:
    """A text without brackets means to us what it means to DuckDB's own parser."""
    duck, _ = databases()
    answers = duck.ask(texts, rows)
    for index, text in enumerate(texts):
        assert [answer[index] for answer in answers] == list(map(to_row(parse(text)), rows)), text
