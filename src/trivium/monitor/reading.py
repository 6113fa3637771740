"""A partition read against its past: how far each of its statistics lies from where it was expected, in spreads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trivium.monitor.distances import Window
from trivium.monitor.floors import ONLY_UPWARD, least
from trivium.monitor.history import Past, levelled
from trivium.monitor.residuals import LEAST_SCORE, LEVEL, residuals, scales, season
from trivium.monitor.statistics import Array, Statistic
from trivium.monitor.threshold import tail

# Below this many partitions no spread can be told at all, whatever the project file asks for.
LEAST_PARTITIONS = 2 * LEVEL
# Below this many nothing is said.
FEWEST_PARTITIONS = 3
# The first partitions have next to no reference of their own, and say nothing of usual distances.
WARM_UP = LEVEL


@dataclass(frozen=True, slots=True)
class Reading:
    """What was seen, expected and left over of each statistic; `sizes` are in spreads, 0 for a change that is none.

    `window` holds the past and, at row `place`, the partition itself; `is_wide` tells that the spread is assumed.
    """

    keys: list[Statistic]
    seen: Array
    expected: Array
    sizes: Array
    score: float
    threshold: float
    p_value: float
    window: Window
    place: int
    is_wide: bool

    @property
    def is_beyond(self) -> bool:
        """Tell whether the partition is odder than ordinary ones are."""
        return self.score > self.threshold

    def size(self, column: str, statistic: str) -> float:
        """Tell how far one statistic moved, in spreads, with its sign; 0 where it was not measured."""
        key = (column, statistic)
        return float(self.sizes[self.keys.index(key)]) if key in self.keys else 0.0


def read(
    past: Sequence[Past], mine: Past, *, rate: float, least_history: int, seen_before: Mapping[Statistic, float]
) -> Reading:
    """Read a partition against at least `FEWEST_PARTITIONS` others."""
    rows = sorted([*past, mine], key=lambda row: row.start)
    place = rows.index(mine)
    length = season([row.start for row in rows])[1]
    is_wide = len(past) < max(least_history, 2 * length)
    if place < min(length + WARM_UP, len(past)):
        # Nothing, or too little, came before it: what came after it serves instead.
        rows, place = rows[::-1], len(past) - place
    window = Window(
        [row.measures for row in rows],
        serves=[row is not mine for row in rows],
        eras=[abs(row.era - rows[0].era) for row in rows],
    )
    if is_wide:
        return _by_wide_defaults(window, place)
    keys = _comparable(window, place, least_partitions=LEAST_PARTITIONS)
    values = levelled(np.stack([window.values[key] for key in keys], axis=1), window.eras, keys)
    sampling = np.stack([window.noise[key] for key in keys], axis=1)
    floors, _ = least(keys, window)
    skip = length + (WARM_UP if len(rows) > 2 * length + WARM_UP else 0)
    left, expected = residuals(values, [row.start for row in rows])
    left, expected, sampling = left[skip - length :], expected[skip - length :], sampling[skip:]
    scale = scales(
        left,
        sampling=sampling,
        floors=floors,
        seen_before=np.array([seen_before.get(key, 0.0) for key in keys]),
    )
    sizes = _changes(left / scale, keys)
    scores = np.abs(sizes).max(axis=1)
    mine_at = place - skip
    bag = np.array([row.is_ordinary and row is not mine for row in rows[skip:]])
    threshold, p_value = tail(scores[bag], score=float(scores[mine_at]), rate=rate)
    return Reading(
        keys=keys,
        seen=values[place],
        expected=expected[mine_at],
        sizes=sizes[mine_at],
        score=float(scores[mine_at]),
        threshold=threshold,
        p_value=p_value,
        window=window,
        place=place,
        is_wide=False,
    )


def _comparable(window: Window, place: int, *, least_partitions: int) -> list[Statistic]:
    """List what this partition and enough of the others were measured by."""
    found = []
    for key in sorted(window.values):
        held = ~np.isnan(window.values[key])
        if held[place] and held.sum() > least_partitions:
            found.append(key)
    return found


def _changes(sizes: Array, keys: Sequence[Statistic]) -> Array:
    """Leave 0 where there is nothing to compare, and where less is no change."""
    upward = np.array([key[1] in ONLY_UPWARD for key in keys])
    known = np.nan_to_num(sizes)
    found: Array = np.where(upward, np.maximum(known, 0.0), known)
    return found


def _by_wide_defaults(window: Window, place: int) -> Reading:
    """Compare with the middle of the few there are, by the spread assumed of any table and the width they span."""
    known = _comparable(window, place, least_partitions=FEWEST_PARTITIONS)
    # Of a few partitions, that a number has more places than any of theirs says nothing: fog is rare.
    keys = [key for key in known if key[1] != "unseen decimals"]
    values = np.stack([window.values[key] for key in keys], axis=1)
    sampling = np.nan_to_num(np.stack([window.noise[key] for key in keys], axis=1))
    others = np.delete(values, place, axis=0)
    expected = np.nanmedian(others, axis=0)
    width = np.nanmax(others, axis=0) - np.nanmin(others, axis=0)
    _, wide = least(keys, window)
    scale = np.sqrt(wide**2 + sampling[place] + np.median(sampling, axis=0)) + width
    sizes = _changes((values[place] - expected) / scale, keys)
    return Reading(
        keys=keys,
        seen=values[place],
        expected=expected,
        sizes=sizes,
        score=float(np.abs(sizes).max(initial=0.0)),
        threshold=LEAST_SCORE,
        p_value=1.0,
        window=window,
        place=place,
        is_wide=True,
    )
