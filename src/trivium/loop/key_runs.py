"""Sorted runs of hashed keys, each with the number of the partition that holds it; large ones lie on disk.

Knows no partitions by name and no rows; `key_index` does.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Owners = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]
# Tells of owners that a lookup found whether they count.
Counts = Callable[[Owners], Mask]

# So many keys stay in memory (12 bytes each); then they are written down as one run.
MEMORY_KEYS = 1 << 21
_BLOCK_KEYS = 512
# Bits of a filter per key, and probes: 1 of 1,900 absent keys passes (Bloom 1970: (1 - e^(-6/16))^6).
_FILTER_BITS = 16
_PROBES = 6


class KeyRuns:
    """A growing multimap from hash to owner, for lookups of many hashes at once.

    Memory: 12 bytes a key up to `memory_keys` of them, past that 2 bytes a key for a filter; the rest is in `folder`.
    """

    def __init__(self, folder: Callable[[], Path], *, memory_keys: int = MEMORY_KEYS) -> None:
        self._folder = folder
        self._memory_keys = memory_keys
        self._small: list[_Run] = []
        self._large: list[_DiskRun] = []

    def add(self, hashes: Hashes, owner: int) -> None:
        """Take in keys of one owner."""
        if not hashes.size:
            return
        self._small.append(_Run(np.sort(hashes), np.full(hashes.size, owner, dtype=np.uint32)))
        # Each run is at least twice as long as the next: few to search, and every key is merged a few times only.
        while len(self._small) > 1 and self._small[-2].hashes.size < 2 * self._small[-1].hashes.size:
            self._small.append(_merged(self._small.pop(), self._small.pop()))
        if sum(run.hashes.size for run in self._small) >= self._memory_keys:
            whole = self._small[0]
            for run in self._small[1:]:
                whole = _merged(whole, run)
            self._large.append(_DiskRun.write(whole, self._folder() / f"keys{len(self._large)}"))
            self._small = []

    def holds(self, hashes: Hashes, counts: Counts) -> Mask:
        """Tell which hashes have an owner that counts."""
        order = np.argsort(hashes)
        wanted = hashes[order]
        held = np.zeros(hashes.size, dtype=np.bool_)
        for run in self._small:
            held |= run.holds(wanted, counts)
        for large in self._large:
            held |= large.holds(wanted, counts)
        found = np.empty_like(held)
        found[order] = held
        return found


class DiskHashes:
    """A `data.keys.HashSet` that lies on disk where it is large: runs of keys that have no owner."""

    def __init__(self, folder: Callable[[], Path], *, memory_keys: int = MEMORY_KEYS) -> None:
        self._runs = KeyRuns(folder, memory_keys=memory_keys)

    def holds(self, ascending: Hashes, /) -> Mask:
        """Tell which of these are held."""
        return self._runs.holds(ascending, lambda owners: np.ones(owners.size, dtype=np.bool_))

    def add(self, ascending: Hashes, /) -> None:
        """Hold these too."""
        self._runs.add(ascending, 0)


def when_asked(stack: ExitStack, scratch: Callable[[], AbstractContextManager[Path]]) -> Callable[[], Path]:
    """Give a folder for large runs that is made when it is first asked for, and goes when the stack is closed."""
    found: list[Path] = []

    def folder() -> Path:
        if not found:
            found.append(stack.enter_context(scratch()))
        return found[0]

    return folder


@dataclass(frozen=True)
class _Run:
    hashes: Hashes
    owners: Owners

    def holds(self, ascending: Hashes, counts: Counts) -> Mask:
        held = np.zeros(ascending.size, dtype=np.bool_)
        first = np.searchsorted(self.hashes, ascending, side="left")
        last = np.searchsorted(self.hashes, ascending, side="right")
        twins = np.flatnonzero(last > first)
        at = first[twins]
        while twins.size:
            held[twins] |= counts(self.owners[at])
            at = at + 1
            more = at < last[twins]
            twins, at = twins[more], at[more]
        return held


def _merged(one: _Run, other: _Run) -> _Run:
    hashes = np.concatenate((one.hashes, other.hashes))
    order = np.argsort(hashes, kind="stable")
    return _Run(hashes[order], np.concatenate((one.owners, other.owners))[order])


@dataclass(frozen=True)
class _DiskRun:
    """A sorted run in two files; in memory a filter, and the first hash of each block."""

    place: Path
    size: int
    filter: npt.NDArray[np.uint8]
    first: Hashes

    @classmethod
    def write(cls, run: _Run, place: Path) -> "_DiskRun":
        run.hashes.tofile(place.with_suffix(".hashes"))
        run.owners.tofile(place.with_suffix(".owners"))
        bits = np.zeros(1 << int(run.hashes.size * _FILTER_BITS - 1).bit_length(), dtype=np.bool_)
        for places in _probes(run.hashes, bits.size):
            bits[places] = True
        return cls(place, run.hashes.size, np.packbits(bits, bitorder="little"), run.hashes[::_BLOCK_KEYS].copy())

    def holds(self, ascending: Hashes, counts: Counts) -> Mask:
        held = np.zeros(ascending.size, dtype=np.bool_)
        maybe = self._maybe(ascending)
        if not maybe.size:
            return held
        wanted = ascending[maybe]
        # The block before the first that begins at or after a hash: where the hash's first entry is, if it has one.
        block = np.maximum(np.searchsorted(self.first, wanted, side="left") - 1, 0)
        # Neighbouring blocks are read together, and one more: a hash's entries may go on into the next.
        cuts = np.flatnonzero(np.diff(block) > 1) + 1
        for part in np.split(np.arange(wanted.size), cuts):
            run = self._read(int(block[part[0]]), int(block[part[-1]]) + 2)
            held[maybe[part]] = run.holds(wanted[part], counts)
        return held

    def _maybe(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        left = np.arange(hashes.size)
        for places in _probes(hashes, self.filter.size * 8):
            at = places[left]
            left = left[(self.filter[at >> np.uint64(3)] >> (at & np.uint64(7)).astype(np.uint8)) & 1 == 1]
        return left

    def _read(self, start: int, end: int) -> _Run:
        begin, stop = start * _BLOCK_KEYS, min(end * _BLOCK_KEYS, self.size)
        return _Run(
            np.fromfile(self.place.with_suffix(".hashes"), np.uint64, stop - begin, offset=8 * begin),
            np.fromfile(self.place.with_suffix(".owners"), np.uint32, stop - begin, offset=4 * begin),
        )


def _probes(hashes: Hashes, bits: int) -> Iterator[Hashes]:
    """Give the filter's places of each hash, one probe at a time (double hashing; Kirsch and Mitzenmacher 2006)."""
    step = (hashes >> np.uint64(32)) | np.uint64(1)
    for probe in range(_PROBES):
        yield (hashes + np.uint64(probe) * step) & np.uint64(bits - 1)
