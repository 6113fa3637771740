"""Cost: what one answer of a version costs here and now, its model alone, on rows of the project's own."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from trivium.loop.bodies import Body, body_of
from trivium.loop.features import input_frames
from trivium.loop.workspace import Workspace

MANY = 1_000
LONGEST_S = 0.5


def cost_of(ws: Workspace, ref: str, *, timer: Callable[[], float] = time.perf_counter) -> dict[str, Any] | None:
    """Measure how long a version's model takes over one row and over 1,000, in microseconds, as medians.

    The rows are the features of the newest requests, repeated where there are fewer. None where nothing was collected.
    """
    import polars as pl

    body = body_of(ws, ref)
    records = ws.state.snapshot.partitions(ws.project.requests)
    if not records or body.predict_rows is None:
        return None
    newest = records[-1]
    frames = input_frames(ws, ws.rows([newest]), start=newest.start, until=newest.end)
    made = body.features(frames).cast(pl.Float64).to_numpy(order="c")
    rows = np.ascontiguousarray(made[np.arange(MANY) % len(made)])
    return {
        "one_row_us": _median_us(body, rows[:1], times=200, timer=timer),
        "thousand_rows_us": _median_us(body, rows, times=20, timer=timer),
    }


def _median_us(body: Body, rows: "np.ndarray[Any, Any]", *, times: int, timer: Callable[[], float]) -> float:
    assert body.predict_rows is not None
    body.predict_rows(rows)
    taken: list[float] = []
    while len(taken) < times and sum(taken) < LONGEST_S:
        start = timer()
        body.predict_rows(rows)
        taken.append(timer() - start)
    return round(median(taken) * 1e6, 1)
