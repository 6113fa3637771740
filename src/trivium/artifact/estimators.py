"""What a fitted model says, as a graph builder reads it: its sums, its link, and the rows it refuses."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from trivium.artifact.compiled import Folded
from trivium.artifact.graph import Graph
from trivium.artifact.refusals import NotCompilable
from trivium.artifact.trees import Ensemble, add_ensemble

# identity: the sums themselves; sigmoid: the second class's probability; softmax: each class's; shares: each class's
# part of their total.
Link = Literal["identity", "sigmoid", "exponential", "softmax", "shares", "log1p_exp", "signed_square"]
Sums = Callable[[Graph, str, int], str]


@dataclass(frozen=True)
class Estimator:
    """A fitted model without the steps before it.

    `sums` adds the nodes that turn a matrix (its name, its width) into sums, shape (rows, targets), which are
    multiplied by `scale` and sent through `link`. `classes` is None for a regression. Rows are refused where a number
    is `limit` or more away from 0, or missing unless `takes_missing`. `tolerance` is how far the compiled form may be
    from it. A linear model has `weights`, shape (columns, targets), and an `intercept`, shape (targets,): its sums are
    of no more than these. `folded` is all of it as numbers, where it can be.
    """

    sums: Sums
    targets: int
    form: str
    classes: tuple[Any, ...] | None = None
    link: Link = "identity"
    scale: float = 1.0
    limit: float | None = None
    takes_missing: bool = False
    tolerance: float = 1e-9
    weights: Any = None
    intercept: Any = None
    folded: Folded | None = None


def from_ensemble(ensemble: Ensemble, **rest: Any) -> Estimator:
    """Make an estimator of trees whose leaves are summed."""

    def sums(graph: Graph, matrix: str, width: int) -> str:
        return add_ensemble(graph, ensemble, source=matrix, width=width)

    return Estimator(sums=sums, targets=len(ensemble.base), form="trees", **rest)


def plain_classes(classes: Any) -> tuple[bool | int | float | str, ...]:
    """Read class labels as plain values, in the model's order.

    Raises:
        NotCompilable: a label is none of bool, int, float and str, or there is but one class.
    """
    import numpy as np

    found = tuple(np.asarray(classes).tolist())
    if len(found) < 2 or not all(isinstance(label, bool | int | float | str) for label in found):
        raise NotCompilable(f"its classes are {found!r}")
    return found


def label_classes(model: Any, *, targets: int) -> tuple[bool | int | float | str, ...] | None:
    """Read the classes of a model that may hold none: then they are its targets' places, where it has several."""
    if hasattr(model, "classes_"):
        return plain_classes(model.classes_)
    return tuple(range(targets)) if targets > 1 else None


def add_answers(graph: Graph, model: Estimator, matrix: str, *, width: int) -> str:
    """Add all that a model does with a matrix; a row that it refuses gets NaN."""
    answers = add_link(graph, model.sums(graph, matrix, width), model)
    refused = add_refusal(graph, matrix, width=width, limit=model.limit, takes_missing=model.takes_missing)
    return answers if refused is None else graph.add("Add", answers, refused)


def add_logistic(graph: Graph, sums: str) -> str:
    """Add the logistic function of what is divided afterwards: onnxruntime's Sigmoid is exact to 1e-16, be it all."""
    powers = graph.add("Exp", graph.add("Neg", sums))
    return graph.add("Div", graph.constant(1.0), graph.add("Add", graph.constant(1.0), powers))


def add_link(graph: Graph, sums: str, model: Estimator) -> str:
    """Add what turns sums into answers, shape (rows, 1), or (rows, classes) with more than two."""
    import numpy as np

    if model.scale != 1.0:
        sums = graph.add("Mul", sums, graph.constant(model.scale))
    if model.link == "sigmoid":
        return graph.add("Sigmoid", sums)
    if model.link == "softmax":
        return graph.add("Softmax", sums, axis=-1)
    if model.link == "exponential":
        return graph.add("Exp", sums)
    if model.link == "log1p_exp":
        # onnxruntime has no Softplus of doubles.
        return graph.add("Log", graph.add("Add", graph.constant(1.0), graph.add("Exp", sums)))
    if model.link == "signed_square":
        return graph.add("Mul", sums, graph.add("Abs", sums))
    if model.link == "shares":
        total = graph.add("ReduceSum", sums, graph.constant(np.array([1]), np.int64), keepdims=1)
        # Where every class has nothing, scikit-learn tells equal shares.
        is_nothing = graph.add("Equal", total, graph.constant(0.0))
        return graph.add("Where", is_nothing, graph.constant(1.0 / model.targets), graph.add("Div", sums, total))
    return sums


def add_refusal(graph: Graph, matrix: str, *, width: int, limit: float | None, takes_missing: bool) -> str | None:
    """Add a column that is 0 where a row is taken and NaN where it is refused; None where all rows are taken.

    Infinity times 0 is NaN, so a product with zeros finds what is not finite.
    """
    import numpy as np

    if limit is None and takes_missing:
        return None
    if takes_missing:
        matrix = graph.add("Where", graph.add("IsNaN", matrix), graph.constant(0.0), matrix)
    if limit is not None and limit < inf:
        far = graph.add("GreaterOrEqual", graph.add("Abs", matrix), graph.constant(limit))
        matrix = graph.add("Where", far, graph.constant(np.nan), matrix)
    return graph.add("MatMul", matrix, graph.constant(np.zeros((width, 1))))
