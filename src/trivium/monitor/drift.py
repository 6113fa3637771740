"""Drift: one decision per partition, judged against the history of its own table.

Not a comparison with one fixed reference, and no test per column: on data that lives, both alarm every day. A partition
is judged by its worst statistic, and how bad that is by the worst statistics of the table's ordinary partitions,
treated in the very same way, so that the rate of false alarms is the rate asked for, whatever the columns.
"""

from collections import deque
from datetime import datetime
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from trivium.core.summary import Summary
from trivium.monitor.statistics import TABLE, Pool, Statistic, measure

Array = npt.NDArray[np.float64]
Verdict = Literal["ordinary", "drift", "not enough history"]

# The level a partition is compared with: the median of the 7 before it, which hold each weekday once.
LEVEL = 7
# Below this many partitions no spread can be told at all, whatever the project file asks for.
LEAST_PARTITIONS = 2 * LEVEL
# Weekday effects are taken out once each weekday has been seen about 4 times; with fewer they would be noise.
LEAST_FOR_WEEKDAYS = 4 * 7
# However quiet the history, drift is at least this many spreads away from what was expected.
LEAST_SCORE = 3.5
# So many drifted partitions in a row are the new normal.
ACCEPTED_AFTER = 7
WORST_SHOWN = 5
# The least spread a statistic may have, so that one null after weeks without any is no alarm: absolute for shares and
# logarithms; for `mean` and quantiles as a share of the column's own range between quantiles.
LEAST_SPREADS = {
    "rows": 0.05, "nulls": 0.005, "mean": 0.02, "q10": 0.02, "q50": 0.02, "q90": 0.02, "spread": 0.03, "zeros": 0.01,
    "distinct": 0.03, "shares": 0.01, "unseen": 0.002,
}  # fmt: skip
ONLY_UPWARD = ("shares", "unseen")
IN_THE_COLUMNS_UNIT = ("mean", "q10", "q50", "q90")


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One statistic of one column: what was seen, what was expected, and their distance in spreads."""

    column: str
    statistic: str
    seen: float
    expected: float
    residual: float


class DriftDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a partition is like its table's history, and the 5 statistics that moved most, the worst first.

    `score` is the greatest residual, in spreads; `threshold` what it may be; `p_value` the share of ordinary partitions
    that would score as high. Without enough history all three say nothing: 0, 0 and 1.
    """

    verdict: Verdict
    score: float = 0.0
    threshold: float = 0.0
    p_value: float = 1.0
    columns: tuple[Moved, ...] = ()


class _Row(msgspec.Struct):
    """One remembered partition."""

    start: datetime
    summary: Summary
    measured: dict[Statistic, float]
    is_pooled: bool = False


