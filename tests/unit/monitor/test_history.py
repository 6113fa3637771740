"""What a history holds: a function of partitions, decisions and marks, and not of the order they came in."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

from trivium.monitor.decision import DriftDecision, Moved
from trivium.monitor.drift import History
from trivium.monitor.history import KEPT, WINDOW, levelled

FAULT = DriftDecision(verdict="fault", kind="missing", confidence="own history",
                      moved=(Moved(column="x", statistic="nulls", seen=0.5, expected=0.1, residual=9.0),))  # fmt: skip
SHIFT = msgspec.structs.replace(FAULT, verdict="shift", kind="population shift")


def lived(source, decisions: dict[int, DriftDecision], until: int) -> History:
    """Remember days, some of them decided upon."""
    history = History()
    for day in range(until):
        decision = decisions.get(day, DriftDecision(verdict="ordinary"))
        history.add(source.draw(day), start=source.start(day), decision=decision)
    return history


def test_faults_are_kept_apart_and_shifts_are_not(days) -> None:
    """A fault is no reference; a shift is one, but does not tell how odd ordinary partitions are."""
    source = days()
    past = lived(source, {10: FAULT, 20: SHIFT}, 30).past(source.start(30))
    assert [row.start for row in past] == [source.start(day) for day in range(30) if day != 10]
    assert [row.start for row in past if not row.is_ordinary] == [source.start(20)]


def test_seven_faults_in_a_row_are_a_new_level(days) -> None:
    """Six are not; seven are, with the six before, as an era of their own."""
    source = days()
    six = lived(source, dict.fromkeys(range(20, 26), FAULT), 26)
    assert len(six) == 20
    seven = lived(source, dict.fromkeys(range(20, 27), FAULT), 28).past(source.start(28))
    assert [row.era for row in seven] == [0] * 20 + [1] * 8


def test_a_useful_mark_keeps_out_for_good_and_noise_lets_in(days) -> None:
    """Seven faults of which one was useful are no new level; noise is in at once; the last word counts."""
    source = days()
    history = lived(source, dict.fromkeys(range(20, 27), FAULT), 27)
    history.mark(source.start(22), "useful")
    assert len(history) == 20
    history.mark(source.start(22), "noise")
    assert len(history) == 21
    history.mark(source.start(99), "noise")
    assert len(history) == 21


def test_a_partition_read_again_takes_the_place_of_the_first(days) -> None:
    """Adding the same start twice keeps one, with its mark."""
    source = days()
    history = lived(source, {10: FAULT}, 30)
    history.mark(source.start(10), "noise")
    history.add(source.draw(10), start=source.start(10), decision=FAULT)
    assert len(history) == 30
    history.add(source.draw(3), start=source.start(3), decision=FAULT)
    assert len(history) == 29


def test_the_window_is_bounded(days) -> None:
    """The latest are compared with, however many there were; a partition is no part of its own past."""
    source = days()
    history = lived(source, {}, KEPT + 20)
    past = history.past(source.start(KEPT + 20))
    assert len(past) == WINDOW
    assert past[-1].start == source.start(KEPT + 19)
    assert source.start(KEPT) not in {row.start for row in history.past(source.start(KEPT))}


def test_old_partitions_need_no_summary(days) -> None:
    """A history told old decisions alone, and new partitions whole, holds what one that saw all of them holds."""
    source, told = days(), History()
    whole = lived(source, {50: FAULT}, KEPT + 30)
    again = days()
    for day in range(KEPT + 30):
        summary = again.draw(day)
        decision = FAULT if day == 50 else DriftDecision(verdict="ordinary")
        told.add(summary if day >= 30 else None, start=source.start(day), decision=decision)
    start = source.start(KEPT + 30)
    assert [row.start for row in told.past(start)] == [row.start for row in whole.past(start)]
    assert told.seen_before(start) == whole.seen_before(start)


def test_last_years_season_is_known(days) -> None:
    """A shift of a year ago counts as seen, a fault then does not, and one of half a year ago says nothing."""
    source = days()
    history = lived(source, {5: SHIFT, 180: SHIFT}, 200)
    start = source.start(0) + timedelta(days=368)
    assert history.seen_before(start) == {("x", "nulls"): pytest.approx(0.4)}
    assert history.seen_before(source.start(210)) == {}
    assert lived(source, {5: FAULT}, 30).seen_before(start) == {}


def test_older_levels_are_moved_to_the_new_one() -> None:
    """Ten higher from the 8th on: the first seven are raised by 10; a distance is left as it is."""
    values = np.array([[1.0, 0.1]] * 7 + [[11.0, 0.1]] * 7)
    found = levelled(values, np.array([0] * 7 + [1] * 7), [("x", "mean"), ("x", "shares")])
    assert found[:, 0] == pytest.approx(11.0)
    assert found[:, 1] == pytest.approx(0.1)
