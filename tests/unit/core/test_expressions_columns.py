"""What `to_columns` compiles to, beyond the meaning that `test_expressions_row.py` holds."""

from datetime import UTC, datetime

import polars as pl
import pytest

from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.parse import parse


def answers(text: str, frame: pl.DataFrame) -> pl.Series:
    return frame.select(to_columns(parse(text)).alias("x"))["x"]


def test_it_names_the_columns_it_reads() -> None:
    """`root_names` tells the columns, though selectors read them."""
    assert set(to_columns(parse("a > 1 and b like 'x'")).meta.root_names()) == {"a", "b"}


def test_a_column_that_lacks_is_an_error_of_polars() -> None:
    """A frame without the column is refused; `check_types` says so earlier and better."""
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        answers("gone > 1", pl.DataFrame({"a": [1]}))


def test_an_empty_frame_gives_no_rows() -> None:
    """No rows in, no rows out, of the right type."""
    assert answers("a > 1", pl.DataFrame({"a": []}, schema={"a": pl.Int64})).dtype == pl.Boolean
    assert answers("a + 1", pl.DataFrame({"a": []}, schema={"a": pl.Int8})).to_list() == []


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Float32, pl.Float64, pl.Decimal(10, 2)])
def test_each_number_is_a_double(dtype: pl.DataType) -> None:
    """Integers of any width, Float32 and decimals come out as Float64."""
    result = answers("a", pl.DataFrame({"a": pl.Series([1, None, 3]).cast(dtype)}))
    assert result.dtype == pl.Float64
    assert result.to_list() == [1.0, None, 3.0]


@pytest.mark.parametrize(
    "dtype", [pl.Date, pl.Datetime("ms"), pl.Datetime("ns", "UTC"), pl.Datetime("us", "Asia/Tokyo")]
)
def test_each_time_is_utc(dtype: pl.DataType) -> None:
    """Dates and datetimes of any unit or zone come out in microseconds and UTC."""
    midnight = pl.Series([datetime(2013, 3, 4, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC"))
    moments = midnight.dt.convert_time_zone("Asia/Tokyo") if dtype == pl.Datetime("us", "Asia/Tokyo") else midnight
    frame = pl.DataFrame({"a": moments if moments.dtype == dtype else moments.cast(dtype)})
    result = answers("a", frame)
    assert result.dtype == pl.Datetime("us", "UTC")
    assert answers("a = date '2013-03-04'", frame).to_list() == [True]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["JFK", "LGA"])])
def test_listed_text_is_text(dtype: pl.DataType) -> None:
    """Categorical and Enum columns compare as text, by letters."""
    frame = pl.DataFrame({"a": pl.Series(["LGA", "JFK", None], dtype=dtype)})
    assert answers("a < 'K'", frame).to_list() == [False, True, None]
    assert answers("a in ('JFK', 'XXX')", frame).to_list() == [False, True, None]


@pytest.mark.parametrize(
    "text",
    ["a", "not a", "a and true", "a + 1", "abs(a)", "lower(a)", "length(a)", "hour(a)", "a like 'x'", "a = 'x'",
     "a in (1)", "a between 1 and 2", "coalesce(a, null)", "round(a, 2)", "-a", "least(a, null) + a", "a = a"],
)  # fmt: skip
def test_a_column_of_nulls_needs_no_type(text: str) -> None:
    """A column of the type Null, as from a partition without values, goes anywhere."""
    assert answers(text, pl.DataFrame({"a": [None, None]})).to_list() == [None, None]


def test_deep_expressions_stay_small() -> None:
    """What it compiles to grows with the text, not with the power of its depth."""
    nest = "a"
    for _ in range(9):
        nest = f"least(coalesce({nest} + 1, 2) % 3, 4)"
    expression = to_columns(parse(nest))
    assert len(str(expression)) < 20_000
    assert expression.meta.root_names() == ["a"]
    assert pl.DataFrame({"a": [1.0]}).select(expression.alias("x")).height == 1


def test_many_conditions_do_not_nest() -> None:
    """Hundreds of conditions in a row are joined by halves."""
    text = " or ".join(f"a = {n}" for n in range(250))
    assert answers(text, pl.DataFrame({"a": [249, 250]})).to_list() == [True, False]


def test_a_constant_divides_as_any_number_does() -> None:
    """2.5 / 3 is 0.8333333333333334; times the reciprocal of 3 it would end in 3."""
    frame = pl.DataFrame({"a": [2.5, 2.5]}).with_columns(b=pl.lit(3.0))
    for text in ("a / 3", "a / b", "a / (1 + 2)"):
        assert answers(text, frame).to_list() == [0.8333333333333334] * 2
    assert answers("a / 3", frame.clear()).to_list() == []
    assert answers("2.5 / 3", frame).to_list() == [0.8333333333333334]
