"""Hashes of values that stay the same for ever: summaries keep them, and compare them over years.

Not Polars' `hash`, which may differ from one version to the next. Not for secrets: whoever can guess a value can
check the guess.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

Hashes = npt.NDArray[np.uint64]

_BLOCK = 1 << 15  # rows that stay in the processor's cache
_TEXT_BLOCK = 1 << 15  # bytes
_TEXTS = 1 << 15  # texts that are laid end to end at once
# Multipliers and shifts of splitmix64's finaliser (Steele, Lea and Flood, 2014, figure 16, variant 13 of Stafford).
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_STEP = 0x9E3779B97F4A7C15
_BASE = 0xD1342543DE82EF95
_INVERSE = pow(_BASE, -1, 1 << 64)


def mixed(bits: Hashes) -> Hashes:
    """Spread 64-bit integers evenly, one to one."""
    found = bits + np.uint64(_STEP)
    room = np.empty(min(_BLOCK, found.size), dtype=np.uint64)
    for start in range(0, found.size, _BLOCK):
        block = found[start : start + _BLOCK]
        spare = room[: block.size]
        block ^= np.right_shift(block, np.uint64(30), out=spare)
        block *= _FIRST
        block ^= np.right_shift(block, np.uint64(27), out=spare)
        block *= _SECOND
        block ^= np.right_shift(block, np.uint64(31), out=spare)
    return found


_BYTES = mixed(np.arange(256, dtype=np.uint64))
NULL = np.uint64(0x6A09E667F3BCC909)


def of_numbers(values: npt.NDArray[np.float64]) -> Hashes:
    """Hash floats by their bits; -0.0 as 0.0. Integers hash as the floats that they equal."""
    return mixed((values + 0.0).view(np.uint64))


def of_integers(values: npt.NDArray[np.int64] | npt.NDArray[np.uint64]) -> Hashes:
    """Hash integers from 2^53 on, which floats would throw together; below, as `of_numbers` does."""
    floats = values.astype(np.float64)
    small = np.abs(floats) < 2.0**53
    return np.where(small, of_numbers(floats), mixed(values.view(np.uint64) ^ NULL))


def of_texts(values: pl.Series) -> Hashes:
    """Hash texts by their UTF-8 bytes; the series holds no nulls.

    A polynomial in an odd base over the bytes' images, modulo 2^64, then mixed.
    """
    found = np.empty(values.len(), dtype=np.uint64)
    for start in range(0, found.size, _TEXTS):
        content, ends = joined_bytes(values[start : start + _TEXTS])
        found[start : start + _TEXTS] = of_bytes(content, ends)
    return found


def joined_bytes(values: pl.Series) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return all texts' bytes in one array, and where each begins, and the last ends."""
    ends = np.zeros(values.len() + 1, dtype=np.int64)
    np.cumsum(values.str.len_bytes().to_numpy(), out=ends[1:])
    text = values.str.join("").item() if values.len() else ""
    return np.frombuffer(text.encode(), dtype=np.uint8), ends


def of_bytes(content: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> Hashes:
    """Hash each piece of `content` between two neighbouring `ends`."""
    found = np.empty(ends.size - 1, dtype=np.uint64)
    start = 0
    while start < found.size:
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + _TEXT_BLOCK, side="right")) - 1)
        found[start:stop] = _of_block(content[ends[start] : ends[stop]], ends[start : stop + 1] - ends[start])
        start = stop
    return mixed(found)


def _of_block(content: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> Hashes:
    """Take each piece's part of one running polynomial, and divide it by the power at which the piece begins."""
    lengths = np.diff(ends).astype(np.uint64)
    if not content.size:
        return lengths
    running = np.zeros(content.size + 1, dtype=np.uint64)
    np.cumsum(_BYTES[content] * _powers(_BASE, content.size), out=running[1:])
    inverse = _powers(_INVERSE, content.size)[ends[:-1].clip(max=content.size - 1)]
    found: Hashes = (running[ends[1:]] - running[ends[:-1]]) * inverse + lengths * np.uint64(_STEP)
    return found


def _powers(base: int, count: int) -> Hashes:
    if count <= _TEXT_BLOCK:
        return _first_powers(base)[:count]
    return _reckoned_powers(base, count)


@lru_cache(maxsize=2)
def _first_powers(base: int) -> Hashes:
    return _reckoned_powers(base, _TEXT_BLOCK)


def _reckoned_powers(base: int, count: int) -> Hashes:
    powers = np.full(count, base, dtype=np.uint64)
    powers[0] = 1
    return np.cumprod(powers)


def of_name(name: str) -> np.uint64:
    """Return an odd number that stands for a column's name where the hashes of a row's columns are added up."""
    return np.uint64(of_texts(pl.Series([name], dtype=pl.String))[0] | np.uint64(1))
