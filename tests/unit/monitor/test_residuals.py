"""The tail of past scores at its edges."""

import numpy as np

from trivium.monitor.residuals import tail


def test_every_score_may_lie_above_when_the_rate_is_one() -> None:
    """At a rate of one the threshold is the least there is, not the greatest score seen."""
    assert tail(np.array([0.0, 0.0, 40.0]), score=0.0, rate=1.0)[0] < 40.0
