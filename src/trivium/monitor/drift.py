"""Drift: one decision per partition, judged against the history of its own table.

Not a comparison with one fixed reference, and no test per column: on data that lives, both alarm every day. A partition
is judged by its worst statistic, and how bad that is by the worst statistics of the table's ordinary partitions,
treated in the very same way, so that the rate of false alarms is the rate asked for, whatever the columns.
"""

from collections import deque
from datetime import datetime

import msgspec
import numpy as np

from trivium.core.summary import Summary
from trivium.monitor.decision import DriftDecision, Kind, Mark, Moved
from trivium.monitor.residuals import LEAST_PARTITIONS, LEVEL, ONLY_UPWARD, floors, residuals, spreads, tail
from trivium.monitor.statistics import TABLE, Pool, Statistic, measure

_Distances = dict[Statistic, float]

# So many drifted partitions in a row are the new normal.
ACCEPTED_AFTER = 7
WORST_SHOWN = 5


class _Row(msgspec.Struct):
    """One remembered partition."""

    start: datetime
    summary: Summary
    measured: dict[Statistic, float]
    is_pooled: bool = False


class History:
    """A table's recent ordinary partitions. Call `judge`, then `add`, once for each partition, in order of time.

    `add` keeps a partition that was judged drifted apart. After 7 such in a row they become what is ordinary, and the
    older partitions are moved to their level, so that their spread goes on to serve; `mark` lets one in by hand.
    A drift that came and went twice (rain, in a table of the weather) is known as recurring, and not told again.
    """

    def __init__(self, window: int = 56) -> None:
        self._window = window
        self._rows: deque[_Row] = deque()
        self._pool = Pool()
        self._apart: list[_Row] = []
        self._drifted: dict[datetime, _Distances] = {}
        self._spells: list[tuple[datetime, _Distances]] = []

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
        self._drifted.pop(start, None)
        rows = [row for row in self._rows if row.start != start]
        if len(rows) < max(least_history, LEAST_PARTITIONS):
            return DriftDecision(verdict="not enough history", partitions=len(rows))
        decision, distances = _decide([*rows, self._measured(summary, start)], rate, self._recurring())
        if decision.verdict == "fault":
            self._drifted[start] = distances
        return decision

    def add(self, summary: Summary, *, start: datetime) -> None:
        """Remember a partition. One that starts when a remembered one does takes its place."""
        self._forget(start)
        row = self._measured(summary, start)
        if start not in self._drifted:
            self._end_spell()
            self._remember(row)
            return
        self._apart.append(row)
        if len(self._apart) >= ACCEPTED_AFTER:
            self._accept_level()

    def mark(self, start: datetime, mark: Mark) -> None:
        """Take a person's word: `noise` makes a partition judged drifted, and still apart, ordinary after all.

        `useful` changes nothing: it stays apart.
        """
        if mark == "useful":
            return
        for row in [row for row in self._apart if row.start == start]:
            self._apart.remove(row)
            del self._drifted[start]
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

    def _end_spell(self) -> None:
        """Note how far the drift that is over went, statistic by statistic."""
        if self._apart:
            furthest: _Distances = {}
            for row in self._apart:
                for key, distance in self._drifted.pop(row.start).items():
                    furthest[key] = max(distance, furthest.get(key, 0.0))
            self._spells.append((self._apart[-1].start, furthest))
            self._apart.clear()
        oldest = self._rows[0].start if self._rows else None
        self._spells = [spell for spell in self._spells if oldest and spell[0] >= oldest]

    def _recurring(self) -> _Distances:
        """Tell how far each statistic went in the second furthest of the drifts that came and went."""
        keys = {key for _, distances in self._spells for key in distances}
        return {key: sorted([0.0, *(distances.get(key, 0.0) for _, distances in self._spells)])[-2] for key in keys}

    def _accept_level(self) -> None:
        """Make the partitions kept apart the new level, and shift the older ones to it."""
        apart, self._apart = self._apart, []
        for key in {key for row in apart for key in row.measured}:
            new = [row.measured[key] for row in apart if key in row.measured]
            old = [row.measured[key] for row in list(self._rows)[-LEVEL:] if key in row.measured]
            step = float(np.median(new) - np.median(old)) if old else 0.0
            for row in self._rows:
                if key in row.measured:
                    row.measured[key] += step
        # From here on values are compared with those of the new level alone, and what was measured against the old
        # ones says nothing about that.
        self._pool = Pool()
        for row in (*self._rows, *apart):
            row.is_pooled = False
            row.measured = {key: value for key, value in row.measured.items() if key[1] not in ONLY_UPWARD}
        for row in apart:
            del self._drifted[row.start]
            self._remember(row)


def _decide(rows: list[_Row], rate: float, recurring: dict[Statistic, float]) -> tuple[DriftDecision, _Distances]:
    """Judge the last of `rows` among all of them; also return how far each of its statistics lies from its level."""
    keys = [key for key in sorted(rows[-1].measured) if sum(key in row.measured for row in rows) > LEAST_PARTITIONS]
    values = np.array([[row.measured.get(key, np.nan) for key in keys] for row in rows])
    left, expected = residuals(values, [row.start for row in rows])
    seen_before = np.array([recurring.get(key, 0.0) for key in keys])
    distances = left / spreads(left, least=floors(keys, values), seen_before=seen_before)
    upward = np.array([key[1] in ONLY_UPWARD for key in keys])
    sizes = np.nan_to_num(np.where(upward, np.maximum(distances, 0.0), np.abs(distances)))
    scores = sizes.max(axis=1)
    score = float(scores[-1])
    threshold, p_value = tail(scores[:-1], score=score, rate=rate)
    worst = np.argsort(-sizes[-1], kind="stable")[:WORST_SHOWN]
    moved = tuple(
        Moved(
            column=keys[place][0],
            statistic=keys[place][1],
            seen=float(values[-1, place]),
            expected=float(expected[place]),
            residual=float(distances[-1, place]),
        )
        for place in worst
    )
    said = DriftDecision(
        verdict="ordinary",
        score=score,
        threshold=threshold,
        p_value=p_value,
        moved=moved,
        partitions=len(rows) - 1,
        confidence="own history",
    )
    decision = _blamed(said) if score > threshold else said
    return decision, dict(zip(keys, np.abs(left[-1]).tolist(), strict=True))


_KIND_OF: dict[str, Kind] = {
    "rows": "truncated",
    "nulls": "missing",
    "unseen": "category",
    "shares": "category",
    "distinct": "category",
}


def _blamed(said: DriftDecision) -> DriftDecision:
    """Name the columns beyond the threshold, the worst first, and the kind of the worst."""
    beyond = [moved.column for moved in said.moved if abs(moved.residual) > said.threshold]
    columns = tuple(dict.fromkeys(column for column in beyond if column != TABLE))
    worst = said.moved[0]
    return msgspec.structs.replace(
        said,
        verdict="fault",
        kind=_KIND_OF.get(worst.statistic, "scale"),
        columns=columns,
        words=f"{', '.join(columns) or 'its number of rows'} unlike its history",
    )
