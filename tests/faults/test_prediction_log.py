"""The prediction log under kill -9 and on a disk that refuses: nothing acknowledged is lost, doubled or made up."""

import asyncio
import os
import random
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta

import pytest

import served_log
from trivium.core.problems import StoreError
from trivium.loop.take_outcomes import add_outcome
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder, read, segments

# Acknowledges each record on standard output after it was appended, as a server answers: pipes outlive the process.
SERVE = """
import os, sys
from pathlib import Path
from trivium.store.prediction_log import Writer

writer = Writer(Path(sys.argv[1]), roll_bytes=int(sys.argv[2]))
place = 0
while True:
    ids = writer.next_ids(3)
    writer.append([name.encode() + b" " + b"x" * (place % 500) for name in ids])
    os.write(1, "".join(name + "\\n" for name in ids).encode())
    place += 1
"""
LIVES = 10


def records_of(folder):
    return [record for segment in segments(folder) for record in read(segment).records]


def test_killed_at_many_moments(tmp_path):
    """A writer killed ten times, mid-write and mid-roll: each acknowledged record is in the log, once and whole."""
    moments = random.Random(20241124)
    acknowledged = []
    for _ in range(LIVES):
        command = [sys.executable, "-c", SERVE, str(tmp_path), "20000"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(moments.randint(1, 3000)):
            acknowledged.append(child.stdout.readline().strip())
        child.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
        child.wait()
        child.stdout.close()
    found = [record.split()[0].decode() for record in records_of(tmp_path)]
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)
    assert len(found) - len(acknowledged) <= 3 * LIVES
    assert all(read(segment).is_closed for segment in segments(tmp_path))


@contextmanager
def full_disk():
    """Let every write of this process fail as on a full disk; also root's."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, was)


def wait_for(condition):
    """Wait until a condition holds, for ten seconds at most."""

    async def wait():
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it never came to that")

    asyncio.run(wait())


def test_a_full_disk_stops_nobody(tmp_path):
    """At level os records wait in memory while the disk refuses, and are written by themselves, in order, after it."""
    writer = Writer(tmp_path)
    writer.append([b"before"])
    with full_disk():
        writer.append([b"one", b"two"])
        writer.append([b"three"])
        assert writer.refusal.code == "TV-STORE-003"
        assert (writer.stats().held, writer.stats().lost) == (3, 0)
    wait_for(lambda: writer.stats().held == 0)
    assert writer.refusal is None
    writer.append([b"after"])
    writer.close()
    assert records_of(tmp_path) == [b"before", b"one", b"two", b"three", b"after"]


def test_what_is_held_has_a_limit(tmp_path):
    """Past 16 MiB of waiting records more are lost, counted, and told."""
    writer = Writer(tmp_path)
    with full_disk():
        for _ in range(20):
            writer.append([bytes(1 << 20)])
        assert (writer.stats().held, writer.stats().lost) == (16, 4)
    wait_for(lambda: writer.stats().held == 0)
    writer.close()
    assert len(records_of(tmp_path)) == 16


def test_a_full_disk_at_level_sync(tmp_path):
    """At level sync a record that cannot be kept is refused; with room again the writer takes up by itself."""
    writer = Writer(tmp_path, level="sync")
    with full_disk():
        with pytest.raises(StoreError, match="TV-STORE-003"):
            writer.append([b"one"])
        assert writer.stats().held == 0
    wait_for(lambda: writer.refusal is None)
    asyncio.run(writer.durable(writer.append([b"two"])))
    writer.close()
    assert records_of(tmp_path) == [b"two"]


def test_a_sync_that_fails_is_told(tmp_path, monkeypatch):
    """Whoever asks for a record whose sync the disk refused hears of it, and the log goes on in a new file."""
    writer = Writer(tmp_path, level="sync")
    real, fails = os.fdatasync, [True]

    def fdatasync(handle):
        if fails.pop() if fails else False:
            raise OSError(5, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    mark = writer.append([b"one"])
    with pytest.raises(StoreError, match="Input/output error"):
        asyncio.run(writer.durable(mark))
    wait_for(lambda: writer.refusal is None)
    asyncio.run(writer.durable(writer.append([b"two"])))
    with pytest.raises(StoreError, match="Input/output error"):
        asyncio.run(writer.durable(mark))
    writer.close()
    assert len(segments(tmp_path)) == 2


def test_a_folder_that_is_no_folder(tmp_path):
    """A log that cannot be opened says so at once: TV-STORE-003."""
    (tmp_path / "log").write_text("a file")
    with pytest.raises(StoreError, match="TV-STORE-003"):
        Writer(tmp_path / "log")


# A life dies at its n-th write to the store, before or after it; 0 never dies.
SEAL = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from trivium.core.clock import VirtualClock
from trivium.loop.scores import score_due
from trivium.loop.seal import seal
from trivium.loop.workspace import Workspace
from trivium.store.blobs import FileBlobs
from trivium.store.ledger import SqlLedger
import trivium.loop.log_account as account

folder, at, lives = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), eval(sys.argv[3])
left, when = 0, "never"

def make_mortal(owner, name):
    real = getattr(owner, name)
    def write(*words, **named):
        global left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*words, **named)
        if left == 0 and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    setattr(owner, name, write)

make_mortal(SqlLedger, "append")
make_mortal(FileBlobs, "put")
make_mortal(FileBlobs, "drop")
make_mortal(account, "remove")
killed = 0
for left, when in lives:
    child = os.fork()
    if child == 0:
        ws = Workspace(folder, clock=VirtualClock(at), durable=False)
        seal(ws)
        score_due(ws)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    killed += code != 0
print(killed)
"""


def test_sealing_killed_at_each_write(tmp_path):
    """Sealing killed before and after each of its writes ends with every answer and outcome once, and the day scored."""
    ws = served_log.workspace(served_log.project(tmp_path))
    for part in ("a", "b", "c"):
        served_log.serve(ws, [f"{part}{place}" for place in range(20)])
        add_outcome(ws, label=1, at=served_log.NOON, by="ann", row_id=f"{part}0")
    lives = [(place, when) for place in (1, 2, 3, 4, 5, 6) for when in ("before", "after")]
    at = served_log.NOON + timedelta(days=3)
    command = [sys.executable, "-c", SEAL, str(ws.folder), at.isoformat(), repr([*lives, (0, "never")])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 6
    after = served_log.workspace(ws.folder, at=at)
    after.refresh()
    [event] = after.state.journal.answered.values()
    rows = sorted(after.frame(event.body["blob"])["row_id"].to_list())
    assert rows == sorted(f"{part}{place}" for part in ("a", "b", "c") for place in range(20))
    posted = [row for one in after.state.log.posted for row in after.frame(one.blob)["row_id"].to_list()]
    assert sorted(posted) == ["a0", "b0", "c0"]
    assert after.state.journal.scored[event.body["partition"]].body["served"]["rows"] == 3
    assert segments(log_folder(ws.root)) == []


def test_two_who_seal_at_once(tmp_path):
    """Several processes that seal the same log at once seal each answer once."""
    ws = served_log.workspace(served_log.project(tmp_path))
    for part in range(6):
        served_log.serve(ws, [f"{part}-{place}" for place in range(50)])
    command = [sys.executable, "-c", SEAL, str(ws.folder), served_log.NOON.isoformat(), "[(0, 'never')]"]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [child.wait(timeout=60) for child in running] == [0, 0, 0]
    ws.refresh()
    rows = [row for _, frame, _ in served_log.logged_frames(ws) for row in frame["row_id"].to_list()]
    assert len(rows) == len(set(rows)) == 300
