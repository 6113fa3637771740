"""What is suspected, and in which order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from trivium.monitor.decision import Cause
from trivium.monitor.drift import History
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


def test_a_broken_check_is_told_by_its_share_of_all_rows_read(days: Callable[[], Any]) -> None:
    """Of 300 rows 150 broke it and were held back: half of what was read, and not all of what was let in."""
    drawn, history = days(), History()
    for day in range(30):
        history.add(drawn.draw(day), start=drawn.start(day))
    odd = msgspec.structs.replace(drawn.draw(30, rows=150, shift=30), breaks={"far": 150}, held_back=150)
    causes = history.judge(odd, start=drawn.start(30), rate=0.02, least_history=20).causes
    assert [cause.words for cause in causes if cause.what == "check"] == ["50 % of the rows break 'far', usually 0 %"]
