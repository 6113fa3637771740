"""A canary beside the live version, from what a server logged: judged before its period is over, by each measure."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

import served_log
import small_project
from served_log import NOON, logged, request, workspace
from trivium.core.posted import Outcome
from trivium.loop.observe import observe
from trivium.loop.release import advance_stages, staged
from trivium.loop.seal import seal
from trivium.loop.take_outcomes import Desk
from trivium.release.evidence import ALL, ERRORS, GUARDRAILS, LATENCY, LOSS, SHIFT
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder

AFTER = NOON + timedelta(hours=1)
SHARE = 0.1
STRICT = small_project.PROJECT.replace("log_loss = 0.5, brier = 0.5", "log_loss = 0.05, brier = 0.5").replace(
    "max_latency_ms = 30000", "max_latency_ms = 200"
)


@pytest.fixture
def folder(tmp_path):
    """A project whose v1 is live and v2 a canary, since noon."""
    folder = served_log.project(tmp_path / "p", text=STRICT)
    ws = workspace(folder)
    ws.unit(None, lambda: [staged(ws, "v1", "live", was=None, because="it passed")])
    ws.unit(None, lambda: [staged(ws, "v2", "canary", was="shadow", because="it passed")])
    return folder


def answers(ws, count, *, said, live=0.3, arm=None, beside=True, failed=(), **changes):
    """Log so many answers, one in ten the canary's, each with what the other version says beside it."""
    writer = Writer(log_folder(ws.root))
    records = []
    for place, name in enumerate(writer.next_ids(count)):
        row_id = f"r{name[-20:]}"
        is_canary = place % 10 == 0 if arm is None else arm
        mine, other = _at(said, place), _at(live, place)
        stage, version, value = ("canary", "v2", mine) if is_canary else ("live", "v1", other)
        troubles = tuple((ref, "raised", "no") for ref in failed if place in failed[ref] and is_canary == (ref == "v2"))
        source = "fallback" if troubles else "model"
        one = {"version": "v0" if troubles else version, "stage": stage, "source": source, "prediction": value}
        asked = request(row_id, at=AFTER, distance=49.5)
        one = {**one, "latency_ms": 1.0, "request": asked, "troubles": troubles, **changes}
        records.append(logged(name, row_id, at=AFTER, **{k: _at(v, place) for k, v in one.items()}))
        for ref, word in (("v1", other), ("v2", mine)) if beside else ():
            nothing = ref in failed and place in failed[ref]
            told = {"version": ref, "stage": "compared", "source": "unserved", "latency_ms": None, "request": None}
            records.append(logged(name, row_id, at=AFTER, prediction=None if nothing else word, **told))
    writer.append([msgspec.msgpack.encode(record) for record in records])
    writer.close()
    return [record.row_id for record in records if record.source != "unserved"]


def _at(value, place):
    """One value for each answer, or one for all."""
    if isinstance(value, np.ndarray):
        return value[place].item()
    return value[place] if isinstance(value, list) else value


def judged(folder, stage="canary", **later):
    """Seal and judge, some time after the answers; give what was decided, and what was found."""
    ws = workspace(folder, at=AFTER + (timedelta(**later) if later else timedelta(minutes=5)))
    seal(ws)
    weighed = observe(ws, "v2", stage=stage, since=NOON)
    return advance_stages(ws), {(one.measure, one.slice): one for one in weighed.findings}, weighed.seen


def test_a_canary_that_fails_goes_before_its_period_is_over(folder):
    """Forty failures that the live version does not share, five minutes after noon, in parts that are not yet a period."""
    ws = workspace(folder)
    answers(ws, 200, said=0.3, failed={"v2": set(range(40))})
    [event, *_], found, seen = judged(folder)
    assert seen.answers == 200 and (found[ERRORS, ALL].worse_by, found[ERRORS, ALL].rows) == (0.2, 200)
    assert (event.subject, event.body["stage"], event.body["verdict"]) == ("v2", "retired", "roll back")
    assert event.because.startswith("it fails to answer 20.0% more often than live")
    assert [one["measure"] for one in event.body["findings"]] == [ERRORS, LATENCY, GUARDRAILS, SHIFT]
    later = workspace(folder)
    later.refresh()
    assert later.state.route.canaries == () and later.state.route.live == "v1"


def test_rows_on_which_both_fail_are_nobodys_harm(folder):
    """A client who sends nonsense takes no canary down."""
    both = set(range(100))
    answers(workspace(folder), 200, said=0.3, failed={"v1": both, "v2": both})
    done, found, _ = judged(folder)
    assert done == [] and found[ERRORS, ALL].worse_by == 0.0


def test_a_full_shadow_queue_does_not_hide_failures(folder):
    """Where nobody was asked beside, what the canary's own arm failed on is known, and counts."""
    answers(workspace(folder), 60, said=0.3, arm=True, beside=False, failed={"v2": set(range(20))})
    [event, *_], found, _ = judged(folder)
    assert found[ERRORS, ALL].rows == 60 and event.body["verdict"] == "roll back"


def test_an_answer_that_a_check_changed_is_not_the_versions_word(folder):
    """What was served in place of an answer is left out where the version was not asked again."""
    answers(workspace(folder), 60, said=0.3, arm=True, beside=False, source="override", prediction=0.99)
    done, _, seen = judged(folder)
    assert (done, seen.answers) == ([], 0)


def test_a_slow_canary_goes(folder):
    """Half of the canary's answers slow, and few of the others': harm. All alike slow: none."""
    draw = np.random.default_rng(1)
    slow = np.where((np.arange(600) % 10 == 0) & (draw.random(600) < 0.5), 900.0, 1.0)
    answers(workspace(folder), 600, said=0.3, latency_ms=slow)
    [event, *_], found, _ = judged(folder)
    assert found[LATENCY, ALL].is_harm and "too slow" in event.because


