"""The two clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from trivium.core.clock import Clock, RealClock, VirtualClock

AT = datetime(2013, 3, 4, tzinfo=UTC)


def test_the_real_clock_tells_utc() -> None:
    """It is the machine's time, aware and in UTC."""
    clock: Clock = RealClock()
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().tzinfo is UTC
    assert not clock.is_virtual


def test_a_virtual_clock_stands_still_until_moved() -> None:
    """Only `move_to` changes what it tells."""
    clock = VirtualClock(AT)
    assert clock.now() == clock.now() == AT
    clock.move_to(AT + timedelta(days=1))
    assert clock.now() == AT + timedelta(days=1)
    clock.move_to(clock.now())
    assert clock.now() == AT + timedelta(days=1)
    assert clock.is_virtual


def test_a_virtual_clock_never_runs_back() -> None:
    """Moving it to the past is a fault, and leaves it where it was."""
    clock = VirtualClock(AT)
    with pytest.raises(ValueError, match="does not run back"):
        clock.move_to(AT - timedelta(microseconds=1))
    assert clock.now() == AT
