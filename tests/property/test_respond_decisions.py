"""Laws of incidents, retraining and rolling back."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.events import Event
from trivium.core.project import Retrain
from trivium.respond.incidents import Incidents
from trivium.respond.retrain import due
from trivium.respond.rollback import decide

LAWS = settings(max_examples=80, deadline=None)
START = datetime(2013, 1, 1, tzinfo=UTC)


@LAWS
@given(st.lists(st.tuples(st.sampled_from(["alarmed", "opened", "acknowledged", "resolved"]), st.sampled_from("xy"))))
def test_a_subject_has_at_most_one_open_incident(drawn) -> None:
    """Whatever comes, opened only where none is open: ids count up, and each alarm is in at most one incident."""
    incidents = Incidents()
    for seq, (kind, subject) in enumerate(drawn, start=1):
        held = incidents.on(subject)
        if (kind == "opened" and held) or (kind in ("acknowledged", "resolved") and not held):
            continue
        name = subject if kind == "alarmed" else incidents.next_id() if kind == "opened" else held.id
        body = {"subject": subject, "thing": subject, "title": "t"} if kind == "opened" else {}
        if kind == "alarmed":
            body = {"incident": held.id if held else "none", "rule": f"fault {subject}", "thing": subject}
        at = START + timedelta(hours=seq)
        incidents.apply(Event(at=at, kind=kind, subject=name, actor="a", body=body, seq=seq))
    assert [incident.id for incident in incidents.all()] == [f"i{n + 1}" for n in range(len(incidents.all()))]
    assert len({incident.subject for incident in incidents.open()}) == len(incidents.open())
    alarms = [seq for incident in incidents.all() for seq in incident.alarms]
    assert len(set(alarms)) == len(alarms)


@LAWS
@given(st.floats(0, 100), st.floats(0, 100), st.sets(st.sampled_from(["drift", "objective", "concept"])))
def test_waiting_never_makes_a_retrain_less_due(one, other, findings) -> None:
    """Once due, it stays due as time passes, and findings only hasten it."""
    early, late = sorted((one, other))

    def asked(day: float, found: set[str]) -> bool:
        now = START + timedelta(days=40 + day)
        last = START + timedelta(days=40)
        return due(Retrain(), now=now, last_try=last, first_data=START, findings=found, in_flight=False).retrain

    assert asked(late, findings) >= asked(early, findings)
    assert asked(early, findings) >= asked(early, set())


@LAWS
@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 5), st.integers(0, 500))
def test_a_rollback_always_gains(live, previous, target, margin, rows) -> None:
    """It is decided only where the previous one is better by more than the margin; both are never decided at once."""
    found = decide(live=live, previous=previous, target=target, better="lower", rows=rows, margin=margin)
    if found.rollback:
        assert previous <= target < live
        assert live - previous > margin
        assert rows >= 200
        back = decide(live=previous, previous=live, target=target, better="lower", rows=rows, margin=margin)
        assert not back.rollback
    turned = decide(live=-live, previous=-previous, target=-target, better="higher", rows=rows, margin=margin)
    assert turned.rollback == found.rollback
