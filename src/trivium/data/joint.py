"""What a partition's columns are together: comoments, groups by slicer, samples of rows, phases.

Numbers are put on the joint scale and rounded to its steps first, so that every sum is a whole number: no order of
adding, and no cutting of the rows into parts, changes one bit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from trivium.core.summary import (
    MOST_COMOMENTS,
    MOST_GROUP_COLUMNS,
    MOST_GROUPS,
    MOST_SLICERS,
    PHASES,
    SCALE_MOST,
    SCALE_STEP,
    SCALE_UNIT,
    Comoments,
    Group,
    Groups,
    Joint,
)
from trivium.data.column_summary import Floats, Read, micros
from trivium.data.hashing import NULL, Hashes, mixed, of_name
from trivium.data.sketches import sample

# (SCALE_MOST / SCALE_STEP)^2 * 2^16 = 2^52: floats add so many products without rounding.
_BLOCK = 1 << 16
Whole = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def joint(
    frame: pl.DataFrame,
    columns: Mapping[str, Read],
    *,
    time: str | None,
    key: Sequence[str],
    span: tuple[datetime, datetime] | None,
    private: Collection[str],
) -> Joint:
    """Summarise columns together; `summary.summarise` tells the arguments."""
    apart = {*key, *([time] if time else ())}
    contents = {name: columns[name] for name in columns if name not in apart}
    is_told = bool(key) and not set(key) & set(private) and set(key) <= set(columns)
    of_rows = sample(_row_hashes(frame.height, columns, columns))
    comoments, groups = _together(frame.height, contents, private)
    return Joint(
        comoments=comoments,
        groups=groups,
        sample_of_rows=of_rows,
        sample_of_contents=sample(_row_hashes(frame.height, columns, contents)) if apart else of_rows,
        sample_of_keys=sample(_row_hashes(frame.height, columns, key)) if is_told else None,
        phases=_phases(frame, time, span),
    )


def _row_hashes(height: int, columns: Mapping[str, Read], names: Iterable[str]) -> Hashes:
    """Hash rows by the sum over columns, so that the order of columns does not matter, but their names do."""
    total = np.zeros(height, dtype=np.uint64)
    for name in names:
        total += columns[name].hashes * _of_name(name)
    return mixed(total)


@lru_cache(maxsize=4096)
def _of_name(name: str) -> np.uint64:
    return of_name(name)


def _together(
    height: int, columns: Mapping[str, Read], private: Collection[str]
) -> tuple[Comoments, dict[str, Groups]]:
    names = sorted(columns)
    numbers = [name for name in names if columns[name].values is not None][:MOST_COMOMENTS]
    slicers = [name for name in names if columns[name].kind in ("text", "bool") and name not in private]
    square = _Square(len(numbers))
    tallies = {name: _Tally(columns[name], len(names), len(numbers)) for name in slicers[:MOST_SLICERS]}
    is_grouped = any(tally.values for tally in tallies.values())
    holed = [place for place, name in enumerate(names) if columns[name].summary.nulls]
    for start in range(0, height, _BLOCK):
        block = slice(start, min(start + _BLOCK, height))
        scale, held = _scaled([columns[name].values for name in numbers], block)
        square.add(scale, held)
        if is_grouped:
            squares = scale * scale
            absent = {place: columns[names[place]].hashes[block] == NULL for place in holed}
            for tally in tallies.values():
                tally.add(block, scale, squares, absent)
    places = {name: place for place, name in enumerate(numbers)}
    comoments = Comoments(columns=tuple(numbers), rows=square.rows, sums=square.sums, products=square.products)
    return comoments, {name: tally.groups(name, names, places) for name, tally in tallies.items()}


def _scaled(columns: Sequence[Floats | None], block: slice) -> tuple[Floats, Floats | None]:
    """Put a block of numbers on the joint scale, in its steps, 0 for none; and tell where there are numbers.

    Both are (columns, rows); the second is None where every row holds every number.
    """
    values = np.array([column[block] for column in columns if column is not None])
    if not columns:
        return np.empty((0, block.stop - block.start)), None
    missing = np.isnan(values)
    scale = np.abs(values)
    with np.errstate(over="ignore"):
        scale *= SCALE_UNIT
    np.log1p(scale, out=scale)
    np.minimum(scale, SCALE_MOST, out=scale)
    scale /= SCALE_STEP
    np.rint(scale, out=scale)
    np.copysign(scale, values, out=scale)
    if not missing.any():
        return scale, None
    scale[missing] = 0.0
    return scale, (~missing).astype(np.float64)


class _Square:
    """Sums over pairs of columns, block after block."""

    def __init__(self, width: int) -> None:
        self._rows, self._sums, self._products = (np.zeros((width, width), dtype=np.int64) for _ in range(3))

    def add(self, scale: Floats, held: Floats | None) -> None:
        self._products += (scale @ scale.T).astype(np.int64)
        if held is None:
            self._rows += scale.shape[1]
            self._sums += scale.sum(axis=1).astype(np.int64)[:, None]
        else:
            self._rows += (held @ held.T).astype(np.int64)
            self._sums += (scale @ held.T).astype(np.int64)

    @property
    def rows(self) -> tuple[int, ...]:
        return tuple(self._rows.ravel().tolist())

    @property
    def sums(self) -> tuple[int, ...]:
        return tuple(self._sums.ravel().tolist())

    @property
    def products(self) -> tuple[int, ...]:
        return tuple(self._products.ravel().tolist())


class _Tally:
    """Sums within each value of one slicer, block after block; no values where it has too many."""

    def __init__(self, slicer: Read, columns: int, numbers: int) -> None:
        self.values, codes = _sliced(slicer)
        self._is_full = self.values is None
        self._codes = codes + 1  # rows without a value are counted in place 0, and left out in the end
        places = len(self.values or ()) + 1
        self._rows = np.zeros(places, dtype=np.int64)
        self._held = np.zeros((places, columns), dtype=np.int64)
        self._sums, self._squares = (np.zeros((places, numbers), dtype=np.int64) for _ in range(2))

    def add(self, block: slice, scale: Floats, squares: Floats, absent: Mapping[int, Bools]) -> None:
        """Count a block in.

        Args:
            block: which rows.
            scale: the numbers in steps of the joint scale.
            squares: their squares.
            absent: where there is no value, by column; columns that hold one in each row are left out.
        """
        if not self.values:
            return
        codes, places = self._codes[block], self._rows.size
        rows = np.bincount(codes, minlength=places)
        self._rows += rows
        self._held += rows[:, None]
        for column, gone in absent.items():
            self._held[:, column] -= np.bincount(codes[gone], minlength=places)
        for column in range(scale.shape[0]):
            self._sums[:, column] += np.bincount(codes, scale[column], places).astype(np.int64)
            self._squares[:, column] += np.bincount(codes, squares[column], places).astype(np.int64)

    def groups(self, slicer: str, names: Sequence[str], numbers: Mapping[str, int]) -> Groups:
        """Give what was added up, for the first columns by name."""
        others = [name for name in names if name != slicer][:MOST_GROUP_COLUMNS]
        if self._is_full:
            return Groups(columns=tuple(others), is_full=True)
        held = self._held[1:, [names.index(name) for name in others]].tolist()
        sums, squares = (_spread(matrix[1:], others, numbers).tolist() for matrix in (self._sums, self._squares))
        groups = {
            value: Group(rows=rows, held=tuple(held[at]), sums=tuple(sums[at]), squares=tuple(squares[at]))
            for at, (value, rows) in enumerate(zip(self.values or (), self._rows[1:].tolist(), strict=True))
            if rows
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


def _phases(frame: pl.DataFrame, time: str | None, span: tuple[datetime, datetime] | None) -> tuple[int, ...]:
    if time is None or span is None:
        return ()
    start, end = (_micros_of(at) for at in span)
    at = micros(frame[time].drop_nulls()).to_numpy()
    places = np.clip((at - start) * PHASES // (end - start), 0, PHASES - 1)
    return tuple(np.bincount(places, minlength=PHASES).tolist())


def _micros_of(at: datetime) -> int:
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1e6)
