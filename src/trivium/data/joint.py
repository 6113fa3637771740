"""The joint picture of a partition: how its columns move together (`together.py`), samples of its rows, phases."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import polars as pl

from trivium.core.summary import PHASES, Joint
from trivium.data.column_summary import Read, micros
from trivium.data.hashing import Hashes, mixed, of_name
from trivium.data.sketches import sample
from trivium.data.together import together


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
    comoments, groups = together(frame.height, contents, private)
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
