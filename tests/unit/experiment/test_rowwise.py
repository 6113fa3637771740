"""Steps compiled to one row: what is followed, what is refused and with which words, and what a proof finds."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from trivium.experiment.rowwise.edges import edges
from trivium.experiment.rowwise.steps import Proof, compiled, prove
from trivium.experiment.rowwise.values import NotRowWiseError, is_same

AT = datetime(2024, 3, 1, 12, tzinfo=UTC)
REAL = pl.DataFrame(
    {
        "id": ["a", "b", "c"],
        "at": [AT, AT + timedelta(hours=1), AT + timedelta(days=1)],
        "age": [3, None, 70],
        "distance": [1.5, 2.5, None],
        "clinic": ["north", None, "south"],
    },
    schema_overrides={"at": pl.Datetime("us", "UTC")},
)
CLINICS = pl.DataFrame({"clinic": ["north", "south"], "beds": [10, 20], "age": [1, 2]})


def proof_of(step, rows=None, expected=None) -> Proof:
    """Hold a step's compiled form to what Polars makes of the same rows."""
    proof = Proof()
    list(
        prove(
            compiled(step, REAL), REAL.to_dicts() if rows is None else rows, step(REAL if expected is None else expected), proof
        )
    )  # fmt: skip
    return proof


@pytest.mark.parametrize(
    "step",
    [
        lambda rows: rows.select("age", "distance"),
        lambda rows: rows.select(pl.col("age", "distance").fill_null(0)),
        lambda rows: rows.select("^(age|distance)$", years=pl.col("age") + 1, north=pl.col("clinic") == "north"),
        lambda rows: rows.select(pl.all().exclude("id", "clinic", "at")),
        lambda rows: rows.with_columns([pl.lit(2).alias("two"), pl.col("age") * 2]).drop("id", "at", "clinic"),
        lambda rows: rows.lazy().rename({"age": "years"}).select("years").collect(),
        lambda rows: rows.with_row_index("_row").sort("at").sort("_row").drop("_row", "id", "at", "clinic"),
        lambda rows: rows.select(pl.col("age").cast(float), "distance").fill_null(0.0),
        lambda rows: rows.join(CLINICS, on="clinic", how="left").select("beds", "age", "age_right"),
        lambda rows: rows.join(CLINICS, left_on="clinic", right_on="clinic", how="left").select("beds"),
        lambda rows: rows.pipe(lambda frame: frame.select(pl.col("at").dt.date() > date(2024, 3, 1))),
        lambda rows: rows.select(pl.when(pl.col("age") > 18).then(1.0).otherwise(0.0).alias("is_grown")),
    ],
)
def test_what_is_followed(step) -> None:
    """Each form of select, join and renaming gives row by row what Polars gives of the whole."""
    proof = proof_of(step)
    assert (proof.rows, proof.unsure, proof.wrong) == (3, 0, "")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda rows: rows.filter(pl.col("age") > 3), "it uses .filter of the requests"),
        (lambda rows: rows.select(pl.col("age").mean()), "Agg in an expression"),
        (lambda rows: rows.select(pl.col("age") - pl.col("age").shift()), "the function Shift"),
        (lambda rows: rows.select(pl.col("age").rank().over("clinic")), "Over in an expression"),
        (lambda rows: rows.select(pl.len()), "Len in an expression"),
        (lambda rows: rows.select(pl.col("age").map_elements(abs, return_dtype=pl.Int64)), "in an expression"),
        (lambda rows: rows.select(pl.Series([1, 2, 3])), "a Series among its expressions"),
        (lambda rows: rows["age"], "it takes a column or rows out of the requests with [ ]"),
        (lambda rows: rows.select(n=len(rows)), "it counts the requests"),
        (lambda rows: rows.join(CLINICS, on="clinic"), "a join that is 'inner'"),
        (lambda rows: rows.join(rows, on="clinic", how="left"), "a join with a Requests"),
        (lambda rows: rows.join(pl.concat([CLINICS, CLINICS]), on="clinic", how="left"), "several rows for one clinic"),
        (lambda rows: rows.select("clinic", "id").fill_null("x"), "it fills nulls with something else than a number"),
        (lambda rows: CLINICS, "it returns a DataFrame that was not made of the requests alone"),
        (lambda rows: rows.select(pl.col("distance").cast(pl.Float32)), "a cast from Float64 to Float32"),
    ],
)
def test_what_is_refused(step, said) -> None:
    """What depends on other rows, or is not known, is refused, and the reason names it."""
    with pytest.raises(NotRowWiseError, match=said.replace("[", r"\[").replace("]", r"\]").replace(".", r"\.")):
        compiled(step, REAL)


def test_a_frame_out_of_order_is_refused() -> None:
    """A join as of a time needs the order of time; Polars would give what cannot be relied on."""
    seen = pl.DataFrame(
        {"at": [AT, AT - timedelta(hours=1)], "rain": [1.0, 2.0]}, schema_overrides={"at": REAL.schema["at"]}
    )
    with pytest.raises(NotRowWiseError, match="not in the order of 'at'"):
        compiled(lambda rows: rows.sort("at").join_asof(seen, on="at", check_sortedness=False).select("rain"), REAL)


def test_rows_that_python_and_polars_take_differently_are_left_to_polars() -> None:
    """A whole number out of range, a division by zero, NaN in a comparison, a value of another type: nobody guesses."""
    steps = compiled(
        lambda rows: rows.select(pl.col("age") * 2, pl.col("distance") > 1, part=pl.col("age") // (pl.col("age") - 1)),
        REAL,
    )
    row = {"id": "a", "at": AT, "age": 3, "distance": 1.5, "clinic": None}
    assert steps.features(row) == (6, True, 1)
    for changed in ({"age": 2**62}, {"age": 1}, {"distance": float("nan")}, {"age": "3"}, {"at": datetime(2024, 1, 1)}):
        assert steps.features(row | changed) is None


def test_a_proof_finds_what_differs() -> None:
    """One value of one row differs: the proof names the feature and both values."""
    proof = proof_of(lambda rows: rows.select("age"), expected=REAL.with_columns(age=pl.Series([3, None, 71])))
    assert not proof.holds
    assert proof.wrong == "'age' would be 70, not 71"
    assert proof_of(lambda rows: rows.select("age"), rows=[], expected=REAL.clear()).reason == (
        "there are no rows to prove it on"
    )


def test_the_same_to_the_bit() -> None:
    """-0.0 is not 0.0, 1 is not 1.0 nor true, and NaN is NaN."""
    assert is_same(float("nan"), float("nan"))
    assert is_same(None, None)
    assert not any(is_same(*pair) for pair in [(0.0, -0.0), (1, 1.0), (1, True), (None, 0), (0.1 + 0.2, 0.3)])


def test_edge_rows_hold_nulls_extremes_and_the_times_of_tables() -> None:
    """The same each time; nulls, whole numbers beyond doubles, and times on the microsecond of the given ones."""
    made = edges(REAL, [AT], count=200)
    assert made == edges(REAL, [AT], count=200) or any(row["distance"] != row["distance"] for row in made)
    assert any(row["clinic"] is None for row in made)
    assert any(row["age"] == 2**53 + 1 for row in made)
    assert AT in {row["at"] for row in made}
    assert AT - timedelta(microseconds=1) in {row["at"] for row in made}
    assert edges(REAL.clear(), [AT], count=5) == []
