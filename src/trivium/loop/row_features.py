"""The features of a request's rows, by the same `features` step as training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.problems import Problem, StepError, StoreError
from trivium.loop.bodies import Body
from trivium.loop.lookups import Lookups

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]
Rows = Sequence[Mapping[str, Any]]


class Made:
    """The features of some rows, as a frame and as an array; each made when first asked for."""

    def __init__(self, frame: "pl.DataFrame") -> None:
        self.frame = frame
        self._array: Array | None = None

    @property
    def array(self) -> Array:
        """Doubles, shape (rows, features); null is NaN."""
        if self._array is None:
            self._array = np.ascontiguousarray(self.frame.to_numpy(), dtype=np.float64)
        return self._array


class Maker:
    """Makes the features of rows, for all versions whose steps and params are the same."""

    def __init__(self, body: Body, lookups: Lookups) -> None:
        self._features = body.features
        self._lookups = lookups
        self._last: tuple[Rows, Made] | None = None

    def made(self, rows: Rows) -> Made:
        """Make the features of rows; those just made for the same list are not made again.

        Raises:
            StepError: TV-RUN-010 to -015 as in training; TV-RUN-071 the rows do not fit the requests' table.
        """
        last = self.known(rows)
        if last is None:
            frames = {**self._beside(rows), self._lookups.project.requests: self._framed(rows)}
            last = Made(self._features(frames))
            self._last = (rows, last)
        return last

    def known(self, rows: Rows) -> Made | None:
        """Give the features of exactly this list, if they were the last made."""
        last = self._last
        return last[1] if last is not None and last[0] is rows else None

    def _beside(self, rows: Rows) -> "Mapping[str, pl.DataFrame]":
        """Give the other tables; a store that refuses rows of the past is these rows' trouble, and nobody else's."""
        try:
            return self._lookups.frames_for(rows)
        except StoreError as error:
            raise StepError(*error.problems) from error

    def _framed(self, rows: Rows) -> "pl.DataFrame":
        import polars as pl

        schema = self._lookups.schema
        try:
            return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema)
        except (TypeError, pl.exceptions.PolarsError) as error:
            raise StepError(
                Problem(
                    code="TV-RUN-071",
                    what="the rows do not fit the table of requests",
                    where=self._lookups.project.requests,
                    seen=str(error)[:200],
                    fix="give each column a value of its type, or null",
                )
            ) from None
