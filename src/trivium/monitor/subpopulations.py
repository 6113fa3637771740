"""Whether a column moved because the mix of rows did, and whether one value of a slicer alone moved.

A column's mean is the mean of its groups' means, weighted by their shares. So a change is split in two: that of the
shares (the population moved, and each group is as it was), and that within the groups (Kitagawa, 1955).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trivium.core.summary import Group, Groups
from trivium.monitor.statistics import Array, Measures

# A slicer explains a change of which its shares make up this much.
EXPLAINS = 0.65
# One value alone moved, when it makes up this much of the change within groups, at no more than so many of the rows.
ALONE = 0.8
ALONE_AT_MOST = 0.6


class Mix(NamedTuple):
    """How much of a column's change a slicer's shares explain (1: all of it)."""

    slicer: str
    value: str
    explained: float


class Alone(NamedTuple):
    """The one value of a slicer within which a column moved."""

    slicer: str
    value: str


class _Split(NamedTuple):
    """A slicer's values with their shares, and a column's statistic within each, now and usually."""

    values: tuple[str, ...]
    shares: Array
    usual_shares: Array
    within: Array
    usual_within: Array


def explained_by_mix(now: Measures, past: Sequence[Measures], column: str, *, nulls: bool) -> Mix | None:
    """Find the slicer whose shares explain a column's change best, and the value whose share moved most; or None.

    Args:
        now: the partition.
        past: those it is compared with.
        column: the one that moved.
        nulls: ask about its share of nulls; else about its mean, on the joint scale.
    """
    best: Mix | None = None
    for slicer, split in _splits(now, past, column, nulls=nulls):
        total = float(split.shares @ split.within - split.usual_shares @ split.usual_within)
        moved = split.shares - split.usual_shares
        if abs(total) < 1e-9 or not moved.any():
            continue
        explained = 1 - abs(total - float(moved @ split.usual_within)) / abs(total)
        if explained >= EXPLAINS and (best is None or explained > best.explained):
            best = Mix(slicer, split.values[int(np.argmax(np.abs(moved)))], explained)
    return best


def moved_alone(now: Measures, past: Sequence[Measures], column: str, *, nulls: bool) -> Alone | None:
    """Find the one value within which a column moved, while it stayed within all others; or None."""
    best: tuple[float, Alone] | None = None
    for slicer, split in _splits(now, past, column, nulls=nulls):
        parts = split.shares * np.abs(split.within - split.usual_within)
        if len(parts) < 2 or not parts.sum():
            continue
        worst = int(np.argmax(parts))
        share = float(parts[worst] / parts.sum())
        if share >= ALONE and split.shares[worst] <= ALONE_AT_MOST and (best is None or share > best[0]):
            best = share, Alone(slicer, split.values[worst])
    return best[1] if best else None


def _splits(now: Measures, past: Sequence[Measures], column: str, *, nulls: bool) -> list[tuple[str, _Split]]:
    found = []
    for slicer, groups in sorted((now.joint.groups if now.joint else {}).items()):
        before = [held.joint.groups[slicer] for held in past if held.joint and slicer in held.joint.groups]
        before = [held for held in before if column in held.columns and held.values]
        if slicer in now.kinds and slicer != column and column in groups.columns and groups.values and before:
            found.append((slicer, _split(groups, before, column, nulls=nulls)))
    return found


def _split(now: Groups, before: Sequence[Groups], column: str, *, nulls: bool) -> _Split:
    values = tuple(sorted({*now.values, *(value for held in before for value in held.values)}))
    rows, amounts, weights = (np.zeros(len(values)) for _ in range(3))
    total = 0
    for groups in before:
        place = groups.columns.index(column)
        total += sum(group.rows for group in groups.values.values())
        for at, value in enumerate(values):
            if value in groups.values:
                group = groups.values[value]
                rows[at] += group.rows
                amounts[at] += group.rows - group.held[place] if nulls else group.sums[place]
                weights[at] += group.rows if nulls else group.held[place]
    mine = now.columns.index(column)
    nobody = Group(rows=0, held=(0,) * len(now.columns), sums=(0,) * len(now.columns))
    held = [now.values.get(value) or nobody for value in values]
    seen = np.array([g.rows - g.held[mine] if nulls else g.sums[mine] for g in held], dtype=np.float64)
    over = np.array([g.rows if nulls else g.held[mine] for g in held], dtype=np.float64)
    usual = np.where(weights > 0, amounts / np.maximum(weights, 1), 0.0)
    within = np.where(over > 0, seen / np.maximum(over, 1), usual)
    usual = np.where(weights > 0, usual, within)
    counts = np.array([g.rows for g in held], dtype=np.float64)
    return _Split(values, counts / counts.sum(), rows / max(total, 1), within, usual)
