"""The prediction log: the frame's columns, the ids in it, and how answers meet their outcomes. Touches no disk."""

import re

import polars as pl

from trivium.core.problems import Problem, ProjectError

PREDICTIONS: dict[str, pl.DataType] = {
    "prediction_id": pl.String(),
    "row_id": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "version": pl.String(),
    "stage": pl.String(),
    "source": pl.String(),
    "prediction": pl.Float64(),
    "checks": pl.List(pl.String()),
    "review": pl.Boolean(),
    "latency_ms": pl.Float64(),
}
_ID = re.compile(r"(p[0-9T]*)-(\d{6,})")


def empty() -> pl.DataFrame:
    """Make a prediction log without rows."""
    return pl.DataFrame(schema=PREDICTIONS)


def prediction_id(partition: str, place: int) -> str:
    """Name the answer at `place` (from 0) of a partition: `p20130304-000017`.

    A negative place is a programming fault (ValueError).
    """
    if place < 0:
        raise ValueError(f"a place in a partition counts from 0, not {place}")
    return f"p{re.sub('[^0-9T]', '', partition)}-{place:06d}"


def partition_part(prediction_id: str) -> str:
    """Tell the part of an id that all answers of its partition share: `p20130304` of `p20130304-000017`.

    Raises:
        ProjectError (TV-STORE-011): the text is no prediction id.
    """
    match = _ID.fullmatch(prediction_id)
    if match is None:
        raise ProjectError(
            Problem(
                code="TV-STORE-011",
                what=f"{prediction_id[:40]!r} is not a prediction id",
                seen=prediction_id[:40],
                fix="write an id as the server or the prediction log gave it, such as p20130304-000017",
            )
        )
    return match[1]


def join_outcomes(predictions: pl.DataFrame, outcomes: pl.DataFrame, *, row_id: str) -> pl.DataFrame:
    """Put each answer's outcome beside it; answers whose outcome is not known are left out.

    Args:
        predictions: as `PREDICTIONS`, any order, kept; a row may have been answered more than once.
        outcomes: one row per outcome; of several with the same id the last counts.
        row_id: the column of `outcomes` that names the row; numbers meet the log's text by their decimal form.

    Returns:
        The predictions' columns, then the outcomes' without `row_id`; a name of both gets `_outcome`.
    """
    known = outcomes.with_columns(pl.col(row_id).cast(pl.String)).unique(row_id, keep="last", maintain_order=True)
    return predictions.join(
        known, left_on="row_id", right_on=row_id, how="inner", suffix="_outcome", maintain_order="left"
    )
