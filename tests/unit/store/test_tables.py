"""The tables as a fold: partitions now and before, refusals, quarantines, and reading them as one frame."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trivium.core.events import Event
from trivium.core.problems import StoreError
from trivium.core.values import iso
from trivium.store.tables import PartitionRecord, Snapshot, read, records_digest

DAY = timedelta(days=1)
START = datetime(2013, 3, 1, tzinfo=UTC)


def event(seq, kind, day, *, hour=12, table="flights", **body):
    start = START + day * DAY
    times = {"partition": iso(start), "start": iso(start), "end": iso(start + DAY)}
    return Event(at=START + timedelta(hours=hour), kind=kind, subject=table, actor="tick", seq=seq, body=times | body)


def collected(seq, day, *, blob="b", quarantine=None, fingerprint="f", rows=3, **words):
    return event(
        seq, "collected", day, blob=blob, summary="s" + blob, rows_read=rows, rows_committed=rows, rows_quarantined=0,
        rows_refused=0, breaks={}, warnings={}, quarantine=quarantine, fingerprint=fingerprint, replaces=None,
        source="flights/*.csv", **words,
    )  # fmt: skip


def refused(seq, day, *, fingerprint="bad", **words):
    return event(
        seq, "refused", day, rows_read=9, rows_refused=9, problems=["why"], fingerprint=fingerprint, source="x.csv",
        **words,
    )  # fmt: skip


def snapshot(*events):
    return Snapshot().apply_all(events)


def blobs_of(records):
    return [record.blob for record in records]


def test_nothing_known():
    """An empty snapshot answers every question with nothing."""
    empty = Snapshot()
    assert empty.partitions("flights") == empty.refusals("flights") == empty.quarantines() == empty.tables() == []
    assert empty.history("flights", "2013-03-01") == []
    assert empty.fingerprint("flights", "2013-03-01") is None
    assert empty.seq == 0


def test_partitions_come_by_start():
    """Partitions are listed by start, whatever order they came in, each table apart."""
    held = snapshot(collected(1, 2, blob="c"), collected(2, 0, blob="a"), collected(3, 1, blob="w", table="weather"))
    assert blobs_of(held.partitions("flights")) == ["a", "c"]
    assert held.tables() == ["flights", "weather"]
    assert held.partitions("flights")[0] == PartitionRecord(
        partition="2013-03-01", start=START, end=START + DAY, blob="a", summary="sa", rows=3, quarantine=None,
        at=START + timedelta(hours=12), fingerprint="f", seq=2,
    )  # fmt: skip


def test_a_later_form_replaces_an_earlier():
    """A partition collected again holds the new rows; its history keeps both."""
    held = snapshot(collected(1, 0, blob="a"), collected(2, 0, blob="b"))
    assert blobs_of(held.partitions("flights")) == ["b"]
    assert blobs_of(held.history("flights", "2013-03-01")) == ["a", "b"]


def test_time_travel():
    """As of an earlier time, the snapshot is what it was then; at the very time, the event counts."""
    held = snapshot(
        collected(1, 0, blob="a", hour=1), collected(2, 1, blob="b", hour=2), collected(3, 0, blob="c", hour=3)
    )

    def at(hour):
        return blobs_of(held.partitions("flights", START + timedelta(hours=hour)))

    assert [at(0), at(1), at(2.5), at(3)] == [[], ["a"], ["a", "b"], ["c", "b"]]
    assert held.digest("flights", START + timedelta(hours=2)) != held.digest("flights")
    early = snapshot(collected(1, 0, blob="a", hour=1), collected(2, 1, blob="b", hour=2))
    assert held.digest("flights", START + timedelta(hours=2)) == early.digest("flights")


def test_since_and_until():
    """Partitions that overlap [since, until) are listed; those that only touch it are not."""
    held = snapshot(*(collected(day + 1, day, blob=str(day)) for day in range(4)))

    def between(since, until):
        return blobs_of(held.partitions("flights", since=START + since * DAY, until=START + until * DAY))

    assert between(1, 3) == ["1", "2"]
    assert between(0.5, 1.5) == ["0", "1"]
    assert between(4, 9) == []


def test_a_table_without_a_time_is_never_left_out():
    """The single partition of a table without a time is listed whatever the span."""
    whole = {"partition": "all", "start": "1970-01-01", "end": "1970-01-01"}
    held = snapshot(
        Event(at=START, kind="collected", subject="planes", actor="a", seq=1, body=collected(1, 0).body | whole)
    )
    assert len(held.partitions("planes", since=START, until=START + DAY)) == 1


def test_digest_is_of_the_blobs_alone():
    """Equal rows give an equal digest, whenever and however they came; other rows another."""
    one = snapshot(collected(1, 0, blob="a"), collected(2, 1, blob="b"))
    same = snapshot(
        collected(1, 1, blob="b", fingerprint="g"), collected(5, 0, blob="x"), collected(6, 0, blob="a", hour=20)
    )
    other = snapshot(collected(1, 0, blob="b"), collected(2, 1, blob="a"))
    assert one.digest("flights") == same.digest("flights") == records_digest(one.partitions("flights"))
    assert one.digest("flights") != other.digest("flights")
    assert len(one.digest("flights")) == 64


def test_refusals():
    """A refusal changes no rows, is remembered by fingerprint, and ends when the partition is collected."""
    held = snapshot(collected(1, 0, blob="a"), refused(2, 1), refused(3, 0, fingerprint="bad0"))
    assert blobs_of(held.partitions("flights")) == ["a"]
    assert [(r.partition, r.rows, r.problems) for r in held.refusals("flights")] == [
        ("2013-03-01", 9, ["why"]),
        ("2013-03-02", 9, ["why"]),
    ]
    assert held.fingerprint("flights", "2013-03-01") == "bad0"
    held.apply(collected(4, 0, blob="b", fingerprint="good"))
    assert [r.partition for r in held.refusals("flights")] == ["2013-03-02"]
    assert held.fingerprint("flights", "2013-03-01") == "good"


def test_quarantine_released():
    """Released rows make a new form of the partition, without quarantine."""
    held = snapshot(collected(1, 0, blob="a", quarantine="q"), collected(2, 1))
    assert [(table, record.blob) for table, record in held.quarantines()] == [("flights", "a")]
    held.apply(event(3, "quarantine_released", 0, blob="aq", summary="s", rows=4, quarantine=None, fingerprint="f"))
    assert held.quarantines() == []
    assert [(r.blob, r.rows) for r in held.history("flights", "2013-03-01")] == [("a", 3), ("aq", 4)]


def test_quarantine_dropped():
    """Rows given up leave the partition as it was, without quarantine; before that they were there."""
    held = snapshot(collected(1, 0, blob="a", quarantine="q", hour=1))
    dropped = event(2, "quarantine_dropped", 0, hour=2)
    held.apply(
        Event(at=dropped.at, kind=dropped.kind, subject="flights", actor="a", seq=2, body={"partition": "2013-03-01"})
    )
    assert held.quarantines() == []
    assert blobs_of(held.partitions("flights")) == ["a"]
    assert held.partitions("flights", START + timedelta(hours=1))[0].quarantine == "q"
    assert held.fingerprint("flights", "2013-03-01") == "f"


def test_applying_twice_is_applying_once():
    """Events that were applied before, and kinds that are not about tables, change nothing."""
    events = [collected(1, 0), refused(2, 1), Event(at=START, kind="ticked", subject="m", actor="a", seq=3)]
    held = snapshot(*events, *events)
    assert held.state() == snapshot(*events).state()
    assert held.seq == 3
    assert held.tables() == ["flights"]


def test_a_checkpoint_is_the_snapshot():
    """A fold taken up from its state goes on as if it had never stopped."""
    events = [collected(1, 0, quarantine="q"), refused(2, 1), collected(3, 1), collected(4, 0, blob="z")]
    taken_up = Snapshot.from_state(snapshot(*events[:2]).state()).apply_all(events)
    assert taken_up.state() == snapshot(*events).state()
    assert taken_up.partitions("flights") == snapshot(*events).partitions("flights")


class Frames:
    def __init__(self, **frames):
        self.frames = frames

    def get_frame(self, digest, *, columns=None):
        frame = self.frames[digest]
        return frame if columns is None else frame.select([name for name in columns if name in frame.columns])


def rows(frames, *, columns=None, **words):
    held = snapshot(
        *(collected(n + 1, n, blob=name, rows=frame.height) for n, (name, frame) in enumerate(frames.items()))
    )
    return read(held.partitions("flights"), Frames(**frames), columns, **words)


def test_read():
    """Partitions are read one below the other, in order."""
    frames = {"a": pl.DataFrame({"n": [2, 1], "t": ["x", "y"]}), "b": pl.DataFrame({"n": [3], "t": ["z"]})}
    assert rows(frames).rows() == [(2, "x"), (1, "y"), (3, "z")]
    assert rows(frames, columns=["t"]).rows() == [("x",), ("y",), ("z",)]


def test_read_partitions_that_differ():
    """A column that came later is null before; types are widened; a partition without rows changes nothing."""
    frames = {
        "a": pl.DataFrame({"n": [1]}),
        "b": pl.DataFrame({"n": [0.5], "new": ["x"]}),
        "c": pl.DataFrame(schema={"n": pl.Float64, "new": pl.String}),
        "d": pl.DataFrame({"n": [None], "new": [None]}),
    }
    whole = rows(frames)
    assert whole.schema == {"n": pl.Float64, "new": pl.String}
    assert whole.rows() == [(1.0, None), (0.5, "x"), (None, None)]
    assert rows(frames, columns=["new"]).rows() == [(None,), ("x",), (None,)]
    assert rows(frames, columns=["new", "n"]).columns == ["new", "n"]


def test_read_an_unknown_column():
    """A column that no partition has is named with those there are: TV-STORE-010."""
    with pytest.raises(StoreError, match="TV-STORE-010"):
        rows({"a": pl.DataFrame({"n": [1]})}, columns=["n", "m"])


def test_read_nothing():
    """Without partitions the frame has no rows, and the schema or the columns that were asked for."""
    assert read([], Frames()).shape == (0, 0)
    assert read([], Frames(), ["a"]).schema == {"a": pl.Null}
    typed = read([], Frames(), ["n"], schema={"t": pl.String, "n": pl.Int64})
    assert typed.schema == {"n": pl.Int64}
