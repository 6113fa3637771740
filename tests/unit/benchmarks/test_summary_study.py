"""The rows and the work of the benchmark of summaries: what it measures is what it says."""

import msgspec
import polars as pl

from summary_study.ours import HISTORY_DAYS, check, contract, partition, sizes, take_in
from summary_study.rows import frame
from trivium.data.summary import summarise_partition
from trivium.monitor.drift import History


def test_good_rows_break_no_check_and_broken_ones_those_that_are_struck() -> None:
    """20 columns, none broken; with a hundredth struck in four columns, each of these breaks at least once."""
    good, broken = frame(5_000, seed=0), frame(5_000, seed=0, broken=0.01)
    assert good.width == 20
    assert check(good, parted=True) == {"good": 5_000, "broken": 0}
    found = check(broken, parted=True)
    assert check(broken, parted=False) == {"broken": found["broken"]}
    assert 100 < found["broken"] < 300
    assert found["good"] + found["broken"] >= 5_000


def test_a_seed_and_a_day_tell_the_rows() -> None:
    """The same again, and others the next day."""
    assert frame(100, seed=3).equals(frame(100, seed=3))
    assert not frame(100, seed=3).drop("ordered_at").equals(frame(100, seed=3, day=1).drop("ordered_at"))


def test_rows_stream_through_to_the_decision_on_all_of_them() -> None:
    """Chunks give the same verdict as one frame, in a history of days alike."""
    history = History()
    for day in range(-HISTORY_DAYS, 0):
        rows = frame(1_000, seed=1, day=day)
        history.add(summarise_partition(rows, contract(time="ordered_at"), partition(day)), start=partition(day).start)
    rows = frame(1_000, seed=1)
    whole = take_in([rows], history)
    assert whole == take_in([rows[:300], rows[300:]], history)
    assert whole["good"] == 1_000
    assert whole["verdict"] == "ordinary"


def test_the_size_of_a_summary_is_that_of_its_bytes() -> None:
    """A summary of two columns is at least as large as its largest column."""
    summary = summarise_partition(pl.DataFrame({"a": [1.0], "b": ["x"]}), contract(time=None), partition())
    found = sizes(summary)
    assert found["whole"] > found["most"] > 0
    assert found["a_column"] * 2 == found["whole"]
    assert msgspec.structs.replace(summary, joint=None) != summary
