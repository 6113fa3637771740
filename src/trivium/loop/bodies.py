"""Versions and the heuristic made ready to answer: loaded, wrapped, and kept warm."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.problems import Problem, StepError, shown
from trivium.core.project import Project
from trivium.loop.code import Code, load
from trivium.loop.features import FeatureSteps, Frames, features_key
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]
Predict = Callable[["pl.DataFrame"], Array]
HEURISTIC = "heuristic"
WORTH_MANY_THREADS = 20_000


@dataclass(frozen=True)
class Body:
    """A version ready to answer. `predict` takes the features' frame, shape (rows, features), gives shape (rows,).

    `predict_rows` does the same from a float64 matrix whose columns are `columns`, NaN for what is missing; a heuristic
    has none. It is quick where the version `is_compiled`, says just what `predict` says where it `takes_matrix`, and
    may raise anything.
    """

    ref: str
    predict: Predict
    features: Callable[[Frames], "pl.DataFrame"]
    features_key: str
    columns: tuple[str, ...] = ()
    predict_rows: Callable[[Array], Array] | None = None
    is_compiled: bool = False
    takes_matrix: bool = False


def body_of(ws: Workspace, ref: str) -> Body:
    """Load a version: its artifact, and the features step of the code it was trained with. Kept warm in memory."""
    key = f"body/{ref}"
    if key not in ws.cache:
        version = ws.state.versions.get(ref)
        code = _code_of(ws, version.code)
        content = ws.blobs.get(version.artifact)
        ws.cache[key] = loaded(
            ws, content, ref=ref, code=code, params=version.config["params"], columns=version.columns
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


def loaded(
    ws: Workspace,
    content: bytes,
    *,
    ref: str,
    code: Code,
    params: Mapping[str, Mapping[str, Any]],
    columns: Sequence[str],
) -> Body:
    """Make a body of an artifact's bytes and of the features step of the code it was trained with."""
    from trivium.artifact.compiled import Compiled, session_of
    from trivium.artifact.formats import load as load_artifact

    fitted = load_artifact(content, allow_pickle=ws.project.model.allow_pickle)
    features, key = FeatureSteps(code, params, ws.project), features_key(code, params)
    if isinstance(fitted, Compiled):
        columns, ask = fitted.columns, session_of(fitted).predict
        predict = _held(lambda frame: ask(matrix_of(frame, columns)), ws.project)
        return Body(ref, predict, features, key, tuple(columns), ask, True, True)
    predict, by_rows = predictor(fitted, ws.project), _by_rows(fitted, columns)
    return Body(ref, predict, features, key, tuple(columns), by_rows, takes_matrix=_takes_matrix(fitted))


def tables_of(body: Body) -> tuple[str, ...]:
    """Name the tables that a version's features are made from, beside the requests."""
    return body.features.tables if isinstance(body.features, FeatureSteps) else ()


def asked_by_rows(body: Body, project: Project) -> Callable[[Array], Array]:
    """Ask a version by its matrix, shape (rows, features), giving shape (rows,).

    Raises:
        StepError (TV-RUN-017), when called: it raised.
    """
    ask = body.predict_rows
    assert ask is not None

    def predict(rows: Array) -> Array:
        try:
            said = np.asarray(ask(rows), dtype=np.float64)
            if said.shape != (len(rows),):
                raise ValueError(f"predictions have shape {said.shape}, for {len(rows)} rows")
        except Exception as error:
            raise _raised(error, project) from error
        return said

    return predict


def matrix_of(features: "pl.DataFrame", columns: Sequence[str]) -> Array:
    """Lay features out as a float64 matrix in rows, NaN for null.

    Raises:
        ValueError: they are not the columns that the model was trained on, in their order.
    """
    import polars as pl

    if features.columns != list(columns):
        raise ValueError(f"the features are {shown(features.columns)}; the model was trained on {shown(columns)}")
    matrix: Array = features.cast(pl.Float64).to_numpy(order="c")
    return matrix


def _said(fitted: Any, rows: Any) -> Array:
    """Ask a fitted object: the probability of the true class where it has any, else what it predicts."""
    if hasattr(fitted, "predict_proba"):
        answers: Array = fitted.predict_proba(rows)[:, list(fitted.classes_).index(True)]
        return answers
    # XGBoost's own Booster predicts from nothing but its own matrix; this is how it takes others.
    predict = getattr(fitted, "inplace_predict", fitted.predict)
    return np.asarray(predict(rows), dtype=np.float64)


def _by_rows(fitted: Any, columns: Sequence[str]) -> Callable[[Array], Array]:
    def predict_rows(rows: Array) -> Array:
        with few_threads(len(rows)):
            return _said(fitted, _as_it_was_fitted(fitted, rows, columns=columns))

    return predict_rows


def _as_it_was_fitted(fitted: Any, rows: Any, *, columns: Sequence[str]) -> Any:
    """Give a fitted object what it takes: a matrix or a frame."""
    if _takes_matrix(fitted):
        return rows if isinstance(rows, np.ndarray) else rows.to_numpy()
    if isinstance(rows, np.ndarray):
        import polars as pl

        return pl.DataFrame(rows, schema=list(columns), nan_to_null=True)
    return rows


def _takes_matrix(fitted: Any) -> bool:
    """Tell what a fitted object takes: a frame if it was fitted on one or is no estimator, else a matrix."""
    is_estimator = any(hasattr(fitted, name) for name in ("get_params", "predict_proba", "inplace_predict"))
    return is_estimator and not hasattr(fitted, "feature_names_in_")


def predictor(fitted: Any, project: Project) -> Predict:
    """Wrap a fitted object: the probability of the true class when binary, else what `predict` gives; shape (rows,).

    Raises:
        StepError (TV-RUN-017), when called: the object raised, or gave another number of values than there are rows.
    """

    def predict(features: "pl.DataFrame") -> Array:
        with few_threads(features.height):
            return _said(fitted, _as_it_was_fitted(fitted, features, columns=features.columns))

    return _held(predict, project)


def _held(ask: Predict, project: Project) -> Predict:
    """Hold a model to one number a row, and tell in one shape of problem that it raised."""

    def predict(features: "pl.DataFrame") -> Array:
        try:
            said = np.asarray(ask(features), dtype=np.float64)
            if said.shape != (features.height,):
                raise ValueError(f"predictions have shape {said.shape}, for {features.height} rows")
        except Exception as error:
            raise _raised(error, project) from error
        return said

    return predict


def _raised(error: Exception, project: Project) -> StepError:
    return StepError(
        Problem(
            code="TV-RUN-017",
            what=f"the model raised {type(error).__name__} when it was asked",
            where=project.model.code,
            seen=str(error)[:200],
            fix="correct what the step `model` returns: it must predict one number per row",
        )
    )


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

    def predict(features: "pl.DataFrame") -> Array:
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

    return Body(HEURISTIC, predict, FeatureSteps(code, params, ws.project), features_key(code, params))
