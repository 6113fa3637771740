"""Which keys and unique values a partition has already given away, chunk after chunk. Holds hashes, not keys.

Not the keys of other partitions: whoever reads those hands over the few that matter.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
# Runs are merged bucket by bucket, so that a merge needs a sixteenth of the memory again, not all of it.
_BUCKET_BITS = 4
_SEED = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xFF51AFD7ED558CCD)


class HashSet(Protocol):
    """Hashes that are held, wherever they lie; asked for and added in ascending order."""

    def holds(self, ascending: Hashes, /) -> Mask:
        """Tell which of these are held."""
        ...

    def add(self, ascending: Hashes, /) -> None:
        """Hold these too; none of them is held yet."""
        ...


class SeenKeys:
    """The keys that committed rows hold. A key is held by its hash of 64 bits.

    Two keys of n share a hash with probability n² / 2⁶⁵ (3e-8 for a million rows, 3e-4 for a hundred million). Then a
    good row is held back as if its key were taken, and says so; no key is ever let in twice.
    """

    def __init__(self, held: HashSet | None = None) -> None:
        self._held: HashSet = MemoryHashes() if held is None else held

    def take(self, keys: pl.DataFrame, bad: Mask) -> Mask:
        """Tell which rows of the next chunk have a key that an earlier row keeps, and keep those of the others.

        Args:
            keys: the chunk's key columns. A key with a null in it equals none.
            bad: the rows that broke another rule, and so keep no key.

        Returns:
            True where an earlier row that is not bad has the same key; in the chunk, or in one taken before.
        """
        whole = _whole(keys)
        hashes = hash_rows(keys)
        keep = whole & ~bad
        kept = np.sort(hashes[keep])
        if bool(keep.all()) and not _has_twins(kept) and not self._held.holds(kept).any():
            self._held.add(kept)
            return np.zeros(keys.height, dtype=np.bool_)
        values, first = np.unique(hashes[keep], return_index=True)
        place = np.flatnonzero(keep)[first]
        before = self._held.holds(values)
        # Where a row's key stands among the kept ones, if it does.
        at = np.minimum(np.searchsorted(values, hashes), max(values.size - 1, 0))
        lost = self._held_by_earlier(hashes)
        if values.size:
            lost |= (values[at] == hashes) & (place[at] < np.arange(hashes.size))
        self._held.add(values[~before])
        return lost & whole

    def _held_by_earlier(self, hashes: Hashes) -> Mask:
        order = np.argsort(hashes)
        held = np.empty(hashes.size, dtype=np.bool_)
        held[order] = self._held.holds(hashes[order])
        return held


class MemoryHashes:
    """A `HashSet` in memory, 8 bytes each."""

    def __init__(self) -> None:
        self._runs: list[list[Hashes]] = [[] for _ in range(1 << _BUCKET_BITS)]

    def holds(self, ascending: Hashes, /) -> Mask:
        """See `HashSet`."""
        held = np.zeros(ascending.size, dtype=np.bool_)
        for part, runs in zip(_buckets(ascending), self._runs, strict=True):
            wanted = ascending[part]
            for run in runs if wanted.size else ():
                at = np.minimum(np.searchsorted(run, wanted), run.size - 1)
                held[part] |= run[at] == wanted
        return held

    def add(self, ascending: Hashes, /) -> None:
        """See `HashSet`."""
        for part, runs in zip(_buckets(ascending), self._runs, strict=True):
            if part.start == part.stop:
                continue
            runs.append(ascending[part].copy())
            # Each run is at least twice as long as the next: few to search, and every key is merged a few times only.
            while len(runs) > 1 and runs[-2].size < 2 * runs[-1].size:
                merged = np.concatenate((runs.pop(), runs.pop()))
                merged.sort()
                runs.append(merged)


def hash_rows(keys: pl.DataFrame) -> Hashes:
    """Hash each row in 64 bits; stable within a process alone, so never kept."""
    found = np.zeros(keys.height, dtype=np.uint64)
    for column in keys.get_columns():
        found = (found ^ (found >> np.uint64(32))) * _MIX + column.hash(_SEED).to_numpy()
    return found


def _whole(keys: pl.DataFrame) -> Mask:
    whole = np.ones(keys.height, dtype=np.bool_)
    for column in keys.get_columns():
        if column.null_count():
            whole &= column.is_not_null().to_numpy()
    return whole


def _has_twins(ascending: Hashes) -> bool:
    return bool((ascending[1:] == ascending[:-1]).any())


def _buckets(ascending: Hashes) -> Sequence[slice]:
    """Cut ascending hashes by their highest bits."""
    steps = np.arange(1, 1 << _BUCKET_BITS, dtype=np.uint64) << np.uint64(64 - _BUCKET_BITS)
    edges = [0, *np.searchsorted(ascending, steps).tolist(), ascending.size]
    return [slice(low, high) for low, high in pairwise(edges)]
