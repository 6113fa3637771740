"""A version is asked within its deadline, by its breaker; one bad row costs no other its answer."""

import threading
import time

import numpy as np
import pytest

from trivium.core.problems import Problem, StepError
from trivium.loop.asking import Voice, ask
from trivium.loop.health import Standing
from trivium.release.breaker import FIRST_S, IN_A_ROW, TRIALS

DEADLINE_S = 20.0


class Version:
    """Says each row's `x`; raises where a row is `bad`, or on everything while it is `broken`."""

    def __init__(self, *, is_quick: bool = True) -> None:
        self.now = 0.0
        self.calls = 0
        self.broken = False
        self.standing = Standing("v1", lambda: self.now)
        self.voice = Voice("v1", self.say, is_quick, self.standing)

    def say(self, rows):
        self.calls += 1
        if self.broken or any(row.get("bad") for row in rows):
            raise StepError(Problem(code="TV-RUN-017", what="it raised", seen="why"))
        return np.array([row["x"] for row in rows], dtype=float)

    def ask(self, *rows, deadline_s=DEADLINE_S):
        return ask(self.voice, rows, deadline_s=deadline_s, timer=lambda: self.now)


def rows_of(count, *, bad=()):
    return [{"x": float(place), "bad": place in bad} for place in range(count)]


def test_each_row_gets_its_number() -> None:
    """What a version says of rows comes back in their order, without troubles."""
    said = Version().ask(*rows_of(3))
    assert said.values.tolist() == [0.0, 1.0, 2.0]
    assert said.troubles == {}


@pytest.mark.parametrize("is_known", [True, False])
def test_bad_rows_are_found_by_halves(is_known: bool) -> None:
    """Of 64 rows of which 2 raise, 62 are answered, in far fewer calls than rows; the breaker notes nothing."""
    version = Version()
    if is_known:
        version.ask({"x": 1.0})
    said = version.ask(*rows_of(64, bad=(5, 40)))
    assert sorted(said.troubles) == [5, 40]
    assert {kind for kind, _ in said.troubles.values()} == {"refused"}
    assert np.isfinite(said.values).sum() == 62
    assert version.calls < 32
    assert version.standing.breaker.is_closed


def test_nobodys_rows_can_open_a_breaker() -> None:
    """A client that sends a hundred rows on which the version raises does not keep it from other clients."""
    version = Version()
    version.ask({"x": 1.0})
    for _ in range(100):
        assert version.ask({"x": 0.0, "bad": True}).troubles[0][0] == "refused"
    assert version.ask({"x": 7.0}).values.tolist() == [7.0]


def test_a_broken_version_is_told_from_a_bad_row() -> None:
    """Once it raises on the row that it last answered too, it is broken; after five times it is asked no more."""
    version = Version()
    version.ask({"x": 1.0})
    version.broken = True
    for _ in range(IN_A_ROW):
        assert version.ask({"x": 2.0}).troubles[0] == ("raised", "it raised; why")
    calls = version.calls
    assert version.ask(*rows_of(2)).troubles[1][0] == "open"
    assert version.calls == calls
    assert version.standing.troubles == {"raised": IN_A_ROW, "open": 2}


def test_rows_without_a_finite_number_fall_back_alone() -> None:
    """A NaN costs its own row the answer; a version that says NaN of everything, its last good row too, is broken."""
    version = Version()
    said = version.ask({"x": float("nan")}, {"x": 3.0})
    assert said.troubles == {0: ("not_finite", "no finite number")}
    assert said.values[1] == 3.0
    for _ in range(30):
        version.ask({"x": float("inf")})
    assert version.standing.breaker.is_closed
    version.standing.control = {"x": float("nan")}
    for _ in range(IN_A_ROW):
        version.ask({"x": float("nan")})
    assert not version.standing.breaker.is_closed


def test_an_answer_past_the_deadline_is_late() -> None:
    """An answer that took longer than the deadline is not used; five in a row open the breaker."""
    version = Version()

    def slow(rows):
        version.now += 0.3
        return np.ones(len(rows))

    version.voice = Voice("v1", slow, True, version.standing)
    for _ in range(IN_A_ROW):
        said = version.ask({"x": 1.0}, deadline_s=0.2)
        assert said.troubles[0] == ("late", "300 ms for 1 rows")
        assert np.isnan(said.values).all()
    assert not version.standing.breaker.is_closed


def test_a_version_that_hangs_costs_one_deadline_and_comes_back_by_itself() -> None:
    """The caller goes on after the deadline, the next is not kept waiting; trials let it back in once it answers."""
    version = Version(is_quick=False)
    version.ask({"x": 1.0})
    hangs = threading.Event()
    said_before = version.say

    def hanging(rows):
        assert hangs.wait(DEADLINE_S)
        return said_before(rows)

    version.voice = Voice("v1", hanging, False, version.standing)
    assert version.ask({"x": 2.0}, deadline_s=0.02).troubles[0][0] == "late"
    assert version.ask({"x": 2.0}, deadline_s=0.02).troubles[0][0] == "open"
    assert version.standing.thread.left_behind == 1
    hangs.set()
    version.now += FIRST_S
    until = time.monotonic() + DEADLINE_S
    while not version.standing.breaker.is_closed and time.monotonic() < until:
        said = version.ask({"x": 2.0})
        assert said.troubles == {} or said.troubles[0][0] == "open"
        time.sleep(0.001)
    assert version.ask({"x": 2.0}).values.tolist() == [2.0]
    assert version.standing.thread.left_behind == 0


def test_a_failed_trial_keeps_it_out() -> None:
    """While it is broken, trials fail beside the replies, and no reply waits for them or uses them."""
    version = Version()
    version.ask({"x": 1.0})
    version.broken = True
    for _ in range(IN_A_ROW):
        version.ask({"x": 1.0})
    version.now += FIRST_S
    calls = version.calls
    assert version.ask({"x": 1.0}).troubles[0][0] == "open"
    until = time.monotonic() + DEADLINE_S
    while version.standing.state != "open" and time.monotonic() < until:
        time.sleep(0.001)
    assert version.standing.state == "open"
    assert version.calls == calls + 1
    assert TRIALS > 1
