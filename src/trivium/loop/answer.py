"""Answer: the one function that predicts, for a rehearsal, a replay and a server alike.

Checks on the request, features, the routed version, checks on the prediction; and behind each version the last good
one, then the heuristic, then the declared default.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.events import Event
from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.parse import parse
from trivium.core.problems import Problem, StepError
from trivium.core.project import Check, Project
from trivium.core.values import iso, moment
from trivium.loop.code import Code, load
from trivium.loop.features import Frames, features_for, features_key, input_frames
from trivium.loop.workspace import Workspace
from trivium.release.canary import in_canary
from trivium.release.route import Route

if TYPE_CHECKING:
    import polars as pl

Predict = Callable[["pl.DataFrame"], "np.ndarray[Any, Any]"]
HEURISTIC = "heuristic"
WORTH_MANY_THREADS = 20_000


@dataclass(frozen=True)
class Body:
    """A version ready to answer. `predict` takes the features' frame, shape (rows, features), gives shape (rows,)."""

    ref: str
    predict: Predict
    features: Callable[[Frames], "pl.DataFrame"]
    features_key: str


@dataclass
class Trouble:
    """What went wrong with one version while a batch was answered."""

    ref: str
    kind: str
    rows: int
    what: str


@dataclass
class Answers:
    """The log of a batch (`store.predictions.PREDICTIONS`): what was served, and what others would have said."""

    log: "pl.DataFrame"
    troubles: list[Trouble] = field(default_factory=list)
    checks: dict[str, int] = field(default_factory=dict)


class SkipVersion(Exception):
    """A version could not answer this batch; the text says why."""


def answer(
    rows: "pl.DataFrame", frames: Frames, *, project: Project, route: Route, bodies: Mapping[str, Body],
    heuristic: Predict | None, base: Body | None, at: datetime, name: str, timer: Callable[[], float] = time.perf_counter,
) -> Answers:
    """Answer a batch of requests by the route.

    Args:
        rows: requests that passed their table's contract; one row id each.
        frames: what the features step reads, the batch's rows under the requests' table.
        route: who answers whom; versions in shadow and fallback answer every row too, unserved.
        bodies: every version that the route names.
        heuristic: takes features, gives predictions, shape (rows,).
        base: whose features feed the heuristic when no version has any.
        name: the batch's name, from which prediction ids are made.
        timer: seconds; a version slower than release.max_latency_ms a batch falls back.

    Returns:
        One served row per request in the order of `rows`, stage `live` or `canary`; then unserved rows, by stage.
    """
    served = _Served(rows, project=project, name=name, at=at)
    served.refuse(_checks(project, "request", at))
    said: dict[str, np.ndarray[Any, Any]] = {}
    features: dict[str, pl.DataFrame] = {}
    troubles: list[Trouble] = []

    def ask(ref: str) -> np.ndarray[Any, Any] | None:
        if ref not in said:
            try:
                said[ref] = _ask(bodies[ref], frames, features, project=project, rows=rows.height, timer=timer)
            except SkipVersion as error:
                said[ref] = np.full(rows.height, np.nan)
                troubles.append(Trouble(ref, str(error).split(":", maxsplit=1)[0], rows.height, str(error)))
            else:
                bad = int((~np.isfinite(said[ref])).sum())
                if bad:
                    troubles.append(Trouble(ref, "not_finite", bad, f"not_finite: {bad} answers are no finite number"))
        return said[ref]

    rule = _heuristic_answers(heuristic, base, frames, features, rows.height, troubles)
    if route.canary:
        chosen = in_canary(served.ids, share=route.canary_share, salt=route.canary)
        served.take(ask(route.canary), version=route.canary, stage="canary", source="model", where=chosen)
    if route.live:
        served.take(ask(route.live), version=route.live, stage="live", source="model")
    for ref in route.fallback:
        if served.waiting.any():
            served.take(ask(ref), version=ref, stage="live", source="fallback")
    served.take(rule, version=None, stage="live", source=HEURISTIC)
    served.default(project.model.default)
    served.check(_checks(project, "prediction", at), rule)
    log = served.log()
    others = {**dict.fromkeys(route.shadow, "shadow"), **dict.fromkeys(route.fallback[:1], "fallback")}
    others |= {ref: "compared" for ref in (route.live, route.canary) if ref and route.canary}
    unserved = [served.unserved(ask(ref), version=ref, stage=stage) for ref, stage in others.items()]
    if rule is not None:
        unserved.append(served.unserved(rule, version=None, stage=HEURISTIC))
    import polars as pl

    return Answers(pl.concat([log, *unserved]), troubles, served.broken)


