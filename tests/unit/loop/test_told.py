"""What a rehearsal tells adds up: every row somewhere, every moment with a route, every alarm and fault once."""

from itertools import pairwise

import pytest

import small_project
from trivium.core.values import moment
from trivium.loop.rehearse import Plan, rehearse
from trivium.loop.workspace import Workspace

FAULTS = """
[[faults]]
id = "twice"
kind = "duplicates"
table = "visits"
from = 2024-01-05
until = 2024-01-07
[[faults]]
id = "gone"
kind = "drop_column"
table = "arrivals"
column = "minutes"
from = 2024-01-08
until = 2024-01-09
[[faults]]
id = "cold"
kind = "nulls"
table = "weather"
column = "day"
from = 2024-01-10
until = 2024-01-11
"""
DAYS = 16


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    project = small_project.PROJECT.replace('first_after = "10d"', 'first_after = "7d"')
    folder = small_project.make(tmp_path_factory.mktemp("told"), days=DAYS, project=project)
    (folder / "faults.toml").write_text(FAULTS)
    return rehearse(Workspace(folder), Plan(faults=str(folder / "faults.toml")), clock=lambda: 0.0)


def test_read_is_committed_quarantined_and_refused(document):
    """Of each table every row read is committed, quarantined or refused."""
    for table, rows in document["tables"].items():
        assert rows["read"] == rows["committed"] + rows["quarantined"] + rows["refused"], table
    assert document["tables"]["visits"]["quarantined"] > 0
    assert document["tables"]["arrivals"]["refused"] > 0


def test_the_route_covers_the_time(document):
    """The intervals of the route follow one another without a gap, from the start to the end."""
    route = document["route"]
    assert (route[0]["from"], route[-1]["to"]) == (document["from"], document["to"])
    assert all(one["to"] == other["from"] for one, other in pairwise(route))
    assert all(moment(each["from"]) < moment(each["to"]) for each in route)
    refs = {version["ref"] for version in document["versions"]}
    assert {each["live"] for each in route} - {None} <= refs


def test_scores_lie_in_the_time(document):
    """Each period is scored once, in order, by the primary metric, what was served beside the heuristic."""
    scores = document["scores"]
    starts = [moment(each["from"]) for each in scores]
    assert starts == sorted(set(starts))
    assert {each["metric"] for each in scores} == {document["primary"]["metric"]}
    assert all(each["rows"] <= small_project.ROWS_A_DAY for each in scores)


def test_alarms_and_faults_agree(document):
    """A fault is caught by an alarm that names it, at the alarm's time; the summary counts them."""
    alarms = {alarm["id"]: alarm for alarm in document["alarms"]}
    assert len(alarms) == len(document["alarms"])
    for fault in document["faults"]:
        if fault["caught_by"]:
            assert alarms[fault["caught_by"]]["fault"] == fault["id"]
            assert alarms[fault["caught_by"]]["at"] == fault["caught_at"]
    caught = [fault for fault in document["faults"] if fault["caught_at"]]
    assert {"twice", "gone"} <= {fault["id"] for fault in caught}
    assert document["summary"]["recall"] == len(caught) / 3
    named = [alarm for alarm in document["alarms"] if alarm["fault"]]
    assert document["summary"]["precision"] == len(named) / len(alarms)


def test_incidents_hold_each_alarm_once(document):
    """Each alarm is in one incident, which opened no later."""
    held = [alarm for incident in document["incidents"] for alarm in incident["alarms"]]
    assert sorted(held) == sorted(alarm["id"] for alarm in document["alarms"])


def test_ticks_and_rows(document):
    """There is a tick for each day, and an answer for each row committed by its day's end."""
    assert document["ticks"] == DAYS
    assert document["rows"] == document["tables"]["visits"]["committed"]
