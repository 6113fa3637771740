"""Versions and the heuristic made ready to answer: loaded, wrapped, and kept warm."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.problems import Problem, StepError
from trivium.core.project import Project
from trivium.loop.code import Code, load
from trivium.loop.features import Frames, features_for, features_key
from trivium.loop.workspace import Workspace

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
            ref,
            predictor(fitted, ws.project),
            features_for(code, params, ws.project),
            features_key(code, params),
        )
    body = ws.cache[key]
    assert isinstance(body, Body)
    return body


def _code_of(ws: Workspace, code: Mapping[str, Any]) -> Code:
    if code["digest"] == ws.code.digest:
        return ws.code
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
                Problem(
                    code="TV-RUN-017",
                    what=f"the model raised {type(error).__name__} when it was asked",
                    where=project.model.code,
                    seen=str(error)[:200],
                    fix="correct what the step `model` returns: it must predict one number per row",
                )
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


def heuristic_of(ws: Workspace) -> Body | None:
    """The project's heuristic, on the features of the present code; None when it has none."""
    code = ws.code
    if code.heuristic is None:
        return None
    function, params = code.heuristic.function, code.params()

    def predict(features: "pl.DataFrame") -> "np.ndarray[Any, Any]":
        try:
            said = np.asarray(function(features), dtype=np.float64)
            if said.shape != (features.height,):
                raise ValueError(f"it gave shape {said.shape}, for {features.height} rows")
        except Exception as error:
            raise StepError(
                Problem(
                    code="TV-RUN-018",
                    what=f"the heuristic raised {type(error).__name__}",
                    where=ws.project.model.code,
                    seen=str(error)[:200],
                    fix="correct the function: it must give one number per row of the features",
                )
            ) from error
        return said

    return Body(HEURISTIC, predict, features_for(code, params, ws.project), features_key(code, params))
