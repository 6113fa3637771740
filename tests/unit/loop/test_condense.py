"""What is kept of a stay gives what the whole log gives, whatever came when, and goes when the stay is over."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

import served_log
import small_project
from served_log import NOON, logged, request, workspace
from trivium.core.posted import Outcome
from trivium.loop import observe as observing
from trivium.loop.condense import KEPT
from trivium.loop.erase import erase_entity
from trivium.loop.observe import observe
from trivium.loop.release import advance_stages, rolled_back, staged
from trivium.loop.seal import seal
from trivium.loop.take_outcomes import Desk
from trivium.loop.traffic import traffic
from trivium.loop.weigh import compared, weigh
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder


@pytest.fixture
def folder(tmp_path):
    """A project whose v1 is live and v2 a canary since noon, and whose requests tell of whom."""
    text = small_project.PROJECT.replace('label = "late"', 'label = "late"\nentity = "clinic"')
    folder = served_log.project(tmp_path / "p", text=text)
    ws = workspace(folder)
    for ref, stage in (("v0", "live"), ("v1", "live"), ("v2", "canary")):
        ws.unit(None, lambda ref=ref, stage=stage: [staged(ws, ref, stage, was=None, because="it passed")])
    return folder


def answered(ws, draw, *, at, rows):
    """Answer so many rows about a time: some asked before, some failed, some beside."""
    writer, records = Writer(log_folder(ws.root)), []
    for name in writer.next_ids(rows):
        when = at + timedelta(seconds=float(draw.uniform(-40, 40)))
        row_id, clinic = f"r{draw.integers(400)}", str(draw.choice(["north", "south", "east"]))
        said, is_canary = draw.uniform(0.2, 0.995, 3).round(3).tolist(), bool(draw.random() < 0.4)
        troubles = (("v2", "raised", "no"),) if is_canary and draw.random() < 0.1 else ()
        who = {"version": "v2" if is_canary and not troubles else "v1", "stage": "canary" if is_canary else "live"}
        asked = request(row_id, at=when, clinic=clinic, distance=float(draw.uniform(40, 50)))
        one = {**who, "latency_ms": float(draw.exponential(20)), "request": asked, "troubles": troubles}
        records.append(logged(name, row_id, at=when, prediction=said[0], **one))
        for ref, word in (("v0", said[2]), ("v1", said[0]), ("v2", said[1])):
            if draw.random() < 0.8:
                beside = {"stage": "compared", "source": "unserved", "latency_ms": None, "request": None}
                records.append(logged(name, row_id, at=when, prediction=word, version=ref, **beside))
    writer.append([msgspec.msgpack.encode(record) for record in records])
    writer.close()


def told(ws, draw, *, at):
    desk = Desk(ws)
    rows = [f"r{draw.integers(400)}" for _ in range(40)]
    desk.take([Outcome(label=int(draw.integers(2)), row_id=row) for row in rows], at=at, by="x")
    desk.close()


def from_scratch(ws):
    """Weigh the whole log, with nothing kept."""
    live, batches = ws.state.route.live, list(traffic(ws, since=NOON, until=ws.clock.now(), asked="v2"))
    timed = [observing._timed(ws, batch, "v2") for batch in batches]
    pairs = (compared(ws, batch, observing._beside(batch.log, "v2", live)) for batch in batches)
    return weigh(ws, pairs, latency=observing._latency(ws, timed, "v2"))


def plain(weighed):
    """Write all that was seen and found as plain values, floats to the last bit."""
    seen = weighed.seen
    arrays = [seen.shift, *(seen.losses[name] for name in sorted(seen.losses))]
    counts = (seen.answers, seen.outcomes, seen.errors, seen.guardrails, seen.latency, sorted(seen.losses))
    return counts, [None if one is None else one.tobytes() for one in arrays], weighed.findings


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_gives_what_the_log_gives(folder, seed):
    """At every look, of random answers, outcomes, periods' ends, a roll-back and an erasure, old process and new."""
    draw = np.random.default_rng(seed)
    now, old = NOON, workspace(folder)
    for step in range(14):
        now += timedelta(minutes=float(draw.choice([3, 200, 900])))
        ws = workspace(folder, at=now)
        ws.refresh()
        answered(ws, draw, at=now, rows=int(draw.integers(1, 60)))
        if draw.random() < 0.6:
            told(ws, draw, at=now)
        if step == 7:
            ws.unit(None, lambda ws=ws: [rolled_back(ws, "v0", because="it did harm")])
        if step == 11:
            erase_entity(ws, "visit_id", "r7", because="asked for")
        seal(ws)
        old.clock = ws.clock
        old.refresh()
        expected = plain(from_scratch(ws))
        assert plain(observe(old, "v2", stage="canary", since=NOON)) == expected, step
        assert plain(observe(ws, "v2", stage="canary", since=NOON)) == expected, step
    assert expected[0][0] > 100 and ws.memo.forget(KEPT)


def test_a_period_that_is_over_is_read_once(folder, monkeypatch):
    """By all processes together; what is not over, at each look of another."""
    draw = np.random.default_rng(1)
    ws = workspace(folder, at=NOON + timedelta(hours=1))
    answered(ws, draw, at=NOON + timedelta(minutes=30), rows=50)
    seal(ws)
    read = []
    spoken = observing._beside
    monkeypatch.setattr(observing, "_beside", lambda log, *rest: read.append(log.height) or spoken(log, *rest))
    for hours, looks in ((1, 1), (1, 1), (13, 1), (13, 0)):
        later = workspace(folder, at=NOON + timedelta(hours=hours))
        seal(later)
        observe(later, "v2", stage="canary", since=NOON)
        observe(later, "v2", stage="canary", since=NOON)
        assert len(read) == looks, hours
        read.clear()


def test_what_is_kept_goes_with_the_stay(folder):
    """At the end of the stay, by hand too, nothing that names a row is left, in memory or in the store."""
    draw = np.random.default_rng(1)
    ws = workspace(folder, at=NOON + timedelta(hours=1))
    answered(ws, draw, at=NOON + timedelta(minutes=30), rows=50)
    ws = workspace(folder, at=NOON + timedelta(hours=13))
    seal(ws)
    advance_stages(ws)
    assert [name for name in ws.cache if name.startswith(KEPT)] == [f"{KEPT}v2/1"]
    [blob] = [known["blob"] for known in ws.memo.clear()]
    assert ws.blobs.has(blob)
    ws.cache.clear()
    advance_stages(ws)
    ws.unit(None, lambda: [staged(ws, "v2", "retired", was="canary", because="by hand")])
    advance_stages(ws)
    assert not [name for name in ws.cache if name.startswith(KEPT)]
    assert ws.memo.forget(KEPT) == [] and not ws.blobs.has(blob)
