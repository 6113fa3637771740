"""How the pages write figures, times and names. What is missing is a dash."""

from collections.abc import Mapping
from typing import Any

from trivium.core.values import moment

MISSING = "–"


def count(value: float | None) -> str:
    """Write a number of things with thousands parted; one decimal only where it is no whole number."""
    return MISSING if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def score(value: float | None) -> str:
    """Write a score with four digits; from 1,000 on as a whole number."""
    return MISSING if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def day(value: str) -> str:
    """Write the day of an ISO time.

    Raises:
        ProjectError (TV-PROJ-007): `value` is no ISO 8601 time.
    """
    at = moment(value)
    return f"{at.day} {at:%b} {at.year}"


def when(value: str | None) -> str:
    """Write the day of an ISO time, and the minute unless it is midnight (UTC).

    Raises:
        ProjectError (TV-PROJ-007): `value` is no ISO 8601 time.
    """
    if value is None:
        return MISSING
    at = moment(value)
    return day(value) if at.hour == at.minute == 0 else f"{day(value)}, {at:%H:%M}"


def lasting(hours: float | None) -> str:
    """Write a length of time in the unit a person would use: seconds up to two minutes, hours up to three days."""
    if hours is None:
        return MISSING
    for most, per_hour, unit in ((1 / 30, 3600, "s"), (2, 60, "min"), (72, 1, "h")):
        if hours < most:
            return f"{hours * per_hour:.3g} {unit}"
    return f"{hours / 24:.3g} days"


def struck(fault: Mapping[str, Any]) -> str:
    """Name what a fault strikes: a table, one of its columns, or, where it has no table, the live version."""
    if fault["table"] is None:
        return "the live version"
    return f"{fault['table']}.{fault['column']}" if fault["column"] is not None else f"{fault['table']}"
