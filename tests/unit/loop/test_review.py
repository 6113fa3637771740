"""The review queue from end to end, without a server: who waits, who decides, what counts, what is forgotten."""

from datetime import timedelta

import pytest

import served_log
import small_project
from served_log import NIGHT, NOON, serve, workspace
from terminal import say
from trivium.core.posted import Outcome
from trivium.core.problems import ProjectError
from trivium.loop.erase import erase_entity, expire
from trivium.loop.lineage import trace
from trivium.loop.outcomes import outcomes, truth, without_reviews
from trivium.loop.private import hider_of
from trivium.loop.project_source import ProjectSource
from trivium.loop.review import decide, skip, take
from trivium.loop.review_queue import entry_of, queue_page, queue_told, review_queue, shown_entry
from trivium.loop.seal import seal
from trivium.loop.take_outcomes import Desk, add_outcome
from trivium.loop.tick import tick
from trivium.loop.workspace import Workspace

ASKED = {"checks": ("far is never sure",), "review": True}
SECRET = small_project.PROJECT.replace('age = { type = "int"', 'age = { private = true, type = "int"')
ALL_NIGHT = small_project.PROJECT.replace("not (distance > 49 and prediction > 0.99)", "distance < 45")


@pytest.fixture
def ws(tmp_path):
    return workspace(served_log.project(tmp_path / "p"))


def later(ws: Workspace, **span: float) -> Workspace:
    """Open the project at a later time."""
    found = workspace(ws.folder, at=ws.clock.now() + timedelta(**span))
    found.refresh()
    return found


def waiting(ws: Workspace) -> list[str]:
    """List the ids that wait."""
    return [one.id for one in review_queue(ws) if one.is_open]


def labels(ws: Workspace) -> dict[str, float]:
    """Tell the label of each row that has one, as of the workspace's time."""
    rows = outcomes(ws, since=NIGHT - timedelta(days=30), until=ws.clock.now())
    return dict(rows.select("row_id", "label").iter_rows())


def test_an_answer_waits_sealed_or_not(ws):
    """It is in the queue at once, after it is sealed, and once its period is over; those nobody asks about never."""
    [name, *_] = serve(ws, ["a"], **ASKED)
    serve(ws, ["b"])
    assert waiting(ws) == [name]
    seal(ws)
    assert waiting(ws) == [name]
    over = later(ws, days=1)
    seal(over)
    assert "visits" in [event.subject for event in over.state.journal.answered.values()]
    assert waiting(over) == [name]


def test_the_queue_of_a_tick(tmp_path):
    """Answers that ticks gave wait like those of servers, with their rows as they were collected."""
    folder = served_log.project(tmp_path / "p", text=ALL_NIGHT)
    ws = workspace(folder, at=NIGHT + timedelta(days=1))
    tick(ws, source=ProjectSource(ws), only=("collect", "answer"))
    page = queue_page(ws, most=500)
    assert page["queue"]["waiting"] == len(page["reviews"]) > 0
    assert all(one["request"]["distance"] >= 45 for one in page["reviews"])
    first = page["reviews"][0]
    assert first["why"] == [{"check": "far is never sure", "because": ""}]
    assert shown_entry(ws, entry_of(ws, first["id"]))["others"] == [
        {"stage": "heuristic", "version": None, "prediction": first["prediction"]}
    ]


