"""How a project's code marks its functions: `step`, `heuristic` and `metric`.

A decorator wraps the function in a frozen marker and does nothing else: no registry is filled, and nothing happens
at import, so a module may be loaded twice, or as text from an old version. `loop/code.py` finds the markers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from trivium.core.problems import Problem, ProjectError

Better = Literal["higher", "lower"]


@dataclass(frozen=True, eq=False)
class Marker:
    """A function with a role. Calling it calls the function; `inspect.signature` sees through it."""

    kind: ClassVar[str] = ""
    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """The function's own name, by which the project file and other steps know it."""
        return self.function.__name__

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        return self.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)


class Step(Marker):
    """A node of the graph: reads tables and steps, gives a table or a model."""

    kind: ClassVar[str] = "step"


class Heuristic(Marker):
    """The rule that a model must beat, and that answers when no model can."""

    kind: ClassVar[str] = "heuristic"


@dataclass(frozen=True, eq=False)
class Metric(Marker):
    """A project's own metric, with the direction that is better and the unit it is told in."""

    kind: ClassVar[str] = "metric"
    better: Better = "lower"
    unit: str = ""


def step(function: Callable[..., Any]) -> Step:
    """Mark a function as a step. Positional parameters name steps or tables, keyword-only ones are its config."""
    return Step(function)


def heuristic(function: Callable[..., Any]) -> Heuristic:
    """Mark the one function that predicts by a rule, from the features."""
    return Heuristic(function)


def metric(*, better: Better, unit: str = "") -> Callable[[Callable[..., Any]], Metric]:
    """Mark a function `(label, prediction, rows) -> float` as a metric.

    Args:
        better: which way is better, `higher` or `lower`.
        unit: what the value is told in, such as `USD`; empty for a plain number.

    Raises:
        ProjectError (TV-EXP-011): `better` is neither.
    """
    if better not in get_args(Better):
        raise ProjectError(
            Problem(
                code="TV-EXP-011",
                what="a metric must say which way is better",
                where="@tv.metric",
                seen=str(better),
                fix='write @tv.metric(better="higher") or @tv.metric(better="lower")',
            )
        )
    return lambda function: Metric(function, better=better, unit=unit)
