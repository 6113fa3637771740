"""Service-level objectives: whether a metric, over the objective's window, is where it was promised to be."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from trivium.core.project import Objective
from trivium.core.values import span


class PeriodScore(msgspec.Struct, frozen=True, kw_only=True):
    """A metric's value over the rows of one period; None where it could not be had."""

    start: datetime
    end: datetime
    rows: int
    value: float | None


class ObjectiveDecision(msgspec.Struct, frozen=True, kw_only=True):
    """An objective's state. `since` is when the first period counted starts; unknown has no value."""

    name: str
    verdict: Literal["met", "missed", "unknown"]
    value: float | None
    target: float
    rows: int
    since: datetime | None


def check(
    objective: Objective, *, periods: Sequence[PeriodScore], now: datetime, better: str, least_rows: int = 1
) -> ObjectiveDecision:
    """Compare the row-weighted mean of the periods within the window with the target.

    Args:
        objective: names the target and the window.
        periods: in any order; those not wholly within the window before `now`, without rows or without a finite
            value are left out.
        now: the window's end.
        better: `higher` or `lower`; a value equal to the target meets it.
        least_rows: with fewer rows in all the verdict is unknown.
    """
    since = now - span(objective.window)
    counted = [period for period in periods if period.start >= since and period.end <= now and _counts(period)]
    rows = sum(period.rows for period in counted)
    if rows < max(1, least_rows):
        return ObjectiveDecision(
            name=objective.name, verdict="unknown", value=None, target=objective.target, rows=rows, since=None
        )
    value = math.fsum(period.rows * (period.value or 0.0) for period in counted) / rows
    return ObjectiveDecision(
        name=objective.name,
        verdict="met" if reaches(value, target=objective.target, better=better) else "missed",
        value=value,
        target=objective.target,
        rows=rows,
        since=min(period.start for period in counted),
    )


def would_have_met(
    objective: Objective, *, periods: Sequence[PeriodScore], now: datetime, better: str, least_rows: int = 1
) -> bool | None:
    """Tell whether another version, scored on the same periods, would have met the objective; None when unknown."""
    verdict = check(objective, periods=periods, now=now, better=better, least_rows=least_rows).verdict
    return None if verdict == "unknown" else verdict == "met"


def reaches(value: float, *, target: float, better: str) -> bool:
    """Tell whether a value is at the target or on its better side."""
    return value >= target if better == "higher" else value <= target


def _counts(period: PeriodScore) -> bool:
    return period.rows > 0 and period.value is not None and math.isfinite(period.value)
