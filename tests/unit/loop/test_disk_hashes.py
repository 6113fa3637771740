"""Hashes on disk: the same answers as those in memory, in a folder that is made when it is needed and goes again."""

from contextlib import ExitStack, contextmanager

import numpy as np
import polars as pl

from trivium.data.keys import MemoryHashes, SeenKeys
from trivium.loop.key_runs import DiskHashes, when_asked


def test_keys_on_disk_are_seen_as_those_in_memory_are(tmp_path):
    """Forty chunks of keys, a third of which came before, in runs of 500; some rows are bad and keep none."""
    draw = np.random.default_rng(3)
    on_disk = SeenKeys(DiskHashes(lambda: tmp_path, memory_keys=500))
    in_memory = SeenKeys(MemoryHashes())
    lost = 0
    for _ in range(40):
        keys = pl.DataFrame({"id": draw.integers(0, 9_000, 200), "day": draw.integers(0, 2, 200)})
        bad = draw.random(200) < 0.1
        found = on_disk.take(keys, bad)
        assert found.tolist() == in_memory.take(keys, bad).tolist()
        lost += int(found.sum())
    assert lost > 500
    assert len(list(tmp_path.iterdir())) > 10


def test_a_folder_is_made_once_and_when_it_is_asked_for(tmp_path):
    """Few keys need none; it goes with the stack."""
    opened = []

    @contextmanager
    def scratch():
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        opened.append(folder)
        yield folder
        folder.rmdir()

    with ExitStack() as stack:
        folder = when_asked(stack, scratch)
        assert opened == []
        assert folder() == folder()
        assert len(opened) == 1
    assert not opened[0].exists()
