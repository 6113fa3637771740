"""Columns that have come apart from those they go with, each with its usual values: rows hold each other's.

A world that changes moves the values with the bond, or turns the bond; values handed round among rows move nothing,
and weaken every bond of what was handed round alike.
"""

from typing import NamedTuple

import numpy as np

from trivium.monitor.evidence import BULK, FOLLOWS, Evidence, Explanation

# Only what is bound can come apart: at a usual correlation of this size, of which at least a quarter of the explained
# part (its square) must go.
BOUND = 0.3
MOST_KEPT = 0.75
# And so much of the correlation itself; a bond that turned round is the world's doing.
LEAST_LOST = 0.1
# What a column's own values are known by.
OWN = ("mean", "spread", *BULK, "shares", "mode", "nulls", "zeros", "negatives", "unseen decimals", "unseen")


def torn(evidence: Evidence) -> Explanation | None:
    """Explain columns whose bonds loosened while their own values stayed; the one with the most bonds torn first."""
    columns, bonds = evidence.reading.window.usual_bonds
    now = evidence.now.correlations
    if now is None:
        return None
    usual = bonds[evidence.reading.place]
    found: dict[str, _Loose] = {}
    for column in evidence.moved():
        if not evidence.up(column, "bonds") or _moved_itself(evidence, column):
            continue
        loose = _loosened(column, columns, usual, now)
        # Where all that it came apart from has moved, that is what happened.
        if loose is not None and not all(_moved_itself(evidence, partner) for partner in loose.partners):
            found[column] = loose
    if not found:
        return None
    blamed = sorted(
        found, key=lambda column: (column not in evidence.labels, -found[column].share, -evidence.worst(column), column)
    )
    led = found[blamed[0]]
    words = (
        f"{blamed[0]} goes with {led.worst} less than it did (correlation {led.seen:.2f}, usually {led.before:.2f}), "
        f"and holds its usual values: rows may hold each other's"
    )
    return Explanation("swapped", tuple(blamed), words, evidence.worst(blamed[0]), frozenset(blamed))


class _Loose(NamedTuple):
    """Which part of its bonds loosened, with whom; and of the one that loosened most, its size now and before."""

    share: float
    partners: tuple[str, ...]
    worst: str
    seen: float
    before: float


def _moved_itself(evidence: Evidence, column: str) -> bool:
    return evidence.size(column, *OWN) > FOLLOWS * evidence.reading.threshold


def _loosened(
    column: str, columns: list[str], usual: np.ndarray, now: tuple[tuple[str, ...], np.ndarray]
) -> _Loose | None:
    names, seen = now
    mine = {name: float(seen[names.index(column), place]) for place, name in enumerate(names) if name != column}
    bound = {
        name: float(usual[columns.index(column), columns.index(name)])
        for name in mine
        if name in columns and abs(usual[columns.index(column), columns.index(name)]) >= BOUND
    }
    loose = {
        name: before
        for name, before in bound.items()
        if -LEAST_LOST / 2
        <= np.sign(before) * mine[name]
        <= min(np.sqrt(MOST_KEPT) * abs(before), abs(before) - LEAST_LOST)
    }
    if not loose:
        return None
    worst = max(loose, key=lambda name: (abs(loose[name]) - abs(mine[name]), name))
    share = sum(before**2 for before in loose.values()) / sum(before**2 for before in bound.values())
    return _Loose(share, tuple(loose), worst, mine[worst], loose[worst])
