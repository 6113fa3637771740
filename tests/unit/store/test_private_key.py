"""The key that hides private values: drawn once, kept to its owner, or given by the environment."""

import stat
import threading

import pytest

from trivium.core.problems import ProjectError, StoreError
from trivium.store.private_key import FILE, VARIABLE, private_key


def test_drawn_once(tmp_path):
    """The first who asks draws it; it stays the same, and only its owner may read it."""
    key = private_key(tmp_path / "store", environ={})
    assert len(key) == 32
    assert private_key(tmp_path / "store", environ={}) == key
    assert stat.S_IMODE((tmp_path / "store" / FILE).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "store").iterdir()] == [FILE]


def test_drawn_by_many_at_once(tmp_path):
    """Of several who draw at once, one key stands, and all have it."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(private_key(tmp_path, environ={}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_given(tmp_path):
    """The environment's key is taken as it is, and no file is made."""
    assert private_key(tmp_path, environ={VARIABLE: "0b" * 32 + "\n"}) == b"\x0b" * 32
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "0b" * 31, "zz" * 32])
def test_given_wrongly(tmp_path, text):
    """A variable that holds no key is a problem, not a reason to draw one: TV-STORE-012."""
    with pytest.raises(ProjectError, match="TV-STORE-012"):
        private_key(tmp_path, environ={VARIABLE: text})


def test_damaged(tmp_path):
    """A file that is too short is no key: TV-STORE-013."""
    (tmp_path / FILE).write_bytes(b"short")
    with pytest.raises(StoreError, match="TV-STORE-013"):
        private_key(tmp_path, environ={})
