"""What goes wrong with queries and large collects: a problem each, the password never shown, nothing lost."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import postgres
import small_project
from terminal import say
from trivium.loop.workspace import Workspace

DAYS = 4
NIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = NIGHT - timedelta(days=DAYS)
QUERY = "select visit_id, at, age, distance, clinic from visits"


def made(folder, sql, url):
    """Make the small project, its visits asked from a database."""
    small_project.make(folder, days=DAYS, start=START)
    source = f'sql = "{sql}"\nurl = "{url}"'
    path = folder / "trivium.toml"
    path.write_text(path.read_text().replace('files = "data/visits/*.parquet"', source))
    return folder


def fill(folder):
    rows = pl.concat([small_project.visits_of(day, start=START) for day in range(DAYS)])
    rows = rows.with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S"))
    with sqlite3.connect(folder / "w.db") as database:
        database.execute("create table visits (visit_id text, at text, age int, distance real, clinic text)")
        database.executemany("insert into visits values (?, ?, ?, ?, ?)", rows.rows())
    database.close()


def change(folder, statement):
    with sqlite3.connect(folder / "w.db") as database:
        database.execute(statement)
    database.close()


def refused(folder, code):
    """Hold a collect to its problem: told with 1, also by doctor, and the other tables collected."""
    said = say("collect", project=folder)
    assert said.code == 1, said.err
    problems = [p for part in said.document["partitions"] if part["table"] == "visits" for p in part["problems"]]
    assert [problem["code"] for problem in problems] == [code]
    assert all(problems[0][field] for field in ("what", "where", "seen", "fix"))
    assert said.document["tables"]["weather"]["committed"] == DAYS
    assert code in [problem["code"] for problem in say("doctor", project=folder).document["problems"]]
    return problems[0], said


@pytest.fixture
def folder(tmp_path):
    made(tmp_path / "p", QUERY, "sqlite:///w.db")
    fill(tmp_path / "p")
    return tmp_path / "p"


def test_a_query_is_collected_and_corrected(folder):
    """A query's rows are taken in, once; a corrected row gives its partition a new snapshot that says so."""
    said = say("collect", project=folder)
    assert said.code == 0, said.out
    assert said.document["tables"]["visits"]["committed"] == DAYS * small_project.ROWS_A_DAY
    again = say("collect", project=folder).document["tables"]["visits"]
    assert again["read"] == again["unchanged"] == DAYS * small_project.ROWS_A_DAY
    change(folder, "update visits set age = age + 1 where visit_id = 'v001001'")
    part = say("collect", project=folder).document["partitions"][0]
    assert part["changes"]["columns"] == {"age": 1}
    assert part["changes"]["rows_changed"] == 1
    told = say("table", "visits", "--history", project=folder).document["history"]
    assert [entry["what"] for entry in told] == ["new"] * DAYS + ["again"]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("selec visit_id from visits", "TV-SRC-009"),
        ("select * from visit", "TV-SRC-009"),
        ("select nothing from visits", "TV-SRC-009"),
        (QUERY + " where at >= :when", "TV-SRC-009"),
    ],
)
def test_query_that_is_refused(folder, sql, code):
    """A syntax error, a missing table or column, and an unknown parameter are told in the database's words."""
    path = folder / "trivium.toml"
    path.write_text(path.read_text().replace(QUERY, sql))
    refused(folder, code)


