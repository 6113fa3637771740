"""Erasing: one entity's rows are nowhere any more, all others are as they were; and what is too old is emptied."""

from datetime import timedelta

import polars as pl
import pytest

import served_log
import small_project
from served_log import NOON, serve, workspace
from terminal import say
from trivium.core.problems import ProjectError
from trivium.loop.erase import erase_entity, expire
from trivium.loop.find_answer import find
from trivium.loop.private import hider_of
from trivium.loop.project_source import ProjectSource
from trivium.loop.seal import seal
from trivium.loop.take_outcomes import add_outcome
from trivium.loop.tick import tick
from trivium.store.blobs import FileBlobs

PRIVATE = small_project.PROJECT.replace("clinic = {", "clinic = { private = true,")


@pytest.fixture
def ws(tmp_path):
    return workspace(served_log.project(tmp_path))


def tables_that_hold(ws, value):
    """Name the Parquet files of a store that have a value in any column."""
    found = []
    for path in (ws.root / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"PAR1":
            rows = pl.read_parquet(path)
            texts = [name for name, kind in rows.schema.items() if kind == pl.String]
            if texts and rows.select(pl.any_horizontal((pl.col(name) == value).any() for name in texts)).item():
                found.append(path)
    return found


def test_an_entity_is_gone(ws):
    """Answers, request rows, outcomes, and the rows of tables: all that is about the value goes, the rest stays."""
    tick(ws, source=ProjectSource(ws), only=("collect",))
    held = ws.rows(ws.state.snapshot.partitions("visits"))
    one, other = held["visit_id"].to_list()[:2]
    gone, stays = serve(ws, [one, "b"])
    add_outcome(ws, label=1, at=NOON, by="ann", answer_id=gone)
    seal(ws)
    assert tables_that_hold(ws, one)
    event = erase_entity(ws, "visit_id", one, because="asked for it")
    assert event.body["rows"] >= 5
    assert one not in str(event.body)
    assert tables_that_hold(ws, one) == []
    assert tables_that_hold(ws, other)
    again = workspace(ws.folder)
    again.refresh()
    assert find(again, gone) is None
    assert find(again, stays).answer["row_id"] == "b"
    assert again.rows(again.state.snapshot.partitions("visits")).height == held.height - 1
    assert erase_entity(again, "visit_id", one, because="again") is None


def test_the_period_goes_on_without_it(ws):
    """What was sealed before the erasure becomes a period without the rows that were erased."""
    serve(ws, ["a", "b"])
    seal(ws)
    erase_entity(ws, "visit_id", "a", because="asked")
    later = workspace(ws.folder, at=NOON + timedelta(days=1))
    [event] = seal(later)
    assert later.frame(event.body["blob"])["row_id"].to_list() == ["b"]


def test_by_a_private_value(tmp_path):
    """A private column's value is found by its hash; the rows of one value take their answers with them."""
    ws = workspace(served_log.project(tmp_path, text=PRIVATE))
    hider = hider_of(ws)
    serve(ws, ["a"], request=hider.hide(served_log.request("a", clinic="north")))
    [kept] = serve(ws, ["b"], request=hider.hide(served_log.request("b", clinic="east")))
    assert erase_entity(ws, "clinic", "north", because="closed").body["rows"] == 2
    assert find(ws, kept) is not None
    assert tables_that_hold(ws, "a") == []


def test_numbers_by_their_words(ws):
    """A number on the command line meets the numbers of its column, however it is written."""
    serve(ws, ["a"], request=served_log.request("a", distance=7.0))
    serve(ws, ["b"])
    assert erase_entity(ws, "distance", "7", because="x").body["rows"] == 2


def test_no_such_column(ws):
    """A column that no table has is a problem that names the nearest: TV-RUN-086."""
    with pytest.raises(ProjectError, match="did you mean 'clinic'"):
        erase_entity(ws, "clinik", "north", because="x")


def test_killed_before_the_files_go(ws, monkeypatch):
    """Killed between its event and the deletion of files, an erasure is carried through by the next tick."""
    serve(ws, ["a", "b"])
    seal(ws)
    with monkeypatch.context() as patched:
        patched.setattr(FileBlobs, "drop", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase_entity(ws, "visit_id", "a", because="x")
    assert tables_that_hold(ws, "a")
    again = workspace(ws.folder)
    tick(again, source=ProjectSource(again), only=("seal",))
    assert tables_that_hold(ws, "a") == []


def test_what_is_old_is_emptied(ws):
    """Past keep_days answers and outcomes are gone, their event can still be read, and the second time nothing is left."""
    [name] = serve(ws, ["a"])
    add_outcome(ws, label=1, at=NOON, by="ann", row_id="a")
    seal(workspace(ws.folder, at=NOON + timedelta(days=1)))
    young = workspace(ws.folder, at=NOON + timedelta(days=399))
    young.refresh()
    assert expire(young) == []
    old = workspace(ws.folder, at=NOON + timedelta(days=402))
    old.refresh()
    [event] = expire(old)
    assert (event.body["reason"], event.body["rows"], event.because) == ("age", 3, "older than 400 days")
    assert tables_that_hold(ws, "a") == []
    assert expire(old) == []
    assert find(old, name) is None


def test_the_command(tmp_path):
    """The command says how many rows went, and that nothing holds what is asked for again."""
    folder = small_project.make(tmp_path, days=2, start=served_log.NIGHT - timedelta(days=2))
    assert say("collect", project=folder).code == 0
    first = small_project.visits_of(0)["visit_id"][0]
    said = say("erase", "visit_id", first, "--because", "asked", project=folder)
    assert said.code == 0
    assert said.document["rows"] >= 2
    assert say("erase", "visit_id", first, "--because", "asked", project=folder).document["rows"] == 0
