"""The alarm level: how rare a finding must be to page, so that the past would have kept the budget of pages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

WEEK = timedelta(days=7)
# A budget fitted to less than this would be fitted to an accident.
LEAST_WEEKS = 4.0
# What pages must have been, of late; older decisions were of another world.
LOOKED_BACK = timedelta(weeks=26)
# Decisions on one subject no further apart than this are one incident, which pages once.
ONE_INCIDENT = timedelta(days=3)


class Judged(NamedTuple):
    """One earlier finding that could have paged: when, on what, and how rare it was."""

    at: datetime
    subject: str
    p_value: float


def pages(judged: Sequence[Judged], *, level: float) -> int:
    """Count the pages that a level would have given: findings as rare as it, one page an incident.

    `judged` is in order of time. A finding on a subject within 3 days of its last one belongs to the same incident.
    """
    last: dict[str, datetime] = {}
    count = 0
    for one in judged:
        if one.p_value <= level:
            before = last.get(one.subject)
            count += before is None or one.at - before > ONE_INCIDENT
            last[one.subject] = one.at
    return count


def fitted(judged: Sequence[Judged], *, now: datetime, began: datetime | None, pages_a_week: float) -> float:
    """Choose the highest level at which the last 26 weeks would have kept `pages_a_week` on average; 1 if any would.

    Args:
        judged: earlier findings with a p-value, in order of time; leave out those that people marked useful.
        now: the present.
        began: when watching began; before 4 weeks of it there is nothing to fit, and the level is 1.
        pages_a_week: the budget. 0 allows none of the past findings: the level is below all of them.
    """
    if began is None or now - began < LEAST_WEEKS * WEEK:
        return 1.0
    since = max(began, now - LOOKED_BACK)
    held = [one for one in judged if since <= one.at <= now]
    allowed = pages_a_week * ((now - since) / WEEK)
    if pages(held, level=1.0) <= allowed:
        return 1.0
    # Pages do not only grow with the level (a finding more can join two incidents), so each level is tried.
    levels = sorted({one.p_value for one in held}, reverse=True)
    kept = next((level for level in levels if pages(held, level=level) <= allowed), None)
    return levels[-1] / 2 if kept is None else kept
