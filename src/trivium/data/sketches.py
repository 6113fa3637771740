"""The sketches that summaries are made of, and how each merges: distinct values, frequent values, rows, log buckets.

The state of the first, third and fourth is a function of the rows alone, so that any order and nesting of merges
gives the same bytes. That of frequent values is so while few enough values are held; past that its error is stated.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl

from trivium.core.summary import MOST_BUCKETS, SAMPLED, Sample
from trivium.data.hashing import Hashes

# Up to so many distinct values are held by their hashes, and counted exactly; past that by HyperLogLog's registers.
COUPONS = 256
_INDEX_BITS = 12
REGISTERS = 1 << _INDEX_BITS
_REST_BITS = 64 - _INDEX_BITS
_REST = np.uint64((1 << _REST_BITS) - 1)
Counts = npt.NDArray[np.int64]


def distinct_sketch(hashes: Hashes, *, coarse: bool = False) -> bytes:
    """Make the sketch of a column's distinct values: their sorted hashes while they are few, else registers.

    Args:
        hashes: of the values, repeated or not.
        coarse: never keep hashes, from which a private value could be guessed.
    """
    if not hashes.size:
        return b""
    registers = _registers(hashes)
    if not coarse and np.count_nonzero(registers) <= COUPONS:
        held = np.sort(pl.Series(hashes).unique().to_numpy())
        if held.size <= COUPONS:
            return held.astype("<u8").tobytes()
    return registers.tobytes()


def _registers(hashes: Hashes) -> npt.NDArray[np.uint8]:
    """HyperLogLog (Flajolet et al., 2007): per class of the first bits, the rest's longest run of zeros, plus 1."""
    least = np.full(REGISTERS, _WIDEST, dtype=np.uint64)
    np.minimum.at(least, (hashes >> np.uint64(_REST_BITS)).view(np.int64), hashes & _REST)
    # frexp tells an integer's number of bits, exactly below 2^53.
    return (_REST_BITS + 1 - np.frexp(least.astype(np.float64))[1]).astype(np.uint8)


# One bit more than a rest can have, which gives the register of a class without values: 0.
_WIDEST = np.uint64(1 << _REST_BITS)


def merged_distinct(sketches: Iterable[bytes]) -> bytes:
    """Merge sketches: the union of hashes while they are few, else the greatest of each register."""
    parts = [part for part in sketches if part]
    if len(parts) < 2:
        return parts[0] if parts else b""
    few = [_coupons(part) for part in parts if len(part) != REGISTERS]
    together = np.unique(np.concatenate(few)) if few else np.empty(0, dtype=np.uint64)
    if len(few) == len(parts) and together.size <= COUPONS:
        return together.astype("<u8").tobytes()
    registers = [np.frombuffer(part, dtype=np.uint8) for part in parts if len(part) == REGISTERS]
    merged: npt.NDArray[np.uint8] = np.max([*registers, _registers(together)], axis=0)
    return merged.tobytes()


def _coupons(sketch: bytes) -> Hashes:
    return np.frombuffer(sketch, dtype="<u8").astype(np.uint64)


def distinct_of(sketch: bytes) -> int:
    """Estimate the number of distinct values: exact up to `COUPONS`, else within 1.6 % (one sigma).

    Source:
        Ertl (2017), New cardinality estimation algorithms for HyperLogLog sketches, algorithm 6.
    """
    if len(sketch) != REGISTERS:
        return len(sketch) // 8
    counts = np.bincount(np.frombuffer(sketch, dtype=np.uint8), minlength=_REST_BITS + 2).tolist()
    total = REGISTERS * _tau(1 - counts[_REST_BITS + 1] / REGISTERS)
    for held in reversed(counts[1 : _REST_BITS + 1]):
        total = 0.5 * (total + held)
    total += REGISTERS * _sigma(counts[0] / REGISTERS)
    return round(REGISTERS * REGISTERS / (2 * math.log(2)) / total) if math.isfinite(total) else 0


def _sigma(share: float) -> float:
    if share == 1.0:
        return math.inf
    total, weight, before = share, 1.0, -1.0
    while total != before:
        share *= share
        before, total, weight = total, total + share * weight, weight + weight
    return total


def _tau(share: float) -> float:
    if share in (0.0, 1.0):
        return 0.0
    total, weight, before = 1 - share, 1.0, -1.0
    while total != before:
        share = math.sqrt(share)
        weight *= 0.5
        before, total = total, total - (1 - share) ** 2 * weight
    return total / 3


