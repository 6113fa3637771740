"""Laws of the fold over the ledger, and of frames as bytes."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trivium.core.events import Event
from trivium.core.values import iso
from trivium.store.blobs import FileBlobs
from trivium.store.tables import Snapshot

START = datetime(2013, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@st.composite
def ledgers(draw):
    """Events about a few partitions, each dropped quarantine after a collection, times never running back."""
    events, known, at = [], set(), START
    for seq in range(1, draw(st.integers(1, 25)) + 1):
        at += timedelta(hours=draw(st.integers(0, 2)))
        day = draw(st.integers(0, 3))
        choices = ["collected", "refused", "late", *(["quarantine_dropped", "quarantine_released"] * (day in known))]
        kind = draw(st.sampled_from(choices))
        start = START + day * DAY
        body = {
            "partition": iso(start), "start": iso(start), "end": iso(start + DAY), "blob": draw(st.sampled_from("abc")),
            "summary": "s", "rows": seq, "rows_committed": seq, "rows_refused": 1, "problems": [], "source": "x",
            "quarantine": draw(st.sampled_from([None, "q"])) if kind == "collected" else None, "fingerprint": str(seq),
        }  # fmt: skip
        known |= {day} if kind == "collected" else set()
        events.append(Event(at=at, kind=kind, subject="t", actor="a", seq=seq, body=body))
    return events


@settings(max_examples=100, deadline=None)
@given(ledgers(), st.data())
def test_stopping_and_going_on_is_going_through(events, data):
    """A fold kept and taken up at any place ends as one that never stopped."""
    cut = data.draw(st.integers(0, len(events)))
    taken_up = Snapshot.from_state(Snapshot().apply_all(events[:cut]).state()).apply_all(events)
    whole = Snapshot().apply_all(events)
    assert taken_up.state() == whole.state()
    assert taken_up.digest("t") == whole.digest("t")


@settings(max_examples=100, deadline=None)
@given(ledgers(), st.integers(-1, 50))
def test_looking_back_is_having_stopped_then(events, hours):
    """The whole ledger as of a time tells what the ledger of that time told."""
    at = START + timedelta(hours=hours)
    then = Snapshot().apply_all([event for event in events if event.at <= at])
    now = Snapshot().apply_all(events)
    assert now.partitions("t", at) == then.partitions("t")
    assert now.digest("t", at) == then.digest("t")


VALUES = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(),
        st.none() | st.text(max_size=20),
        st.none() | st.booleans(),
    ),
    max_size=30,
)
SCHEMA = {"n": pl.Int64, "x": pl.Float64, "t": pl.String, "b": pl.Boolean}


@settings(max_examples=60, deadline=None)
@given(VALUES, st.data())
def test_a_frame_is_its_rows(rows, data):
    """A frame comes back as it was, and its digest does not know in which chunks it was made."""
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    cut = data.draw(st.integers(0, len(rows)))
    with tempfile.TemporaryDirectory() as folder:
        blobs = FileBlobs(Path(folder), durable=False)
        digest = blobs.put_frame(frame)
        assert blobs.put_frame(pl.concat([frame[:cut], frame[cut:]], rechunk=False)) == digest
        assert_frame_equal(blobs.get_frame(digest), frame)