def test_a_decision_is_an_outcome_in_the_persons_name(ws):
    """It counts at once, sealed or not, leaves the queue, and the ledger says who and why."""
    [name] = serve(ws, ["a"], version=None, source="heuristic", **ASKED)
    told = decide(ws, name, "true", by="ann", because="saw it")
    assert (told["row_id"], told["label"], told["by"], told["stands"]) == ("a", 1.0, "ann", True)
    assert labels(ws) == {"a": 1.0}
    assert waiting(ws) == []
    event = ws.ledger.last(1)[0]
    assert (event.kind, event.subject, event.actor, event.because) == ("reviewed", name, "ann", "saw it")
    outcome = ws.frame(event.body["outcome"])
    assert outcome.select("row_id", "label", "prediction_id", "by").rows() == [("a", 1.0, name, "ann")]
    assert queue_told(ws)["decided"] == 1
    assert trace(ws, name)["review"] == {"verdict": "decided", "by": "ann", "at": told["at"], "because": "saw it"}
    with pytest.raises(ProjectError, match="decided by ann"):
        decide(ws, name, 0, by="bob", because="no")
    with pytest.raises(ProjectError, match="TV-RUN-092"):
        skip(ws, name, by="bob", because="no")
    assert labels(later(ws, minutes=1)) == {"a": 1.0}


def test_the_label_is_held_to_the_task(ws):
    """A label that a binary model cannot have is refused before anything is written."""
    [name] = serve(ws, ["a"], **ASKED)
    for bad in ("2", "maybe", float("nan")):
        with pytest.raises(ProjectError, match="TV-RUN-085") as refused:
            decide(ws, name, bad, by="ann", because="x")
        assert refused.value.problems[0].seen == str(bad)
    assert waiting(ws) == [name]


@pytest.mark.parametrize("is_first", [True, False], ids=["review first", "truth first"])
def test_what_came_true_wins(ws, is_first):
    """A client's word counts whichever was first; decided after it, the person is told which wins, and why."""
    [name] = serve(ws, ["a"], **ASKED)
    if is_first:
        assert decide(ws, name, 0, by="ann", because="looks fine")["stands"]
        assert labels(ws) == {"a": 0.0}
    add_outcome(ws, label=1, at=NOON, by="clinic", row_id="a")
    after = later(ws, minutes=5)
    seal(after)
    if not is_first:
        told = decide(after, name, 0, by="ann", because="looks fine")
        assert (told["stands"], told["truth"]["label"]) == (False, 1.0)
        assert "judgement" in told["why"]
    assert labels(later(after, hours=1)) == {"a": 1.0}


def test_the_outcomes_table_wins_over_a_later_review(tmp_path):
    """The table's word on a row stands, though the review became known after it; and the answer waits no more."""
    folder = served_log.project(tmp_path / "p")
    ws = workspace(folder)
    tick(ws, source=ProjectSource(ws), only=("collect",))
    known = truth(ws, since=NIGHT - timedelta(days=30), until=NOON)
    row, label = known.row(0)[:2]
    [name] = serve(ws, [row], **ASKED)
    assert entry_of(ws, name).state == "overtaken"
    assert waiting(ws) == []
    told = decide(ws, name, 1 - label, by="ann", because="I think otherwise")
    assert (told["stands"], told["truth"]["label"]) == (False, label)
    assert labels(ws)[row] == label


def test_a_client_who_says_what_a_review_said_says_something_new(ws):
    """The truth is no repeat of a judgement: it is kept, and counts from then on."""
    [name] = serve(ws, ["a"], **ASKED)
    decide(ws, name, 1, by="ann", because="x")
    assert add_outcome(ws, label=1, at=NOON, by="clinic", row_id="a").duplicate == 0
    after = later(ws, minutes=1)
    seal(after)
    rows = truth(after, since=NIGHT, until=after.clock.now())
    assert rows.select("row_id", "label").rows() == [("a", 1.0)]


def test_one_row_is_decided_once(ws):
    """Two answers about one row: the label of one takes the other out of the queue as well."""
    one, other = serve(ws, ["a", "a"], **ASKED)
    decide(ws, one, 1, by="ann", because="x")
    assert waiting(ws) == []
    assert entry_of(ws, other).state == "decided"


