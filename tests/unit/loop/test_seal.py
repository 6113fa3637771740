"""What a server logged is sealed once, found by its id, and becomes periods that are scored like any other."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

import served_log
import small_project
from served_log import NOON, logged, logged_frames, serve, workspace
from trivium.core.posted import Outcome
from trivium.core.problems import ProjectError
from trivium.core.values import EPOCH
from trivium.loop.find_answer import find
from trivium.loop.lineage import trace
from trivium.loop.project_source import ProjectSource
from trivium.loop.scores import score_due
from trivium.loop.seal import seal
from trivium.loop.take_outcomes import Desk, add_outcome
from trivium.loop.tick import tick
from trivium.store.framing import framed
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder, segments


@pytest.fixture
def folder(tmp_path):
    return served_log.project(tmp_path / "p")


@pytest.fixture
def ws(folder):
    return workspace(folder)


def moved(ws, **span):
    """Open the project at a later time."""
    return workspace(ws.folder, at=ws.clock.now() + timedelta(**span))


def kinds(events):
    return [event.kind for event in events]


def test_sealed_once(ws):
    """Answers are sealed into one event, whoever asks again gets none, and the closed segment is gone."""
    serve(ws, ["a", "b"])
    [event] = seal(ws)
    assert (event.kind, event.body["rows"], event.body["torn_bytes"]) == ("logged", 2, 0)
    assert seal(ws) == []
    assert seal(workspace(ws.folder)) == []
    assert segments(log_folder(ws.root)) == []
    [(_, frame, _)] = logged_frames(ws)
    assert frame["row_id"].to_list() == ["a", "b"]
    assert frame["prediction"].to_list() == [0.25, 0.25]


def test_a_live_segment_is_sealed_as_far_as_it_goes(ws):
    """A server that goes on has its log sealed up to now; its segment stays, and the rest comes next time."""
    writer = Writer(log_folder(ws.root))
    serve(ws, ["a"], writer=writer)
    assert kinds(seal(ws)) == ["logged"]
    assert len(segments(log_folder(ws.root))) == 1
    serve(ws, ["b"], writer=writer)
    seal(ws)
    writer.close()
    assert seal(ws) == []
    assert segments(log_folder(ws.root)) == []
    assert [frame["row_id"].to_list() for _, frame, _ in logged_frames(ws)] == [["a"], ["b"]]


def test_nothing_logged(ws):
    """A project that no server answers for has nothing to seal, and no folder is made for it."""
    assert seal(ws) == []
    assert not (ws.root / "log").exists()


def test_found_before_and_after(ws):
    """An answer is found by its id while it lies in a segment, once sealed, and once its period is over."""
    [name] = serve(ws, ["a"])
    serve(ws, ["b"])
    fresh = find(ws, name)
    assert (fresh.answer["row_id"], fresh.request["age"], fresh.part) == ("a", 40, None)
    seal(ws)
    assert find(ws, name).part is not None
    later = moved(ws, days=1)
    assert kinds(seal(later)) == ["answered"]
    found = find(later, name)
    assert found.part.body["partition"].endswith(" served")
    assert {**found.answer, "failed": []} == {**fresh.answer, "failed": []}
    assert found.request == fresh.request
    assert find(ws, name.replace("-000000", "-000001")) is None
    assert find(ws, "p20130304-000001") is None
    with pytest.raises(ProjectError, match="TV-STORE-011"):
        find(ws, "nonsense")


def test_traced(ws):
    """`trace` walks from a server's answer; an answer of no version ends the walk."""
    [name] = serve(ws, ["a"], version=None, source="heuristic")
    seal(ws)
    walked = trace(ws, name)
    assert (walked["answer"]["row_id"], walked["request"]["clinic"]) == ("a", "north")
    assert walked["partition"]["partition"] == served_log.NOON.date().isoformat()


def test_a_period_is_answered(ws):
    """Once the day is over its parts become one event with the body of a batch's: counts, troubles, checks, reviews."""
    serve(ws, ["a", "b"], checks=("far",), review=True)
    seal(ws)
    serve(ws, ["c"], stage="canary", version="v2", troubles=(("v3", "raised", "raised: oh"),))
    serve(ws, ["c"], source="unserved", stage="shadow", version="v4", request=None)
    later = moved(ws, days=1)
    events = seal(later)
    assert kinds(events) == ["logged", "answered"]
    body = events[-1].body
    assert (body["partition"], body["rows"], body["review"]) == (f"{NOON.date()} served", 3, 2)
    assert body["asked"] == ["v1", "v2", "v3", "v4"]
    assert body["checks"] == {"far": 2}
    assert body["troubles"] == [{"version": "v3", "kind": "raised", "rows": 1, "what": "raised: oh"}]
    assert [(one["version"], one["stage"], one["len"]) for one in body["served"]] == [
        ("v1", "live", 2),
        ("v2", "canary", 1),
    ]
    log = later.frame(body["blob"])
    assert log.height == 4
    assert sorted(log["failed"].to_list()) == [[], [], [], ["v3"]]
    assert list(logged_frames(later)) == []
    assert seal(later) == []