def test_a_slow_machine_is_not_the_canarys_fault(folder):
    """Where both arms are slow alike, neither is blamed."""
    answers(workspace(folder), 600, said=0.3, latency_ms=np.where(np.arange(600) % 3 == 0, 900.0, 1.0))
    done, found, _ = judged(folder)
    assert done == [] and found[LATENCY, ALL].low < 0.01


def test_answers_that_break_checks_go(folder):
    """More than 0.99 for somebody far away breaks the project's check, though nobody was served it."""
    answers(workspace(folder), 100, said=[0.995 if place % 3 == 0 else 0.3 for place in range(100)])
    [event, *_], found, _ = judged(folder)
    assert found[GUARDRAILS, ALL].worse_by == pytest.approx(0.34) and "break a check" in event.because


def test_shifted_answers_go(folder):
    """A canary whose answers lie a quarter above live's goes before a single outcome is known."""
    answers(workspace(folder), 300, said=0.55)
    [event, *_], found, seen = judged(folder)
    assert seen.outcomes == 0 and found[SHIFT, ALL].is_harm and event.body["verdict"] == "roll back"


def told(folder, rows, labels):
    """Post the outcomes of rows, as a client does."""
    desk = Desk(workspace(folder))
    desk.take([Outcome(label=int(one), row_id=row) for row, one in zip(rows, labels, strict=True)], at=AFTER, by="x")
    desk.close()


def test_a_greater_loss_goes_once_outcomes_come(folder):
    """Outcomes posted the minute after tell that the canary's answers are worse; its period is not over for hours."""
    draw = np.random.default_rng(2)
    labels = draw.random(1500) < 0.35
    said = np.clip(np.where(labels, 0.3, 0.36) + draw.normal(0, 0.01, 1500), 0, 1)
    live = np.where(labels, 0.4, 0.3)
    rows = answers(workspace(folder), 1500, said=said, live=live)
    told(folder, rows[:400], labels[:400])
    done, found, seen = judged(folder)
    assert (done, seen.outcomes, found[LOSS, ALL].rows) == ([], 400, 400)
    told(folder, rows[400:], labels[400:])
    [event, *_], found, seen = judged(folder)
    assert (seen.outcomes, found[LOSS, ALL].rows) == (1500, 1500)
    assert found[LOSS, "north"].rows == 1500
    losses = np.where(labels, -np.log(said) + np.log(live), -np.log(1 - said) + np.log(1 - live))
    assert found[LOSS, ALL].worse_by == pytest.approx(losses.mean())
    assert event.body["verdict"] == "roll back" and "mean loss" in event.because


def test_a_sound_canary_goes_live_when_it_has_baked(folder):
    """With outcomes and no harm it stays until its bake time is over, and goes up then, not before."""
    labels = np.random.default_rng(3).random(600) < 0.3
    rows = answers(workspace(folder), 600, said=0.31)
    told(folder, rows, labels)
    assert judged(folder)[0] == []
    assert judged(folder, hours=22)[0] == []
    [event, *_], _, _ = judged(folder, hours=25)
    assert (event.body["stage"], event.body["verdict"]) == ("live", "promote")
    assert "600 answers and 600 outcomes: no harm found" in event.because


def test_waiting_has_an_end(folder):
    """A canary that nobody asks is never promoted, and is taken off at its longest stay, verdict unknown."""
    assert judged(folder, days=13)[0] == []
    [event, *_], found, _ = judged(folder, days=14)
    assert found == {} and (event.body["stage"], event.body["verdict"]) == ("retired", "unknown")
    assert "0 of 30 answers" in event.because


def test_private_columns_are_left_alone(tmp_path):
    """A check and a slice over a hidden column are not held to hashes; the rest is measured all the same."""
    text = STRICT.replace(
        'distance = { type = "float", min = 0, max = 500 }', 'distance = { type = "float", private = true }'
    ).replace("clinic = {", "clinic = { private = true,")
    folder = served_log.project(tmp_path / "p", text=text)
    ws = workspace(folder)
    ws.unit(None, lambda: [staged(ws, "v1", "live", was=None, because="it passed")])
    ws.unit(None, lambda: [staged(ws, "v2", "canary", was="shadow", because="it passed")])
    answers(ws, 100, said=[0.995 if place % 3 == 0 else 0.3 for place in range(100)])
    _, found, seen = judged(folder)
    assert seen.answers == 100 and found[GUARDRAILS, ALL].worse_by == 0.0


@pytest.mark.parametrize("stage", ["shadow", "canary"])
def test_without_a_live_version_the_heuristic_is_the_other(tmp_path, stage):
    """The first version of all is held to what the heuristic says, and may lie as far from it as it likes."""
    folder = served_log.project(tmp_path / "p", text=STRICT)
    ws = workspace(folder)
    ws.unit(None, lambda: [staged(ws, "v2", stage, was=None, because="it passed")])
    writer = Writer(log_folder(ws.root))
    records = []
    for name in writer.next_ids(100):
        records.append(logged(name, name, at=AFTER, version=None, source="heuristic", prediction=0.3))
        beside = {"source": "unserved", "latency_ms": None, "request": None}
        records.append(logged(name, name, at=AFTER, version="v2", stage="shadow", prediction=0.9, **beside))
        records.append(logged(name, name, at=AFTER, version=None, stage="heuristic", prediction=0.3, **beside))
    writer.append([msgspec.msgpack.encode(record) for record in records])
    writer.close()
    done, found, seen = judged(folder, stage)
    assert (done, seen.answers, found[ERRORS, ALL].rows) == ([], 100, 100)
    assert (SHIFT, ALL) not in found
