"""What is suspected, and in which order."""

from datetime import UTC, datetime, timedelta

import pytest

from trivium.monitor.decision import Cause
from trivium.monitor.suspects import Recent, before, ranked

START = datetime(2013, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_nearer_a_change_the_likelier() -> None:
    """A contract changed on the day itself weighs 0.7, half a week before it half of that; a week before, nothing."""
    recent = [
        Recent("contract", "flights", START + DAY / 2, "today"),
        Recent("release", "v2", START - 3.5 * DAY, "earlier"),
        Recent("config", "old", START - 9 * DAY, "long ago"),
        Recent("upstream", "weather", START + 3 * DAY, "afterwards"),
    ]
    causes = before(recent, start=START, every=DAY)
    assert [(cause.what, cause.weight) for cause in causes] == [
        ("contract", pytest.approx(0.7)), ("release", pytest.approx(0.15)),
    ]  # fmt: skip


def test_causes_are_ranked_once_each_and_at_most_five() -> None:
    """The heavier of two words on one thing counts; ties in order of name."""
    many = [Cause(what="column", name=name, words="w", weight=0.1) for name in "gfedcba"]
    found = ranked([*many, Cause(what="column", name="a", words="more", weight=0.9)])
    assert [(cause.name, cause.words) for cause in found] == [("a", "more"), *((name, "w") for name in "bcde")]
