"""What people say of alarms reaches the table's history, the rule, and the next page."""

from datetime import timedelta

import pytest

import small_project
from terminal import say
from trivium.core.clock import VirtualClock
from trivium.core.problems import ProjectError
from trivium.loop.alarm import raise_alarms
from trivium.loop.mark import alarm_ledger, mark_alarm, mute, promote, unmute, worths
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Finding

DAY = timedelta(days=1)


@pytest.fixture
def ws(tmp_path):
    return Workspace(small_project.make(tmp_path, days=1), clock=VirtualClock(small_project.START), durable=False)


def alarm(ws, day, subject="weather", *columns, kind="fault"):
    """Find something on a day, long enough after the last for the incident to be over; give the alarm."""
    ws.clock.move_to(small_project.START + day * DAY)
    for incident in ws.state.incidents.open():
        ws.unit(None, lambda name=incident.id: [ws.event("resolved", name)])
    evidence = {"partition": f"p{day}"}
    found = [Finding(alarm=kind, subject=subject, columns=columns, severity="page", what="odd", evidence=evidence)]
    return next(event for event in ws.unit(None, lambda: raise_alarms(ws, found)) if event.kind == "alarmed")


def test_three_noises_demote_a_rule_and_it_says_so(ws):
    """The third mark of noise demotes; the next alarm pages nobody and says why; a promotion lets it page again."""
    for day in range(3):
        name = alarm(ws, 8 * day).body["id"]
        events = mark_alarm(ws, name, "noise", because="timetable")
        assert [event.kind for event in events] == (["marked"] if day < 2 else ["marked", "demoted"])
    assert events[0].body["partitions"] == ["p16"]
    silent = alarm(ws, 30)
    assert not silent.body["paged"]
    assert silent.body["reason"].startswith("its rule is demoted: 0 of 3 marked alarms were useful")
    assert worths(alarm_ledger(ws))[0] == {
        "rule": "fault weather", "raised": 4, "paged": 3, "useful": 0, "noise": 3, "unmarked": 1, "precision": 0.0,
        "low": 0.0, "high": pytest.approx(0.474, abs=1e-3), "demoted": True,
    }  # fmt: skip
    promote(ws, "fault weather", because="mended")
    assert alarm(ws, 40).body["paged"]


def test_marks_that_turn_promote(ws):
    """Useful marks lift a demoted rule without anybody's promotion."""
    names = [alarm(ws, 8 * day).body["id"] for day in range(5)]
    for name in names[:3]:
        mark_alarm(ws, name, "noise")
    assert "fault weather" in ws.state.marks.demoted
    kinds = [event.kind for name in names[3:] for event in mark_alarm(ws, name, "useful")]
    assert kinds == ["marked", "promoted", "marked"]
    assert "fault weather" not in ws.state.marks.demoted


def test_a_mute_silences_until_its_time(ws):
    """A muted column's alarms are recorded with the mute as reason; another column's, or after its end, page."""
    mute(ws, "weather", column="rain", kind=None, until=small_project.START + 9 * DAY, because="gauge is broken")
    silent = alarm(ws, 1, "weather", "rain").body
    assert (silent["paged"], "gauge is broken" in silent["reason"]) == (False, True)
    assert alarm(ws, 5, "weather", "day").body["paged"]
    assert alarm(ws, 10, "weather", "rain").body["paged"]


def test_a_mute_can_be_ended(ws):
    """By its subject; then the next alarm pages."""
    mute(ws, "visits", column=None, kind="late", until=small_project.START + 90 * DAY)
    assert not alarm(ws, 1, "visits", kind="late").body["paged"]
    assert [event.subject for event in unmute(ws, "visits")] == ["m1"]
    assert alarm(ws, 9, "visits", kind="late").body["paged"]


@pytest.mark.parametrize(
    ("subject", "column", "days", "code"),
    [("wether", None, 1, "TV-RESP-006"), ("weather", "rane", 1, "TV-RESP-006"), ("weather", None, 0, "TV-RESP-007")],
)
def test_what_cannot_be_muted(ws, subject, column, days, code):
    """A subject or column that there is not, and a time that has passed."""
    with pytest.raises(ProjectError) as caught:
        mute(ws, subject, column=column, kind=None, until=ws.clock.now() + days * DAY)
    assert caught.value.problems[0].code == code


def test_the_budget_is_never_exceeded(ws):
    """However many subjects break at once, the pages of any seven days are at most the budget."""
    for day in range(20):
        for subject in ("weather", "visits", "arrivals"):
            alarm(ws, day, subject)
    pages = [event.at for event in ws.state.journal.alarms if event.body["paged"]]
    for at in pages:
        assert sum(at - 7 * DAY < other <= at for other in pages) <= ws.project.alarms.pages_per_week
    assert len(pages) > 10


def test_from_the_terminal(ws, tmp_path):
    """Mark, mute, list, ledger and unmute, as a user types them."""
    alarm(ws, 1)

    def told(*words, **more):
        return say(*words, project=tmp_path, **more)

    until = ("--until", "2100-01-01")
    assert told("alarms", "mark", "a1", "useful").code == 0
    assert told("alarms", "mark", "a1", "nice").code == 2
    muted = told("alarms", "mute", "weather", *until, "--kind", "fault", "--because", "known", as_json=False)
    assert (muted.code, "m1: weather is muted until 2100-01-01" in muted.out) == (0, True)
    assert told("alarms", "mute", "weather", *until, "--kind", "fauld").code == 2
    listed = told("alarms").document
    assert (listed["alarms"][0]["mark"], listed["mutes"][0]["id"]) == ("useful", "m1")
    assert "Muted" in told("alarms", "--last", "3", as_json=False).out
    assert told("alarms", "ledger").document["rules"][0]["useful"] == 1
    assert "100% (27% to 100%)" in told("alarms", "ledger", as_json=False).out
    assert told("alarms", "unmute", "m1").code == 0
    assert told("alarms", "promote", "fault weather").code == 0
    assert "end a mute" in told("alarms", "unmute", "--help", as_json=False).out.lower()
