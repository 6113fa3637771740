"""A version that keeps failing is asked no more, and comes back by trials that no caller waits for."""

import pytest

from trivium.release.breaker import FIRST_S, IN_A_ROW, LONGEST_S, TRIALS, Breaker


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(IN_A_ROW):
        breaker.failed(at)
    return breaker


def test_five_failures_in_a_row_open_it() -> None:
    """Four failures and a good answer leave it closed; five in a row open it."""
    breaker = Breaker()
    for _ in range(IN_A_ROW - 1):
        breaker.failed(0.0)
    breaker.succeeded(0.0)
    assert breaker.is_closed
    for _ in range(IN_A_ROW):
        breaker.failed(0.0)
    assert breaker.state(0.0) == "open"


def test_half_of_the_last_twenty_open_it() -> None:
    """Failing on every other answer opens it at the twentieth, though never twice in a row."""
    breaker = Breaker()
    for place in range(19):
        (breaker.failed if place % 2 else breaker.succeeded)(0.0)
    assert breaker.is_closed
    breaker.failed(0.0)
    assert not breaker.is_closed


def test_one_that_hangs_opens_at_once() -> None:
    """A second try would cost a second caller the whole deadline."""
    breaker = Breaker()
    breaker.failed(0.0, hangs=True)
    assert breaker.state(0.0) == "open"


def test_it_is_tried_after_a_while_that_doubles() -> None:
    """It is half open after a second, after a failed trial two seconds later, and so on up to a minute."""
    breaker = opened()
    now, stays = 0.0, FIRST_S
    for _ in range(10):
        assert breaker.state(now + stays - 0.001) == "open"
        now += stays
        assert breaker.state(now) == "half_open"
        breaker.failed(now)
        stays = min(2 * stays, LONGEST_S)
    assert stays == LONGEST_S


def test_good_trials_close_it() -> None:
    """Three good trials in a row close it, and it then forgets what it once did; one bad among them does not."""
    breaker = opened()
    for _ in range(TRIALS - 1):
        breaker.succeeded(FIRST_S)
    breaker.failed(FIRST_S)
    later = FIRST_S + 2 * FIRST_S
    for _ in range(TRIALS):
        assert not breaker.is_closed
        breaker.succeeded(later)
    assert breaker.is_closed
    breaker.failed(later)
    assert breaker.is_closed


@pytest.mark.parametrize("now", [0.0, 0.5])
def test_an_open_one_learns_nothing(now: float) -> None:
    """Answers that come back late while it is open neither close it nor keep it open longer."""
    breaker = opened()
    for _ in range(TRIALS):
        breaker.succeeded(now)
        breaker.failed(now)
    assert breaker.state(FIRST_S) == "half_open"
