"""Requests on the edge of what there is, to prove compiled steps on: nulls, extremes, the times of other tables."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

_EDGES: dict[Any, tuple[Any, ...]] = {
    pl.Int64: (0, -1, 1, 24, -(2**63), 2**63 - 1, 2**53 + 1, 2**31),
    pl.Float64: (0.0, -0.0, -1.5, 1e308, 5e-324, 2.0**53 + 2, float("inf"), float("nan")),
    pl.String: ("", "zz", " 12", "+5", "1_0", "é", "N0NE", "9" * 30),
    pl.Boolean: (True, False),
    pl.Date: (date(1970, 1, 1), date(2000, 2, 29), date(1, 1, 1)),
}
_TIMES = (datetime(1970, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
_NEAR = (timedelta(0), timedelta(microseconds=1), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
SHARE = 0.25


def edges(real: pl.DataFrame, times: Sequence[datetime], *, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Change rows here and there: a quarter of their values are null, extreme, or another row's.

    Args:
        real: requests.
        times: times of other tables' rows, UTC; requests are moved to just before, onto and just after them.
        count: how many rows to make; the same each time.
        seed: decides which.
    """
    draw = np.random.default_rng(seed)
    found = []
    for place in range(count if real.height else 0):
        row = real.row(int(draw.integers(real.height)), named=True)
        for name, kind in real.schema.items():
            if draw.random() < SHARE:
                row[name] = _edge(name, kind, real, times, draw)
            elif isinstance(kind, pl.Datetime) and times and place % 2:
                row[name] = _near(times, draw)
        found.append({name: _plain(value) for name, value in row.items()})
    return found


def _edge(name: str, kind: Any, real: pl.DataFrame, times: Sequence[datetime], draw: np.random.Generator) -> Any:
    pick = draw.random()
    if pick < 0.3:
        return None
    if pick < 0.6:
        return real[name][int(draw.integers(real.height))]
    if isinstance(kind, pl.Datetime):
        return _near(times or _TIMES, draw) if pick < 0.9 else _TIMES[int(draw.integers(len(_TIMES)))]
    chosen = _EDGES.get(kind)
    return None if chosen is None else chosen[int(draw.integers(len(chosen)))]


def _near(times: Sequence[datetime], draw: np.random.Generator) -> datetime:
    at = times[int(draw.integers(len(times)))]
    return at + _NEAR[int(draw.integers(len(_NEAR)))] * int(draw.integers(-1, 2))


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else value
