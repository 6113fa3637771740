"""Who reads which fitted model."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from trivium.artifact.estimators import Estimator
from trivium.artifact.refusals import NotCompilable

Reader = Callable[[Any], Estimator]
# Who reads the models of which library, by the name of their type.
HOMES = {
    "sklearn": ("sklearn_trees", "sklearn_linear", "sklearn_pipelines"),
    "lightgbm": ("lightgbm_trees",),
    "xgboost": ("xgboost_trees",),
}


def read(model: Any) -> Estimator:
    """Read a fitted model of a type that is known exactly: a subclass may predict otherwise.

    Raises:
        NotCompilable: its type is not known, or something in it has no compiled form.
    """
    kind = type(model)
    for home in HOMES.get(kind.__module__.partition(".")[0], ()):
        readers: dict[str, Reader] = import_module(f"trivium.artifact.{home}").READERS
        if kind.__name__ in readers:
            return readers[kind.__name__](model)
    raise NotCompilable(f"no compiled form is known for {kind.__module__}.{kind.__qualname__}")
