"""The level that the past would have kept the budget at."""

from datetime import UTC, datetime, timedelta

from trivium.monitor.level import Judged, fitted, pages

NOW = datetime(2013, 7, 1, tzinfo=UTC)
BEGAN = NOW - timedelta(weeks=10)


def judged(*entries: tuple[float, str, float]) -> list[Judged]:
    """Make findings of (days ago, subject, p-value)."""
    return sorted(Judged(NOW - timedelta(days=days), subject, p) for days, subject, p in entries)


def test_a_page_an_incident() -> None:
    """Findings on one subject within 3 days of each other are one page; another subject is another."""
    held = judged((20, "a", 0.01), (18, "a", 0.01), (15, "a", 0.01), (10, "a", 0.01), (18, "b", 0.01), (5, "a", 0.04))
    assert pages(held, level=0.01) == 3
    assert pages(held, level=0.05) == 4
    assert pages(held, level=0.001) == 0


def test_a_past_that_kept_the_budget_needs_no_level() -> None:
    """Ten weeks, ten findings, one a week allowed."""
    held = judged(*((7 * week + 1, "a", 0.01 + week / 1000) for week in range(10)))
    assert fitted(held, now=NOW, began=BEGAN, pages_a_week=1) == 1.0
    assert fitted(held, now=NOW, began=BEGAN, pages_a_week=0.5) == 0.01 + 4 / 1000


def test_the_highest_level_that_keeps_it() -> None:
    """With none allowed the level is below all; findings before the last 26 weeks do not count."""
    held = judged((7, "a", 0.02), (14, "a", 0.01))
    assert fitted(held, now=NOW, began=BEGAN, pages_a_week=0) == 0.005
    old = judged(*((190 + 7 * week, "a", 0.01) for week in range(20)))
    assert fitted(old, now=NOW, began=NOW - timedelta(weeks=60), pages_a_week=0) == 1.0


def test_nothing_is_fitted_to_an_accident() -> None:
    """Before four weeks of watching, and before it began, any finding may page."""
    held = judged((7, "a", 0.02), (1, "b", 0.02))
    assert fitted(held, now=NOW, began=NOW - timedelta(days=27), pages_a_week=0) == 1.0
    assert fitted(held, now=NOW, began=None, pages_a_week=0) == 1.0
    assert fitted([], now=NOW, began=BEGAN, pages_a_week=0) == 1.0
