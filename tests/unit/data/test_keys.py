"""Keys across chunks: held by hash, in runs that grow and merge."""

from itertools import pairwise

import numpy as np
import polars as pl

from trivium.data.keys import MemoryHashes, SeenKeys, hash_rows


def test_many_chunks_find_each_key_a_second_time_and_no_other() -> None:
    """Sixty chunks of new keys, then all of them again beside as many new ones."""
    seen = SeenKeys()
    keys = pl.DataFrame({"id": range(30_000)}).with_columns(day=pl.col("id") % 7)
    good = np.zeros(500, dtype=np.bool_)
    for start in range(0, 30_000, 500):
        assert not seen.take(keys[start : start + 500], good).any()
    both = pl.concat([keys, keys.with_columns(id=pl.col("id") + 30_000)])
    lost = seen.take(both, np.zeros(60_000, dtype=np.bool_))
    assert lost[:30_000].all() and not lost[30_000:].any()


def test_memory_is_eight_bytes_a_key() -> None:
    """The runs hold each key once, and are few: each at least twice as long as the next."""
    held = MemoryHashes()
    seen = SeenKeys(held)
    for start in range(0, 64_000, 1_000):
        seen.take(pl.DataFrame({"id": range(start, start + 1_000)}), np.zeros(1_000, dtype=np.bool_))
    assert sum(run.nbytes for runs in held._runs for run in runs) == 8 * 64_000
    for runs in held._runs:
        assert all(longer.size >= 2 * shorter.size for longer, shorter in pairwise(runs))


def test_the_order_of_columns_counts() -> None:
    """(1, 2) is not the key (2, 1), and a value in one column is not the same in the other."""
    one = hash_rows(pl.DataFrame({"a": [1, 2, 1], "b": [2, 1, 1]}))
    assert len(set(one.tolist())) == 3


def test_no_rows_have_no_keys() -> None:
    """An empty chunk is taken like any other."""
    assert SeenKeys().take(pl.DataFrame({"id": []}, schema={"id": pl.String}), np.zeros(0, dtype=np.bool_)).size == 0