def test_two_people_do_not_do_the_same_one(ws):
    """What one has in hand the other neither gets nor decides, until the time is over; one's own come first again."""
    names = serve(ws, ["a", "b", "c"], **ASKED)
    [first] = take(ws, by="ann")
    assert (first["id"], first["request"]["distance"], first["taken"]["by"]) == (names[0], 12.5, "ann")
    assert [one["id"] for one in take(ws, by="bob", most=5)] == names[1:]
    assert [one["id"] for one in take(ws, by="ann", most=5)] == names[:1]
    with pytest.raises(ProjectError, match="bob has it until"):
        decide(ws, names[1], 1, by="ann", because="x")
    assert queue_told(ws)["taken"] == queue_told(ws)["waiting"] == 3
    over = later(ws, minutes=16)
    assert queue_told(over)["taken"] == 0
    assert decide(over, names[1], 1, by="ann", because="x")["by"] == "ann"
    for most in (0, 101):
        with pytest.raises(ProjectError, match="TV-RUN-093"):
            take(ws, by="ann", most=most)


def test_two_people_do_not_do_the_same_row(ws):
    """Two answers about one row are one person's: whoever takes one has both in hand, and is given the first."""
    one, other, third = serve(ws, ["a", "a", "b"], **ASKED)
    assert [each["id"] for each in take(ws, by="ann", most=2)] == [one, third]
    assert take(ws, by="bob", most=2) == []
    with pytest.raises(ProjectError, match="ann has it until"):
        decide(ws, other, 1, by="bob", because="x")
    assert decide(ws, other, 1, by="ann", because="x")["stands"]
    assert waiting(ws) == [third]


def test_a_skipped_answer_has_no_label(ws):
    """It leaves the queue with who and why, and nothing is known of its row."""
    [name] = serve(ws, ["a"], **ASKED)
    assert skip(ws, name, by="ann", because="nobody can tell")["by"] == "ann"
    assert (waiting(ws), labels(ws)) == ([], {})
    assert entry_of(ws, name).decision.because == "nobody can tell"


def test_nobody_looked(ws):
    """After `expires_after` an answer waits no more and is counted; after twice that it is forgotten."""
    [name] = serve(ws, ["a"], **ASKED)
    seal(later(ws, days=2))
    assert queue_told(later(ws, days=13))["waiting"] == 1
    over = later(ws, days=14)
    assert {key: queue_told(over)[key] for key in ("waiting", "expired", "oldest_at")} == {
        "waiting": 0,
        "expired": 1,
        "oldest_at": None,
    }
    with pytest.raises(ProjectError, match="it expired at"):
        decide(over, name, 1, by="ann", because="late")
    with pytest.raises(ProjectError, match="TV-RUN-091"):
        entry_of(later(ws, days=30), name)


def test_what_is_not_in_the_queue(ws):
    """An answer that no check asked about, and an id that nobody gave, are told alike."""
    [name] = serve(ws, ["b"])
    for one in (name, "p20130304-000017", "nonsense"):
        with pytest.raises(ProjectError, match="TV-RUN-091"):
            decide(ws, one, 1, by="ann", because="x")


def test_private_columns_are_not_shown(tmp_path):
    """Neither a private value nor its hash is shown to whoever decides, and the person needs none."""
    ws = workspace(served_log.project(tmp_path / "p", text=SECRET))
    [name] = serve(ws, ["a"], request=hider_of(ws).hide(served_log.request("a")), **ASKED)
    for at in (ws, later(ws)):
        request = shown_entry(at, entry_of(at, name))["request"]
        assert set(request) == {"visit_id", "at", "distance", "clinic"}
        seal(ws)


def test_erased_with_its_entity(ws):
    """An entity's answers leave the queue, and what a person said of them is known no more."""
    one, other = serve(ws, ["a", "b"], **ASKED)
    decide(ws, one, 1, by="ann", because="x")
    erase_entity(ws, "visit_id", "a", because="asked")
    assert labels(ws) == {}
    assert waiting(ws) == [other]


