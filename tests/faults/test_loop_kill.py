"""The loop under kill -9: wherever it is struck, going on ends where it would have ended, rows neither lost nor doubled."""

import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import small_project

from trivium.core.events import ledger_digest
from trivium.loop.rehearse import open_rehearsal
from trivium.loop.workspace import Workspace

KILLED = -9
DAYS = 16
PROJECT = small_project.PROJECT.replace('first_after = "10d"', 'first_after = "7d"')
TICK_DAYS = 12
FAULTS = """
[[faults]]
id = "odd"
kind = "categories"
table = "visits"
column = "clinic"
from = 2024-01-04
until = 2024-01-06
[[faults]]
id = "twice"
kind = "duplicates"
table = "visits"
from = 2024-01-06
until = 2024-01-07
[[faults]]
id = "gone"
kind = "drop_column"
table = "arrivals"
column = "minutes"
from = 2024-01-07
until = 2024-01-08
[[faults]]
id = "late"
kind = "late"
table = "visits"
delay = "2d"
from = 2024-01-12
until = 2024-01-13
[[faults]]
id = "raises"
kind = "raise"
from = 2024-01-13
until = 2024-01-14
"""

# Dies at the n-th write to the store: just before it, or just after. 0 never dies.
MORTAL = """
import os, signal, sys
from trivium.store.blobs import FileBlobs
from trivium.store.ledger import SqlLedger
from trivium.store.memo import SqlMemo

left, when, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]

def make_mortal(owner, name):
    real = getattr(owner, name)
    def write(self, *words, **named):
        global left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(self, *words, **named)
        if left == 0 and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    setattr(owner, name, write)

make_mortal(SqlLedger, "append")
make_mortal(FileBlobs, "put")
make_mortal(SqlMemo, "remember")
"""

REHEARSE = """
from trivium.cli.main import main
main(["--project", folder, "rehearse", "--faults", folder + "/faults.toml", "--seed", "3", "--json", *sys.argv[4:]])
"""

# A clock that runs as the machine's does, but starts where the data ends: each run sees other wall times.
TICK = """
import time
from datetime import datetime, timedelta
from datetime import timedelta
from pathlib import Path
from trivium.loop.sources import FileSource
from trivium.loop.tick import tick
from trivium.loop.workspace import Workspace

class Running:
    is_virtual = False
    def now(self):
        return datetime.fromisoformat(sys.argv[4]) + timedelta(seconds=time.perf_counter() % 1000)

ws = Workspace(Path(folder), clock=Running(), durable=False)
tick(ws, source=FileSource(ws.folder, ws.project, memo=ws.memo))
"""


def live(program, *words):
    """Run one life of a program; tell how it ended and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", MORTAL + program, *map(str, words)],
        capture_output=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode in (0, KILLED), done.stderr.decode()
    return done.returncode, done.stdout


def rehearsed(folder, *, lives):
    """Rehearse through the lives given as (writes, before or after) and then to the end; tell the document."""
    killed = 0
    settings = folder / ".trivium" / "rehearsals" / "rehearsal" / "rehearsal.json"
    for writes, when in [*lives, (0, "never")]:
        code, out = live(REHEARSE, writes, when, folder, *(["--resume"] if settings.exists() else []))
        killed += code == KILLED
    found = json.loads(out)
    return killed, {key: value for key, value in found.items() if key not in ("wall_s", "spent", "project")}


def digest_of(ws):
    ws.refresh()
    return ledger_digest(list(ws.ledger.events()))


def rows_doubled(ws, table, key):
    """List the keys that the committed rows of a table hold more than once."""
    rows = ws.rows(ws.state.snapshot.partitions(table))
    return rows.filter(rows[key].is_duplicated())[key].to_list()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = small_project.make(tmp_path_factory.mktemp("whole"), days=DAYS, project=PROJECT)
    (folder / "faults.toml").write_text(FAULTS)
    killed, document = rehearsed(folder, lives=[])
    assert killed == 0
    return document, digest_of(open_rehearsal(Workspace(folder), "rehearsal"))


def test_rehearsal_killed_at_20_moments(uninterrupted, tmp_path):
    """A rehearsal killed 20 times on its way, before and after random writes, tells what it would have told at once."""
    moments = random.Random(20240304)
    folder = small_project.make(tmp_path / "project", days=DAYS, project=PROJECT)
    (folder / "faults.toml").write_text(FAULTS)
    lives = [(moments.randint(1, 22), moments.choice(["before", "after"])) for _ in range(20)]
    killed, document = rehearsed(folder, lives=lives)
    assert killed == 20
    whole, digest = uninterrupted
    assert document == whole
    ws = open_rehearsal(Workspace(folder), "rehearsal")
    assert digest_of(ws) == digest
    for table, key in (("visits", "visit_id"), ("arrivals", "visit_id")):
        assert rows_doubled(ws, table, key) == []
        counts = document["tables"][table]
        assert counts["read"] == counts["committed"] + counts["quarantined"] + counts["refused"] > 0


def test_uninterrupted_rehearsal_is_worth_killing(uninterrupted):
    """The rehearsal that is killed has versions, rollbacks or fallbacks, quarantined and refused rows, and alarms."""
    document, _ = uninterrupted
    assert len(document["versions"]) >= 2
    assert document["tables"]["visits"]["quarantined"] > 0
    assert document["tables"]["arrivals"]["refused"] > 0
    assert len(document["alarms"]) > 0


def ticked(folder, *, lives, days):
    """Tick at the end of each of these days, the last through the lives given; tell the ledger's digest and its kinds."""
    killed = 0
    for place, day in enumerate(days):
        now = (small_project.START + timedelta(days=day, hours=1)).isoformat()
        for writes, when in [*(lives if place == len(days) - 1 else []), (0, "never")]:
            code, _ = live(TICK, writes, when, folder, now)
            killed += code == KILLED
    ws = Workspace(Path(folder))
    digest = digest_of(ws)
    return killed, digest, {event.kind for event in ws.ledger.events()}, ws


def test_tick_killed_at_20_moments(tmp_path):
    """A live tick killed 20 times, before and after random writes, decides what an unkilled one does, wall times apart."""
    moments = random.Random(7)
    lives = [(moments.randint(1, 8), moments.choice(["before", "after"])) for _ in range(20)]
    first = small_project.make(tmp_path / "first", days=TICK_DAYS, project=PROJECT)
    second = small_project.make(tmp_path / "second", days=TICK_DAYS, project=PROJECT)
    _, whole, kinds, ws = ticked(first, lives=[], days=[TICK_DAYS])
    assert {"collected", "answered", "watched", "retrain", "versioned", "judged", "staged"} <= kinds
    killed, digest, _, struck = ticked(second, lives=lives, days=[TICK_DAYS])
    assert killed == 20
    assert [told(event) for event in struck.ledger.events()] == [told(event) for event in ws.ledger.events()]
    assert digest == whole
    assert rows_doubled(struck, "visits", "visit_id") == []


def told(event):
    """What the digest holds of an event; compared first, so that a red test names what differs."""
    return (event.kind, event.subject, event.key, event.because, event.body)
