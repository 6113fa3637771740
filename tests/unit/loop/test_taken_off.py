"""A version that went before it was live is told of: once, by what, how gravely, and until the next release."""

from datetime import timedelta

import msgspec
import pytest

import served_log
import small_project
from served_log import NOON, logged, request, workspace
from trivium.core.clock import VirtualClock
from trivium.core.values import iso
from trivium.loop.alarm import raise_alarms
from trivium.loop.hindsight import LEAST_ROWS, taken_off
from trivium.loop.rehearse import Plan, open_rehearsal, rehearse
from trivium.loop.release import advance_stages, replay_waiting, staged
from trivium.loop.respond import resolve_quiet
from trivium.loop.seal import seal
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Finding
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder

AFTER = NOON + timedelta(hours=1)


def on_trial(tmp_path, stage, *, more=""):
    """A project whose v1 is live and v2 at a stage, since noon."""
    folder = served_log.project(tmp_path / "p", text=small_project.PROJECT + more)
    ws = workspace(folder)
    ws.unit(None, lambda: [staged(ws, "v1", "live", was=None, because="it passed")])
    ws.unit(None, lambda: [staged(ws, "v2", stage, was=None, because="it passed")])
    return folder


def fails(folder, *, rows=60):
    """Log answers on which v2 alone failed, and what it said beside: nothing."""
    ws = workspace(folder)
    writer = Writer(log_folder(ws.root))
    records = []
    for name in writer.next_ids(rows):
        records.append(logged(name, name, at=AFTER, request=request(name, at=AFTER)))
        beside = {"source": "unserved", "latency_ms": None, "request": None}
        records.append(logged(name, name, at=AFTER, stage="shadow", version="v2", **{**beside, "prediction": None}))
        records.append(logged(name, name, at=AFTER, stage="compared", version="v1", **beside))
    writer.append([msgspec.msgpack.encode(record) for record in records])
    writer.close()


def judged(folder, *, at=AFTER + timedelta(minutes=5)):
    """Seal and look, as a tick does; give what was decided and told, by kind."""
    ws = workspace(folder, at=at)
    seal(ws)
    return {event.kind: event for event in advance_stages(ws)}


@pytest.mark.parametrize(("stage", "severity"), [("canary", "page"), ("shadow", "note")])
def test_harm_is_told_with_its_numbers(tmp_path, stage, severity):
    """Version, stage, the measure that decided and its figures; it pages where people met the answers."""
    folder = on_trial(tmp_path, stage)
    fails(folder)
    done = judged(folder)
    assert list(done) == ["staged", "opened", "alarmed"]
    told = done["alarmed"]
    assert (told.subject, told.body["alarm"], told.body["rule"]) == ("v2", "harm", "harm visits: errors")
    assert (told.body["severity"], told.body["paged"]) == (severity, severity == "page")
    assert told.body["what"].startswith(f"v2 was taken down at {stage}: it fails to answer 100.0% more often than live")
    evidence = told.body["evidence"]
    assert evidence["harm"] == done["staged"].body["harm"] and evidence["harm"]["rows"] == evidence["answers"] == 60
    assert (evidence["stage"], evidence["test"]) == (stage, "a bet that may be looked at any time")
    assert (told.body["since"], told.body["until"]) == (iso(NOON), iso(AFTER + timedelta(minutes=5)))
    assert judged(folder) == {}


@pytest.mark.parametrize("stage", ["canary", "shadow"])
def test_waiting_that_ended_without_evidence_is_noted(tmp_path, stage):
    """It says what was missing."""
    told = judged(on_trial(tmp_path, stage), at=NOON + timedelta(days=14))["alarmed"]
    assert (told.body["rule"], told.body["paged"]) == (f"unproven visits: {stage}", False)
    assert told.body["what"].startswith(f"v2 was taken off at {stage}, unproven: 14 d at {stage} end the longest stay")
    assert told.body["evidence"]["verdict"] == "unknown" and "0 of 30 answers" in told.body["what"]


def test_what_is_switched_off_is_not_told(tmp_path):
    """`[alarms.rules]` holds for releases as for any kind."""
    folder = on_trial(tmp_path, "canary", more='\n[alarms.rules.harm]\nseverity = "off"\n')
    fails(folder)
    assert list(judged(folder)) == ["staged"]