def _ask(
    body: Body, frames: Frames, features: dict[str, "pl.DataFrame"], *, project: Project, rows: int,
    timer: Callable[[], float],
) -> "np.ndarray[Any, Any]":
    started = timer()
    try:
        if body.features_key not in features:
            features[body.features_key] = body.features(frames)
        said = body.predict(features[body.features_key])
    except StepError as error:
        raise SkipVersion(f"raised: {error.problems[0].what}; {error.problems[0].seen}") from error
    took_ms = (timer() - started) * 1000
    if took_ms > max(project.release.max_latency_ms, project.release.max_latency_ms * rows / 1000):
        raise SkipVersion(f"late: {took_ms:.0f} ms for {rows} rows")
    return said


def _heuristic_answers(
    heuristic: Predict | None, base: Body | None, frames: Frames, features: dict[str, "pl.DataFrame"], rows: int,
    troubles: list[Trouble],
) -> "np.ndarray[Any, Any] | None":
    if heuristic is None or base is None:
        return None
    try:
        if base.features_key not in features:
            features[base.features_key] = base.features(frames)
        return heuristic(features[base.features_key])
    except StepError as error:
        troubles.append(Trouble(HEURISTIC, "raised", rows, error.problems[0].what))
        return None


def _checks(project: Project, on: str, at: datetime) -> list[Check]:
    return [check for check in project.checks if check.on == on and (check.expires is None or at.date() < check.expires)]


