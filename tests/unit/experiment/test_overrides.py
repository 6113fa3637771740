"""What `--set` understands."""

from typing import Any

import pytest

from trivium.core.authoring import step
from trivium.core.problems import ProjectError
from trivium.experiment.graph import Graph, build
from trivium.experiment.overrides import parse_set


def graph() -> Graph:
    """Build the least graph with config of several types."""

    def features(flights): ...
    def model(features, label, *, name: str = "a", depth: int = 1, rate: float = 0.1, sizes: list[int] = []): ...  # noqa: B006

    markers: dict[str, Any] = {"features": step(features), "model": step(model)}
    return build(markers, tables=["flights"], params={}, where="pipeline.py")


def test_values_are_toml_and_bare_words_text() -> None:
    """Numbers, lists, quoted and bare texts are read as TOML reads them."""
    texts = ["model.name=big one", "model.depth = 3", "model.rate=1", "model.sizes=[1, 2]"]
    assert parse_set(texts, graph()) == {"model": {"name": "big one", "depth": 3, "rate": 1.0, "sizes": [1, 2]}}
    assert parse_set(['model.name=""'], graph()) == {"model": {"name": ""}}
    assert parse_set(["model.name=a=b"], graph()) == {"model": {"name": "a=b"}}


def test_nothing_set_is_nothing() -> None:
    """No texts give no overrides."""
    assert parse_set([], graph()) == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("model.depth", "TV-EXP-010"),
        ("depth=1", "TV-EXP-010"),
        ("model.depth=", "TV-EXP-010"),
        ("model.a.b=1", "TV-EXP-010"),
        (".depth=1", "TV-EXP-010"),
        ("model.sizes=[1, 2", "TV-EXP-010"),
        ("model.depth=1\nother = 2", "TV-EXP-010"),
        ("modell.depth=1", "TV-EXP-003"),
        ("model.dept=1", "TV-EXP-004"),
        ("model.depth=deep", "TV-EXP-008"),
    ],
)
def test_what_is_not_understood_is_told(text: str, code: str) -> None:
    """Each slip has its problem."""
    with pytest.raises(ProjectError) as raised:
        parse_set([text], graph())
    assert [problem.code for problem in raised.value.problems] == [code]


def test_all_problems_at_once_and_nothing_set_twice() -> None:
    """A parameter set twice is a problem beside the others."""
    with pytest.raises(ProjectError) as raised:
        parse_set(["model.depth=1", "model.depth=2", "nobody.x=1"], graph())
    assert sorted(problem.code for problem in raised.value.problems) == ["TV-EXP-003", "TV-EXP-010"]
