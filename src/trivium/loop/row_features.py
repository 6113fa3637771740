"""The features of a request's rows, by the same steps as training: compiled to one row where proven, else Polars."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.problems import Problem, StepError, StoreError
from trivium.loop.bodies import Body
from trivium.loop.features import FeatureSteps, Frames
from trivium.loop.lookups import Lookups
from trivium.loop.row_steps import Compiling

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]
Rows = Sequence[Mapping[str, Any]]
# Polars takes a millisecond or two whether it is asked about one row or a hundred.
FEW_ROWS = 64


class Together(list[Mapping[str, Any]]):
    """Rows that are asked about together, and what was made of them, by who made it: nobody else's rows get there."""

    __slots__ = ("made",)

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        super().__init__(rows)
        self.made: dict[str, Made] = {}

    @classmethod
    def joined(cls, parts: "Sequence[Together]") -> "Together":
        """Make one of several, with what was made of all of them."""
        whole = cls(row for part in parts for row in part)
        keys = [key for key in parts[0].made if all(key in part.made for part in parts)] if parts else []
        whole.made = {key: Made.joined([part.made[key] for part in parts]) for key in keys}
        return whole


class Made:
    """The features of some rows, as a frame and as an array; each made when first asked for."""

    def __init__(self, frame: "pl.DataFrame | None", array: Array | None = None, *, rows: Any = (), schema: Any = None):
        self._frame, self._array = frame, array
        self._rows, self._schema = rows, schema

    @classmethod
    def joined(cls, parts: "Sequence[Made]") -> "Made":
        """Make one of several, the features of other rows each."""
        if all(part._rows for part in parts):
            rows = [row for part in parts for row in part._rows]
            return cls(None, np.concatenate([part.array for part in parts]), rows=rows, schema=parts[0]._schema)
        import polars as pl

        return cls(pl.concat([part.frame for part in parts]))

    @property
    def frame(self) -> "pl.DataFrame":
        """The features as the step gives them."""
        if self._frame is None:
            import polars as pl

            columns = zip(*self._rows, strict=True)
            self._frame = pl.DataFrame(dict(zip(self._schema, map(list, columns), strict=True)), schema=self._schema)
        return self._frame

    @property
    def array(self) -> Array:
        """Doubles, shape (rows, features); null is NaN."""
        if self._array is None:
            self._array = np.ascontiguousarray(self.frame.to_numpy(), dtype=np.float64)
        return self._array


class Maker:
    """Makes the features of rows, for all versions whose steps and params are the same."""

    def __init__(self, body: Body, lookups: Lookups, *, compiles: bool = True) -> None:
        """Run the steps that need no request, and start compiling the others."""
        self._features, self._key = body.features, body.features_key
        self._lookups = lookups
        self._compiling: Compiling | None = None
        steps = body.features
        if isinstance(steps, FeatureSteps) and compiles:
            self._compiling = lookups.beside.made(
                f"compiled/{self._key}",
                lambda frames: Compiling(steps, lambda: lookups.beside.made(self._key, steps.beside), lookups),
            )
            with suppress(StepError):  # each row that is asked about is told
                lookups.beside.made(self._key, steps.beside)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The features' names where they are compiled; None where Polars makes them."""
        steps = self._compiling.steps if self._compiling else None
        return None if steps is None else steps.columns

    def made(self, rows: Rows) -> Made:
        """Make the features of rows; those that were made of the same `Together` are not made again.

        Raises:
            StepError: TV-RUN-010 to -015 as in training; TV-RUN-071 the rows do not fit the requests' table.
        """
        made = self.known(rows) or self.quick(rows)
        if made is None:
            made = self._kept(rows, Made(self.framed(rows)))
        return made

    def framed(self, rows: Rows) -> "pl.DataFrame":
        """Make the features of rows by Polars, whether their steps are compiled or not. Raises as `made` does."""
        return self._features({**self._beside(rows), self._lookups.project.requests: self._requests(rows)})

    def known(self, rows: Rows) -> Made | None:
        """Give what was made of these rows, if anything was."""
        return rows.made.get(self._key) if isinstance(rows, Together) else None

    def _kept(self, rows: Rows, made: Made) -> Made:
        if isinstance(rows, Together):
            rows.made[self._key] = made
        return made

    def quick(self, rows: Rows) -> Made | None:
        """Make the features of a few rows by compiled steps; None where Polars is to be asked."""
        steps = self._compiling.steps if self._compiling else None
        if steps is None or len(rows) > FEW_ROWS or not self._lookups.holds(rows):
            return None
        values = []
        for row in rows:
            features = steps.features(row)
            if features is None:
                return None
            values.append(features)
        array = np.array(values, dtype=np.float64)
        if not np.isfinite(array).all() and not _is_null_alone(values, array):
            return None
        return self._kept(rows, Made(None, array, rows=values, schema=steps.schema))

    def _beside(self, rows: Rows) -> Frames:
        """Give what is read beside the rows; a store that refuses rows of the past is these rows' trouble alone."""
        steps = self._features
        try:
            held = self._lookups.beside_for(rows)
            return held.made(self._key, steps.beside) if isinstance(steps, FeatureSteps) else held.frames
        except StoreError as error:
            raise StepError(*error.problems) from error

    def _requests(self, rows: Rows) -> "pl.DataFrame":
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


def _is_null_alone(values: Sequence[Sequence[Any]], array: Array) -> bool:
    """Tell whether what is not finite is null; NaN and infinity are told as TV-RUN-014, which Polars' way does."""
    places = np.argwhere(~np.isfinite(array))
    return all(values[row][column] is None for row, column in places)
