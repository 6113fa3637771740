"""The pulse tells overload from a hiccup."""

import pytest

from trivium.serve.pulse import BEAT_S, Pulse


class Loop:
    """An event loop whose beats come as late as one says."""

    def __init__(self):
        self.now = 100.0

    def time(self):
        return self.now

    def call_at(self, at, work, *given):
        self.due, self.work = at, lambda: work(*given)

    def beat(self, late_s):
        self.now = self.due + late_s
        self.work()


@pytest.mark.parametrize(
    ("late_s", "lag_s"),
    [
        ([0.0, 0.0], 0.0),
        ([0.0, 0.3], 0.0),
        ([0.3, 0.3], 0.3),
        ([0.5, 0.2], 0.2),
        ([0.3, 0.3, 0.0], 0.0),
        ([0.9, 0.0, 0.9], 0.0),
    ],
)
def test_only_a_loop_that_stays_behind_is_behind(late_s, lag_s):
    """One late beat is a hiccup, two in a row are overload, and the first in time is its end."""
    loop, pulse = Loop(), Pulse()
    pulse.start(loop)
    assert loop.due == 100.0 + BEAT_S
    for late in late_s:
        loop.beat(late)
    assert pulse.lag_s == pytest.approx(lag_s)
