"""A table's history: which of its partitions count as ordinary, where its level was reset, what is known of old.

The history is a function of the partitions watched, their decisions and people's marks, and not of the order in which
they came: a process that starts anew and one that never stopped hold the same.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from trivium.core.summary import Summary
from trivium.monitor.decision import DriftDecision, Mark
from trivium.monitor.distances import DISTANCES
from trivium.monitor.residuals import LEVEL, median, nearby_season, season
from trivium.monitor.statistics import Array, Measures, Statistic, measure

# The partitions that are compared with: 12 weeks of days, or a week of hours.
WINDOW = 84
WINDOW_OF_HOURS = 168
# So many are kept measured: a late partition is compared with those about it.
KEPT = WINDOW_OF_HOURS + 28
# So many faults in a row, the newest of them, are the new level.
ACCEPTED_AFTER = 7
# Last year's partitions of the same season are remembered by how far they moved.
SEASON = timedelta(days=10)


# A fault that stays is looked for in so many partitions before.
LOOKED_BACK = 2

ORDINARY = DriftDecision(verdict="ordinary")


class Past(NamedTuple):
    """A partition of the window, measured; `era` counts the levels accepted before it."""

    start: datetime
    measures: Measures
    era: int
    is_ordinary: bool


class _Row(msgspec.Struct):
    start: datetime
    decision: DriftDecision
    measures: Measures | None
    mark: Mark | None = None

    @property
    def is_ordinary(self) -> bool:
        """Tell whether it may say how odd ordinary partitions are: it was not called odd by the table's own history."""
        return self.decision.verdict == "ordinary" or self.decision.confidence != "own history"

    @property
    def is_apart(self) -> bool:
        return self.decision.verdict == "fault" and self.mark != "noise"


class Remembered:
    """Remember partitions with `add`, people's words with `mark`; read what a partition is compared with by `past`."""

    def __init__(self) -> None:
        self._rows: dict[datetime, _Row] = {}

    def __len__(self) -> int:
        """Count the partitions that are compared with."""
        kept = self._kept(None)
        return min(len(kept), _window(kept))

    def add(self, summary: Summary | None, *, start: datetime, decision: DriftDecision = ORDINARY) -> None:
        """Remember a partition and what was decided on it; one with the same start takes the other's place.

        Args:
            summary: None for a partition older than the window, of which only the decision is remembered.
            start: when it starts.
            decision: what `judge` said of it; without one it counts as ordinary.
        """
        mark = self._rows[start].mark if start in self._rows else None
        self._rows[start] = _Row(start, decision, measure(summary) if summary else None, mark)
        for old in sorted(self._rows)[:-KEPT]:
            self._rows[old].measures = None

    def mark(self, start: datetime, mark: Mark) -> None:
        """Take a person's word on a fault that was told.

        `noise` lets the partition into the history, and what moved in it may move as far again; `useful` keeps it out
        for good, also where a fault that lasts would become the new level. The last word counts.
        """
        if start in self._rows:
            self._rows[start].mark = mark

    def past(self, start: datetime) -> list[Past]:
        """List what a partition that starts then is compared with, in order of time, a window of them.

        These are the partitions before it, and, where those are fewer, the nearest after it.
        """
        kept = self._kept(start)
        window = _window(kept)
        before = [row for row in kept if row.start < start][-window:]
        after = [row for row in kept if row.start > start]
        return before + after[: window - len(before)]

    def latest(self, start: datetime) -> list[DriftDecision]:
        """List what was decided on the two partitions before one that starts then, in order of time."""
        earlier = sorted(at for at in self._rows if at < start)[-LOOKED_BACK:]
        return [self._rows[at].decision for at in earlier if self._rows[at].mark != "noise"]

    def _kept(self, start: datetime | None) -> list[Past]:
        """Leave faults out, but for the 7th and further in a row: those, and the 6 before them, are a new level."""
        kept: list[Past] = []
        run: list[_Row] = []
        era = 0
        for row in (self._rows[at] for at in sorted(self._rows)):
            if row.measures is None or row.start == start or (row.is_apart and row.mark == "useful"):
                continue
            if not row.is_apart:
                run = []
                kept.append(Past(row.start, row.measures, era, row.is_ordinary))
                continue
            run.append(row)
            if len(run) == ACCEPTED_AFTER:
                era += 1
                kept += [Past(held.start, held.measures, era, True) for held in run if held.measures]
            elif len(run) > ACCEPTED_AFTER:
                kept.append(Past(row.start, row.measures, era, True))
        return kept

    def seen_before(self, start: datetime) -> Mapping[Statistic, float]:
        """Tell how far each statistic moved where it was no fault: in the season a year before, or by people's word."""
        found: dict[Statistic, float] = {}
        for row in self._rows.values():
            in_season = not row.is_apart and nearby_season(start, row.start, within=SEASON)
            if row.start != start and (in_season or row.mark == "noise"):
                for moved in row.decision.moved:
                    key = (moved.column, moved.statistic)
                    found[key] = max(found.get(key, 0.0), abs(moved.seen - moved.expected))
        return found


def _window(kept: Sequence[Past]) -> int:
    return WINDOW_OF_HOURS if season([row.start for row in kept])[1] > LEVEL else WINDOW


def levelled(values: Array, eras: Array, keys: Sequence[Statistic]) -> Array:
    """Move the partitions before a new level to it, statistic by statistic, so that their spread goes on to serve.

    Distances stay: each is from the partitions of its own era.
    """
    moved = values.copy()
    own = np.array([statistic not in DISTANCES for _, statistic in keys])
    for era in np.unique(eras)[1:]:
        first = int(np.argmax(eras == era))
        step = median(values[first : first + LEVEL]) - median(values[max(0, first - LEVEL) : first])
        moved[:first] += np.where(own, np.nan_to_num(step), 0.0)
    return moved
