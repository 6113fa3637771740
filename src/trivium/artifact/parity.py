"""Parity: how far two bodies of one model disagree on the same rows. It measures; the caller holds the tolerance."""

from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.problems import Problem, StepError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """One row on which two predictions disagree; `row` counts from 0."""

    row: int
    first: float
    second: float
    difference: float


def _differences(a: "Array", b: "Array") -> "Array":
    import numpy as np

    if a.shape != b.shape:
        raise StepError(
            Problem(
                code="TV-ART-004",
                what="two predictions for the same rows differ in shape",
                where="parity",
                seen=f"{a.shape} and {b.shape}",
                fix="make the model answer one row for each row it is asked",
            )
        )
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64))
    return np.where(np.isnan(apart), np.inf, apart)


def disagreement(a: "Array", b: "Array") -> float:
    """Measure the greatest absolute difference between two predictions of equal shape; 0 for no rows.

    NaN is infinitely far from everything, itself included, and so is an infinity from itself: neither is an answer.

    Raises:
        StepError (TV-ART-004): the shapes differ.
    """
    return float(_differences(a, b).max(initial=0.0))


def worst_rows(a: "Array", b: "Array", *, count: int = 5) -> tuple[Apart, ...]:
    """List the rows that disagree most, the worst first, ties by row; rows in full agreement are left out.

    Both have shape (rows,).

    Raises:
        StepError (TV-ART-004): the shapes differ.
    """
    import numpy as np

    apart = _differences(a, b)
    order = np.argsort(-apart, kind="stable")[:count]
    return tuple(
        Apart(row=int(row), first=float(a[row]), second=float(b[row]), difference=float(apart[row]))
        for row in order
        if apart[row] > 0
    )
