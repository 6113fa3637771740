"""Trivium runs the production loop of a machine-learning model. This is what a project's code imports."""

from trivium.core.authoring import heuristic, metric, step
from trivium.core.problems import Problem, TriviumError

__version__ = "0.1.0"
__all__ = ["Problem", "TriviumError", "__version__", "heuristic", "metric", "step"]