def sample(hashes: Hashes) -> Sample:
    """Keep the smallest hashes, each with how many rows hold it."""
    bound = 4 * SAMPLED * (2**64 // max(hashes.size, 1))
    while True:
        near = hashes if bound >= 2**64 else hashes[hashes <= np.uint64(bound)]
        held, counts = _counted(near)
        if bound >= 2**64 or held.size >= SAMPLED:
            kept = held[:SAMPLED].tolist(), counts[:SAMPLED].tolist()
            return Sample(rows=hashes.size, hashes=tuple(kept[0]), counts=tuple(kept[1]))
        bound *= 16


def _counted(hashes: Hashes) -> tuple[Hashes, Counts]:
    if hashes.size < 1 << 14:
        return np.unique(hashes, return_counts=True)
    counted = pl.Series("hash", hashes).value_counts().sort("hash")
    return counted["hash"].to_numpy(), counted["count"].to_numpy().astype(np.int64)


def merged_sample(parts: Sequence[Sample]) -> Sample:
    """Merge samples. A row that is in the sample of all is in that of each part which holds it, so counts are exact."""
    counts: Counter[int] = Counter()
    for part in parts:
        for held, times in zip(part.hashes, part.counts, strict=True):
            counts[held] += times
    kept = sorted(counts)[:SAMPLED]
    return Sample(
        rows=sum(part.rows for part in parts), hashes=tuple(kept), counts=tuple(counts[held] for held in kept)
    )


def frequent(counts: Mapping[str, int], *, most: int, error: int = 0) -> tuple[dict[str, int], int]:
    """Keep the values that stand out: those above the (most + 1)th in rows, all while there are no more than `most`.

    Args:
        counts: rows of each value, each too high by at most `error`.
        most: how many values may be kept.
        error: the greatest number of rows that a value not in `counts` may have.

    Returns:
        The values kept, most rows first and ties by name, and the error from now on, at most rows / (most + 1).

    Source:
        Misra and Gries (1982); Agarwal et al. (2013), Mergeable summaries, section 3.
    """
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if len(ranked) <= most:
        return dict(ranked), error
    bar = ranked[most][1]
    return {value: rows for value, rows in ranked if rows > bar}, max(bar, error)


def merged_frequent(parts: Sequence[tuple[Mapping[str, int], int]], *, most: int) -> tuple[dict[str, int], int]:
    """Merge what `frequent` kept of several parts; a value that a part let go may have had its error there."""
    counts: Counter[str] = Counter()
    error = sum(part_error for _, part_error in parts)
    for held, part_error in parts:
        for value, rows in held.items():
            counts[value] += rows - part_error
    return frequent({value: rows + error for value, rows in counts.items()}, most=most, error=error)


def coarsened(buckets: Mapping[int, int], times: int) -> dict[int, int]:
    """Halve the resolution of log buckets so many times: bucket i goes to ceil(i / 2)."""
    if not times:
        return dict(buckets)
    found: dict[int, int] = {}
    for bucket in sorted(buckets):
        wide = -(-bucket >> times)
        found[wide] = found.get(wide, 0) + buckets[bucket]
    return found


def fitted(
    positive: Mapping[int, int], negative: Mapping[int, int], coarseness: int = 0
) -> tuple[dict[int, int], dict[int, int], int]:
    """Coarsen both signs' buckets by the same least number of halvings that leaves no more than `MOST_BUCKETS`."""
    times = 0
    while len(positive) + len(negative) > MOST_BUCKETS and _left(positive, negative, times) > MOST_BUCKETS:
        times += 1
    return coarsened(positive, times), coarsened(negative, times), coarseness + times


def _left(positive: Iterable[int], negative: Iterable[int], times: int) -> int:
    return len({-(-bucket >> times) for bucket in positive}) + len({-(-bucket >> times) for bucket in negative})


def added(parts: Sequence[Mapping[int, int]]) -> dict[int, int]:
    """Add histograms. By arrays: a monitor merges weeks of days, and a day has hundreds of buckets a column."""
    size = sum(map(len, parts))
    if size == 0:
        return {}
    buckets = np.fromiter(chain.from_iterable(parts), dtype=np.int64, count=size)
    counts = np.fromiter(chain.from_iterable(part.values() for part in parts), dtype=np.int64, count=size)
    held, places = np.unique(buckets, return_inverse=True)
    total = np.zeros(held.size, dtype=np.int64)
    np.add.at(total, places, counts)
    return dict(zip(held.tolist(), total.tolist(), strict=True))
