"""What came true of a few rows is what `truth` says of all, and little is kept to know it."""

from datetime import timedelta

import polars as pl
import pytest

import served_log
from served_log import NIGHT, NOON, workspace
from trivium.loop.outcomes import truth
from trivium.loop.project_source import ProjectSource
from trivium.loop.review import decide
from trivium.loop.seal import seal
from trivium.loop.take_outcomes import add_outcome
from trivium.loop.tick import tick
from trivium.loop.truth_on import truth_on

LONG_AGO = NIGHT - timedelta(days=30)


@pytest.fixture
def ws(tmp_path):
    """A project with three days of outcomes in its table, one corrected by a client, and one that a client knows."""
    ws = workspace(served_log.project(tmp_path / "p"))
    tick(ws, source=ProjectSource(ws), only=("collect",))
    row, label = truth(ws, since=LONG_AGO, until=NOON).row(7)[:2]
    add_outcome(ws, label=1 - label, at=NOON, by="clinic", row_id=row)
    add_outcome(ws, label=1, at=NOON, by="clinic", row_id="new")
    later = workspace(ws.folder, at=NOON + timedelta(hours=1))
    seal(later)
    return later


@pytest.mark.parametrize("hours", [-40, -30.5, 0, 1])
def test_as_of_any_time_it_is_what_truth_says(ws, hours):
    """For every row, at any time: the same label, known since the same moment; a row that nobody knows is left out."""
    until = NOON + timedelta(hours=hours)
    every = truth(ws, since=LONG_AGO, until=NOON + timedelta(days=9))["row_id"].to_list()
    expected = truth(ws, since=LONG_AGO, until=until)
    for rows in (every, every[:3], [*every[50:60], "nobody", "new"]):
        told = truth_on(ws, rows, since=LONG_AGO, until=until)
        same = expected.filter(pl.col("row_id").is_in(rows))
        assert told == {row: (at, label) for row, label, at in same.iter_rows()}


def test_a_review_is_no_truth(ws):
    """What a person judged is not looked up as what came true."""
    [name] = served_log.serve(ws, ["z"], at=NOON, checks=("far is never sure",), review=True)
    decide(ws, name, 1, by="ann", because="x")
    assert truth_on(ws, ["z"], since=LONG_AGO, until=ws.clock.now()) == {}


def test_little_is_remembered(ws):
    """Asked again, no blob is read; and no frame of outcomes stays in memory."""
    rows = ["new", "nobody"]
    fresh = workspace(ws.folder, at=ws.clock.now())
    fresh.refresh()
    first = truth_on(fresh, rows, since=LONG_AGO, until=NOON)
    assert not fresh._frames
    assert "labels" not in fresh.cache
    fresh.blobs.get_frame = None  # whoever reads now raises
    assert truth_on(fresh, rows, since=LONG_AGO, until=NOON) == first == {"new": (NOON, 1.0)}
