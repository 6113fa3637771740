"""Tidy: what killed processes left goes; what anything names stays."""

import os
import time

import small_project
from terminal import say
from trivium.loop.tidy import EVERY_S, MARK, SPARED_S, named, tidy
from trivium.loop.workspace import Workspace


def aged(path, seconds):
    """Make a file as old as that."""
    os.utime(path, (time.time() - seconds,) * 2)


def held(ws):
    """The digests of all blobs of the store."""
    folders = [folder for folder in (ws.root / "blobs").iterdir() if folder.name != "new"]
    return {folder.name + path.name for folder in folders for path in folder.iterdir()}


def test_nothing_of_a_whole_loop_is_garbage(tmp_path):
    """Collected, trained, judged, released, answered, watched: every blob is named; years later none has gone."""
    folder = small_project.make(tmp_path / "p", days=12)
    for words in (("collect",), ("try", "--name", "first"), ("release", "v1", "--to", "live"), ("tick",)):
        assert say(*words, project=folder).code == 0
    ws = Workspace(folder)
    before = held(ws)
    assert len(before) > 20
    assert before <= set(named(ws))
    for digest in before:
        aged(ws.blobs.path(digest), 1000 * SPARED_S)
    (ws.root / MARK).unlink()
    assert tidy(ws) == 0
    assert held(ws) == before


def test_what_nothing_names_goes_once_it_is_old(tmp_path):
    """A blob whose event never came: spared while its event may still come, and looked for once a day."""
    ws = Workspace(small_project.make(tmp_path / "p", days=1))
    digest = ws.blobs.put(b"killed before its event")
    assert tidy(ws) == 0
    aged(ws.blobs.path(digest), SPARED_S + 1)
    assert tidy(ws) == 0
    aged(ws.root / MARK, EVERY_S + 1)
    assert tidy(ws) == 1
    assert not ws.blobs.has(digest)


def test_an_unfinished_file_goes_at_once(tmp_path):
    """A writer that was killed leaves a file aside; the next command that writes removes it."""
    folder = small_project.make(tmp_path / "p", days=1)
    ws = Workspace(folder)
    ws.blobs.put(b"anything")
    left = ws.root / "blobs" / "new" / "left"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    assert say("collect", project=folder).code == 0
    assert not left.exists()