def test_kept_no_longer_than_the_log(ws):
    """Reviews are as old as they may get by `keep_days`, like other outcomes."""
    [name] = serve(ws, ["a"], **ASKED)
    decide(ws, name, 1, by="ann", because="x")
    seal(later(ws, days=1))
    old = later(ws, days=402)
    [event] = expire(old)
    assert event.body["reason"] == "age"
    assert labels(old) == {}


def test_many_reviews_become_one_file(ws):
    """Small frames of reviews are put together by themselves, once they are accounted for, and still are reviews."""
    names = serve(ws, [f"r{n}" for n in range(40)], **ASKED)
    for name in names:
        decide(ws, name, 1, by="ann", because="x")
    over = later(ws, minutes=1)
    tick(over, source=ProjectSource(over), only=("score",))
    seal(over)
    assert [(one.rows, one.is_review) for one in over.state.log.posted] == [(40, True)]
    assert len(labels(over)) == 40
    assert truth(over, since=NIGHT, until=over.clock.now()).height == 0


def test_a_picked_row_stands_for_no_other(ws):
    """While a period's outcomes still come, what reviews alone say is left out of its scores."""
    one, _ = serve(ws, ["a", "b"], **ASKED)
    decide(ws, one, 1, by="ann", because="x")
    add_outcome(ws, label=0, at=NOON, by="clinic", row_id="b")
    after = later(ws, minutes=1)
    seal(after)
    all_known = outcomes(after, since=NIGHT, until=after.clock.now())
    assert sorted(all_known["row_id"]) == ["a", "b"]
    assert without_reviews(after, all_known, since=NIGHT)["row_id"].to_list() == ["b"]


def test_a_rehearsal_has_its_queue(tmp_path):
    """A rehearsal's document counts what asked for a person, and its store can be looked into by the command."""
    folder = small_project.make(tmp_path / "p", days=6, project=ALL_NIGHT)
    said = say("rehearse", "--faults", "none", project=folder)
    review = said.document["review"]
    assert review["asked"] > 0
    assert review["waiting"] + review["overtaken"] == review["asked"]
    listed = say("--rehearsal", "rehearsal", "review", "--all", "--most", "1000", project=folder).document
    assert len(listed["reviews"]) == review["asked"]
    shown = say("--rehearsal", "rehearsal", "watch", "live", project=folder, as_json=False)
    assert "for review" in shown.out


def test_the_commands(tmp_path):
    """List, show, take, decide, skip, as a person types them; --json holds the same."""
    folder = small_project.make(tmp_path, days=2, start=NIGHT - timedelta(days=2))
    now = workspace(folder, at=NIGHT)
    names = serve(now, ["a", "b"], at=NIGHT - timedelta(hours=1), **ASKED)
    assert say("review", project=folder, as_json=False).out.endswith(
        f"2 answers wait for review, the oldest since {(NIGHT - timedelta(hours=1)):%Y-%m-%dT%H:%M:%SZ}\n"
    )
    assert "far is never sure" in say("review", "show", names[0], project=folder, as_json=False).out
    assert names[0] in say("review", "take", project=folder, as_json=False).out
    assert say("review", "decide", names[0], "--label", "1", "--because", "seen", project=folder).code == 0
    assert say("review", "skip", names[1], "--because", "no idea", project=folder).code == 0
    assert say("review", "decide", names[1], "--label", "1", "--because", "x", project=folder).code == 2
    assert (
        say("review", "list", project=folder, as_json=False).out == "0 answers wait for review; 1 decided; 1 skipped\n"
    )
    listed = say("review", "list", "--all", project=folder).document
    assert [one["state"] for one in listed["reviews"]] == ["decided", "skipped"]


def test_desk_and_reviews_go_together(ws):
    """A desk that stays open takes no review for a client's word."""
    [name] = serve(ws, ["a"], **ASKED)
    desk = Desk(ws)
    decide(ws, name, 1, by="ann", because="x")
    assert desk.take([Outcome(row_id="a", label=1)], at=NOON, by="c").accepted == 1
    desk.close()
