"""Run the steps that make features: the same function in training, in replay and in answering."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trivium.core.problems import Problem, StepError, shown
from trivium.core.project import Project
from trivium.core.values import digest, span
from trivium.loop.code import Code
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

FEATURES = "features"
Frames = Mapping[str, "pl.DataFrame"]


def input_frames(ws: Workspace, rows: "pl.DataFrame", *, start: datetime, until: datetime) -> "dict[str, pl.DataFrame]":
    """Gather what steps read beside a batch: each table from its `lookback` before `start` up to `until`."""
    frames = {}
    for name, table in ws.project.tables.items():
        since = None if table.time is None else start - span(table.lookback)
        records = ws.state.snapshot.partitions(name, since=since, until=None if table.time is None else until)
        frames[name] = ws.rows(records)
    frames[ws.project.requests] = rows
    return frames


def features_for(
    code: Code, params: Mapping[str, Mapping[str, Any]], project: Project
) -> "Callable[[Frames], pl.DataFrame]":
    """Make the function from tables to features, shape (requests, features), in the requests' order."""
    order = feature_steps(code)

    def features(frames: Frames) -> "pl.DataFrame":
        results: dict[str, Any] = dict(frames)
        for name in order:
            results[name] = run_step(code, name, results, params.get(name, {}), where=project.model.code)
        return held_to_contract(results[FEATURES], rows=frames[project.requests], project=project)

    return features


def feature_steps(code: Code) -> list[str]:
    """Name the steps that features are made by, in the order they run."""
    return [name for name in code.graph.order if name == FEATURES or name in code.graph.ancestors(FEATURES)]


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
