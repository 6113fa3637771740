"""Runs of keys: which hashes have an owner that counts, in memory and on disk alike."""

import numpy as np
import pytest

from trivium.loop.key_runs import KeyRuns


@pytest.mark.parametrize("memory_keys", [1 << 22, 700])
def test_runs_agree_with_a_set(tmp_path, memory_keys):
    """Whatever was added, in however many runs, is found for the owners that count, and for no other hash."""
    draw = np.random.default_rng(3)
    runs = KeyRuns(lambda: tmp_path, memory_keys=memory_keys)
    owners = {}
    for owner in range(30):
        hashes = draw.integers(0, 2**64, 200, dtype=np.uint64)
        hashes[:5] = np.arange(5, dtype=np.uint64)
        runs.add(hashes, owner)
        for each in hashes.tolist():
            owners.setdefault(each, set()).add(owner)
    asked = np.concatenate((np.array(list(owners), dtype=np.uint64), draw.integers(0, 2**64, 5000, dtype=np.uint64)))
    for counted in (set(range(30)), {7}, set()):
        held = runs.holds(asked, lambda found, counted=counted: np.isin(found, list(counted)))
        assert held.tolist() == [bool(owners.get(each, set()) & counted) for each in asked.tolist()]
    assert bool(list(tmp_path.iterdir())) == (memory_keys == 700)
