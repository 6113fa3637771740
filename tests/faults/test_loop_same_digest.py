"""The same seed, project and history decide the same, event for event; another seed decides otherwise."""

import json
import os
import subprocess
import sys

import pytest

import small_project
from trivium.core.events import ledger_digest
from trivium.loop.rehearse import Plan, open_rehearsal, rehearse
from trivium.loop.workspace import Workspace

PROJECT = small_project.PROJECT.replace('first_after = "10d"', 'first_after = "6d"')
FAULTS = """
[[faults]]
id = "odd"
kind = "duplicates"
table = "visits"
share = 0.3
from = 2024-01-04
until = 2024-01-06
[[faults]]
id = "wild"
kind = "outliers"
table = "visits"
column = "distance"
from = 2024-01-08
until = 2024-01-09
"""
RUN = "from trivium.cli.main import main; main()"


def told(event):
    return (event.at, event.kind, event.subject, event.key, event.because, event.body)


def rehearsed(folder, *, seed, name="rehearsal"):
    plan = Plan(name=name, faults=str(folder / "faults.toml"), seed=seed)
    rehearse(Workspace(folder), plan, clock=lambda: 0.0)
    return list(open_rehearsal(Workspace(folder), name).ledger.events())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = small_project.make(tmp_path_factory.mktemp("one"), days=12, project=PROJECT)
    (folder / "faults.toml").write_text(FAULTS)
    return folder


@pytest.fixture(scope="module")
def events(project):
    return rehearsed(project, seed=0)


def test_same_seed_same_events(events, tmp_path):
    """A second copy of the project in another folder, rehearsed anew, gives every event again, and so the digest."""
    copy = small_project.make(tmp_path / "two", days=12, project=PROJECT)
    (copy / "faults.toml").write_text(FAULTS)
    again = rehearsed(copy, seed=0)
    assert [told(event) for event in again] == [told(event) for event in events]
    assert ledger_digest(again) == ledger_digest(events)
    assert any(event.kind == "versioned" for event in events)


def test_same_digest_in_another_process(project, events):
    """Another process with another hash seed and one thread gives the same digest."""
    words = [
        "--project",
        str(project),
        "rehearse",
        "--name",
        "other",
        "--faults",
        str(project / "faults.toml"),
        "--json",
    ]
    env = {**os.environ, "PYTHONHASHSEED": "77", "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", RUN, *words], check=True, capture_output=True, env=env)
    digest = ["--project", str(project), "--rehearsal", "other", "ledger", "--digest", "--json"]
    done = subprocess.run([sys.executable, "-c", RUN, *digest], check=True, capture_output=True, env=env)
    assert json.loads(done.stdout) == {"digest": ledger_digest(events), "events": len(events)}


def test_another_seed_another_digest(project, events):
    """Another seed strikes other rows, so that the digest is another."""
    other = rehearsed(project, seed=1, name="seed-1")
    assert ledger_digest(other) != ledger_digest(events)


def test_a_rehearsal_leaves_the_real_ledger_alone(project, events):
    """Nothing of a rehearsal is in the project's own ledger."""
    assert list(Workspace(project).ledger.events()) == []