class History:
    """A table's recent ordinary partitions. Call `judge`, then `add`, once for each partition, in order of time.

    `add` keeps a partition that was judged drifted apart. After 7 such in a row they become what is ordinary, and the
    older partitions are moved to their level, so that their spread goes on to serve; `accept` lets one in by hand.
    """

    def __init__(self, window: int = 56) -> None:
        self._window = window
        self._rows: deque[_Row] = deque()
        self._apart: list[_Row] = []
        self._pool = Pool()
        self._drifted: set[datetime] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def judge(self, summary: Summary, *, start: datetime, rate: float, least_history: int) -> DriftDecision:
        """Decide whether a partition is like those before it.

        Args:
            summary: the partition's.
            start: when it starts; tells its weekday.
            rate: the share of ordinary partitions that may be called drifted, 0 to 1.
            least_history: how many ordinary partitions there must be; at least 14 are needed in any case.

        Source:
            Conformal prediction (Vovk et al., 2005) on the greatest of robust residuals, the partition itself in the
            bag; beyond the greatest score ever seen the tail is taken as exponential.
        """
        self._drifted.discard(start)
        rows = [row for row in self._rows if row.start != start]
        if len(rows) < max(least_history, LEAST_PARTITIONS):
            return DriftDecision(verdict="not enough history")
        decision = _decide([*rows, self._measured(summary, start)], rate)
        if decision.verdict == "drift":
            self._drifted.add(start)
        return decision

    def add(self, summary: Summary, *, start: datetime) -> None:
        """Remember a partition. One that starts when a remembered one does takes its place."""
        self._forget(start)
        row = self._measured(summary, start)
        if start in self._drifted:
            self._apart.append(row)
            if len(self._apart) >= ACCEPTED_AFTER:
                self._accept_level()
            return
        self._apart.clear()
        self._remember(row)

    def accept(self, start: datetime) -> None:
        """Take a partition that was judged drifted as ordinary after all, because a person said so."""
        for row in [row for row in self._apart if row.start == start]:
            self._apart.remove(row)
            self._drifted.discard(start)
            self._remember(row)

    def _measured(self, summary: Summary, start: datetime) -> _Row:
        """Measure a partition; a column that the history holds and it does not counts as all null."""
        measured = measure(summary, self._pool)
        known = {column for row in self._rows for column, statistic in row.measured if statistic == "nulls"}
        measured |= {(column, "nulls"): 1.0 for column in known if column not in summary.columns}
        return _Row(start, summary, measured)

    def _remember(self, row: _Row) -> None:
        self._pool.add(row.summary)
        row.is_pooled = True
        self._rows.append(row)
        if len(self._rows) > 1 and row.start < self._rows[-2].start:
            self._rows = deque(sorted(self._rows, key=lambda held: held.start))
        if len(self._rows) > self._window:
            self._leave_pool(self._rows.popleft())

    def _forget(self, start: datetime) -> None:
        for row in [row for row in self._rows if row.start == start]:
            self._rows.remove(row)
            self._leave_pool(row)
        self._apart = [row for row in self._apart if row.start != start]

    def _leave_pool(self, row: _Row) -> None:
        if row.is_pooled:
            self._pool.add(row.summary, times=-1)

    def _accept_level(self) -> None:
        """Make the partitions kept apart the new level, and shift the older ones to it."""
        apart, self._apart = self._apart, []
        for key in sorted({key for row in apart for key in row.measured if key[1] not in ONLY_UPWARD}):
            new = [row.measured[key] for row in apart if key in row.measured]
            old = [row.measured[key] for row in list(self._rows)[-LEVEL:] if key in row.measured]
            step = float(np.median(new) - np.median(old)) if old else 0.0
            for row in self._rows:
                if key in row.measured:
                    row.measured[key] += step
        # From here on, values are compared with those of the new level alone.
        self._pool = Pool()
        for row in self._rows:
            row.is_pooled = False
        for row in apart:
            # How far they were from the old values says nothing about how far from the new ones.
            row.measured = {key: value for key, value in row.measured.items() if key[1] not in ONLY_UPWARD}
            self._drifted.discard(row.start)
            self._remember(row)


def _decide(rows: list[_Row], rate: float) -> DriftDecision:
    """Judge the last of `rows` among all of them."""
    keys = sorted({key for row in rows for key in row.measured})
    values = np.array([[row.measured.get(key, np.nan) for key in keys] for row in rows])
    residuals, expected = _residuals(_filled(values), [row.start for row in rows])
    spreads = _spreads(residuals, keys=keys, values=values)
    upward = np.array([key[1] in ONLY_UPWARD for key in keys])
    distances = residuals / spreads
    sizes = np.where(upward, np.maximum(distances, 0.0), np.abs(distances))
    scores = sizes.max(axis=1)
    score = float(scores[-1])
    threshold, p_value = tail(scores[:-1], score=score, rate=rate)
    worst = np.argsort(-sizes[-1], kind="stable")[:WORST_SHOWN]
    moved = tuple(
        Moved(
            column=keys[place][0],
            statistic=keys[place][1],
            seen=float(values[-1, place]) if np.isfinite(values[-1, place]) else float(expected[place]),
            expected=float(expected[place]),
            residual=float(distances[-1, place]),
        )
        for place in worst
    )
    verdict: Verdict = "drift" if score > threshold else "ordinary"
    return DriftDecision(verdict=verdict, score=score, threshold=threshold, p_value=p_value, columns=moved)


