"""Trivium runs the production loop of a machine-learning model. This is what a project's code imports.

Each name is loaded when it is first used: the process that watches a server's workers uses none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from trivium.core.authoring import heuristic, metric, step
    from trivium.core.problems import Problem, TriviumError
    from trivium.loop.push import Receipt

__version__ = "0.1.0"
__all__ = ["Problem", "TriviumError", "__version__", "heuristic", "metric", "push", "step"]


def push(
    table: str, rows: Any, *, project: "str | Path | None" = None, batch: str | None = None, because: str = ""
) -> "Receipt":
    """Keep rows for a table's next collect; see `trivium.loop.push.push`, which loads when this is first called."""
    from trivium.loop import push as verb

    return verb.push(table, rows, project=project, batch=batch, because=because)


_FROM = {
    **dict.fromkeys(("heuristic", "metric", "step"), "trivium.core.authoring"),
    **dict.fromkeys(("Problem", "TriviumError"), "trivium.core.problems"),
}


def __getattr__(name: str) -> Any:
    """Load one of the names."""
    if name not in _FROM:
        raise AttributeError(f"module 'trivium' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_FROM[name]), name)
    return found
