"""Reads fitted linear models of scikit-learn: sums of weighted columns, and a link."""

from math import inf
from typing import TYPE_CHECKING, Any

from trivium.artifact.compiled import Folded
from trivium.artifact.estimators import Estimator, Link, add_logistic, plain_classes
from trivium.artifact.graph import Graph
from trivium.artifact.refusals import NotCompilable

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

# The links that numbers alone can tell, see `compiled.Folded`.
FOLDED_LINKS = ("identity", "sigmoid", "exponential", "softmax")


def weighted(model: Any, *, link: Link, classes: tuple[Any, ...] | None = None) -> Estimator:
    """Make an estimator of a model's `coef_` and `intercept_`; it refuses what is not finite.

    Raises:
        NotCompilable: a regression with several targets.
    """
    import numpy as np

    coefficients = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    weights = np.atleast_2d(np.asarray(coefficients, dtype=np.float64)).T
    intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), (weights.shape[1],))
    if classes is None and weights.shape[1] > 1:
        raise NotCompilable(f"it has {weights.shape[1]} outputs")

    def sums(graph: Graph, matrix: str, _: int) -> str:
        made = graph.add("MatMul", matrix, graph.constant(weights))
        return graph.add("Add", made, graph.constant(intercept))

    return Estimator(
        sums=sums,
        targets=weights.shape[1],
        form="graph",
        classes=classes,
        link=link,
        limit=inf,
        weights=weights,
        intercept=intercept,
        folded=Folded(fill=None, shift=None, weights=weights.tolist(), intercept=intercept.tolist(), link=link)
        if link in FOLDED_LINKS
        else None,
    )


def regression(model: Any) -> Estimator:
    """Read a linear regression, however it was fitted."""
    return weighted(model, link="identity")


def counts(model: Any) -> Estimator:
    """Read a generalised linear model of counts or amounts: its link is a logarithm but for some of Tweedie's."""
    link = getattr(model, "link", "log")
    if link == "auto":
        link = "identity" if model.power <= 0 else "log"
    return weighted(model, link="exponential" if link == "log" else "identity")


def logistic(model: Any) -> Estimator:
    """Read a logistic regression: of two classes, or multinomial."""
    classes = plain_classes(model.classes_)
    return weighted(model, link="sigmoid" if len(classes) == 2 else "softmax", classes=classes)


def gradient_descent(model: Any) -> Estimator:
    """Read an SGDClassifier; of several classes each was fitted against the rest, and shares are told.

    Raises:
        NotCompilable: its loss says no probability, or none by the logistic function.
    """
    if model.loss != "log_loss":
        raise NotCompilable(f"its loss is {model.loss}, where log_loss says probabilities")
    classes = plain_classes(model.classes_)
    if len(classes) == 2:
        return weighted(model, link="sigmoid", classes=classes)
    found = weighted(model, link="shares", classes=classes)

    def each(graph: Graph, matrix: str, width: int) -> str:
        return add_logistic(graph, found.sums(graph, matrix, width))

    return Estimator(sums=each, targets=found.targets, form="graph", classes=classes, link="shares", limit=inf)


REGRESSIONS = (
    *("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "SGDRegressor"),
    *("Lars", "LarsCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "BayesianRidge", "ARDRegression"),
    *("OrthogonalMatchingPursuit", "HuberRegressor", "TheilSenRegressor", "QuantileRegressor", "LinearSVR"),
)
READERS = {
    **dict.fromkeys(REGRESSIONS, regression),
    **dict.fromkeys(("PoissonRegressor", "GammaRegressor", "TweedieRegressor"), counts),
    **dict.fromkeys(("LogisticRegression", "LogisticRegressionCV"), logistic),
    "SGDClassifier": gradient_descent,
}
