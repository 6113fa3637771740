"""Compile: a fitted model becomes numbers and graphs that cannot execute code, or a reason why not."""

from collections.abc import Sequence
from typing import Any

import msgspec

from trivium.artifact.compiled import Compiled, NotCompiled
from trivium.artifact.estimators import Estimator, add_answers
from trivium.artifact.graph import INPUT, Graph
from trivium.artifact.reading import read
from trivium.artifact.refusals import NotCompilable


def compile_model(model: Any, columns: Sequence[str]) -> Compiled | NotCompiled:
    """Compile a fitted model that reads `columns`, in this order, as a matrix of numbers.

    The outcome is unproven: `parity.hold` asks both on the same rows.
    """
    try:
        found = read(model)
        return numbers_of(found, tuple(columns)) or graph_of(found, tuple(columns))
    except NotCompilable as reason:
        return NotCompiled(reason=str(reason))


def numbers_of(model: Estimator, columns: tuple[str, ...]) -> Compiled | None:
    """Write a model that is a handful of numbers as such; None if it is more."""
    if model.folded is None or len(model.folded.weights) != len(columns):
        return None
    body = msgspec.json.encode(model.folded)
    return Compiled(form="linear", columns=columns, classes=model.classes, tolerance=model.tolerance, body=body)


def graph_of(model: Estimator, columns: tuple[str, ...]) -> Compiled:
    """Write a model as a graph."""
    import numpy as np

    graph = Graph()
    width = len(columns)
    answers = add_answers(graph, model, INPUT, width=width)
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
