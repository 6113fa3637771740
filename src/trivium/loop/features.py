"""Run the steps that make features: the same function in training, in replay and in answering."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trivium.core.problems import Problem, StepError, shown
from trivium.core.project import Project
from trivium.core.values import digest, span
from trivium.loop.code import Code, load
from trivium.loop.other_clock import another_clock
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

FEATURES = "features"
Frames = Mapping[str, "pl.DataFrame"]


def input_frames(ws: Workspace, rows: "pl.DataFrame", *, start: datetime, until: datetime) -> "dict[str, pl.DataFrame]":
    """Gather what steps read beside a batch: each table from its `lookback` before `start` up to `until`.

    Rows may be older than `start`, the beginning of the span in which they were answered.
    """
    frames = {}
    start = earliest(rows, ws.project.model.time, before=start)
    for name, table in ws.project.tables.items():
        since = None if table.time is None else start - span(table.lookback)
        records = ws.state.snapshot.partitions(name, since=since, until=None if table.time is None else until)
        frames[name] = ws.rows(records)
    frames[ws.project.requests] = rows
    return frames


def earliest(rows: "pl.DataFrame", time: str, *, before: datetime) -> datetime:
    """Tell from when on rows are, or `before` if that is earlier: a server may be asked about what is long past."""
    first = rows[time].min()
    return min(first, before) if isinstance(first, datetime) else before


@dataclass(frozen=True, eq=False)
class FeatureSteps:
    """The steps that make features, of one state of the code: called with the tables, they give the features.

    Shape (requests, features), in the requests' order. A step whose result is among the frames is not run again.
    """

    code: Code
    params: Mapping[str, Mapping[str, Any]]
    project: Project

    def __call__(self, frames: Frames) -> "pl.DataFrame":
        """Make the features of the requests among the frames.

        Raises:
            StepError: TV-RUN-010 a step raised; -011 to -015 what it gives is no features.
        """
        return held_to_contract(self.made(frames), rows=frames[self.project.requests], project=self.project)

    @cached_property
    def elsewhen(self) -> "FeatureSteps":
        """The same steps under another clock: what they make must not depend on when they are asked."""
        return FeatureSteps(load(self.code.sources, self.project, instead=another_clock()), self.params, self.project)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the steps read beside the requests."""
        read = self.code.graph.tables_read(FEATURES)
        return tuple(name for name in read if name != self.project.requests)

    def made(self, frames: Mapping[str, Any]) -> Any:
        """Give what the step `features` returns, held to nothing."""
        results = dict(frames)

        def result(name: str) -> Any:
            if name not in results:
                needed = {read: result(read) for read in self.code.graph.spec(name).inputs}
                results[name] = self._run(name, needed)
            return results[name]

        return result(FEATURES)

    def beside(self, frames: Frames) -> Frames:
        """Run the steps that do not read the requests, once for many of them.

        Takes the other tables, and gives what the steps that do read the requests need of them: tables and results.
        """
        results: dict[str, Any] = dict(frames)
        apart = steps_beside(self.code, self.project.requests)
        for name in apart:
            results[name] = self._run(name, results)
        reading = [name for name in feature_steps(self.code) if name not in apart]
        needed = {read for name in reading for read in self.code.graph.spec(name).inputs}
        return {name: frame for name, frame in results.items() if name in needed}

    def _run(self, name: str, results: Mapping[str, Any]) -> Any:
        return run_step(self.code, name, results, self.params.get(name, {}), where=self.project.model.code)


def feature_steps(code: Code) -> list[str]:
    """Name the steps that features are made by, in the order they run."""
    return [name for name in code.graph.order if name == FEATURES or name in code.graph.ancestors(FEATURES)]


def steps_beside(code: Code, requests: str) -> list[str]:
    """Name the steps that features are made by and that do not read the requests, directly or through other steps."""
    return [name for name in feature_steps(code) if requests not in code.graph.tables_read(name)]


def features_key(code: Code, params: Mapping[str, Mapping[str, Any]]) -> str:
    """Digest the code and params that features are made by: versions with the same key share their features."""
    return digest([(name, code.digests[name], params.get(name, {})) for name in feature_steps(code)])


def run_step(code: Code, name: str, results: Mapping[str, Any], params: Mapping[str, Any], *, where: str) -> Any:
    """Call one step on the results of those it reads.

    Raises:
        StepError (TV-RUN-010): the step raised.
    """
    spec = code.graph.spec(name)
    try:
        return spec.function(*(results[needed] for needed in spec.inputs), **params)
    except Exception as error:
        raise StepError(
            Problem(
                code="TV-RUN-010",
                what=f"step {name!r} raised {type(error).__name__}",
                where=f"{where}, {name}",
                seen=str(error)[:300],
                fix="correct the step, or hold back the rows it cannot take with a check",
            )
        ) from error


def held_to_contract(made: Any, *, rows: "pl.DataFrame", project: Project) -> "pl.DataFrame":
    """Hold the features to what the loop relies on: numbers, one row per request, no label, nothing infinite.

    Raises:
        StepError: TV-RUN-011 not a frame; -012 another number of rows; -013 a column that is no number;
            -014 NaN or infinite values (null is how a missing value is said); -015 the label among the features.
    """
    import polars as pl
    import polars.selectors as cs

    where = f"{project.model.code}, {FEATURES}"

    def wrong(code: str, what: str, seen: str, fix: str) -> StepError:
        return StepError(Problem(code=code, what=what, where=where, seen=seen, fix=fix))

    if not isinstance(made, pl.DataFrame):
        raise wrong("TV-RUN-011", "features is no polars DataFrame", type(made).__name__, "return a pl.DataFrame")
    if made.height != rows.height:
        raise wrong(
            "TV-RUN-012",
            f"features has {made.height:,} rows for {rows.height:,} requests",
            str(made.height),
            "return one row per request, in the same order; look at joins that drop or double rows",
        )
    if project.model.label in made.columns:
        raise wrong(
            "TV-RUN-015", "the label is among the features", project.model.label, "leave it out: it is known only later"
        )
    odd = [f"{name}: {kind}" for name, kind in made.schema.items() if not (kind.is_numeric() or kind == pl.Boolean)]
    if odd:
        raise wrong("TV-RUN-013", "features holds columns that are no numbers", shown(odd), "encode them as numbers")
    floats = made.select(cs.float())
    if floats.width:
        bad = floats.select((pl.all().is_nan() | pl.all().is_infinite()).any()).row(0, named=True)
        names = [name for name, is_bad in bad.items() if is_bad]
        if names:
            raise wrong(
                "TV-RUN-014",
                "features holds NaN or infinite values",
                shown(names),
                "make them null, or correct the arithmetic (a division by zero?)",
            )
    return made
