"""Parity: how far two bodies of one model disagree on the same rows, and whether one may stand for the other.

A difference is measured against 1, or against the original's answer where that is larger than 1: at a price of a
million the last place of a float64 itself is worth 1e-10.
"""

from collections.abc import Callable, Iterable
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


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """How far a compiled model is from its original, over `rows` of data and `probes` made to find a difference.

    `refused` probes have no finite answer of the original, nor of the compiled one.
    """

    rows: int
    probes: int
    refused: int
    largest: float
    tolerance: float

    @property
    def is_held(self) -> bool:
        """Tell whether the compiled model may answer for the original."""
        return self.largest <= self.tolerance


def hold(
    ask: "Callable[[Array], Array]",
    original: "Callable[[Array], Array]",
    *,
    rows: "Array",
    said: "Array",
    probes: "Iterable[Array]",
    tolerance: float,
) -> Parity:
    """Ask a compiled model what its original `said` of `rows`, and both about each batch of `probes`.

    Where the original raises on a batch it is asked row by row: what it refuses, the compiled model must not answer
    with a finite number either.
    """
    import numpy as np

    largest, asked, refused = scaled_disagreement(said, ask(rows)), 0, 0
    for batch in probes:
        ours = ask(batch)
        answers = _asked(original, batch, shape=ours.shape[1:])
        largest = max(largest, scaled_disagreement(answers, ours))
        asked += len(batch)
        refused += int(np.sum(~np.isfinite(answers.reshape(len(batch), -1)).all(axis=1)))
    return Parity(rows=len(rows), probes=asked, refused=refused, largest=largest, tolerance=tolerance)


def scaled_disagreement(original: "Array", other: "Array") -> float:
    """Measure the greatest difference, in units of the original's answer where that is above 1; 0 for no rows.

    Where the original has no finite answer the other must have none either.

    Raises:
        StepError (TV-ART-004): the shapes differ.
    """
    import numpy as np

    apart = _differences(original, other) / np.maximum(1.0, np.nan_to_num(np.abs(original), posinf=1.0))
    neither = ~np.isfinite(original) & ~np.isfinite(other)
    return float(np.where(neither, 0.0, apart).max(initial=0.0))


def _asked(original: "Callable[[Array], Array]", batch: "Array", *, shape: tuple[int, ...]) -> "Array":
    """Ask the original, which may refuse a whole batch for one row; NaN where it refuses. `shape` is one answer's."""
    import numpy as np

    try:
        return original(batch)
    except StepError:
        pass
    answers = np.full((len(batch), *shape), np.nan)
    for place, row in enumerate(batch):
        try:
            answers[place] = original(row[None])[0]
        except StepError:
            continue
    return answers
