"""The prediction log as frames: its columns, how records become rows, and the ids in it. Touches no disk."""

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from trivium.core.answers import Logged
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
# What the log of a server has besides: the versions that could not answer the row.
SERVED: dict[str, pl.DataType] = {**PREDICTIONS, "failed": pl.List(pl.String())}
_ID = re.compile(r"(p[0-9T]*(?:\.[0-9a-z]{8})?)-(\d{6,})")


def answers_frame(records: Sequence[Logged], at: Sequence[int]) -> pl.DataFrame:
    """Lay records out as rows of the log (`SERVED`), each at its time in microseconds since 1970."""
    columns: dict[str, list[Any]] = {
        "prediction_id": [record.id for record in records],
        "row_id": [record.row_id for record in records],
        "at": list(at),
        "version": [record.version for record in records],
        "stage": [record.stage for record in records],
        "source": [record.source for record in records],
        "prediction": [record.prediction for record in records],
        "review": [record.review for record in records],
        "latency_ms": [record.latency_ms for record in records],
    }
    made = [pl.Series(name, values, dtype=SERVED[name]) for name, values in columns.items()]
    checks = _texts("checks", [record.checks for record in records])
    failed = _texts("failed", [[version for version, _, _ in record.troubles] for record in records])
    return pl.DataFrame([*made, checks, failed]).select(list(SERVED))


def _texts(name: str, lists: Sequence[Sequence[str]]) -> pl.Series:
    """Make a column of lists of texts. Polars makes a series of each list that it is given, most of them empty here."""
    kind = pl.List(pl.String())
    none = pl.Series(name, [[]], dtype=kind)
    if not any(lists):
        return none.new_from_index(0, len(lists))
    places = [place for place, texts in enumerate(lists) for _ in texts]
    held = pl.DataFrame({"place": places, name: [text for texts in lists for text in texts]})
    found = held.group_by("place", maintain_order=True).agg(pl.col(name))
    rows = pl.DataFrame({"place": pl.int_range(len(lists), eager=True)})
    joined = rows.join(found, on="place", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(pl.col(name), pl.lit(none).first()))[name]


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


def numbered(prediction_id: str) -> tuple[str, int] | None:
    """Tell a server's answer's writer and place, as in `p20241124T193000.k3x9f2ab-000017`; None of other answers."""
    match = _ID.fullmatch(prediction_id)
    return (match[1][1:], int(match[2])) if match is not None and "." in match[1] else None


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
