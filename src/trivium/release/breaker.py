"""A circuit breaker: when a version that keeps failing is asked no more, and how it is let back in. Time is handed in.

Closed: it is asked. Open: it is not, for a while that doubles each time. Half open: it is tried out beside the answer
that somebody else gives, so no caller waits for a version that may still hang.

Source:
    Nygard (2007), "Release It!", Circuit Breaker. The trial off the reply's path is ours.
"""

from collections import deque
from typing import Literal

State = Literal["closed", "open", "half_open"]
# Five failures in a row, or half of the last 20 asked: one bad answer, or one bad row, opens nothing.
IN_A_ROW = 5
LAST = 20
SHARE = 0.5
# Seconds for which it stays open at first and at most.
FIRST_S, LONGEST_S = 1.0, 60.0
TRIALS = 3


class Breaker:
    """One version's breaker. `now_s` are seconds of any clock that never goes back."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._state: State = "closed"
        self._last: deque[bool] = deque(maxlen=LAST)
        self._failed_in_a_row = 0
        self._good_trials = 0
        self._stays_s = FIRST_S
        self._until_s = 0.0

    def state(self, now_s: float) -> State:
        """Tell the state at a time: an open one is half open once its time is over."""
        if self._state == "open" and now_s >= self._until_s:
            return "half_open"
        return self._state

    @property
    def is_closed(self) -> bool:
        """Tell whether the version is asked; the test of every answer, so it asks for no time."""
        return self._state == "closed"

    def succeeded(self, now_s: float) -> None:
        """Note a good answer; three good trials in a row close a half open breaker."""
        if self._state == "closed":
            self._failed_in_a_row = 0
            self._last.append(True)
        elif self.state(now_s) == "half_open":
            self._good_trials += 1
            if self._good_trials >= TRIALS:
                self._forget()

    def failed(self, now_s: float, *, hangs: bool = False) -> None:
        """Note a failure; one that hangs opens at once, since each further try would cost a caller a deadline."""
        if self._state != "closed":
            if self.state(now_s) == "half_open":
                self._stays_s = min(2 * self._stays_s, LONGEST_S)
                self._open(now_s)
            return
        self._failed_in_a_row += 1
        self._last.append(False)
        too_many = len(self._last) == LAST and self._last.count(False) >= SHARE * LAST
        if hangs or too_many or self._failed_in_a_row >= IN_A_ROW:
            self._open(now_s)

    def _open(self, now_s: float) -> None:
        self._state = "open"
        self._good_trials = 0
        self._until_s = now_s + self._stays_s
