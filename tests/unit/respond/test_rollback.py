"""When the version before answers again."""

import math
from typing import Any

import pytest

from trivium.respond.rollback import decide

CASE: dict[str, Any] = {"live": 0.6, "previous": 0.4, "target": 0.5, "better": "lower", "rows": 500}


def test_it_goes_back_when_the_one_before_would_have_met_the_objective() -> None:
    """Live misses, the previous one meets, on enough rows."""
    found = decide(**CASE)
    assert found.rollback
    assert "0.6" in found.reason and "0.4" in found.reason


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"live": 0.5}, "meets"),
        ({"previous": 0.55}, "missed the objective too"),
        ({"rows": 199}, "too few"),
        ({"margin": 0.3}, "not by more"),
        ({"previous": None}, "no value"),
        ({"live": math.nan}, "no value"),
    ],
)
def test_otherwise_it_stays(change: dict[str, Any], says: str) -> None:
    """Each condition alone keeps the live version, and the reason names it."""
    found = decide(**{**CASE, **change})
    assert not found.rollback
    assert says in found.reason


def test_the_direction_turns() -> None:
    """For a metric of which more is better the same holds upside down."""
    assert decide(live=0.4, previous=0.6, target=0.5, better="higher", rows=500).rollback
    assert not decide(live=0.6, previous=0.4, target=0.5, better="higher", rows=500).rollback