class _Served:
    """The batch being answered: what each row has got so far. `waiting` marks the rows without an answer."""

    def __init__(self, rows: "pl.DataFrame", *, project: Project, name: str, at: datetime) -> None:
        self.rows = rows
        self.at = at
        from trivium.store.predictions import prediction_id

        self.ids = rows[project.model.row_id].cast(str).to_list()
        count = rows.height
        self.prediction_ids = [prediction_id(name, place) for place in range(count)]
        self.prediction = np.full(count, np.nan)
        self.waiting = np.ones(count, dtype=bool)
        self.version: list[str | None] = [None] * count
        self.stage = ["live"] * count
        self.source = ["default"] * count
        self.checks: list[list[str]] = [[] for _ in range(count)]
        self.review = np.zeros(count, dtype=bool)
        self.broken: dict[str, int] = {}

    def _breaks(self, check: Check, rows: "pl.DataFrame") -> "np.ndarray[Any, Any]":
        ok = rows.select(to_columns(parse(check.must, where=f"check {check.name!r}")).alias("ok"))["ok"]
        broken = (~ok.fill_null(True)).to_numpy()
        if broken.any():
            self.broken[check.name] = int(broken.sum())
            for place in np.flatnonzero(broken):
                self.checks[place].append(check.name)
        return broken

    def refuse(self, checks: Sequence[Check]) -> None:
        """Hold requests to their checks: a refused one gets no answer at all."""
        for check in checks:
            broken = self._breaks(check, self.rows)
            if check.else_ == "refuse":
                self.waiting &= ~broken
                self._mark(broken, None, "live", "refused")

    def _mark(self, where: "np.ndarray[Any, Any]", version: str | None, stage: str, source: str) -> None:
        for place in np.flatnonzero(where):
            self.version[place], self.stage[place], self.source[place] = version, stage, source

    def take(
        self, said: "np.ndarray[Any, Any] | None", *, version: str | None, stage: str, source: str,
        where: "np.ndarray[Any, Any] | None" = None,
    ) -> None:
        """Give each waiting row (of `where`) its answer, if it is a finite number."""
        if said is None or not self.waiting.any():
            return
        takes = self.waiting & np.isfinite(said)
        if where is not None:
            takes &= where
        self.prediction[takes] = said[takes]
        self._mark(takes, version, stage, source)
        self.waiting &= ~takes

    def default(self, value: float | None) -> None:
        """Give the rows that still wait the declared default, or no answer."""
        if value is not None:
            self.prediction[self.waiting] = value
        self._mark(self.waiting, None, "live", "default")
        self.waiting[:] = False

    def check(self, checks: Sequence[Check], rule: "np.ndarray[Any, Any] | None") -> None:
        """Hold predictions to their checks, in the order of the project file."""
        import polars as pl

        for check in checks:
            rows = self.rows.with_columns(pl.Series("prediction", self.prediction, nan_to_null=True))
            broken = self._breaks(check, rows)
            if not broken.any():
                continue
            if check.else_ == "review":
                self.review |= broken
            elif check.else_ == "refuse":
                self.prediction[broken] = np.nan
                self._mark(broken, None, "live", "refused")
            elif check.else_ == "override":
                value = rows.select(to_columns(parse(check.value or "")).cast(pl.Float64).alias("v"))["v"]
                self.prediction[broken] = value.to_numpy()[broken] if value.len() > 1 else value[0]
                for place in np.flatnonzero(broken):
                    self.source[place] = "override"
            elif check.else_ == "fallback" and rule is not None:
                self.prediction[broken] = rule[broken]
                self._mark(broken, None, "live", HEURISTIC)

    def log(self) -> "pl.DataFrame":
        """Lay out what was served, one row per request."""
        checks = self.checks if self.broken else None
        return self._frame(self.prediction, self.version, self.stage, self.source, checks, self.review)

    def unserved(self, said: "np.ndarray[Any, Any] | None", *, version: str | None, stage: str) -> "pl.DataFrame":
        """Lay out what a version would have said, one row per request."""
        count = len(self.ids)
        values = np.full(count, np.nan) if said is None else said
        return self._frame(values, version, stage, "unserved", None, np.zeros(count, dtype=bool))

    def _frame(self, prediction: Any, version: Any, stage: Any, source: Any, checks: Any, review: Any) -> "pl.DataFrame":
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


def body_of(ws: Workspace, ref: str) -> Body:
    """Load a version: its artifact, and the features step of the code it was trained with. Kept warm in memory."""
    key = f"body/{ref}"
    if key not in ws.cache:
        version = ws.state.versions.get(ref)
        code = _code_of(ws, version.code)
        from trivium.artifact.formats import load as load_artifact

        fitted = load_artifact(ws.blobs.get(version.artifact), allow_pickle=ws.project.model.allow_pickle)
        params = version.config["params"]
        ws.cache[key] = Body(
            ref, predictor(fitted, ws.project), features_for(code, params, ws.project),
            features_key(code, params),
        )
    body = ws.cache[key]
    assert isinstance(body, Body)
    return body


def _code_of(ws: Workspace, code: Mapping[str, Any]) -> Code:
    if code["digest"] == ws.code.digest:
        return ws.code
    import msgspec

    key = f"code/{code['digest']}"
    if key not in ws.cache:
        ws.cache[key] = load(msgspec.json.decode(ws.blobs.get(code["sources"])), ws.project)
    loaded = ws.cache[key]
    assert isinstance(loaded, Code)
    return loaded


