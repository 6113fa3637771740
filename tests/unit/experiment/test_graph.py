"""Wiring the steps: what is understood, and every way it can be wrong."""

from collections.abc import Callable
from typing import Any, Literal

import pytest

from trivium.core.authoring import Marker, step
from trivium.core.problems import Problem, ProjectError
from trivium.experiment.annotations import admits, as_text, is_plain
from trivium.experiment.graph import REQUIRED, Graph, build


def features(flights, weather, *, rush_from: int = 16): ...
def joined(flights, weather): ...
def model(features, label, *, max_iter: int, rate: float = 1): ...


def wired(*functions: Callable[..., Any], params: dict[str, Any] | None = None) -> Graph:
    """Build a graph of functions over the tables flights and weather."""
    markers: dict[str, Marker] = {function.__name__: step(function) for function in functions}
    return build(markers, tables=["flights", "weather"], params=params or {}, where="pipeline.py")


def refused(*functions: Callable[..., Any], params: dict[str, Any] | None = None) -> dict[str, Problem]:
    """Build a graph that cannot be wired, and return its problems by code."""
    with pytest.raises(ProjectError) as raised:
        wired(*functions, params=params)
    return {problem.code: problem for problem in raised.value.problems}


SET = {"model": {"max_iter": 10}}


def test_a_graph_knows_inputs_and_config() -> None:
    """Positional parameters are inputs, keyword-only ones config with defaults."""
    graph = wired(model, features, params=SET)
    assert graph.order == ("features", "model")
    assert graph.spec("features").inputs == ("flights", "weather")
    assert graph.spec("model").params == {"max_iter": REQUIRED, "rate": 1.0}


def test_config_is_resolved_in_layers() -> None:
    """An override beats the project file, which beats the default."""
    graph = wired(model, features, params=SET)
    assert graph.resolved("model") == {"max_iter": 10, "rate": 1.0}
    assert graph.resolved("model", {"model": {"rate": 0.5}}) == {"max_iter": 10, "rate": 0.5}


def test_a_float_written_as_an_int_is_the_same_config() -> None:
    """1 and 1.0 for a float are equal, also in type, so the memo key is the same."""
    value = wired(model, features, params={"model": {"max_iter": 1, "rate": 2}}).resolved("model")["rate"]
    assert (value, type(value)) == (2.0, float)


def test_who_reads_whom() -> None:
    """Ancestors, readers and tables are found through other steps."""

    def features(joined): ...

    graph = wired(model, features, joined, params=SET)
    assert graph.ancestors("model") == ("joined", "features")
    assert graph.downstream("flights") == ("joined", "features", "model")
    assert graph.downstream("model") == ()
    assert graph.tables_read("features") == ("flights", "weather")


def test_an_unknown_input_names_the_nearest() -> None:
    """A misspelt input tells what it may have meant."""

    def features(flihgts): ...

    assert "flights" in refused(features, model, params=SET)["TV-EXP-001"].what


def test_a_circle_is_shown() -> None:
    """Steps that read one another are named in order."""

    def features(joined): ...
    def joined(features): ...

    assert refused(features, joined, model, params=SET)["TV-EXP-002"].seen.count("→") == 2


def test_every_circle_is_told() -> None:
    """Two circles are two problems; a step that reads itself is one."""

    def a(b): ...
    def b(a): ...
    def c(c): ...

    with pytest.raises(ProjectError) as raised:
        wired(a, b, c, features, model, params=SET)
    assert [problem.code for problem in raised.value.problems] == ["TV-EXP-002", "TV-EXP-002"]


def test_unknown_steps_and_parameters_in_the_project_file() -> None:
    """Names that no step has are told, the nearest first."""
    found = refused(features, model, params={"model": {"max_iter": 1, "rte": 1}, "feature": {}})
    assert "'rate'" in found["TV-EXP-004"].what
    assert "'features'" in found["TV-EXP-003"].what


def test_a_required_parameter_must_be_set() -> None:
    """A parameter without a default needs a value."""
    assert "max_iter" in refused(features, model)["TV-EXP-005"].what


def test_features_and_model_must_exist() -> None:
    """A project without steps is told both."""
    with pytest.raises(ProjectError) as raised:
        wired()
    assert [problem.code for problem in raised.value.problems] == ["TV-EXP-006", "TV-EXP-006"]


def test_signatures_that_cannot_be_wired() -> None:
    """Catch-all parameters and inputs with defaults are refused."""

    def features(flights, *rest): ...
    def extra(flights, weather=None): ...
    def other(flights, **config): ...

    with pytest.raises(ProjectError) as raised:
        wired(features, extra, other, model, params=SET)
    assert [problem.code for problem in raised.value.problems] == ["TV-EXP-007"] * 3


def test_a_value_of_the_wrong_type() -> None:
    """A text for an int is told with what is asked for."""
    assert "int" in refused(features, model, params={"model": {"max_iter": "many"}})["TV-EXP-008"].fix


def test_a_default_of_the_wrong_type() -> None:
    """A default must be of its own annotation, and plain."""

    def features(flights, *, width: int = 1.5): ...
    def extra(flights, *, kind=frozenset): ...

    assert set(refused(features, extra, model, params=SET)) == {"TV-EXP-008", "TV-EXP-013"}


def test_the_label_may_not_reach_the_features() -> None:
    """A label in what features read is a leak; in the model it is not."""

    def features(joined): ...
    def joined(flights, label): ...

    assert "joined" in refused(features, joined, model, params=SET)["TV-EXP-009"].where


def test_a_step_may_not_be_named_like_a_table() -> None:
    """A name that means two things is refused."""

    def flights(weather): ...

    assert "TV-EXP-012" in refused(features, flights, model, params=SET)


def test_all_problems_come_at_once() -> None:
    """Problems of different kinds are collected before raising."""

    def features(flihgts, label, *rest): ...

    assert set(refused(features, params={"nobody": {}})) == {
        "TV-EXP-001", "TV-EXP-003", "TV-EXP-006", "TV-EXP-007", "TV-EXP-009",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("int", 1, True),
        ("float", 1, "1"),
        ("bool", True, 1),
        ("str | None", None, 1),
        ("list[int]", [1], ["a"]),
        ("Optional[int]", None, "a"),
        ("Union[int, str]", "a", 1.5),
        ("typing.Literal['a', 'b']", "a", "c"),
        ("'int'", 1, "a"),
        ("tuple[int, ...]", [1], 1),
        ("dict[str, int]", {}, []),
    ],
)
def test_annotations(annotation: str, good: object, bad: object) -> None:
    """An annotation admits its own and refuses others."""
    assert admits(annotation, good)
    assert not admits(annotation, bad)


def test_an_annotation_that_is_not_understood_admits_all() -> None:
    """Names that we do not know, and texts that are no Python, are let be."""
    assert admits("pl.Expr", 1)
    assert admits("what is this", 1)
    assert admits("", 1)


@pytest.mark.parametrize(
    ("annotation", "text"), [(int, "int"), (int | None, "int | None"), (list[int], "list[int]"), ("x", "x")]
)
def test_annotations_as_text(annotation: object, text: str) -> None:
    """Live annotations read as they were written."""
    assert as_text(annotation) == text
    assert admits(as_text(Literal["a"]), "a")


def test_plain_values() -> None:
    """What TOML can hold is plain; sets and objects are not."""
    assert is_plain({"a": [1, 2.0, None, ("x",)]})
    assert not is_plain({1: 2})
    assert not is_plain({1, 2})
