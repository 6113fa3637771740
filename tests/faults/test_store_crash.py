"""The store under kill -9 and under several writers at once: nothing half written, lost or doubled."""

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from trivium.core.events import Event
from trivium.core.problems import StoreError
from trivium.store.blobs import FileBlobs
from trivium.store.ledger import SqlLedger
from trivium.store.records import migrate, open_engine

PREAMBLE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from trivium.core.events import Event
from trivium.core.problems import StoreError
from trivium.store.blobs import FileBlobs
from trivium.store.ledger import SqlLedger
from trivium.store.records import migrate, open_engine

def event(key, **body):
    return Event(at=datetime(2013, 1, 1, tzinfo=UTC), kind="collected", subject="t", actor="a", key=key, body=body)

root = Path(sys.argv[1])
me = sys.argv[2]
engine = open_engine(f"sqlite:///{root}/trivium.db", durable=False)
migrate(engine)
ledger = SqlLedger(engine)
blobs = FileBlobs(root, durable=False)
"""

# Blob first, then one append of three events that name it: the order that makes an event without its blob impossible.
WORK = """
print("ready", flush=True)
while True:
    head = ledger.head()
    digest = blobs.put(b"%d " % head * 50_000)
    ledger.append([event(f"{me}/{head}/{part}", blob=digest) for part in range(3)])
"""

KEYED = """
for n in range(100):
    ledger.append([event(f"{n}", by=me), event(None, of=n)])
    ledger.append([event(f"{me}/{n}")])
"""

COUNTED = """
done = 0
while done < 50:
    head = ledger.head()
    try:
        ledger.append([event(None, head=head, by=me)], expect_head=head)
        done += 1
    except StoreError as error:
        assert error.problems[0].code == "TV-STORE-004", error
"""

LARGE_BLOBS = """
print("ready", flush=True)
n = 0
while True:
    n += 1
    blobs.put(f"{me} {n} ".encode() * 500_000)
"""

SAME_BLOBS = """
for n in range(300):
    blobs.put(b"%d " % n * 20_000)
"""


@pytest.fixture
def start(tmp_path):
    children = []

    def start_(program, name="x", **words):
        command = [sys.executable, "-c", PREAMBLE + program, str(tmp_path), name]
        children.append(subprocess.Popen(command, text=True, **words))
        return children[-1]

    yield start_
    for child in children:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


@pytest.fixture
def open_ledger(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/trivium.db", durable=False)
    migrate(engine)
    yield SqlLedger(engine)
    engine.dispose()


def finish(children):
    for child in children:
        assert child.wait(timeout=120) == 0


def test_killed_at_many_moments(start, open_ledger, tmp_path):
    """However often a writer is killed, appends are whole, each event has its blob, and the next writer goes on."""
    moments = random.Random(20130304)
    for life in range(12):
        child = start(WORK, f"life {life}", stdout=subprocess.PIPE)
        assert child.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0, 0.06))  # the moment of the kill, not a wait for anything
        child.send_signal(signal.SIGKILL)
        child.wait()
    blobs = FileBlobs(tmp_path)
    events = list(open_ledger.events())
    assert len(events) > 0
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    whole = [events[place : place + 3] for place in range(0, len(events), 3)]
    for three in whole:
        assert [event.key.rpartition("/")[2] for event in three] == ["0", "1", "2"]
        assert len({event.key.rpartition("/")[0] for event in three}) == 1
        blobs.get(three[0].body["blob"])
    open_ledger.append([Event(at=datetime(2013, 1, 2, tzinfo=UTC), kind="ticked", subject="m", actor="a")])
    assert open_ledger.head() == len(events) + 1


def test_killed_while_putting_large_blobs(start, tmp_path):
    """A blob that has its name is whole, whenever its writer was killed: what is half written lies aside."""
    moments = random.Random(7)
    for life in range(10):
        child = start(LARGE_BLOBS, f"life {life}", stdout=subprocess.PIPE)
        assert child.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0, 0.1))  # the moment of the kill
        child.send_signal(signal.SIGKILL)
        child.wait()
    blobs = FileBlobs(tmp_path)
    named = [path for path in (tmp_path / "blobs").glob("??/*") if path.is_file()]
    assert len(named) > 0
    for path in named:
        blobs.get(path.parent.name + path.name)


def test_what_killed_writers_leave_is_garbage(tmp_path):
    """A file that a killed writer left aside is no blob, disturbs none, and is collected when old."""
    blobs = FileBlobs(tmp_path)
    digest = blobs.put(b"live")
    left = tmp_path / "blobs" / "new" / "tmpleft"
    left.write_bytes(b"half a bl")
    assert blobs.collect_garbage(set(), older_than_s=3600) == 0
    assert blobs.sweep() == 1
    assert not left.exists()
    assert blobs.get(digest) == b"live"


def test_killed_while_migrating(start, tmp_path):
    """A first start that is killed leaves nothing, or a whole store: the next start finds a way on."""
    moments = random.Random(1)
    for _ in range(8):
        child = start("")
        time.sleep(moments.uniform(0.3, 0.9))  # the moment of the kill
        child.send_signal(signal.SIGKILL)
        child.wait()
        engine = open_engine(f"sqlite:///{tmp_path}/trivium.db")
        migrate(engine)
        assert SqlLedger(engine).head() == 0
        engine.dispose()
        for path in tmp_path.glob("trivium.db*"):
            path.unlink()


def test_two_processes_start_at_once(start, open_ledger):
    """Several first starts at the same time all come through."""
    finish([start("", str(n)) for n in range(4)])
    assert open_ledger.head() == 0


def test_four_processes_append_the_same_keys(start, open_ledger):
    """Of four writers of each key one wins, whole; writers of their own keys all do: none lost, none doubled."""
    finish([start(KEYED, str(n)) for n in range(4)])
    events = list(open_ledger.events())
    keys = [event.key for event in events if event.key is not None]
    expected = {str(n) for n in range(100)} | {f"{me}/{n}" for me in range(4) for n in range(100)}
    assert len(keys) == len(expected)
    assert set(keys) == expected
    assert sorted(event.body["of"] for event in events if event.key is None) == list(range(100))
    assert [event.seq for event in events] == list(range(1, 601))


def test_two_processes_expect_the_head(start, open_ledger):
    """Each append that went through had seen all before it; the others were refused and lost nothing."""
    finish([start(COUNTED, str(n)) for n in range(2)])
    events = list(open_ledger.events())
    assert len(events) == 100
    assert [event.body["head"] for event in events] == [event.seq - 1 for event in events]


def test_two_processes_put_the_same_blobs(start, open_ledger, tmp_path):
    """Writers of the same bytes do not hinder each other, and leave nothing aside."""
    finish([start(SAME_BLOBS, str(n)) for n in range(2)])
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(files) == 300
    for path in files:
        FileBlobs(tmp_path).get(path.parent.name + path.name)


def test_a_second_writer_in_the_same_process(open_ledger):
    """A stale head is refused in the same process too, and the ledger is free afterwards."""
    event = Event(at=datetime(2013, 1, 1, tzinfo=UTC), kind="ticked", subject="m", actor="a")
    for _ in range(20):
        with pytest.raises(StoreError, match="TV-STORE-004"):
            open_ledger.append([event], expect_head=7)
    assert len(open_ledger.append([event], expect_head=0)) == 1
