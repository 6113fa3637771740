"""Whether broken rows are news."""

import math

import pytest

from trivium.monitor.breaks import chance_of, news, usual_share

QUIET = [(0, 72)] * 42


def test_the_chance_by_hand() -> None:
    """2 where 0.0119 are expected: e^(2 - 0.0119) (0.0119 / 2)^2; nothing beyond the mean bounds nothing."""
    assert chance_of(2, 0.0119) == pytest.approx(math.e ** (2 - 0.0119) * (0.0119 / 2) ** 2)
    assert chance_of(2, 0.0119) == pytest.approx(2.585e-4, rel=1e-3)
    assert (chance_of(3, 3.0), chance_of(0, 0.0), chance_of(1, 0.0)) == (1.0, 1.0, 0.0)


def test_the_chance_bounds_the_true_one() -> None:
    """It is never below the Poisson tail."""
    for mean in (0.01, 0.5, 3.0, 40.0):
        for count in range(1, 60):
            tail = 1 - sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count))
            assert chance_of(count, mean) >= tail - 1e-12


def test_one_bad_row_is_news_only_if_it_comes_again() -> None:
    """After 42 days of 72 good rows one bad row waits for another, two are told at once, none is nothing."""
    assert [news(count, 72, QUIET) for count in (0, 1, 2)] == ["no", "if again", "at once"]


def test_what_is_usual_is_no_news() -> None:
    """A check that most days break is no news at its usual share, and is at four times that."""
    usual = [(20, 1000)] * 30
    assert news(22, 1000, usual) == "no"
    assert news(80, 1000, usual) == "at once"


def test_one_accident_does_not_hide_the_next() -> None:
    """Half the rows for up to three days on end, months ago: ten in a hundred are news; at two times, they are not."""
    for days in (1, 2, 3):
        assert news(10, 100, [*QUIET, *[(50, 100)] * days, *QUIET]) == "at once"
    assert news(10, 100, [*QUIET, (50, 100), *QUIET, (50, 100)]) == "no"


def test_without_history_all_is_news() -> None:
    """Fewer than 14 partitions tell nothing of what is usual."""
    assert news(1, 1000, [(0, 1000)] * 13) == "at once"
    assert news(1, 1000, [(1, 1000)] * 14) == "no"


def test_the_usual_share_by_hand() -> None:
    """The worst partition and two on each side are left out; where nothing ever broke, half a break among the rest."""
    assert usual_share([(2, 10), (1, 10), (4, 10), (0, 10), (5, 10), (4, 10), (0, 0), (3, 10)]) == 0.2
    assert usual_share([(0, 100)] * 8) == 0.5 / 500
    assert usual_share([(3, 10)]) == 0.35
    assert usual_share([]) == 0.5