def predictor(fitted: Any, project: Project) -> Predict:
    """Wrap a fitted object: the probability of the true class when binary, else what `predict` gives; shape (rows,).

    Raises:
        StepError (TV-RUN-017), when called: the object raised, or gave another number of values than there are rows.
    """

    def predict(features: "pl.DataFrame") -> "np.ndarray[Any, Any]":
        try:
            with few_threads(features.height):
                if hasattr(fitted, "predict_proba"):
                    said = fitted.predict_proba(features.to_numpy())[:, list(fitted.classes_).index(True)]
                elif hasattr(fitted, "get_params"):
                    said = fitted.predict(features.to_numpy())
                else:
                    said = fitted.predict(features)
            said = np.asarray(said, dtype=np.float64)
            if said.shape != (features.height,):
                raise ValueError(f"predictions have shape {said.shape}, for {features.height} rows")
        except Exception as error:
            raise StepError(
                Problem(code="TV-RUN-017", what=f"the model raised {type(error).__name__} when it was asked",
                        where=project.model.code, seen=str(error)[:200],
                        fix="correct what the step `model` returns: it must predict one number per row")
            ) from error
        return said

    return predict


def few_threads(rows: int) -> AbstractContextManager[Any]:
    """Hold OpenMP to one thread for a small batch: waking the others costs more than the work they would share."""
    if rows >= WORTH_MANY_THREADS:
        return nullcontext()
    limited: AbstractContextManager[Any] = _threadpools().limit(limits=1, user_api="openmp")
    return limited


@cache
def _threadpools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def heuristic_of(ws: Workspace) -> tuple[Predict | None, Body | None]:
    """The project's heuristic, and the features step of the present code that feeds it."""
    code = ws.code
    if code.heuristic is None:
        return None, None
    function = code.heuristic.function

    def predict(features: "pl.DataFrame") -> "np.ndarray[Any, Any]":
        try:
            said = np.asarray(function(features), dtype=np.float64)
            if said.shape != (features.height,):
                raise ValueError(f"it gave shape {said.shape}, for {features.height} rows")
        except Exception as error:
            raise StepError(
                Problem(code="TV-RUN-018", what=f"the heuristic raised {type(error).__name__}",
                        where=ws.project.model.code, seen=str(error)[:200],
                        fix="correct the function: it must give one number per row of the features")
            ) from error
        return said

    params = code.params()
    base = Body(HEURISTIC, predict, features_for(code, params, ws.project), features_key(code, params))
    return predict, base


def answer_partition(ws: Workspace, partition: str, *, timer: Callable[[], float]) -> list[Event]:
    """Answer the rows of one partition of the requests' table, once, and log the answers."""

    def work() -> list[Event]:
        record = next(r for r in ws.state.snapshot.partitions(ws.project.requests) if r.partition == partition)
        rows = ws.frame(record.blob)
        if not rows.height:
            return []
        route = ws.state.route
        wanted = {ref for ref in (route.live, route.canary, *route.shadow, *route.fallback) if ref}
        heuristic, base = heuristic_of(ws)
        answers = answer(
            rows, input_frames(ws, rows, start=record.start, until=record.end), project=ws.project, route=route,
            bodies={ref: _struck(ws, body_of(ws, ref)) for ref in sorted(wanted)}, heuristic=heuristic, base=base,
            at=record.end, name=partition, timer=timer,
        )
        return [ws.event("answered", ws.project.model.name, **_answered(ws, answers, partition, record.start))]

    return ws.unit(f"answer/{partition}", work)


def _struck(ws: Workspace, body: Body) -> Body:
    """Let a rehearsal's faults strike a released version; nothing strikes in real life."""
    strike = ws.cache.get("strike")
    return strike(body) if strike else body


def _answered(ws: Workspace, answers: Answers, partition: str, start: datetime) -> dict[str, Any]:
    import polars as pl

    log = answers.log
    served = log.filter(pl.col("source") != "unserved")
    counts = served.group_by("version", "stage", "source").len().sort("version", "stage", "source", nulls_last=True)
    return {
        "partition": partition,
        "start": iso(moment(iso(start))),
        "blob": ws.blobs.put_frame(log),
        "rows": served.height,
        "asked": sorted(version for version in log["version"].unique().to_list() if version),
        "served": counts.rows(named=True),
        "troubles": [
            {"version": t.ref, "kind": t.kind, "rows": t.rows, "what": t.what} for t in answers.troubles
        ],
        "checks": answers.checks,
        "review": int(served["review"].sum()),
    }
