"""Skew: what was served is made again offline, and what differs is found, named and counted."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

import served_log
import small_project
from terminal import say
from trivium.core.values import moment
from trivium.loop.answerer import answerer_of
from trivium.loop.health import Health
from trivium.loop.rehearse import Plan, open_rehearsal, rehearse
from trivium.loop.seal import seal
from trivium.loop.skew import skew_of
from trivium.loop.workspace import Workspace
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder

DAYS = 16
EARLY = small_project.PROJECT.replace('first_after = "10d"', 'first_after = "7d"')
AGE = 'pl.col("age").cast(pl.Float64)'
TODAY = f'({AGE} + dt.date.today().toordinal()).alias("age")'


def rehearsed(folder, pipeline: str = small_project.PIPELINE, project: str = EARLY) -> tuple[Workspace, dict]:
    ws = Workspace(small_project.make(folder, days=DAYS, project=project, pipeline=pipeline))
    return ws, rehearse(ws, Plan(faults="none"), clock=lambda: 0.0)


def planted(instead: str, *, imports: str = "") -> str:
    assert AGE in small_project.PIPELINE
    return small_project.PIPELINE.replace("import polars as pl", f"{imports}\nimport polars as pl", 1).replace(
        AGE, instead, 1
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> tuple[Workspace, dict]:
    return rehearsed(tmp_path_factory.mktemp("clean"))


def test_a_rehearsal_looks_for_skew_and_finds_none(clean) -> None:
    """Versions answered, their answers were looked at again, and nothing differs."""
    _, document = clean
    assert document["skew"]["compared"] > small_project.ROWS_A_DAY
    assert document["skew"]["skewed"] == document["summary"]["rows_with_skew"] == 0
    assert document["skew"]["differing"] == document["skew"]["shown"] == document["skew"]["raised"] == []


@pytest.mark.parametrize(
    ("instead", "imports"),
    [
        (f'({AGE} + datetime.now().year).alias("age")', "from datetime import datetime"),
        (TODAY, "import datetime as dt"),
        (f'({AGE} + time.localtime().tm_year).alias("age")', "import time"),
    ],
    ids=["now", "today", "localtime"],
)
def test_a_planted_skew_is_found(tmp_path, instead: str, imports: str) -> None:
    """A feature that depends on the clock: it is named, with what it was and what it is."""
    _, document = rehearsed(tmp_path, planted(instead, imports=imports))
    assert document["summary"]["rows_with_skew"] > 0
    assert "age" in {one["feature"] for one in document["skew"]["differing"]}
    assert document["skew"]["refused"] == 0
    shown = [one for one in document["skew"]["shown"] if one["feature"] == "age"]
    assert all(one["online"] != one["offline"] for one in shown)
    assert all(one["version"].startswith("v") for one in shown)


@pytest.mark.parametrize(
    ("instead", "imports"),
    [
        (f'({AGE} - pl.col("age").mean()).alias("age")', ""),
        (f'({AGE} + random.random()).alias("age")', "import random"),
    ],
    ids=["other rows", "chance"],
)
def test_a_skew_that_shows_at_once_releases_no_version(tmp_path, instead: str, imports: str) -> None:
    """A feature that depends on the batch's other rows or on chance: the rung `replay` refuses each idea, and it is told."""
    _, document = rehearsed(tmp_path, planted(instead, imports=imports))
    assert document["skew"]["refused"] == len(document["versions"]) > 0
    assert document["skew"]["rows"] == 0


def test_the_command_says_what_differs_and_exits_with_1(tmp_path, clean) -> None:
    """0 and one sentence where all is the same; 1, the features and the rows where it is not; a span narrows it."""
    ws, document = clean
    said = say("--rehearsal", "rehearsal", "skew", project=ws.folder)
    assert said.code == 0
    assert said.document["skewed"] == 0
    last = moment(document["scores"][-1]["from"])
    some = say("--rehearsal", "rehearsal", "skew", "--from", f"{last:%Y-%m-%d}", project=ws.folder)
    assert 0 < some.document["rows"] < said.document["rows"]
    late = ["--rehearsal", "rehearsal", "skew", "--from", "2100-01-01"]
    none = say(*late, project=ws.folder)
    assert (none.code, none.document["rows"]) == (0, 0)
    assert say(*late, project=ws.folder, as_json=False).out.startswith("nothing to compare")
    folder = tmp_path / "planted"
    rehearsed(folder, planted(TODAY, imports="import datetime as dt"))
    said = say("--rehearsal", "rehearsal", "skew", project=folder)
    assert said.code == 1
    assert {one["feature"] for one in said.document["differing"]} >= {"age"}


def test_private_columns_are_shown_nowhere(tmp_path) -> None:
    """Neither the row's id nor a value made of private ones is told; which feature differs is."""
    project = EARLY.replace('age = { type = "int",', 'age = { type = "int", private = true,')
    _, document = rehearsed(tmp_path, planted(TODAY, imports="import datetime as dt"), project)
    assert document["summary"]["rows_with_skew"] > 0
    assert all(set(one) == {"prediction_id", "period", "version", "feature"} for one in document["skew"]["shown"])


def served(folder, *, spoil: bool = False) -> Workspace:
    """Answer rows as a server does, and seal them; `spoil` logs other features for one of them."""
    served_log.project(folder, days=DAYS)
    assert say("collect", project=folder).code == 0
    assert say("try", project=folder).code == 0
    say("release", "v1", "--to", "live", "--because", "a test", project=folder)
    ws = served_log.workspace(folder)
    ws.refresh()
    answerer = answerer_of(ws, health=Health(lambda: 0.0))
    writer = Writer(log_folder(ws.root))
    rows = [served_log.request(f"x{place}", age=20 + place) for place in range(6)]
    log = answerer.answer(rows, at=served_log.NOON, ids=writer.next_ids(len(rows))).log
    assert {one.source for one in log} == {"model"}
    if spoil:
        wrong = np.frombuffer(log[2].features, dtype="<f8") + np.array([0, 0.5, 0, 0])
        log[2] = msgspec.structs.replace(log[2], features=wrong.tobytes())
    writer.append([msgspec.msgpack.encode(one) for one in log])
    writer.close()
    later = served_log.workspace(folder, at=served_log.NOON + timedelta(days=2))
    seal(later)
    later.refresh()
    return later


def test_what_a_server_answered_from_is_what_the_offline_path_makes(tmp_path) -> None:
    """The logged features and answers are those of the whole period made in one batch, from the tables of then."""
    found = skew_of(served(tmp_path))
    assert (found.rows, found.compared, found.skewed) == (6, 6, 0)


def test_logged_features_that_differ_are_found(tmp_path) -> None:
    """One feature of one row: its value online and offline, and by how much it differs."""
    found = skew_of(served(tmp_path, spoil=True))
    assert (found.skewed, list(found.differing)) == (1, [("v1", "distance")])
    assert found.differing["v1", "distance"] == (1, pytest.approx(0.5))
    assert (found.shown[0]["row_id"], found.shown[0]["online"], found.shown[0]["offline"]) == ("x2", 13.0, 12.5)


def test_a_rehearsal_can_be_looked_into(clean) -> None:
    """The store of a rehearsal gives the same as its document, over all periods."""
    ws, _ = clean
    found = skew_of(open_rehearsal(ws, "rehearsal"))
    assert found.skewed == 0
    assert found.compared == found.rows > 0