def test_a_canary_whose_answers_have_paged_does_not_page_again(tmp_path):
    """What its answers suffered and why it was taken down are one incident."""
    folder = on_trial(tmp_path, "canary")
    fails(folder)
    ws = workspace(folder, at=AFTER)
    trouble = Finding(alarm="answers", subject="v2", severity="page", what="v2 raised", rule="answers visits: raised")
    opened, _ = ws.unit(None, lambda: raise_alarms(ws, [trouble]))
    done = judged(folder)
    assert list(done) == ["staged", "alarmed"]
    assert done["alarmed"].body["incident"] == opened.subject
    assert done["alarmed"].body["reason"] == "its incident has paged already"


def test_it_is_over_with_the_next_release(tmp_path):
    """Silence ends it not, nor another version on trial; one that goes live does."""
    folder = on_trial(tmp_path, "canary")
    fails(folder)
    judged(folder)
    ws = workspace(folder, at=AFTER + timedelta(days=10))
    ws.unit(None, lambda: [staged(ws, "v3", "canary", was="shadow", because="it passed")])
    assert resolve_quiet(ws) == []
    ws.unit(None, lambda: [staged(ws, "v3", "live", was="canary", because="no harm")])
    assert [(event.kind, event.because) for event in resolve_quiet(ws)] == [("resolved", "v3 is live")]
    assert ws.state.incidents.open() == () and resolve_quiet(ws) == []


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """A rehearsal of 18 days with a live version, enough rows a day for hindsight to tell."""
    project = small_project.PROJECT.replace('first_after = "10d"', 'first_after = "7d"')
    folder = small_project.make(tmp_path_factory.mktemp("seen"), days=18, rows=200, project=project)
    rehearse(Workspace(folder), Plan(faults="none"), clock=lambda: 0.0)
    return folder


@pytest.mark.parametrize(
    ("measure", "margin", "day", "right"),
    [("loss", 0.5, 12, False), ("loss", -0.5, 12, True), ("errors", 0.01, 12, False), ("latency", 0.01, 12, None),
     ("loss", 0.5, 16, None)],
)  # fmt: skip
def test_hindsight_tells_whether_it_was_right(rehearsed, measure, margin, day, right):
    """By the rows after the verdict: more than is borne, or not; nobody can tell of latency, or of too few rows."""
    ws = open_rehearsal(Workspace(rehearsed), "rehearsal")
    end, ref = ws.clock.now(), ws.state.versions.all()[0].ref
    ws.clock = VirtualClock(small_project.START + timedelta(days=day))
    harm = {"measure": measure, "slice": "all", "worse_by": 0.9, "margin": margin}
    gone = {"stage": "retired", "from": "canary", "verdict": "roll back", "harm": harm, "findings": []}
    ws.unit(None, lambda: [ws.event("staged", ref, because="it did harm", **gone)])
    ws.clock = VirtualClock(end)
    told = taken_off(ws)[-1]
    assert (told["version"], told["measure"], told["margin"], told["right"]) == (ref, measure, margin, right)
    assert (told["later"] is None) == (right is None)
    if told["later"]:
        assert told["later"]["rows"] >= LEAST_ROWS and abs(told["later"]["worse_by"]) < 0.2


def test_one_that_waits_for_traffic_to_replay_is_told_of_too(rehearsed):
    """No stage is left without a word: a version at replay that nobody's traffic reached for its longest stay."""
    ws = open_rehearsal(Workspace(rehearsed), "rehearsal")
    ref, later = ws.state.versions.all()[0].ref, small_project.START + timedelta(days=100)
    ws.clock = VirtualClock(later)
    ws.unit(None, lambda: [staged(ws, ref, "replay", was=None, because="once more")])
    ws.clock = VirtualClock(later + timedelta(days=14))
    done = {event.kind: event for event in replay_waiting(ws, timer=lambda: 0.0)}
    assert list(done) == ["replayed", "staged", "opened", "alarmed"]
    assert done["alarmed"].body["rule"] == "unproven visits: replay" and "0 of 30 answers" in done["alarmed"].because
    assert taken_off(ws)[-1]["right"] is None
