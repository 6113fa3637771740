"""The loop under kill -9: wherever it is struck, going on ends where it would have, rows neither lost nor doubled."""

import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from itertools import zip_longest

import pytest

import small_project
from trivium.core.events import ledger_digest
from trivium.loop.rehearse import open_rehearsal
from trivium.loop.workspace import Workspace

DAYS = 16
PROJECT = small_project.PROJECT.replace('first_after = "10d"', 'first_after = "7d"')
TICK_DAYS = 12
TO_THE_END = (0, "never")
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

# Lives are forked from one process that has everything imported and nothing begun: a life then costs its work alone.
# A life dies at its n-th write to the store: just before it, or just after. 0 never dies.
LIVES = """
import json, os, signal, sys, time
from datetime import datetime, timedelta
from pathlib import Path

import alembic.command, polars, skops.io, sklearn.linear_model, sklearn.pipeline, sqlalchemy.dialects.sqlite
import trivium.artifact.formats, trivium.cli.rehearse, trivium.loop.rehearse
from trivium.cli.main import main
from trivium.loop.sources import FileSource
from trivium.loop.tick import tick
from trivium.loop.workspace import Workspace
from trivium.store.blobs import FileBlobs
from trivium.store.ledger import SqlLedger
from trivium.store.memo import SqlMemo

program, folder, lives, out = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
left, when, writes = 0, "never", 0

def make_mortal(owner, name):
    real = getattr(owner, name)
    def write(self, *words, **named):
        global left, writes
        left, writes = left - 1, writes + 1
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

def rehearse():
    begun = Path(folder, ".trivium", "rehearsals", "rehearsal", "rehearsal.json").exists()
    words = ["--project", folder, "rehearse", "--faults", folder + "/faults.toml", "--seed", "3", "--json"]
    main([*words, *(["--resume"] if begun else [])])

class Running:
    # Runs as the machine's clock does, but starts where the data ends: each life sees other wall times.
    is_virtual = False
    def now(self):
        return datetime.fromisoformat(sys.argv[5]) + timedelta(seconds=time.time() % 3600)

def tick_once():
    ws = Workspace(Path(folder), clock=Running(), durable=False)
    tick(ws, source=FileSource(ws.folder, ws.project, memo=ws.memo))
    print(writes, flush=True)

killed = 0
for left, when in lives:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        try:
            {"rehearse": rehearse, "tick": tick_once}[program]()
        except SystemExit as ended:
            os._exit(ended.code or 0)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        sys.exit(f"a life ended with {code}")
    killed += code != 0
print(killed)
"""


def live(program, folder, *words, lives):
    """Live through the lives given as (writes, before or after), then one to the end.

    Returns how many were killed, and what the last one printed.
    """
    out = folder / "out.txt"
    done = subprocess.run(
        [sys.executable, "-c", LIVES, program, str(folder), json.dumps([*lives, TO_THE_END]), str(out), *words],
        capture_output=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return int(done.stdout), json.loads(out.read_bytes())


def rehearsed(folder, *, lives):
    killed, found = live("rehearse", folder, lives=lives)
    return killed, {key: value for key, value in found.items() if key not in ("wall_s", "spent", "project")}


def ticked(folder, *, lives):
    """Tick an hour after the data ends; tell how many lives were killed, and how often the last one wrote."""
    now = small_project.START + timedelta(days=TICK_DAYS, hours=1)
    return live("tick", folder, now.isoformat(), lives=lives)


def made(folder, *, days):
    """Make the project with its faults in a new folder."""
    small_project.make(folder, days=days, project=PROJECT)
    (folder / "faults.toml").write_text(FAULTS)
    return folder


def rows_doubled(ws, table, key):
    """List the keys that the committed rows of a table hold more than once."""
    ws.refresh()
    rows = ws.rows(ws.state.snapshot.partitions(table))
    return rows.filter(rows[key].is_duplicated())[key].to_list()


def told(event):
    """What the digest holds of an event; compared first, so that a red test names what differs."""
    return event and (event.kind, event.subject, event.key, event.because, event.body)


def compare(struck, whole):
    """Hold one ledger to another, event for event, and then by their digests."""
    for one, other in zip_longest(struck.ledger.events(), whole.ledger.events()):
        assert told(one) == told(other)
    assert ledger_digest(list(struck.ledger.events())) == ledger_digest(list(whole.ledger.events()))


@pytest.fixture(scope="module")
def rehearsed_whole(tmp_path_factory):
    folder = made(tmp_path_factory.mktemp("whole"), days=DAYS)
    _, document = rehearsed(folder, lives=[])
    return document, open_rehearsal(Workspace(folder), "rehearsal")


@pytest.fixture(scope="module")
def ticked_whole(tmp_path_factory):
    folder = made(tmp_path_factory.mktemp("whole"), days=TICK_DAYS)
    _, writes = ticked(folder, lives=[])
    return writes, Workspace(folder)


def test_rehearsal_killed_at_20_moments(rehearsed_whole, tmp_path):
    """A rehearsal killed 20 times on its way, before and after random writes, tells what it would have told at once."""
    moments = random.Random(20240304)
    folder = made(tmp_path / "project", days=DAYS)
    lives = [(moments.randint(1, 22), moments.choice(["before", "after"])) for _ in range(20)]
    killed, document = rehearsed(folder, lives=lives)
    assert killed == 20
    told_whole, whole = rehearsed_whole
    ws = open_rehearsal(Workspace(folder), "rehearsal")
    compare(ws, whole)
    assert document == told_whole
    for table in ("visits", "arrivals"):
        assert rows_doubled(ws, table, "visit_id") == []
        counts = document["tables"][table]
        assert counts["read"] == counts["committed"] + counts["quarantined"] + counts["refused"] > 0


def test_the_rehearsal_is_worth_killing(rehearsed_whole):
    """The rehearsal that is killed has versions, quarantined and refused rows, and alarms."""
    document, _ = rehearsed_whole
    assert len(document["versions"]) >= 2
    assert document["tables"]["visits"]["quarantined"] > 0
    assert document["tables"]["arrivals"]["refused"] > 0
    assert len(document["alarms"]) > 0


def test_tick_killed_at_20_moments(ticked_whole, tmp_path):
    """A live tick killed 20 times, before and after random writes, decides what an unkilled one does, wall times apart."""
    moments = random.Random(7)
    lives = [(moments.randint(1, 8), moments.choice(["before", "after"])) for _ in range(20)]
    folder = made(tmp_path / "project", days=TICK_DAYS)
    killed, _ = ticked(folder, lives=lives)
    assert killed == 20
    struck = Workspace(folder)
    compare(struck, ticked_whole[1])
    kinds = {event.kind for event in struck.ledger.events()}
    assert {"collected", "answered", "watched", "retrain", "versioned", "judged", "staged"} <= kinds
    assert rows_doubled(struck, "visits", "visit_id") == []


@pytest.mark.parametrize("before_the_end", range(6))
def test_tick_killed_while_it_trains(ticked_whole, tmp_path, before_the_end):
    """A tick killed at one of its last writes, with steps run and remembered but not yet told, tells them all the same."""
    writes, whole = ticked_whole
    folder = made(tmp_path / "project", days=TICK_DAYS)
    killed, _ = ticked(folder, lives=[(writes - before_the_end, "before")])
    assert killed == 1
    compare(Workspace(folder), whole)
