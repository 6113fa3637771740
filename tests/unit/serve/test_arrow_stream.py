"""Arrow streams of strangers: what a library writes is read, what is broken is said to be, and nothing grows."""

import io
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.serve.arrow_stream import NotRead, columns_of

AT = datetime(2024, 5, 1, 10, 30, 0, 123456, tzinfo=UTC)
FRAME = pl.DataFrame(
    {
        "text": ["a", None, "a text that is longer than twelve", ""],
        "int": [1, -2, None, 2**62],
        "small": pl.Series([1, None, 3, 255], dtype=pl.UInt8),
        "float": [0.5, None, float("inf"), -0.0],
        "half": pl.Series([0.5, None, 1.5, 2.0], dtype=pl.Float32),
        "flag": [True, None, False, True],
        "at": pl.Series([AT, None, AT, AT], dtype=pl.Datetime("us", "UTC")),
        "day": [date(2024, 5, 1), None, date(1969, 12, 31), date(1, 1, 1)],
        "none": [None, None, None, None],
    }
)


def stream(frame, **options):
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("level", ["oldest", "newest"])
def test_what_is_written_is_read(level):
    """Each kind of column with its nulls, texts in both of their layouts."""
    compat = getattr(pl.CompatLevel, level)()
    columns, rows = columns_of(stream(FRAME, compat_level=compat), most_rows=9)
    assert (columns, rows) == (FRAME.to_dict(as_series=False), 4)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_of_any_unit_and_none_of_a_zone(unit):
    """A time without a zone is UTC, as everywhere."""
    naive = pl.DataFrame({"at": pl.Series([datetime(2024, 5, 1, 10, 30)], dtype=pl.Datetime(unit))})
    assert columns_of(stream(naive), most_rows=1)[0]["at"] == [datetime(2024, 5, 1, 10, 30, tzinfo=UTC)]


def test_a_time_beyond_the_calendar_is_no_time():
    """It stays a number, which the contract then refuses by name."""
    frame = pl.DataFrame({"at": pl.Series([2**62], dtype=pl.Int64).cast(pl.Datetime("ms"))})
    assert columns_of(stream(frame), most_rows=1)[0]["at"] == [2**62]


def test_several_batches_are_one_table_within_the_limit():
    """The limit is held before anything is made of the rows."""
    whole = stream(pl.concat([FRAME, FRAME], rechunk=False))
    assert columns_of(whole, most_rows=8)[1] == 8
    with pytest.raises(OverflowError):
        columns_of(whole, most_rows=7)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no schema"),
        (b"rows", "begin"),
        (stream(FRAME)[:-40], "cut off"),
        (stream(FRAME, compression="zstd"), "compressed"),
        (stream(FRAME.select(pl.col("text").cast(pl.Categorical))), "dictionary"),
        (stream(FRAME.select(pl.struct("int"))), "kind"),
        (stream(FRAME.select(pl.concat_list("int"))), "kind"),
        (stream(FRAME) + stream(FRAME), ""),
    ],
)
def test_what_is_not_read_is_said(body, says):
    """In words that tell what to write instead; what stands behind the end of a stream is not looked at."""
    if not says:
        assert columns_of(body, most_rows=9)[1] == 4
        return
    with pytest.raises(NotRead, match=says):
        columns_of(body, most_rows=9)


@given(st.data())
def test_a_stream_with_changed_bytes_is_read_or_refused(data):
    """Whatever is changed: rows within the limit, or one of the two refusals; never anything else."""
    body = bytearray(stream(FRAME))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(["set", "cut", "put"])):
            case "set":
                body[place] = data.draw(st.integers(0, 255))
            case "cut":
                del body[place : place + data.draw(st.integers(1, 8))]
            case "put":
                body[place:place] = data.draw(st.binary(min_size=1, max_size=8))
        if not body:
            return
    try:
        columns, rows = columns_of(bytes(body), most_rows=9)
    except (NotRead, OverflowError):
        return
    assert rows <= 9 and all(len(values) == rows for values in columns.values())
