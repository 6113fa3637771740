"""Reads fitted scikit-learn pipelines, and calibrated classifiers: models with something before or after them."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any

from trivium.artifact.columns import Choice, Column, Number, Refused, add_columns, add_refused, add_weighted
from trivium.artifact.estimators import Estimator, add_answers, add_link, add_logistic, add_refusal, plain_classes
from trivium.artifact.folding import folded
from trivium.artifact.graph import Graph
from trivium.artifact.reading import read
from trivium.artifact.refusals import NotCompilable
from trivium.artifact.sklearn_linear import weighted
from trivium.artifact.sklearn_steps import after

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

# Linear classifiers that decide without a probability.
DECIDERS = ("LinearSVC", "RidgeClassifier", "Perceptron", "SGDClassifier", "LogisticRegression", "LogisticRegressionCV")


def pipeline(model: Any) -> Estimator:
    """Read a Pipeline: steps that prepare columns, then a model."""
    *steps, (_, last) = model.steps
    return prepared([step for _, step in steps], read(last), width=int(model.n_features_in_))


def prepared(steps: Sequence[Any], model: Estimator, *, width: int) -> Estimator:
    """Put fitted steps before a model. What they or it refuse makes the sums NaN."""
    refused = Refused()
    columns: list[Column] = [Number(place) for place in range(width)]
    for step in steps:
        columns = after(step, columns, refused)
    if model.weights is not None:
        columns = refused.hold(columns, takes_missing=False)

    def sums(graph: Graph, matrix: str, width: int) -> str:
        if model.weights is not None:
            made = add_weighted(graph, columns, model.weights, matrix, width=width)
            made = graph.add("Add", made, graph.constant(model.intercept))
        else:
            made = _add_model(graph, model, columns, add_columns(graph, columns, matrix, width=width))
        return _with(graph, made, add_refused(graph, refused, matrix, width=width))

    return replace(
        model,
        sums=sums,
        form="graph",
        limit=None,
        takes_missing=True,
        weights=None,
        intercept=None,
        folded=folded(model, columns, refused, width=width),
    )


def _with(graph: Graph, made: str, refused: str | None) -> str:
    return made if refused is None else graph.add("Add", made, refused)


def _add_model(graph: Graph, model: Estimator, columns: Sequence[Column], ready: str) -> str:
    """Add a model over columns that are ready, and what it and the choices among them refuse."""
    import numpy as np

    made = model.sums(graph, ready, len(columns))
    own = add_refusal(graph, ready, width=len(columns), limit=model.limit, takes_missing=model.takes_missing)
    made = _with(graph, made, own)
    strict = [place for place, column in enumerate(columns) if isinstance(column, Choice) and column.refuses]
    if not strict:
        return made
    chosen = graph.add("Gather", ready, graph.constant(np.array(strict), np.int64), axis=1)
    return _with(graph, made, add_refusal(graph, chosen, width=len(strict), limit=inf, takes_missing=True))


def calibrated(model: Any) -> Estimator:
    """Read a CalibratedClassifierCV of the method `sigmoid`: the mean of what its calibrated models say.

    Raises:
        NotCompilable: another method, or a part of the data that a model was fitted on held fewer classes.
    """
    classes = plain_classes(model.classes_)
    if model.method != "sigmoid":
        raise NotCompilable(f"it is calibrated by the method {model.method}")
    targets = 1 if len(classes) == 2 else len(classes)
    parts = [(_decision_of(each.estimator), _curve(each)) for each in model.calibrated_classifiers_]
    if any(len(slope) != targets for _, (slope, _) in parts):
        raise NotCompilable("it is calibrated on fewer classes than it tells")

    def sums(graph: Graph, matrix: str, width: int) -> str:
        said = [_add_calibrated(graph, part, curve, matrix, width=width) for part, curve in parts]
        total = said[0]
        for each in said[1:]:
            total = graph.add("Add", total, each)
        return total

    return Estimator(
        sums=sums, targets=targets, form="graph", classes=classes, scale=1.0 / len(parts), takes_missing=True
    )


def _curve(part: Any) -> "tuple[Array, Array]":
    import numpy as np

    return np.array([-each.a_ for each in part.calibrators]), np.array([-each.b_ for each in part.calibrators])


def _add_calibrated(graph: Graph, model: Estimator, curve: "tuple[Array, Array]", matrix: str, *, width: int) -> str:
    """Add what one calibrated model says: of several classes, their shares."""
    slope, start = (graph.constant(part) for part in curve)
    said = graph.add("Mul", add_answers(graph, model, matrix, width=width), slope)
    said = add_logistic(graph, graph.add("Add", said, start))
    return said if len(curve[0]) == 1 else add_link(graph, said, replace(model, link="shares", scale=1.0))


def _decision_of(model: Any) -> Estimator:
    """Read what a classifier is calibrated by: its decision, or its probabilities where it has none."""
    name = type(model).__name__ if type(model).__module__.startswith("sklearn.") else ""
    if name == "FrozenEstimator":
        return _decision_of(model.estimator)
    if name == "Pipeline":
        *steps, (_, last) = model.steps
        return prepared([step for _, step in steps], _decision_of(last), width=int(model.n_features_in_))
    if name in DECIDERS:
        return weighted(model, link="identity", classes=plain_classes(model.classes_))
    found = read(model)
    return replace(found, link="identity", scale=1.0) if hasattr(model, "decision_function") else found


READERS = {"Pipeline": pipeline, "CalibratedClassifierCV": calibrated}