def _filled(values: Array) -> Array:
    """Put a statistic's median where a partition lacks it, so that it neither moves nor hides anything."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    filled = values.copy()
    for place in np.flatnonzero(missing.any(axis=0)):
        held = values[~missing[:, place], place]
        filled[missing[:, place], place] = np.median(held)
    return filled


def _residuals(values: Array, starts: list[datetime]) -> tuple[Array, Array]:
    """Take level, steady growth and weekday out of each statistic; return what is left, and what was expected last."""
    windows = np.lib.stride_tricks.sliding_window_view(values[:-1], LEVEL, axis=0)
    level = np.sort(windows, axis=-1)[..., LEVEL // 2]
    left: Array = values[LEVEL:] - level
    growth = np.median(left, axis=0)
    left = left - growth
    weekdays = np.array([start.weekday() for start in starts[LEVEL:]])
    if len(left) >= LEAST_FOR_WEEKDAYS and len(set(weekdays.tolist())) == 7:
        for weekday in range(7):
            same = weekdays == weekday
            left[same] -= np.median(left[same], axis=0)
    return left, values[-1] - left[-1]


def _spreads(residuals: Array, *, keys: list[Statistic], values: Array) -> Array:
    """Measure each statistic's usual size: the greater of its middle and its far end, and at least a floor.

    The far end keeps a statistic that is mostly still, and at times wild, from drowning all others.
    """
    ordered = np.sort(np.abs(residuals), axis=0)
    middle = 1.4826 * ordered[len(ordered) // 2]
    far = ordered[int(0.95 * (len(ordered) - 1))] / 1.96
    ranges = _column_ranges(keys, values)
    least_share = 1.0 / max(1.0, float(np.expm1(np.nanmedian(values[:, keys.index((TABLE, "rows"))]))))
    floors = [
        LEAST_SPREADS[statistic] * (ranges.get(column, 0.0) if statistic in IN_THE_COLUMNS_UNIT else 1.0)
        for column, statistic in keys
    ]
    shares = np.array([statistic in ("nulls", "zeros", "unseen", "shares") for _, statistic in keys])
    floor = np.maximum(np.array(floors), np.where(shares, least_share, 0.0))
    spread: Array = np.maximum(np.maximum(middle, far), np.maximum(floor, np.finfo(np.float64).tiny))
    return spread


def _column_ranges(keys: list[Statistic], values: Array) -> dict[str, float]:
    """Tell each number column's usual range: between quantiles, else its mean's size, else 1."""
    places = {key: place for place, key in enumerate(keys)}
    found: dict[str, float] = {}
    for column in {column for column, statistic in keys if statistic == "mean"}:
        low, high = (values[:, places[column, name]] for name in ("q10", "q90"))
        width = float(np.nanmedian(high - low))
        found[column] = width or abs(float(np.nanmedian(values[:, places[column, "mean"]]))) or 1.0
    return found


def tail(scores: Array, *, score: float, rate: float) -> tuple[float, float]:
    """Place a score among those of ordinary partitions.

    Args:
        scores: the others', shape (n,), n >= 1, in any order.
        score: the one to place; ties count as at least as high.
        rate: the share of ordinary partitions that may lie above the threshold.

    Returns:
        The threshold, at least `LEAST_SCORE`, and the p-value. Where `rate` is finer than 1 / (n + 1), and for a score
        above all others, the tail is taken as exponential, with the mean excess over the upper quartile.
    """
    ordered = np.sort(scores)
    finest = 1.0 / (len(ordered) + 1)
    upper = ordered[int(0.75 * (len(ordered) - 1))]
    excess = max(float(np.mean(ordered[ordered >= upper] - upper)), 1e-9)
    greatest = float(ordered[-1])
    place = int(np.ceil((1.0 - rate) / finest)) - 1
    beyond = greatest + excess * float(np.log(finest / rate))
    threshold = float(ordered[place]) if place < len(ordered) else beyond
    if score > greatest:
        p_value = finest * float(np.exp(-(score - greatest) / excess))
    else:
        p_value = (1 + int(np.sum(ordered >= score))) * finest
    return max(threshold, LEAST_SCORE), p_value
