"""Mutes, folded from events."""

from datetime import UTC, datetime, timedelta

import pytest

from trivium.core.events import Event
from trivium.core.problems import ProjectError
from trivium.respond.mutes import Mutes

AT = datetime(2013, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def muted(name: str, subject: str = "weather", *, column: str | None = None, kind: str | None = None) -> Event:
    """Make a mute of two days."""
    body = {"id": name, "column": column, "kind": kind, "until": (AT + 2 * DAY).isoformat()}
    return Event(at=AT, kind="muted", subject=subject, actor="ann", because="we know", body=body)


def folded(*events: Event) -> Mutes:
    """Fold events."""
    mutes = Mutes()
    for event in events:
        mutes.apply(event)
    return mutes


def silenced(mutes: Mutes, *columns: str, kind: str = "fault", subject: str = "weather", days: float = 1) -> str | None:
    """Tell the mute that silences an alarm."""
    found = mutes.silencing(kind, subject, columns, now=AT + days * DAY)
    return found and found.id


def test_a_mute_ends_by_itself() -> None:
    """It holds from when it was made until its time, that moment left out; ended sooner, it is over."""
    mutes = folded(muted("m1"))
    assert [silenced(mutes, days=days) for days in (-0.1, 0, 1.99, 2)] == [None, "m1", "m1", None]
    mutes.apply(Event(at=AT + DAY, kind="unmuted", subject="m1", actor="ann"))
    assert silenced(mutes, days=1.5) is None


def test_a_mute_says_itself() -> None:
    """Who, until when, which, why."""
    (mute,) = folded(muted("m1")).active(AT)
    assert str(mute) == "muted by ann until 2013-03-03 (m1): we know"


def test_a_mute_of_a_column_or_kind_silences_no_more() -> None:
    """An alarm that blames another column as well is told; so is another kind, and another table."""
    mutes = folded(muted("m1", column="temp"), muted("m2", column="dewp"), muted("m3", kind="late"))
    assert silenced(mutes, "temp") == "m1"
    assert silenced(mutes, "temp", "dewp") == "m1"
    assert silenced(mutes, "temp", "humid") is None
    assert silenced(mutes) is None
    assert silenced(mutes, kind="late") == "m3"
    assert silenced(mutes, "temp", subject="flights") is None


def test_a_name_means_a_mute_or_a_subject() -> None:
    """Ids and subjects; what is over is known no more."""
    mutes = folded(muted("m1"), muted("m2", column="temp"))
    assert [mute.id for mute in mutes.meant("weather", now=AT)] == ["m1", "m2"]
    assert [mute.id for mute in mutes.meant("m2", now=AT)] == ["m2"]
    assert mutes.next_id() == "m3"
    with pytest.raises(ProjectError) as caught:
        mutes.meant("weather", now=AT + 3 * DAY)
    assert caught.value.problems[0].code == "TV-RESP-002"
