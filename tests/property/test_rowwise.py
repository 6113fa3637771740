"""Steps compiled to one row give what Polars gives, bit by bit, or say that they are not sure."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trivium.experiment.rowwise.steps import Proof, compiled, prove
from trivium.experiment.rowwise.values import NotRowWiseError

T = pl.Datetime("us", "UTC")
SCHEMA = {"i": pl.Int64, "j": pl.Int64, "x": pl.Float64, "y": pl.Float64, "s": pl.String, "b": pl.Boolean, "t": T}
REAL = pl.DataFrame(
    [(1, 2, 0.5, 1.5, "a", True, datetime(2024, 1, 1, tzinfo=UTC))], schema=SCHEMA, orient="row"
)  # fmt: skip
WHOLES = st.one_of(st.integers(-20, 20), st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1]))
FLOATS = st.one_of(st.floats(-50, 50), st.floats(), st.sampled_from([0.0, -0.0]))
TEXTS = st.one_of(st.sampled_from(["a", "AA", "jfk", "", " 1", "+7", "é", "zz9", "1_0"]), st.text(max_size=4))
TIMES = st.datetimes(datetime(1969, 12, 30), datetime(2038, 1, 2), timezones=st.just(UTC))


def rows() -> st.SearchStrategy[dict[str, object]]:
    kinds = {"i": WHOLES, "j": WHOLES, "x": FLOATS, "y": FLOATS, "s": TEXTS, "b": st.booleans(), "t": TIMES}
    return st.fixed_dictionaries({name: st.none() | kind for name, kind in kinds.items()})


WHOLE = st.sampled_from([pl.col("i"), pl.col("j"), pl.lit(3), pl.lit(-2), pl.col("b").cast(pl.Int64)])
FLOAT = st.sampled_from([pl.col("x"), pl.col("y"), pl.lit(0.5), pl.lit(-7.25)])
TEXT = st.sampled_from([pl.col("s"), pl.lit("jfk")])
TIME = st.sampled_from([pl.col("t"), pl.lit(datetime(2024, 5, 1, 7, tzinfo=UTC)), pl.col("t") - timedelta(hours=5)])
TRUTH = st.sampled_from([pl.col("b"), pl.lit(True), pl.col("i").is_null(), pl.col("s").is_in(["a", "zz9"])])


def numbers(whole, real, truth):
    """Grow numbers from numbers and truths."""
    number = whole | real
    return st.one_of(
        st.tuples(st.sampled_from(["__add__", "__sub__", "__mul__"]), number, number).map(_called),
        st.tuples(st.sampled_from(["__floordiv__", "__mod__", "__truediv__"]), whole, whole).map(_called),
        st.tuples(st.just("__truediv__"), real, number).map(_called),
        st.tuples(number, number).map(lambda pair: pair[0].fill_null(pair[1])),
        st.tuples(truth, number, number).map(lambda three: pl.when(three[0]).then(three[1]).otherwise(three[2])),
        number.map(lambda one: one.cast(pl.Float64)),
        number.map(lambda one: one.clip(-3, 9)),
        number.map(lambda one: one.abs()),
        real.map(lambda one: one.sqrt()),
        real.map(lambda one: one.floor()),
        real.map(lambda one: one.ceil()),
        real.map(lambda one: one.sin()),
        real.map(lambda one: one.exp()),
        real.map(lambda one: one.log()),
        real.map(lambda one: one.log1p()),
        number.map(lambda one: -one),
        real.map(lambda one: one.cast(pl.Int64, strict=False)),
    )


def truths(number, truth):
    """Grow truths from numbers, texts, times and truths."""
    compared = st.sampled_from(["__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"])
    return st.one_of(
        st.tuples(compared, number, number).map(_called),
        st.tuples(compared, TEXT, TEXT).map(_called),
        st.tuples(compared, TIME, TIME).map(_called),
        st.tuples(st.sampled_from(["__and__", "__or__"]), truth, truth).map(_called),
        truth.map(lambda one: ~one),
        number.map(lambda one: one.is_not_null()),
        st.tuples(number, number).map(lambda pair: pair[0].is_between(-2, pair[1])),
        TEXT.map(lambda one: one.str.starts_with("z")),
        TEXT.map(lambda one: one.str.contains("f", literal=True)),
    )


def _called(three):
    name, left, right = three
    return getattr(left, name)(right)


OF_TEXT = TEXT.flatmap(
    lambda one: st.sampled_from([one.str.to_integer(base=36, strict=False), one.str.len_chars(), one.str.len_bytes()])
)
OF_TIME = TIME.flatmap(
    lambda one: st.sampled_from(
        [
            *(one.dt.year(), one.dt.month(), one.dt.hour(), one.dt.weekday(), one.dt.ordinal_day(), one.dt.week()),
            *(one.dt.minute(), one.dt.quarter(), one.dt.second(), one.dt.day()),
            (one - datetime(2024, 1, 1, tzinfo=UTC)).dt.total_minutes(),
        ]
    )
)
WHOLE_AND_MORE = WHOLE | OF_TEXT | OF_TIME
TRUTH_1 = TRUTH | truths(WHOLE_AND_MORE | FLOAT, TRUTH)
NUMBER_1 = WHOLE_AND_MORE | FLOAT | numbers(WHOLE_AND_MORE, FLOAT, TRUTH_1)
EXPRESSION = st.one_of(NUMBER_1, numbers(WHOLE_AND_MORE, NUMBER_1, TRUTH_1), truths(NUMBER_1, TRUTH_1))


@given(EXPRESSION, st.lists(rows(), min_size=1, max_size=8))
@settings(deadline=None, max_examples=300)
def test_an_expression_is_the_same_on_one_row(expression: pl.Expr, asked) -> None:
    """Numbers, texts, times, nulls, extremes: what the closure says is what Polars says; what Polars refuses it refuses."""
    try:
        steps = compiled(lambda frame: frame.select(found=expression), REAL)
    except (NotRowWiseError, pl.exceptions.PolarsError):
        assume(False)
    for row in asked:
        frame = pl.DataFrame({name: [value] for name, value in row.items()}, schema=SCHEMA)
        try:
            expected = frame.select(found=expression)
        except pl.exceptions.PolarsError:
            assert steps.features(row) is None
            continue
        proof = Proof()
        list(prove(steps, [row], expected, proof))
        assert not proof.wrong, f"{expression} of {row}"


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.none() | st.integers(0, 9)), max_size=30),
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-5, 45)), min_size=1, max_size=8),
    st.none() | st.integers(0, 10),
    st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_a_join_as_of_a_time_is_the_same_on_one_row(table, asked, hours, exactly) -> None:
    """Ties, times before all and after all, unknown keys, a tolerance: the same row is found, or none."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    seen = pl.DataFrame(
        [(key, start + timedelta(hours=hour), value) for key, hour, value in table],
        schema={"s": pl.String, "at": T, "v": pl.Int64}, orient="row",
    ).sort("at", maintain_order=True)  # fmt: skip
    frame = pl.DataFrame(
        [(key, start + timedelta(hours=hour)) for key, hour in asked], schema={"s": pl.String, "t": T}, orient="row"
    ).sort("t")
    tolerance = None if hours is None else f"{hours}h"

    def step(requests):
        return requests.join_asof(
            seen, left_on="t", right_on="at", by="s", tolerance=tolerance,
            allow_exact_matches=exactly, check_sortedness=False,
        ).select("v")  # fmt: skip

    proof = Proof()
    list(prove(compiled(step, frame), frame.to_dicts(), step(frame), proof))
    assert proof.rows == frame.height
    assert not proof.wrong
    assert not proof.unsure
