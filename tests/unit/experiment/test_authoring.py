"""What a project's code imports: the decorators, the version, and how little that costs."""

import dataclasses
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import trivium as tv
from trivium.core.problems import ProjectError

ROOT = Path(__file__).parents[3]


def test_a_marker_is_the_function_with_a_role() -> None:
    """A marked function is still called, named and inspected as itself."""

    def double(rows: int, *, by: int = 2) -> int:
        return rows * by

    marked = tv.step(double)
    assert (marked(3, by=3), marked.name, marked.kind, marked.function) == (9, "double", "step", double)
    assert marked.__wrapped__ is double
    assert list(inspect.signature(marked).parameters) == ["rows", "by"]


def test_kinds_differ() -> None:
    """A heuristic and a metric are told apart from a step."""
    cost = tv.metric(better="lower", unit="USD")(lambda label, prediction, rows: 1.0)
    assert (cost.kind, cost.better, cost.unit) == ("metric", "lower", "USD")
    assert tv.heuristic(len).kind == "heuristic"


def test_a_marker_is_frozen() -> None:
    """Nobody swaps the function under a marker."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        tv.step(len).function = print  # type: ignore[misc]


def test_a_metric_without_a_direction_is_refused() -> None:
    """A direction other than higher or lower is a problem, told at once."""
    with pytest.raises(ProjectError) as raised:
        tv.metric(better="smaller")  # type: ignore[arg-type]
    assert raised.value.problems[0].code == "TV-EXP-011"


def test_the_version_is_that_of_the_package() -> None:
    """The version is written twice, and held equal here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert tv.__version__ == project["version"]


def test_the_import_is_light() -> None:
    """Importing trivium loads no heavy library."""
    heavy = ("polars", "numpy", "sklearn", "sqlalchemy", "pandas")
    code = f"import sys, trivium; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "src")
    assert found.stdout.strip() == "[]"
