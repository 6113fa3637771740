"""Trivium runs the production loop of a machine-learning model. This is what a project's code imports."""

from typing import TYPE_CHECKING, Any

from trivium.core.authoring import heuristic, metric, step
from trivium.core.problems import Problem, TriviumError

if TYPE_CHECKING:
    from pathlib import Path

    from trivium.loop.push import Receipt

__version__ = "0.1.0"
__all__ = ["Problem", "TriviumError", "__version__", "heuristic", "metric", "push", "step"]


def push(
    table: str, rows: Any, *, project: "str | Path | None" = None, batch: str | None = None, because: str = ""
) -> "Receipt":
    """Keep rows for a table's next collect; see `trivium.loop.push.push`, which loads when this is first called."""
    from trivium.loop import push as verb

    return verb.push(table, rows, project=project, batch=batch, because=because)
