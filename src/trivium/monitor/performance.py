"""Live scores against what the gate let one expect.

Scores of days vary far more than their rows would have it (a storm is a storm for all of a day's flights), so an
interval from the rows alone alarms every other day. The spread is taken from the days themselves.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median
from typing import Literal

import msgspec

# The periods that are judged; those before them tell the spread.
RECENT = 5
# Below so many periods in all no spread can be told.
LEAST_PERIODS = 10
# A single period is extreme at so many spreads beyond the expectation, and worse than every period before.
EXTREME = 5.0
# The recent mean is persistently worse at so many of its own standard errors, which neighbouring days' likeness (taken
# as a doubled variance) widens.
PERSISTENT = 2.5
LIKENESS = 2.0
TO_STANDARD = 1.4826


class ScoreDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether live scores are as expected. `value` is the recent periods' row-weighted mean.

    `low` and `high` bound where that mean may lie; None while unknown.
    """

    verdict: Literal["as expected", "worse", "unknown"]
    value: float | None
    expected: float
    low: float | None
    high: float | None
    reason: str


def below_expectation(
    values: Sequence[tuple[int, float | None]],
    *,
    expected_low: float,
    expected_high: float,
    better: str,
    least_rows: int = 50,
) -> ScoreDecision:
    """Judge a version's latest scores.

    Args:
        values: (rows, score) of each period, the oldest first, those of its predecessors included; periods
            without rows or without a finite score are left out.
        expected_low: lower end of the interval that the gate found on the held-out rows.
        expected_high: its upper end, >= `expected_low`.
        better: `higher` or `lower`.
        least_rows: the rows the recent periods must have in all.

    Returns:
        `worse` only if the last 5 periods are persistently worse than the expectation's worse end (their mean by 2.5
        standard errors, and 4 of the 5 each), or the last alone is extreme (by 5 spreads, and the worst ever).
    """
    scored = [(rows, value) for rows, value in values if rows > 0 and value is not None and math.isfinite(value)]
    expected = (expected_low + expected_high) / 2
    recent = scored[-RECENT:]
    rows = sum(held for held, _ in recent)
    if len(scored) < LEAST_PERIODS or rows < least_rows:
        reason = f"{len(scored)} scored periods, {rows} recent rows; {LEAST_PERIODS} and {least_rows} are needed"
        return ScoreDecision(verdict="unknown", value=None, expected=expected, low=None, high=None, reason=reason)
    mean = math.fsum(held * value for held, value in recent) / rows
    spread = _spread([value for _, value in scored[:-RECENT]], least=(expected_high - expected_low) / 4)
    room = PERSISTENT * spread * math.sqrt(LIKENESS / len(recent))
    # Turned so that more is worse.
    sign = -1.0 if better == "higher" else 1.0
    limit = expected_high if better == "lower" else -expected_low
    reason = _reason([sign * value for _, value in scored], mean=sign * mean, limit=limit, spread=spread, room=room)
    return ScoreDecision(
        verdict="worse" if reason else "as expected",
        value=mean,
        expected=expected,
        low=expected_low - room,
        high=expected_high + room,
        reason=reason or "within the expectation and the usual spread of periods",
    )


def _reason(worseness: Sequence[float], *, mean: float, limit: float, spread: float, room: float) -> str:
    """Say why the scores are worse; empty when they are not."""
    recent = worseness[-RECENT:]
    if mean > limit + room and sum(value > limit for value in recent) >= len(recent) - 1:
        return f"the last {len(recent)} periods are persistently worse than expected"
    if worseness[-1] > limit + EXTREME * spread and worseness[-1] > max(worseness[:-1]):
        return "the last period is extreme"
    return ""


def _spread(values: Sequence[float], *, least: float) -> float:
    """Measure periods' usual distance from their middle, robustly: the greater of median and mean, as a deviation."""
    middle = median(values)
    distances = [abs(value - middle) for value in values]
    # For a normal spread both estimate the same; a heavy tail lifts the second.
    return max(TO_STANDARD * median(distances), math.sqrt(math.pi / 2) * fmean(distances), least)
