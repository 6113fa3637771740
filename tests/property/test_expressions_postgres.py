"""PostgreSQL answers an expression's SQL text as the row closure does, on a server that the tests start."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databases import PostgreSQL
from postgres import server
from trivium.core.expressions.parse import parse

TYPES = {"f": "float", "g": "float", "i": "int", "s": "str", "u": "str", "b": "bool", "t": "datetime", "z": "datetime",
         "d": "date"}  # fmt: skip
FLOATS = st.sampled_from(
    [0.0, -0.0, float("nan"), float("inf"), float("-inf"), 0.5, 2.5, -1.5, 0.49999999999999994, 1e9]
)
TEXTS = st.sampled_from(["", "a", "ab", "A", "É", "a%b", "a_b", "a\nb", "'", "żółw", "𝔘", "\\", " a\t", "a\\%"])
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "f": st.none() | FLOATS,
            "g": st.none() | FLOATS | st.integers(-99, 99).map(lambda n: n / 8),
            "i": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9),
            "s": st.none() | TEXTS,
            "u": st.none() | TEXTS,
            "b": st.none() | st.booleans(),
            "t": st.none() | TIMES,
            "z": st.none() | TIMES.map(lambda at: at.replace(tzinfo=UTC)),
            "d": st.none() | st.dates(date(1900, 1, 1), date(2100, 1, 1)),
        }
    ),
    min_size=3,
    max_size=8,
)
TEXTS_OF_ALL = [
    "f + g", "f - g", "f * g", "f / g", "f % g", "i % 7", "g % 0.3", "- f", "abs(f)", "floor(g)", "ceil(g)", "sign(f)",
    "sqrt(f)", "round(g)", "round(g / 3, 2)", "round(f, 5)", "is_finite(f)", "nullif(f, g)", "least(f, g, null)",
    "greatest(i, g)", "coalesce(f, g, 1)", "f in (0, 2.5, null)", "i = g", "f < g", "f between g and 1", "f is null",
    "f is distinct from g", "s = u", "s < u", "s || u", "s || null", "length(s)", "lower(s)", "upper(s)", "trim(s)",
    "substr(s, 2)", "substr(s, 1, 1)", "starts_with(s, u)", "ends_with(s, u)", "contains(s, u)", "s like 'a%'",
    "s like '_'", "s like 'a\\%'", "s not like '%_b%'", "s in ('a', 'É')", "'Z' < 'a'", "least(s, u)", "b and f > 0",
    "not b or g < 0", "b is true", "b is not false", "b = (f > g)", "b is distinct from null", "null and b",
    "case when b then s when f > 0 then u else 'x' end", "case when b then f end", "t < z", "d = t", "coalesce(t, d, z)",
    "year(t)", "month(z)", "day(d)", "hour(t)", "minute(t)", "second(z)", "weekday(t)", "weekday(d)",
    "seconds_between(t, z)", "seconds_between(d, t) / 3600", "t > timestamp '2013-03-04 14:05:06.7'",
    "z in (date '2013-03-04')", "greatest(t, d)", "null", "coalesce(null, null)", "null = null", "nullif(null, 1)",
]  # fmt: skip


@pytest.fixture(scope="module")
def postgres():
    with server() as url:
        database = PostgreSQL(TYPES, url=url)
        yield database
        database.close()


def test_each_operator_and_function_agrees(postgres: PostgreSQL) -> None:
    """All of them on random rows with nulls, NaN, infinities, other scripts and years before 1970."""
    expressions = list(map(parse, TEXTS_OF_ALL))

    @settings(max_examples=60)
    @given(rows=ROWS)
    def hold(rows: list[dict[str, object]]) -> None:
        postgres.agree(expressions, rows)

    hold()
