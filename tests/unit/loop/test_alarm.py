"""From findings to events: incidents with what may lie behind them, and alarms in the incident that explains them."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

import small_project
from trivium.core.clock import VirtualClock
from trivium.loop.alarm import lineage, raise_alarms
from trivium.loop.change import note_changes
from trivium.loop.respond import resolve_quiet
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Finding

START, DAY = small_project.START, timedelta(days=1)


@pytest.fixture
def ws(tmp_path):
    return Workspace(small_project.make(tmp_path, days=1), clock=VirtualClock(START), durable=False)


def found(alarm: str, subject: str, *, day: int = 0, **more: Any) -> Finding:
    """Make a finding about one day's data."""
    said = {"severity": "page", "what": f"{subject} {alarm}", **more}
    return Finding(alarm=alarm, subject=subject, since=START + day * DAY, until=START + (day + 1) * DAY, **said)


def raised(ws: Workspace, *findings: Finding) -> list[Any]:
    """Raise alarms; give the events."""
    return ws.unit(None, lambda: raise_alarms(ws, findings))


def test_nothing_found_is_no_event(ws):
    """And no code of the project is loaded for it."""
    assert raise_alarms(ws, []) == []
    assert "code" not in vars(ws)


def test_the_model_is_made_of_what_its_features_read(ws):
    """The tables of the features and of the outcomes, for it and each of its versions."""
    made = lineage(ws)
    assert set(made.upstream) == {"model visits"}
    assert set(made.upstream["model visits"]) >= {"visits", "weather", "arrivals"}
    assert made.read_for["weather"] == 3 * DAY


def test_a_broken_table_explains_the_model(ws):
    """One incident, one page; the model's alarm says by what it is explained, and leaves the model free for another."""
    events = raised(ws, found("objective", "visits", rule="objective visits: calibrated"), found("fault", "weather"))
    assert [(e.kind, e.subject) for e in events] == [("opened", "i1"), ("alarmed", "weather"), ("alarmed", "visits")]
    assert [e.body["paged"] for e in events[1:]] == [True, False]
    assert events[2].body["explained"] == "explained by i1 on weather"
    assert events[2].body["reason"] == "explained by i1 on weather, which has paged"
    assert ws.state.incidents.get("i1").things == ("weather",)


def test_a_changed_contract_is_the_first_cause(ws):
    """The first sight of a contract is no change; a change shortly before is named, before what a monitor ranks."""
    assert [event.body["differs"] for event in note_changes(ws)] == [["arrivals", "visits", "weather"]]
    assert note_changes(ws) == []
    tables = dict(ws.project.tables)
    tables["weather"] = msgspec.structs.replace(tables["weather"], grace="2d")
    ws.project = msgspec.structs.replace(ws.project, tables=tables)
    ws.clock.move_to(START + DAY)
    assert [event.body["differs"] for event in note_changes(ws)] == [["weather"]]
    ranked = [{"words": "rain lost its point", "weight": 0.5}, {"words": "north alone", "weight": 0.9}]
    events = raised(ws, found("fault", "weather", evidence={"causes": ranked}), found("fault", "visits", day=9))
    causes = {event.body["subject"]: event.body["causes"] for event in events if event.kind == "opened"}
    assert causes["weather"] == [
        "the contract of weather was changed at 2024-01-02", "north alone", "rain lost its point",
    ]  # fmt: skip
    assert causes["visits"] == []


def test_a_release_shortly_before_may_lie_behind_the_answers(ws):
    """It is named where the finding is about the model or a version, not where it is about a table."""
    ws.unit(None, lambda: [ws.event("staged", "v1", stage="live", because="passed")])
    events = raised(ws, found("answers", "v1"), found("fault", "weather", day=-9))
    causes = {event.body["subject"]: event.body["causes"] for event in events if event.kind == "opened"}
    assert causes["v1"][0].startswith("v1 answers since 2024-01-01")
    assert causes["weather"] == []


def test_an_incident_stays_open_while_its_fault_is_found(ws):
    """What is found again is not told again, and keeps the incident open; quiet for three days it closes."""
    raised(ws, found("fault", "weather"))
    for day in (1, 2, 3):
        ws.clock.move_to(START + day * DAY)
        broke = [{"rule": "fault weather", "columns": []}]
        body = {"of": "collected", "partition": f"p{day}", "verdict": "fault", "broke": broke}
        ws.unit(None, lambda body=body: [ws.event("watched", "weather", **body)])
        assert raised(ws, found("fault", "weather", day=day)) == []
    ws.clock.move_to(START + 5 * DAY)
    assert resolve_quiet(ws) == []
    ws.clock.move_to(START + 6 * DAY)
    assert [event.kind for event in resolve_quiet(ws)] == ["resolved"]