def test_parts_go_once_the_period_holds_them(ws):
    """The blobs of parts are removed some time after the period's event; those that it names stay."""
    serve(ws, ["a"])
    seal(ws)
    serve(ws, ["b"])
    later = moved(ws, days=1)
    body = seal(later)[-1].body
    seal(moved(later, minutes=11))
    assert [ws.blobs.has(blob) for blob in body["parts"]] == [False] * 4
    assert ws.blobs.has(body["blob"])
    assert ws.blobs.has(body["requests"])


def test_answers_that_come_late(ws):
    """A part of a period that was answered already is added to it, and the event says all of it again."""
    serve(ws, ["a"])
    later = moved(ws, days=1)
    seal(later)
    serve(ws, ["b"])
    events = seal(later)
    assert kinds(events) == ["logged", "answered"]
    assert events[-1].body["rows"] == 2
    assert later.frame(events[-1].body["blob"])["row_id"].to_list() == ["a", "b"]


def test_posted_outcomes_score_a_period(ws):
    """Outcomes by row and by answer, early, late, twice and corrected: the day is scored by the last word on each row."""
    names = serve(ws, ["a", "b", "c", "d"], prediction=0.25)
    add_outcome(ws, label=1, at=NOON, by="ann", row_id="a")
    assert add_outcome(ws, label=1, at=NOON, by="ann", answer_id=names[1]).accepted == 1
    add_outcome(ws, label=0, at=NOON, by="ann", row_id="c")
    add_outcome(ws, label=1, at=NOON, by="bob", answer_id=names[2])
    add_outcome(ws, label=0, at=NOON, by="ann", row_id="d")
    later = moved(ws, days=3)
    seal(later)
    scored = [event for event in score_due(later) if event.kind == "scored"]
    assert [event.body["partition"] for event in scored] == [f"{NOON.date()} served"]
    brier = scored[0].body["served"]["metrics"]["brier"]["all"]
    assert scored[0].body["served"]["rows"] == 4
    assert brier == pytest.approx(np.mean([0.75**2, 0.75**2, 0.75**2, 0.25**2]))


def test_a_correction_scores_anew(ws):
    """An outcome that is corrected after the period was scored changes the score."""
    serve(ws, ["a", "b"], prediction=0.0)
    for row in ("a", "b"):
        add_outcome(ws, label=0, at=NOON, by="ann", row_id=row)
    later = moved(ws, days=3)
    seal(later)
    score_due(later)
    add_outcome(later, label=1, at=later.clock.now(), by="ann", row_id="b")
    seal(later)
    again = [event for event in score_due(later) if event.kind == "scored"]
    assert again[0].because == "outcomes were corrected"
    assert again[0].body["served"]["metrics"]["brier"]["all"] == pytest.approx(0.5)


def test_outcomes_alone(tmp_path):
    """A project without an outcomes' table is scored by what is posted."""
    text = small_project.PROJECT
    text = text[: text.index("[outcomes]")] + text[text.index("[tables.visits]") :]
    folder = served_log.project(tmp_path, text=text)
    ws = workspace(folder)
    serve(ws, ["a"], prediction=0.5)
    add_outcome(ws, label=1, at=NOON, by="ann", row_id="a")
    later = moved(ws, days=3)
    seal(later)
    assert [event.kind for event in score_due(later)] == ["joined", "scored"]


def test_the_desk_counts(ws):
    """New, repeated and unknown outcomes are told apart; by any process, sealed or not; the bad ones have problems."""
    names = serve(ws, ["a", "b"])
    desk, other = Desk(workspace(ws.folder)), Desk(workspace(ws.folder))
    take = lambda one, *said: one.take(list(said), at=NOON, by="x")  # noqa: E731
    assert take(desk, Outcome(label=1, row_id="a"), Outcome(label=1, row_id="a"), Outcome(label=0, row_id="zz")) == (
        msgspec.structs.replace(take(desk), accepted=1, duplicate=1, unknown=1)
    )
    assert take(other, Outcome(label=True, id=names[0])).duplicate == 1
    seal(ws)
    assert take(other, Outcome(label=0, row_id="a")).accepted == 1
    assert take(desk, Outcome(label=0, id=names[0])).duplicate == 1
    bad = take(desk, Outcome(label=2, row_id="a"), Outcome(label=1), Outcome(label=float("nan"), id=names[1]))
    assert [place for place, _ in bad.problems] == [0, 1, 2]
    assert {problem.code for _, problem in bad.problems} == {"TV-RUN-085"}
    desk.close()
    other.close()


