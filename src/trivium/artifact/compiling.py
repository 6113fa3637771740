"""Compile: a fitted model becomes numbers and graphs that cannot execute code, or a reason why not."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from trivium.artifact.compiled import Compiled, NotCompiled
from trivium.artifact.estimators import Estimator, add_link, add_refusal
from trivium.artifact.graph import INPUT, Graph
from trivium.artifact.refusals import NotCompilable

Reader = Callable[[Any], Estimator]
# Who reads the models of which library, by the name of their type.
HOMES = {
    "sklearn": "trivium.artifact.sklearn_trees",
    "lightgbm": "trivium.artifact.lightgbm_trees",
    "xgboost": "trivium.artifact.xgboost_trees",
}


def compile_model(model: Any, columns: Sequence[str]) -> Compiled | NotCompiled:
    """Compile a fitted model that reads `columns`, in this order, as a matrix of numbers.

    The outcome is unproven: `parity.hold` asks both on the same rows.
    """
    try:
        return _compiled(model, tuple(columns))
    except NotCompilable as reason:
        return NotCompiled(reason=str(reason))


def _compiled(model: Any, columns: tuple[str, ...]) -> Compiled:
    read = reader_of(model)
    return graph_of(read(model), columns)


def reader_of(model: Any) -> Reader:
    """Find who reads a model of exactly this type: a subclass may predict otherwise.

    Raises:
        NotCompilable: nobody does.
    """
    kind = type(model)
    home = HOMES.get(kind.__module__.partition(".")[0])
    if home is not None:
        readers: dict[str, Reader] = import_module(home).READERS
        if kind.__name__ in readers:
            return readers[kind.__name__]
    raise NotCompilable(f"no compiled form is known for {kind.__module__}.{kind.__qualname__}")


def graph_of(model: Estimator, columns: tuple[str, ...]) -> Compiled:
    """Write an estimator that reads its columns as they are as a graph."""
    import numpy as np

    graph = Graph()
    width = len(columns)
    answers = add_link(graph, model.sums(graph, INPUT, width), model)
    refused = add_refusal(graph, INPUT, width=width, limit=model.limit, takes_missing=model.takes_missing)
    if refused is not None:
        answers = graph.add("Add", answers, refused)
    many = model.classes is not None and len(model.classes) > 2
    if model.targets == 2 and not many:
        answers = graph.add("Gather", answers, graph.constant(np.array([1]), np.int64), axis=1)
    outputs = len(model.classes) if many and model.classes else 1
    return Compiled(
        form=model.form,  # type: ignore[arg-type]
        columns=columns,
        classes=model.classes,
        tolerance=model.tolerance,
        body=graph.finish(answers, width=width, outputs=outputs),
    )
