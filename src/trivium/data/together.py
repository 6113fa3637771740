"""How a partition's columns move together: comoments of numbers, and sums within each value of a slicer.

Numbers are put on the joint scale and rounded to its steps first, so that every sum is a whole number: no order of
adding, and no cutting of the rows into parts, changes one bit.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
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
# (SCALE_MOST / SCALE_STEP)^2 * 2^16 = 2^52: floats add so many products without rounding.
_BLOCK = 1 << 16
_THREADS = 4


def together(height: int, columns: Mapping[str, Read], private: Collection[str]) -> tuple[Comoments, dict[str, Groups]]:
    """Sum up numbers in pairs, and all columns by slicer; the first of each by name, a private column is no slicer."""
    names = sorted(columns)
    numbers = [name for name in names if columns[name].values is not None][:MOST_COMOMENTS]
    slicers = [name for name in names if columns[name].kind in ("text", "bool") and name not in private]
    cut = {name: _sliced(columns[name]) for name in slicers[:MOST_SLICERS]}
    work = _Work(
        values=[held for held in (columns[name].values for name in numbers) if held is not None],
        holes=[place for place, name in enumerate(numbers) if columns[name].summary.nulls],
        present={place: columns[name] for place, name in enumerate(names) if columns[name].summary.nulls},
        columns=len(names),
        slicers=[(codes, len(values)) for values, codes in cut.values() if values],
    )
    whole = _whole(work, height)
    rows, sums, products = (tuple(matrix.ravel().tolist()) for matrix in whole[:3])
    tallies = iter(zip(*[iter(whole[3:])] * 4, strict=True))
    places = {name: place for place, name in enumerate(numbers)}
    groups = {
        name: _groups(values, next(tallies) if values else (), names, slicer=name, numbers=places)
        for name, (values, _) in cut.items()
    }
    return Comoments(columns=tuple(numbers), rows=rows, sums=sums, products=products), groups


@dataclass(frozen=True)
class _Work:
    """What is summed up, block by block.

    Args:
        values: the numbers, a column each.
        holes: which of them have nulls.
        present: the columns that have nulls, by their place among all.
        columns: how many there are.
        slicers: each row's place among a slicer's values, -1 for none; and how many values there are.
    """

    values: Sequence[Floats]
    holes: Sequence[int]
    present: Mapping[int, Read]
    columns: int
    slicers: Sequence[tuple[Whole, int]]


def _whole(work: _Work, height: int) -> list[Whole]:
    """Add the blocks up, by threads where there are several: NumPy lets go of the lock for most of it."""
    blocks = [slice(start, min(start + _BLOCK, height)) for start in range(0, max(height, 1), _BLOCK)]
    if len(blocks) == 1:
        return list(_of_block(work, blocks[0]))
    with ThreadPoolExecutor(_THREADS) as pool:
        parts = pool.map(lambda block: list(_of_block(work, block)), blocks)
        return [sum(terms[1:], start=terms[0]) for terms in zip(*parts, strict=True)]


def _of_block(work: _Work, block: slice) -> Iterator[Whole]:
    """Give rows, sums and products over pairs of numbers; then rows, held, sums and squares for each slicer."""
    scale, held = _scaled(work, block)
    count, width = block.stop - block.start, len(work.values)
    rows = np.full((width, width), count, dtype=np.int64)
    sums = np.repeat(scale.sum(axis=1).astype(np.int64)[:, None], width, axis=1)
    if work.holes:
        full = held.sum(axis=1).astype(np.int64)
        rows[work.holes, :] = full[:, None]
        rows[:, work.holes] = full
        rows[np.ix_(work.holes, work.holes)] = (held @ held.T).astype(np.int64)
        sums[:, work.holes] = (scale @ held.T).astype(np.int64)
    yield from (rows, sums, (scale @ scale.T).astype(np.int64))
    squares = scale * scale if work.slicers else scale
    absent = {place: column.hashes[block] == NULL for place, column in work.present.items()} if work.slicers else {}
    for codes, values in work.slicers:
        yield from _of_slicer(codes[block] + 1, values + 1, scale, squares, absent=absent, columns=work.columns)


def _of_slicer(
    codes: Whole,
    values: int,
    scale: Floats,
    squares: Floats,
    *,
    absent: Mapping[int, npt.NDArray[np.bool_]],
    columns: int,
) -> Iterator[Whole]:
    """Give what each value holds; the rows without a value are counted in place 0, and left out in the end."""
    rows = np.bincount(codes, minlength=values)
    held = np.repeat(rows[:, None], columns, axis=1)
    for column, gone in absent.items():
        held[:, column] -= np.bincount(codes[gone], minlength=values)
    yield from (rows[1:], held[1:])
    for terms in (scale, squares):
        tally = [np.bincount(codes, row, values)[1:] for row in terms]
        yield np.array(tally, dtype=np.int64).reshape(len(tally), values - 1).T


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


def _groups(
    values: Sequence[str] | None,
    tally: Sequence[Whole],
    names: Sequence[str],
    *,
    slicer: str,
    numbers: Mapping[str, int],
) -> Groups:
    """Give what was added up by slicer, for the first columns by name."""
    others = [name for name in names if name != slicer][:MOST_GROUP_COLUMNS]
    if values is None:
        return Groups(columns=tuple(others), is_full=True)
    if not tally:
        return Groups(columns=tuple(others))
    rows, held, sums, squares = tally
    held = held[:, [names.index(name) for name in others]]
    sums, squares = (_spread(matrix, others, numbers) for matrix in (sums, squares))
    groups = {
        value: Group(
            rows=int(rows[at]),
            held=tuple(held[at].tolist()),
            sums=tuple(sums[at].tolist()),
            squares=tuple(squares[at].tolist()),
        )
        for at, value in enumerate(values)
        if rows[at]
    }
    return Groups(columns=tuple(others), values=dict(sorted(groups.items())))


def _spread(matrix: Whole, columns: Sequence[str], numbers: Mapping[str, int]) -> Whole:
    """Give each column its place, and those without numbers zeros."""
    padded = np.hstack([matrix, np.zeros((matrix.shape[0], 1), dtype=np.int64)])
    return padded[:, [numbers.get(name, -1) for name in columns]]


def _sliced(column: Read) -> tuple[tuple[str, ...] | None, Whole]:
    """Return a slicer's values, None if they are too many, and each row's place among them, -1 for none."""
    if column.kind == "bool" and column.values is not None:
        return ("false", "true"), np.nan_to_num(column.values, nan=-1).astype(np.int64)
    codes = column.codes if column.codes is not None else np.empty(0, dtype=np.int64)
    return (column.texts, codes) if column.summary.distinct <= MOST_GROUPS else (None, codes)