def test_an_outcome_before_its_answer(ws):
    """An outcome for an id that nobody has seen yet is kept, and finds its row once the answer is sealed."""
    writer = Writer(log_folder(ws.root))
    [name] = writer.next_ids(1)
    assert add_outcome(ws, label=1, at=NOON, by="ann", answer_id=name).unknown == 1
    seal(ws)
    assert ws.state.log.unresolved is not None
    writer.append([msgspec.msgpack.encode(logged(name, "a"))])
    writer.close()
    assert kinds(seal(ws)) == ["logged", "posted"]
    assert ws.state.log.unresolved is None
    [posted] = ws.state.log.posted
    assert ws.frame(posted.blob)["row_id"].to_list() == ["a"]


def test_private_columns_never_touch_the_disk(tmp_path):
    """A private value stands nowhere in the store once its server hid it; what stands there is the same for the same value."""
    from trivium.loop.private import hider_of

    text = small_project.PROJECT.replace('clinic = { type = "str"', 'clinic = { private = true, type = "str"')
    ws = workspace(served_log.project(tmp_path, text=text))
    hider = hider_of(ws)
    row = served_log.request("a", clinic="Ann's own clinic")
    serve(ws, ["a", "b"], request=hider.hide(row))
    seal(ws)
    held = ws.frame(ws.state.log.waiting[NOON.date().isoformat()][0].requests)
    assert held["clinic"].to_list() == [hider.hidden("clinic", "Ann's own clinic")] * 2
    files = [path for path in ws.root.rglob("*") if path.is_file()]
    assert not [path for path in files if b"Ann's own" in path.read_bytes()]


def test_a_clock_that_jumped(ws):
    """Answers dated far ahead, or before their writer began, are kept, dated by when they can have been given, and counted."""
    writer = Writer(log_folder(ws.root))
    serve(ws, ["a"], writer=writer, at=NOON + timedelta(days=3650))
    serve(ws, ["b"], writer=writer, at=EPOCH)
    serve(ws, ["c"], writer=writer)
    writer.close()
    event, answered = seal(ws)
    assert answered.kind == "answered"
    assert event.body["misdated"] == {"ahead": 1, "behind": 1}
    [(_, frame, _)] = logged_frames(ws)
    assert frame["at"].to_list() == [NOON, NOON]
    assert ws.frame(answered.body["blob"])["row_id"].to_list() == ["b"]


def test_a_damaged_segment(ws):
    """A record that is damaged is counted, and all others are sealed; one of another trivium's is kept as it is."""
    writer = Writer(log_folder(ws.root))
    serve(ws, ["a", "b", "c"], writer=writer)
    [segment] = segments(log_folder(ws.root))
    content = bytearray(segment.path.read_bytes())
    content[len(content) // 2] ^= 1
    segment.path.write_bytes(content + framed(b"\xc1 strange", segment.marker) + framed(b"torn", segment.marker)[:-1])
    writer.close()
    [event] = seal(ws)
    assert event.body["rows"] == 2
    assert event.body["damaged"]["places"] == 1
    assert event.body["torn_bytes"] == 15
    assert event.body["strange"]["records"] == 1
    assert b"strange" in ws.blobs.get(event.body["strange"]["blob"])
    assert segments(log_folder(ws.root)) == []
    later = moved(ws, days=1)
    events = tick(later, source=ProjectSource(later), only=("seal", "watch")).events
    [alarm] = [event for event in events if event.kind == "alarmed" and event.body["alarm"] == "log"]
    assert "1 places" in alarm.body["what"]
    assert "1 records cannot be read" in alarm.body["what"]
    serve(later, ["d"], at=later.clock.now())
    assert seal(moved(later, days=1))[-1].body["lost"] == {}


def test_requests_are_pushed_into_their_table(tmp_path):
    """Where the requests' table is fed by pushes, what a server was asked becomes its rows, and no tick answers them again."""
    text = small_project.PROJECT.replace('files = "data/visits/*.parquet"', "push = true")
    ws = workspace(served_log.project(tmp_path, text=text))
    serve(ws, ["a", "b"])
    assert kinds(seal(ws)) == ["logged", "pushed"]
    later = moved(ws, days=1)
    events = tick(later, source=ProjectSource(later), only=("seal", "collect", "answer")).events
    assert [event.body["partition"] for event in events if event.kind == "answered"] == [f"{NOON.date()} served"]
    collected = [event for event in events if event.kind == "collected" and event.subject == "visits"]
    assert [event.body["rows_committed"] for event in collected] == [2]


def test_many_small_frames_of_outcomes_become_one(ws, monkeypatch):
    """Past so many sealed frames of outcomes they are put together, and say what they said."""
    monkeypatch.setattr("trivium.loop.seal_outcomes.MERGED", 3)
    serve(ws, ["a", "b", "c", "d", "e"])
    for row in ("a", "b", "c", "d", "e"):
        add_outcome(ws, label=1, at=NOON, by="ann", row_id=row)
        seal(ws)
        score_due(ws)
    rows = [row for one in ws.state.log.posted for row in ws.frame(one.blob)["row_id"].to_list()]
    assert sorted(rows) == ["a", "b", "c", "d", "e"]
    assert len(ws.state.log.posted) < 5
    again = workspace(ws.folder)
    again.refresh()
    assert again.state.log.posted == ws.state.log.posted
