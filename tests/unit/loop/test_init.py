"""`trivium init`: a project that works, in a folder that was free."""

from pathlib import Path

import polars as pl
import pytest

from trivium.core.problems import ProjectError
from trivium.core.project import read_project
from trivium.loop.code import load, read_sources
from trivium.loop.doctor import examine
from trivium.loop.init import initialise
from trivium.loop.workspace import Workspace


def refused(target: Path, template: str) -> str:
    with pytest.raises(ProjectError) as caught:
        initialise(target, template=template)
    return caught.value.problems[0].code


def test_blank_is_a_project_without_problems(tmp_path: Path) -> None:
    """Doctor finds nothing to say about a fresh project."""
    initialise(tmp_path / "new" / "project")
    report = examine(lambda: Workspace(tmp_path / "new" / "project"))
    assert {part: found for part, found in report.items() if found} == {}


def test_it_says_what_it_wrote(tmp_path: Path) -> None:
    """The files returned are the files there, in order."""
    written = initialise(tmp_path)
    assert written == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert {"trivium.toml", "pipeline.py", ".gitignore"} <= {path.name for path in written}


def test_blank_data_is_sixty_days_of_two_hundred_rows_and_always_the_same(tmp_path: Path) -> None:
    """Two projects hold equal data, and every order has its outcome."""
    for name in ("a", "b"):
        initialise(tmp_path / name)
    one, other = (pl.read_parquet(tmp_path / name / "data/orders/*.parquet") for name in ("a", "b"))
    assert one.equals(other)
    days = one.group_by(pl.col("ordered_at").dt.date()).len()
    assert days["len"].to_list() == [200] * 60
    returns = pl.read_parquet(tmp_path / "a/data/returns/*.parquet")
    assert sorted(returns["order_id"]) == sorted(one["order_id"])


def test_blank_code_fits_and_answers(tmp_path: Path) -> None:
    """The steps run on the generated data, and give probabilities that differ."""
    initialise(tmp_path)
    project = read_project((tmp_path / "trivium.toml").read_text(encoding="utf-8"))
    code = load(read_sources(tmp_path, project.model.code), project)
    orders = pl.read_parquet(tmp_path / "data/orders/*.parquet")
    label = orders.join(
        pl.read_parquet(tmp_path / "data/returns/*.parquet"), on="order_id", how="left", maintain_order="left"
    )["was_returned"]
    found = code.graph.spec("features").function(orders)
    fitted = code.graph.spec("model").function(found, label, **project.params["model"])
    answers = fitted.predict_proba(found.to_numpy())[:, 1]
    assert answers.min() < label.mean() < answers.max()
    assert code.heuristic is not None
    assert code.heuristic(found).is_between(0, 1).all()


def test_flights_is_a_project_without_problems(tmp_path: Path) -> None:
    """The template's code loads, its expressions parse, and its files are there."""
    initialise(tmp_path, template="flights")
    report = examine(lambda: Workspace(tmp_path))
    assert {part: found for part, found in report.items() if found} == {}


@pytest.mark.parametrize("name", ["trivium.toml", "pipeline.py"])
def test_nothing_is_replaced(tmp_path: Path, name: str) -> None:
    """A folder that holds a project, or a file of the user's in the way, is left as it was."""
    (tmp_path / name).write_text("mine")
    assert refused(tmp_path, "blank") == "TV-CLI-010"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A target that is a file is refused like a folder that is not free."""
    (tmp_path / "taken").write_text("mine")
    assert refused(tmp_path / "taken", "blank") == "TV-CLI-010"


def test_an_unknown_template_names_the_known(tmp_path: Path) -> None:
    """A mistyped template is refused before anything is written, with the nearest one named."""
    with pytest.raises(ProjectError) as caught:
        initialise(tmp_path / "new", template="flight")
    assert caught.value.problems[0].code == "TV-CLI-011"
    assert "did you mean 'flights'" in caught.value.problems[0].what
    assert not (tmp_path / "new").exists()