def test_rows_outside_what_was_asked(folder):
    """A query that does not hold its own time to :since replaces no whole partition by a part of it."""
    assert say("collect", project=folder).code == 0
    path = folder / "trivium.toml"
    path.write_text(
        path.read_text()
        .replace(QUERY, QUERY + " where visit_id > 'v000030' and :since < :until")
        .replace('"sqlite:///w.db"', '"sqlite:///w.db"\nrevisit = "1d"')
    )
    said = say("collect", "visits", project=folder)
    assert said.code == 1
    assert said.document["partitions"][0]["problems"][0]["code"] == "TV-SRC-010"
    assert say("table", "visits", project=folder).document["rows"]["committed"] == DAYS * small_project.ROWS_A_DAY


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("env:NO_SUCH_VARIABLE", "TV-SRC-006"),
        ("no url at all", "TV-SRC-006"),
        ("sqlite:///gone.db", "TV-SRC-008"),
        ("oracle://user:hush@host/db", "TV-SRC-007"),
        ("postgresql://user:hush@127.0.0.1:1/db", "TV-SRC-008"),
    ],
)
def test_database_that_cannot_be_reached(folder, url, code):
    """No variable, no URL, no file, no driver and nobody listening are told apart; the password is in none of it."""
    path = folder / "trivium.toml"
    path.write_text(path.read_text().replace("sqlite:///w.db", url))
    _, said = refused(folder, code)
    assert "hush" not in said.out + said.err
    assert "hush" not in say("ledger", project=folder).out


def test_wrong_password(folder, monkeypatch):
    """A database that lets this user not in is told, without the password; with the right one its rows come."""
    path = folder / "trivium.toml"
    path.write_text(path.read_text().replace("sqlite:///w.db", "env:WAREHOUSE").replace(QUERY, "select 1 as visit_id"))
    with postgres.server() as url:
        monkeypatch.setenv("WAREHOUSE", url.replace("s3cr", "wr0ng"))
        _, said = refused(folder, "TV-SRC-008")
        assert "wr0ng" not in said.out + said.err
        monkeypatch.setenv("WAREHOUSE", url)
        assert "TV-SRC" not in say("doctor", project=folder).out


def test_types_that_change_between_rows(folder):
    """A text among a column's numbers is refused with the values that were seen; no row is lost from the count."""
    change(folder, "update visits set age = 'old' where visit_id = 'v001001'")
    said = say("collect", "visits", project=folder)
    counts = said.document["tables"]["visits"]
    assert counts["read"] == counts["committed"] + counts["quarantined"] + counts["refused"]
    assert counts["read"] == DAYS * small_project.ROWS_A_DAY
    assert "old" in said.out


COLLECT = "from trivium.cli.main import main; main()"
LARGE = 400_000


def test_large_collect_killed_at_any_moment(tmp_path):
    """A collect of many chunks that is killed again and again ends as one that was not, and leaves no file behind."""
    whole, struck = (small_project.make(tmp_path / name, days=1, start=START) for name in ("whole", "struck"))
    day = small_project.visits_of(0, rows=1000, start=START)
    rows = pl.concat([day] * (LARGE // 1000)).with_columns(visit_id=pl.int_range(LARGE).cast(pl.String))
    for folder in (whole, struck):
        rows.write_csv(folder / "data" / "visits" / "large.csv")
        small_project.file_of(folder, "visits", 0, start=START).unlink()
        path = folder / "trivium.toml"
        path.write_text(path.read_text().replace("visits/*.parquet", "visits/*.csv"))
    began = time.monotonic()
    assert subprocess.run(command(whole), capture_output=True, check=False).returncode == 0
    took = time.monotonic() - began
    killed = 0
    for share in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        child = subprocess.Popen(command(struck), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(took * share)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
            killed += child.wait() == -signal.SIGKILL
    assert killed >= 2
    assert subprocess.run(command(struck), capture_output=True, check=False).returncode in (0, 1)
    one, two = (Workspace(folder) for folder in (whole, struck))
    for ws in (one, two):
        ws.refresh()
    assert one.state.snapshot.digest("visits") == two.state.snapshot.digest("visits")
    assert two.rows(two.state.snapshot.partitions("visits"))["visit_id"].n_unique() == LARGE
    assert list((struck / ".trivium" / "blobs" / "new").iterdir()) == []


def command(folder):
    return [sys.executable, "-c", COLLECT, "--project", str(folder), "collect", "visits", "--json"]
