"""A batch of requests while it is being answered: what each row has got so far, and the log that comes of it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.contract import Check
from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.parse import parse
from trivium.core.project import Project
from trivium.loop.freshness import as_of, freshness_of, newest_rows
from trivium.loop.line import DEFAULT, before_next, last_of

if TYPE_CHECKING:
    import polars as pl


class Batch:
    """The batch being answered: what each row has got so far.

    `waiting` marks the rows without an answer, `place` is that of who answered in the line, -1 for nobody.
    """

    def __init__(self, rows: "pl.DataFrame", *, project: Project, name: str, at: datetime) -> None:
        self.rows = rows
        self.at = at
        self._project = project
        from trivium.store.predictions import prediction_id

        self.ids = rows[project.model.row_id].cast(str).to_list()
        count = rows.height
        self.prediction_ids = [prediction_id(name, place) for place in range(count)]
        self.prediction = np.full(count, np.nan)
        self.waiting = np.ones(count, dtype=bool)
        self.place = np.full(count, -1)
        self.refused = np.zeros(count, dtype=bool)
        self.default_value = project.model.default
        self.version: list[str | None] = [None] * count
        self.stage = ["live"] * count
        self.entities = _entities(rows, project, self.ids)
        self.source = ["default"] * count
        self.checks: list[list[str]] = [[] for _ in range(count)]
        self.review = np.zeros(count, dtype=bool)
        self.barred = np.zeros(count, dtype=bool)

    @property
    def broken(self) -> dict[str, int]:
        """How many rows broke each check, by themselves or by an answer that they got."""
        return dict(Counter(name for names in self.checks for name in names))

    def _breaks(self, check: Check, rows: "pl.DataFrame") -> "np.ndarray[Any, Any]":
        ok = rows.select(to_columns(parse(check.must, where=f"check {check.name!r}")).alias("ok"))["ok"]
        broken = (~ok.fill_null(True)).to_numpy()
        if broken.size == 1 and len(self.ids) != 1:  # a rule that reads no column says the same of every row
            broken = np.repeat(broken, len(self.ids))
        return broken

    def _note(self, check: str, broken: "np.ndarray[Any, Any]") -> None:
        for place in np.flatnonzero(broken):
            if check not in self.checks[place]:
                self.checks[place].append(check)

    def refuse(self, checks: Sequence[Check]) -> None:
        """Hold requests to their checks: a refused one gets no answer at all."""
        for check in checks:
            broken = self._breaks(check, self.rows)
            self._note(check.name, broken)
            if check.else_ == "refuse":
                self.waiting &= ~broken
                self._refuse(broken)

    def age(self, frames: "Mapping[str, pl.DataFrame]") -> None:
        """Note the tables that are too old for a row; no version answers a row that one of them bars."""
        limits = freshness_of(self._project, newest_rows(self._project, frames))
        if not limits:
            return
        times = as_of(self.rows[self._project.model.time].to_list(), self.at)
        for limit in limits:
            stale = np.array([limit.is_stale(time) for time in times], dtype=bool) & self.waiting
            self._note(limit.check, stale)
            if limit.falls_back:
                self.barred |= stale

    def _refuse(self, where: "np.ndarray[Any, Any]") -> None:
        self.refused |= where
        self.prediction[where] = np.nan
        self._mark(where, None, "refused")

    def enter(self, where: "np.ndarray[Any, Any]", stage: str) -> None:
        """Put rows into an arm; they stay in it whoever answers them, so that its failures count against it."""
        for place in np.flatnonzero(where):
            self.stage[place] = stage

    def _mark(self, where: "np.ndarray[Any, Any]", version: str | None, source: str) -> None:
        for place in np.flatnonzero(where):
            self.version[place], self.source[place] = version, source

    def take(
        self,
        said: "np.ndarray[Any, Any] | None",
        *,
        version: str | None,
        source: str,
        place: int,
        where: "np.ndarray[Any, Any] | None" = None,
    ) -> None:
        """Give each waiting row (of `where`) its answer by one at a place in the line that it has not passed yet."""
        if said is None or not self.waiting.any():
            return
        takes = self.waiting & np.isfinite(said) & (self.place < place)
        if version is not None:
            takes &= ~self.barred
        if where is not None:
            takes &= where
        self.prediction[takes] = said[takes]
        self._mark(takes, version, source)
        self.place[takes] = place
        self.waiting &= ~takes

    def default(self, value: float | None) -> None:
        """Give the rows that still wait the declared default, or no answer."""
        if value is not None:
            self.prediction[self.waiting] = value
        self._mark(self.waiting, None, "default")
        self.place[self.waiting] = DEFAULT
        self.waiting[:] = False

    def check(self, checks: Sequence[Check], go_down: Callable[[], None]) -> None:
        """Hold answers to their checks; one that falls gives way to the next in line, which is held to all of them.

        `go_down` gives the waiting rows their answers by who stands behind those that answered.
        """
        held = np.ones(len(self.ids), dtype=bool)
        while held.any():
            fallen = self._fallen(checks, held)
            self.waiting |= fallen
            self.prediction[fallen] = np.nan
            if fallen.any():
                go_down()
            held = fallen

    def _fallen(self, checks: Sequence[Check], held: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        """Hold some rows' answers to the checks, in the order of the project file; give the rows whose answer falls."""
        import polars as pl

        fallen = np.zeros(len(self.ids), dtype=bool)
        for check in checks:
            rows = self.rows.with_columns(pl.Series("prediction", self.prediction, nan_to_null=True))
            broken = self._breaks(check, rows) & held & ~fallen
            self._note(check.name, broken)
            broken &= ~self.refused
            if not broken.any():
                continue
            if check.else_ == "review":
                self.review |= broken
            elif check.else_ == "refuse":
                self._refuse(broken)
            elif check.else_ == "override":
                fallen |= self._lets_fall(self._override(broken, check, rows), check)
            elif check.else_ == "fallback":
                fallen |= self._lets_fall(broken, check)
        return fallen

    def _lets_fall(self, broken: "np.ndarray[Any, Any]", check: Check) -> "np.ndarray[Any, Any]":
        """Give the rows behind whose answer somebody stands, and let those pass who need not be asked."""
        is_over_rows = "prediction" not in parse(check.must).columns
        fallen: np.ndarray[Any, Any] = broken & (self.place < last_of(is_over_rows))
        self.place[fallen] = np.maximum(self.place[fallen], before_next(is_over_rows))
        return fallen

    def _override(self, broken: "np.ndarray[Any, Any]", check: Check, rows: "pl.DataFrame") -> "np.ndarray[Any, Any]":
        """Answer a check's value; give the rows of which that is no answer."""
        import polars as pl

        value = rows.select(to_columns(parse(check.value or "")).cast(pl.Float64).alias("v"))["v"].to_numpy()
        values = np.broadcast_to(value, broken.shape) if value.size == 1 else value
        low, high = (0.0, 1.0) if self._project.model.task == "binary" else (-np.inf, np.inf)
        takes: np.ndarray[Any, Any] = broken & np.isfinite(values) & (values >= low) & (values <= high)
        self.prediction[takes] = values[takes]
        for place in np.flatnonzero(takes):
            self.source[place] = "override"
        failed: np.ndarray[Any, Any] = broken & ~takes
        return failed

    def log(self) -> "pl.DataFrame":
        """Lay out what was served, one row per request."""
        checks = self.checks if any(self.checks) else None
        return self._frame(
            self.prediction, self.version, stage=self.stage, source=self.source, checks=checks, review=self.review
        )

    def unserved(self, said: "np.ndarray[Any, Any] | None", *, version: str | None, stage: str) -> "pl.DataFrame":
        """Lay out what a version would have said, one row per request."""
        count = len(self.ids)
        values = np.full(count, np.nan) if said is None else said
        return self._frame(
            values, version, stage=stage, source="unserved", checks=None, review=np.zeros(count, dtype=bool)
        )

    def _frame(
        self, prediction: Any, version: Any, *, stage: Any, source: Any, checks: Any, review: Any
    ) -> "pl.DataFrame":
        """Lay rows out as a log. `version`, `stage`, `source` and `checks` are lists, or one value for every row."""
        import polars as pl

        from trivium.store.predictions import PREDICTIONS

        def column(name: str, value: Any) -> pl.Series | pl.Expr:
            if isinstance(value, list):
                return pl.Series(name, value, dtype=PREDICTIONS[name])
            return pl.lit(value, dtype=PREDICTIONS[name]).alias(name)

        named = {"at": self.at, "version": version, "stage": stage, "source": source}
        return pl.DataFrame({"prediction_id": self.prediction_ids, "row_id": self.ids}).with_columns(
            *(column(name, value) for name, value in named.items()),
            pl.Series("prediction", prediction, dtype=pl.Float64, nan_to_null=True),
            column("checks", checks) if checks else pl.lit([], dtype=PREDICTIONS["checks"]).alias("checks"),
            pl.Series("review", review, dtype=pl.Boolean),
        )


def _entities(rows: "pl.DataFrame", project: Project, ids: list[str]) -> list[str]:
    """Tell whom each request is about, by the column that canaries are sticky by; a null is the row by itself."""
    if project.entity == project.model.row_id or project.entity not in rows.columns:
        return ids
    named = rows[project.entity].cast(str).to_list()
    return [row_id if name is None else name for name, row_id in zip(named, ids, strict=True)]
