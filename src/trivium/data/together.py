"""How a partition's columns move together: comoments of numbers, and sums within each value of a slicer.

Numbers are put on the joint scale and rounded to its steps first, so that every sum is a whole number: no order of
adding, and no cutting of the rows into parts, changes one bit.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trivium.core.summary import (
    MOST_COMOMENTS,
    MOST_GROUP_COLUMNS,
    MOST_GROUPS,
    MOST_SLICERS,
    SCALE_MOST,
    SCALE_STEP,
    SCALE_UNIT,
    Comoments,
    Group,
    Groups,
)
from trivium.data.column_summary import Floats, Read
from trivium.data.hashing import NULL

Whole = npt.NDArray[np.int64]
# (SCALE_MOST / SCALE_STEP)^2 * 2^14 = 2^50: floats add so many products without rounding.
_BLOCK = 1 << 14
_THREADS = 2  # more gain nothing: the work is bound by memory
# OpenBLAS takes so many multiplications by one thread. More threads would wait for each other on a busy machine.
_ONE_THREAD = 1 << 18


def together(height: int, columns: Mapping[str, Read], private: Collection[str]) -> tuple[Comoments, dict[str, Groups]]:
    """Sum up numbers in pairs, and all columns by slicer; the first of each by name, a private column is no slicer."""
    names = sorted(columns)
    numbers = [name for name in names if columns[name].values is not None][:MOST_COMOMENTS]
    slicers = [name for name in names if columns[name].kind in ("text", "bool") and name not in private]
    cut = {name: _sliced(columns[name]) for name in slicers[:MOST_SLICERS]}
    holed = [name for name in names if columns[name].summary.nulls]
    work = _Work(
        values=[held for held in (columns[name].values for name in numbers) if held is not None],
        holes=[place for place, name in enumerate(numbers) if columns[name].summary.nulls],
        holed=[columns[name] for name in holed],
        slicers=[(codes, len(values)) for values, codes in cut.values() if values],
    )
    whole = _whole(work, height)
    rows, sums, products = (tuple(matrix.ravel().tolist()) for matrix in whole[:3])
    groups, place = {}, 0
    for name, (values, _) in cut.items():
        part = slice(place, place + len(values or ()))
        tally = _Tally(whole[3][part], whole[4][part], numbers, holed)
        groups[name] = tally.groups(values, [other for other in names if other != name][:MOST_GROUP_COLUMNS])
        place = part.stop
    return Comoments(columns=tuple(numbers), rows=rows, sums=sums, products=products), groups


@dataclass(frozen=True)
class _Work:
    """What is summed up, block by block.

    Args:
        values: the numbers, a column each.
        holes: which of them have nulls.
        holed: the columns of any kind that have nulls.
        slicers: each row's place among a slicer's values, -1 for none; and how many values there are.
    """

    values: Sequence[Floats]
    holes: Sequence[int]
    holed: Sequence[Read]
    slicers: Sequence[tuple[Whole, int]]


def _whole(work: _Work, height: int) -> list[Whole]:
    """Add the blocks up, by threads where there are several: NumPy lets go of the lock for most of it."""
    blocks = [slice(start, min(start + _BLOCK, height)) for start in range(0, max(height, 1), _BLOCK)]
    if len(blocks) == 1:
        return _of_block(work, blocks[0])
    with ThreadPoolExecutor(_THREADS) as pool:
        parts = pool.map(lambda block: _of_block(work, block), blocks)
        return [sum(terms[1:], start=terms[0]) for terms in zip(*parts, strict=True)]


def _of_block(work: _Work, block: slice) -> list[Whole]:
    """Give rows, sums and products over pairs of numbers; then by each slicer's values their rows, and their terms.

    Terms are the numbers, their squares, and the rows in which holed columns have nothing.
    """
    scale, held = _scaled(work, block)
    count, width = block.stop - block.start, len(work.values)
    rows = np.full((width, width), count, dtype=np.int64)
    sums = np.repeat(scale.sum(axis=1).astype(np.int64)[:, None], width, axis=1)
    if work.holes:
        full = held.sum(axis=1).astype(np.int64)
        rows[work.holes, :] = full[:, None]
        rows[:, work.holes] = full
        rows[np.ix_(work.holes, work.holes)] = _product(held, held)
        sums[:, work.holes] = _product(scale, held)
    places = [codes[block] == np.arange(values)[:, None] for codes, values in work.slicers]
    within = np.vstack([*places, np.empty((0, count))]).astype(np.float64)
    absent = [column.hashes[block] == NULL for column in work.holed]
    terms = np.vstack([scale, scale * scale, *absent]) if places else scale
    return [rows, sums, _product(scale, scale), within.sum(axis=1).astype(np.int64), _product(within, terms)]


def _product(one: Floats, other: Floats) -> Whole:
    """Multiply two matrices of whole numbers, (a, rows) and (b, rows), over the rows; exactly, and by one thread."""
    step = max(16, _ONE_THREAD // max(one.shape[0] * other.shape[0], 1))
    whole = one.shape[1] // step * step
    found = one[:, whole:] @ other[:, whole:].T
    if whole:
        found += (_cut(one, whole, step) @ _cut(other, whole, step).transpose(0, 2, 1)).sum(axis=0)
    return found.astype(np.int64)


def _cut(matrix: Floats, whole: int, step: int) -> Floats:
    """Cut (a, rows) into (pieces, a, step), without moving a number."""
    return matrix[:, :whole].reshape(matrix.shape[0], whole // step, step).transpose(1, 0, 2)


def _scaled(work: _Work, block: slice) -> tuple[Floats, Floats]:
    """Put a block of numbers on the joint scale, in its steps, 0 for none; and tell where the holed ones hold one."""
    values = np.array([column[block] for column in work.values]).reshape(len(work.values), block.stop - block.start)
    scale = np.abs(values)
    with np.errstate(over="ignore"):
        scale *= SCALE_UNIT
    np.log1p(scale, out=scale)
    np.minimum(scale, SCALE_MOST, out=scale)
    scale /= SCALE_STEP
    np.rint(scale, out=scale)
    np.copysign(scale, values, out=scale)
    missing = np.isnan(values[work.holes])
    if work.holes:
        scale[work.holes] = np.where(missing, 0.0, scale[work.holes])
    return scale, (~missing).astype(np.float64)


@dataclass(frozen=True)
class _Tally:
    """What was added up by a slicer's values: rows of each, and the terms of `_of_block`."""

    rows: Whole
    terms: Whole
    numbers: Sequence[str]
    holed: Sequence[str]

    def groups(self, values: Sequence[str] | None, columns: Sequence[str]) -> Groups:
        """Give it for these columns; None are too many values."""
        if not values:
            # Too many to tell apart, or none at all: no rows, or a column of nulls.
            return Groups(columns=tuple(columns), is_full=values is None)
        width = len(self.numbers)
        sums = self._spread(self.terms[:, :width], self.numbers, columns)
        squares = self._spread(self.terms[:, width : 2 * width], self.numbers, columns)
        held = self.rows[:, None] - self._spread(self.terms[:, 2 * width :], self.holed, columns)
        groups = {
            value: Group(
                rows=int(self.rows[at]),
                held=tuple(held[at].tolist()),
                sums=tuple(sums[at].tolist()),
                squares=tuple(squares[at].tolist()),
            )
            for at, value in enumerate(values)
            if self.rows[at]
        }
        return Groups(columns=tuple(columns), values=dict(sorted(groups.items())))

    def _spread(self, matrix: Whole, names: Sequence[str], columns: Sequence[str]) -> Whole:
        """Give each column its place, and those that are not there zeros."""
        places = {name: place for place, name in enumerate(names)}
        padded = np.hstack([matrix, np.zeros((matrix.shape[0], 1), dtype=np.int64)])
        return padded[:, [places.get(name, -1) for name in columns]]


def _sliced(column: Read) -> tuple[tuple[str, ...] | None, Whole]:
    """Return a slicer's values, None if they are too many, and each row's place among them, -1 for none."""
    if column.kind == "bool" and column.values is not None:
        return ("false", "true"), np.nan_to_num(column.values, nan=-1).astype(np.int64)
    codes = column.codes if column.codes is not None else np.empty(0, dtype=np.int64)
    return (column.texts, codes) if column.summary.distinct <= MOST_GROUPS else (None, codes)
