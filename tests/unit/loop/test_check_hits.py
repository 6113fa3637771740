"""Every check of a project is told with its hits: those of tables, of ticks' answers, and of what a server just logged."""

from datetime import timedelta

import pytest

import served_log
import small_project
from served_log import NOON, serve, workspace
from trivium.core.problems import ProjectError
from trivium.loop.check_hits import checks_report
from trivium.loop.project_source import ProjectSource
from trivium.loop.seal import seal
from trivium.loop.tick import tick
from trivium.loop.workspace import Workspace
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder

DUE = """
[[checks]]
name = "over long ago"
on = "prediction"
must = "prediction < 2"
else = "warn"
expires = 2020-01-01

[[checks]]
name = "over next week"
on = "request"
must = "age < 200"
else = "refuse"
owner = "ann"
expires = {soon}
"""


@pytest.fixture
def ws(tmp_path):
    soon = (NOON + timedelta(days=7)).date().isoformat()
    text = small_project.PROJECT + DUE.format(soon=soon)
    return workspace(served_log.project(tmp_path / "p", text=text))


def told(ws: Workspace, name: str, *, on: str | None = None, last: int = 14):
    """Tell one check."""
    [one] = [one for one in checks_report(ws, on=on, last=last)["checks"] if one["name"] == name]
    return one


def test_answers_count_before_and_after_they_are_sealed(ws):
    """Hits of a running server count at once, and once: unsealed, sealed, and when the period is over."""
    writer = Writer(log_folder(ws.root))
    serve(ws, ["a", "b"], writer=writer, checks=("far is never sure",))
    serve(ws, ["c", "d"], writer=writer)
    assert served(ws) == (4, 2, 0.5)
    assert served(ws) == (4, 2, 0.5)
    serve(ws, ["dd", "ddd"], writer=writer, checks=("far is never sure",))
    assert served(ws) == served(workspace(ws.folder)) == (6, 4, 4 / 6)
    seal(workspace(ws.folder))
    assert served(ws) == (6, 4, 4 / 6)
    serve(ws, ["e"], writer=writer)
    assert served(ws) == (7, 4, 4 / 7)
    writer.close()
    later = workspace(ws.folder, at=NOON + timedelta(days=1))
    seal(later)
    assert [event.body["rows"] for event in later.state.journal.answered.values()] == [7]
    assert served(later) == (7, 4, 4 / 7)


def served(ws: Workspace):
    one = told(ws, "far is never sure")
    return one["rows"], one["hits"], one["share"]


def test_what_shadows_would_have_said_does_not_count(ws):
    """An unserved record is nobody's answer, sealed or not."""
    serve(ws, ["a"])
    serve(ws, ["a"], source="unserved", stage="shadow", version="v2")
    assert told(ws, "far is never sure")["rows"] == 1
    seal(ws)
    assert told(ws, "far is never sure")["rows"] == 1


def test_a_table_is_told_by_its_partitions(tmp_path):
    """A rule of the contract that a row broke has its period, its share and its last hit; the others never hit."""
    folder = small_project.make(tmp_path / "p", days=3)
    name = small_project.file_of(folder, "visits", 1)
    small_project.visits_of(1).with_columns(age=200).write_parquet(name)
    ws = Workspace(folder, durable=False)
    tick(ws, source=ProjectSource(ws), only=("collect",))
    one = told(ws, "age in range")
    assert (one["on"], one["does"], one["rows"], one["hits"]) == ("visits", "quarantine", 180, 60)
    assert (one["last_hit"], one["hits_ever"]) == ("2024-01-02", 60)
    assert one["marks"] == ["hits often", "nobody owns it"]
    assert [period["hits"] for period in one["periods"]] == [0, 60, 0]
    assert told(ws, "distance in range")["marks"] == ["never hit", "nobody owns it"]
    assert told(ws, "age in range", last=1)["hits"] == 0
    assert told(ws, "age in range", last=1)["last_hit"] == "2024-01-02"


def test_a_partition_that_is_refused_has_broken_its_check(tmp_path):
    """A rule that blocks lets nothing in, and its hits are told all the same."""
    text = small_project.PROJECT.replace("age = { type", 'age = { else = "block", type')
    folder = small_project.make(tmp_path / "p", days=2, project=text)
    small_project.visits_of(1).with_columns(age=200).write_parquet(small_project.file_of(folder, "visits", 1))
    ws = Workspace(folder, durable=False)
    tick(ws, source=ProjectSource(ws), only=("collect",))
    one = told(ws, "age in range", on="visits")
    assert (one["does"], one["hits"], one["last_hit"]) == ("block", 60, "2024-01-02")


def test_a_partition_that_came_again_counts_as_it_is_now(tmp_path):
    """A corrected partition's hits take the place of those of its earlier form."""
    folder = small_project.make(tmp_path / "p", days=2)
    name = small_project.file_of(folder, "visits", 1)
    small_project.visits_of(1).with_columns(age=200).write_parquet(name)
    ws = Workspace(folder, durable=False)
    tick(ws, source=ProjectSource(ws), only=("collect",))
    small_project.visits_of(1).write_parquet(name)
    tick(ws, source=ProjectSource(ws), only=("collect",))
    one = told(ws, "age in range")
    assert (one["rows"], one["hits_ever"], one["last_hit"]) == (120, 0, None)


def test_terms_are_told(ws):
    """What has expired, and what will within 30 days, says so; and who owns it."""
    over, soon = told(ws, "over long ago"), told(ws, "over next week")
    assert (over["state"], over["expires"]) == ("expired", "2020-01-01")
    assert (soon["state"], soon["owner"], soon["marks"]) == ("expires soon", "ann", ["nothing held to it yet"])
    assert told(ws, "far is never sure")["state"] == "holds"


def test_the_summary_counts(ws):
    """The summary counts states and marks over what is shown."""
    summary = checks_report(ws, on="prediction", last=14)["summary"]
    assert summary == {"checks": 2, "expired": 1, "holds": 1, "nobody owns it": 2, "nothing held to it yet": 2}


def test_an_unknown_place_is_told(ws):
    """A name that checks cannot be on is answered with the nearest one."""
    with pytest.raises(ProjectError, match="TV-RUN-090"):
        checks_report(ws, on="requests", last=14)
