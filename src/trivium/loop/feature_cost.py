"""What the features of one request cost here and now, and whether they are made without a frame."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from trivium.core.problems import StepError
from trivium.loop.bodies import body_of
from trivium.loop.features import FeatureSteps
from trivium.loop.lookups import lookups_of
from trivium.loop.row_features import Maker
from trivium.loop.row_steps import compile_steps
from trivium.loop.workspace import Workspace

TIMES = 200
LONGEST_S = 0.5


def feature_cost_of(
    ws: Workspace, ref: str, *, timer: Callable[[], float] = time.perf_counter
) -> dict[str, Any] | None:
    """Compile a version's steps as a server would, and measure how long one row takes them, in microseconds.

    `reason` says why Polars makes the features; it is empty where they are compiled, proven on `rows` of which `unsure`
    are left to Polars. None where nothing was collected, or where a step fails.
    """
    body, lookups = body_of(ws, ref), lookups_of(ws, at=ws.clock.now())
    rows = [row for row in lookups.asked.to_dicts() if lookups.holds([row])] or lookups.asked.to_dicts()
    if not rows or not isinstance(body.features, FeatureSteps):
        return None
    steps = body.features
    try:
        compiled = compile_steps(steps, lookups.beside.made(body.features_key, steps.beside), lookups)
    except StepError:
        return None
    maker = Maker(body, lookups, compiles=False)
    make = compiled.steps.features if compiled.steps is not None else lambda row: maker.framed([row])
    return {
        "reason": compiled.reason,
        "rows": compiled.rows,
        "unsure": compiled.unsure,
        "one_row_us": _median_us(make, rows, timer),
    }


def _median_us(make: Callable[[dict[str, Any]], Any], rows: list[dict[str, Any]], timer: Callable[[], float]) -> float:
    make(rows[0])
    taken: list[float] = []
    while len(taken) < TIMES and sum(taken) < LONGEST_S:
        row = rows[len(taken) % len(rows)]
        start = timer()
        make(row)
        taken.append(timer() - start)
    return round(median(taken) * 1e6, 1)
