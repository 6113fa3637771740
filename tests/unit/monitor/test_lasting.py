"""Faults that stay: what leans the same way just before and just after."""

from trivium.monitor.alarms import is_grave
from trivium.monitor.decision import DriftDecision, Moved
from trivium.monitor.lasting import LEANS, lasts


def decision(residual: float, *, verdict: str = "fault", column: str = "distance", statistic: str = "mean"):
    """A partition of which one statistic moved; the threshold is 4."""
    moved = Moved(column=column, statistic=statistic, seen=1.0, expected=0.0, residual=residual)
    is_fault = verdict == "fault"
    return DriftDecision(
        verdict=verdict,
        kind="scale" if is_fault else None,
        columns=(column,) if is_fault else (),
        score=abs(residual),
        threshold=4.0,
        moved=(moved,),
    )


def test_what_leaned_before_counts() -> None:
    """Six tenths of the threshold to the same side, in the same statistic of the same column; told or not."""
    now = decision(5.0)
    leaned = decision(4.0 * LEANS, verdict="ordinary")
    assert lasts(now, []) == 1
    assert lasts(now, [leaned]) == 2
    assert lasts(now, [leaned, leaned]) == 3
    assert lasts(now, [decision(4.0 * LEANS - 0.01, verdict="ordinary")]) == 1
    assert lasts(now, [decision(-3.9, verdict="ordinary")]) == 1
    assert lasts(now, [decision(3.9, verdict="ordinary", statistic="spread")]) == 1
    assert lasts(now, [decision(3.9, verdict="ordinary", column="price")]) == 1
    assert lasts(decision(5.0, verdict="ordinary"), [leaned]) == 1


def test_a_fault_that_lasts_waits_for_no_third() -> None:
    """It has been there for two partitions, which is what another one would be waited for."""
    import msgspec

    assert not is_grave(decision(5.0))
    assert is_grave(msgspec.structs.replace(decision(5.0), lasts=2))
