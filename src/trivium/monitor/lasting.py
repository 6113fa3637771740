"""Faults that stay: what leans the same way in partitions after one another is odder than in each alone.

A partition next to one that broke needs less to be told of the same: the chance of leaning so far, in that very
statistic and to that side, is that of one question and not of hundreds.
"""

from collections.abc import Sequence

from trivium.monitor.decision import DriftDecision, Moved
from trivium.monitor.evidence import Explanation
from trivium.monitor.reading import Reading

# What tells of faults of whole rows. Stale rows are told at once; and what comes after them leans for their sake.
_OF_ROWS = {"truncated": ("gap",), "duplicates": ("duplicates",)}
# What leans so far, as a share of the threshold, leans the same way.
LEANS = 0.6


def still_there(reading: Reading, latest: Sequence[DriftDecision]) -> Explanation | None:
    """Find the fault of a partition just before that is there still, though not beyond the threshold by itself."""
    for before in reversed(latest):
        led = _led_by(before)
        if not before.is_alarm or before.kind is None or led is None:
            continue
        size = reading.size(led.column, led.statistic)
        if size * led.residual > 0 and abs(size) >= LEANS * reading.threshold:
            place = reading.keys.index((led.column, led.statistic))
            what = f"{led.column}: {led.statistic}" if led.column else led.statistic
            now, usual = reading.seen[place], reading.expected[place]
            words = f"{what} is {now:.4g}, expected {usual:.4g}, off as it was just before"
            return Explanation(before.kind, before.columns, words, abs(size), frozenset(before.columns))
    return None


def lasts(decision: DriftDecision, latest: Sequence[DriftDecision]) -> int:
    """Count a faulty partition and those just before it that leaned the same way, alarmed or not."""
    led = _led_by(decision)
    if not decision.is_alarm or led is None:
        return 1
    return 1 + sum(
        any(
            (moved.column, moved.statistic) == (led.column, led.statistic)
            and moved.residual * led.residual > 0
            and abs(moved.residual) >= LEANS * before.threshold
            for moved in before.moved
        )
        for before in latest
        if before.threshold
    )


def _led_by(decision: DriftDecision) -> Moved | None:
    """Give the statistic that moved furthest of those that the decision blames."""
    if not decision.columns:
        return next(
            (moved for moved in decision.moved if moved.statistic in _OF_ROWS.get(str(decision.kind), ())), None
        )
    return next((moved for moved in decision.moved if moved.column in decision.columns), None)
