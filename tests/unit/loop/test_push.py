"""Push: rows of any kind of frame are kept at once, once, and collected like any others."""

from datetime import timedelta

import pandas as pd
import polars as pl
import pytest

from conformance.sources import FAR, START, TABLE, day, project_of
from trivium.core.clock import VirtualClock
from trivium.core.problems import DataError, ProjectError
from trivium.core.project import Table
from trivium.loop.collect import collect
from trivium.loop.project_source import ProjectSource
from trivium.loop.push import push_into
from trivium.loop.table_changes import history
from trivium.loop.workspace import Workspace


class _OneTable(Workspace):
    def __init__(self, folder, table):
        super().__init__(folder, clock=VirtualClock(FAR), store=folder, durable=False)
        self.project = project_of(table)


@pytest.fixture
def ws(tmp_path):
    return _OneTable(tmp_path, Table(push=True, time="at", key=("id",)))


def collected(ws):
    collect(ws, TABLE, source=ProjectSource(ws))
    return ws.rows(ws.state.snapshot.partitions(TABLE))


@pytest.mark.parametrize("kind", ["polars", "lazy", "pandas", "dicts"])
def test_rows_of_each_kind(ws, kind):
    """A Polars, lazy or pandas frame and a list of dicts give the same rows."""
    rows = day(0)
    made = {"polars": rows, "lazy": rows.lazy(), "dicts": rows.to_dicts(), "pandas": pd.DataFrame(rows.to_dicts())}
    receipt = push_into(ws, TABLE, made[kind])
    assert (receipt.rows, receipt.partitions, receipt.repeated) == (5, ("2024-03-01",), False)
    assert collected(ws)["id"].to_list() == rows["id"].to_list()
    assert collected(ws)["word"].to_list() == rows["word"].to_list()


def test_the_same_rows_again_change_nothing(ws):
    """A push that is repeated is known as that; a batch's name counts, whatever its rows."""
    assert not push_into(ws, TABLE, day(0)).repeated
    assert push_into(ws, TABLE, day(0)).repeated
    assert not push_into(ws, TABLE, day(1), batch="b").repeated
    assert push_into(ws, TABLE, day(2), batch="b").repeated
    assert collected(ws).height == 10


def test_a_correction_and_its_undoing(ws):
    """A later row replaces one of the same key, and the first, pushed once more, replaces that; all is told."""
    for seed in (0, 7, 0):
        push_into(ws, TABLE, day(0, seed=seed))
        assert collected(ws)["x"].to_list() == day(0, seed=seed)["x"].to_list()
    told = [entry["changes"] for entry in history(ws, TABLE) if entry["what"] == "again"]
    assert [(changes["rows_changed"], changes["columns"]) for changes in told] == [(5, {"x": 5})] * 2


def test_rows_added_later(ws):
    """Rows with new keys come beside those that were there."""
    push_into(ws, TABLE, day(0))
    push_into(ws, TABLE, day(0, rows=1).with_columns(id=pl.lit("late")))
    assert collected(ws).height == 6


@pytest.mark.parametrize("garbage", [7, "rows", [1, 2], {"id": [1]}, None, [{"id": "a", "at": "soon"}]])
def test_garbage(ws, garbage):
    """What is no rows, or has no time, is refused with nothing kept."""
    with pytest.raises(DataError, match="TV-SRC-012"):
        push_into(ws, TABLE, garbage)
    assert ws.ledger.head() == 0


def test_no_rows(ws):
    """Pushing no rows does nothing."""
    assert push_into(ws, TABLE, []).rows == 0
    assert ws.ledger.head() == 0


def test_tables_that_are_not_pushed(tmp_path):
    """A table fed by files takes no pushes, and an unknown table is named."""
    ws = _OneTable(tmp_path, Table(files="*.csv"))
    with pytest.raises(ProjectError, match="TV-SRC-013"):
        push_into(ws, TABLE, day(0))
    with pytest.raises(ProjectError, match="TV-RUN-006"):
        push_into(ws, "visit", day(0))


def test_what_is_not_over_waits(tmp_path):
    """Rows of a day that is not over are kept, and collected when it is."""
    ws = _OneTable(tmp_path, Table(push=True, time="at", key=("id",)))
    ws.clock = VirtualClock(START + timedelta(hours=12))
    push_into(ws, TABLE, day(0))
    assert collected(ws).is_empty()
    ws.clock.move_to(START + timedelta(days=1))
    assert collected(ws).height == 5
