"""What goes wrong in practice: each ends as a problem that says what, where, seen and fix; nothing is lost on the way."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import small_project
from terminal import say
from trivium.core.events import ledger_digest
from trivium.loop.workspace import Workspace

DAYS = 4
TRY_DAYS = 12
NIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START, TRY_START = NIGHT - timedelta(days=DAYS), NIGHT - timedelta(days=TRY_DAYS)
ROWS = small_project.ROWS_A_DAY


@pytest.fixture
def folder(tmp_path):
    """Four days that end last night, nothing collected yet."""
    return small_project.make(tmp_path / "project", days=DAYS, start=START)


@pytest.fixture(scope="module")
def collected_once(tmp_path_factory):
    folder = small_project.make(tmp_path_factory.mktemp("base") / "project", days=TRY_DAYS, start=TRY_START)
    assert say("collect", project=folder).code == 0
    return folder


@pytest.fixture
def collected(collected_once, tmp_path):
    """Twelve days, collected."""
    shutil.copytree(collected_once, tmp_path / "project")
    return tmp_path / "project"


def refused(said, code, *, exit_code):
    """Hold a refused command to its exit code, and its problem to its five fields."""
    assert said.code == exit_code, said.err
    found = [problem for problem in said.problems if problem["code"] == code]
    assert found, said.problems
    return whole(found[0])


def whole(problem):
    """Hold a problem to its fields; `seen` may be empty where nothing is there to be seen."""
    assert all(problem[field] for field in ("code", "what", "where", "fix")), problem
    assert isinstance(problem["seen"], str)
    return problem


def change(folder, file, old, new):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def visits_file(folder, day):
    return small_project.file_of(folder, "visits", day, start=START)


def collected_problem(said, table, code):
    """Find the problem of a partition of this table."""
    found = [p for part in said.document["partitions"] if part["table"] == table for p in part["problems"]]
    assert code in [problem["code"] for problem in found], found
    return whole(next(problem for problem in found if problem["code"] == code))


def committed(folder, table="visits"):
    ws = Workspace(folder)
    ws.refresh()
    return ws.rows(ws.state.snapshot.partitions(table))


def add_check(folder, text):
    path = folder / "trivium.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


# The project file and its code.


@pytest.mark.parametrize(
    ("old", "new", "code", "near"),
    [
        ("row_id =", "rowid =", "TV-PROJ-002", "row_id"),
        ("[retrain]", "[retrian]", "TV-PROJ-002", "retrain"),
        ('on = "prediction"', 'on = "predictions"', "TV-PROJ-004", "prediction"),
        ('table = "arrivals"', 'table = "arivals"', "TV-PROJ-004", "arrivals"),
        ('metric = "brier"', 'metric = "brie"', "TV-PROJ-004", "brier"),
        ('label_delay = "1d"', 'label_delay = "1 day"', "TV-PROJ-006", "1 day"),
        ("[gate]", "[gate", "TV-PROJ-001", ""),
        ("least_rows = 30", 'least_rows = "many"', "TV-PROJ-003", "gate.least_rows"),
    ],
)
def test_wrong_word_in_the_project_file(folder, old, new, code, near):
    """A key, section, table, metric or span that is none stops every command with 2 and names the nearest known one."""
    change(folder, "trivium.toml", old, new)
    for words in (["collect"], ["try"], ["route"]):
        problem = refused(say(*words, project=folder), code, exit_code=2)
        assert near in problem["what"] + problem["seen"]
    assert code in [problem["code"] for problem in refuse_doctor(folder)]


def refuse_doctor(folder):
    said = say("doctor", project=folder)
    assert said.code == 2
    assert said.document["healthy"] is False
    return [whole(problem) for problem in said.document["problems"]]


def test_unknown_step_in_the_project_file(folder):
    """Params of a step that is none name the step that is meant."""
    change(folder, "trivium.toml", "[params.model]", "[params.modle]")
    problem = next(p for p in refuse_doctor(folder) if "modle" in p["what"])
    assert "model" in problem["what"] + problem["fix"]
    assert say("collect", project=folder).code == 0
    refused(say("try", project=folder), problem["code"], exit_code=2)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("weather: pl.DataFrame", "whether: pl.DataFrame", "weather"),
        ("visits: pl.DataFrame, weather", "visits: pl.DataFrame, model, weather", "circle"),
        ("max_iter: int, strength", "max_itr: int, strength", "max_it"),
        ("visits: pl.DataFrame, weather", "visits: pl.DataFrame, label, weather", "label"),
    ],
)
def test_steps_that_cannot_be_wired(folder, old, new, says):
    """An input that nothing gives, steps in a circle, a param not given and features that read the label are found."""
    change(folder, "pipeline.py", old, new)
    problems = refuse_doctor(folder)
    assert any(says in problem["what"] + problem["fix"] + problem["seen"] for problem in problems), problems
    assert say("try", project=folder).code == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [("def f(:\n", "TV-RUN-001"), ("import nothing_of_that_name\n", "TV-RUN-002"), ("1 / 0\n", "TV-RUN-002")],
)
def test_code_that_cannot_be_loaded(folder, text, code):
    """Code with a syntax error, a missing module or one that raises at import is a problem of the project."""
    (folder / "pipeline.py").write_text(text, encoding="utf-8")
    assert code in [problem["code"] for problem in refuse_doctor(folder)]
    refused(say("try", project=folder), code, exit_code=2)


@pytest.mark.parametrize(
    "must",
    ["distance >", "distanec > 0", "clinic > 3", "(" * 10_000 + "distance > 0" + ")" * 10_000, "drop table visits"],
)
def test_expression_that_is_none(folder, must):
    """A syntax error, an unknown column, a clash of types and 10,000 brackets are found by doctor; nothing crashes."""
    add_check(folder, f'\n[[checks]]\nname = "odd"\non = "visits"\nmust = "{must}"\nelse = "warn"\n')
    assert all(problem["code"].startswith("TV-EXPR-") for problem in refuse_doctor(folder))
    said = say("collect", project=folder)
    assert said.code in (1, 2)
    assert "TV-CLI-003" not in said.out


# Files.


def test_no_file_at_all(folder):
    """A pattern that matches no file is told; the other tables are collected."""
    shutil.rmtree(folder / "data" / "visits")
    said = say("collect", project=folder)
    assert said.code == 1
    collected_problem(said, "visits", "TV-SRC-001")
    assert said.document["tables"]["weather"]["committed"] == DAYS


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "TV-SRC-003"), (b"PAR1 cut off", "TV-SRC-004"), (b"visit_id,at\n1,2\n", "TV-SRC-004")],
)
def test_file_that_cannot_be_read(folder, content, code):
    """An empty, truncated or foreign file is refused by name; every other partition comes, and the file when mended."""
    path = visits_file(folder, 1)
    good = path.read_bytes()
    path.write_bytes(content)
    said = say("collect", project=folder)
    assert said.code == 1
    assert path.name in collected_problem(said, "visits", code)["where"]
    assert said.document["tables"]["visits"]["committed"] == (DAYS - 1) * ROWS
    path.write_bytes(good)
    assert say("collect", project=folder).code == 0
    assert committed(folder).height == DAYS * ROWS


def test_truncated_parquet(folder):
    """A file cut off in the middle is refused whole, not read in part."""
    path = visits_file(folder, 1)
    path.write_bytes(path.read_bytes()[:-100])
    said = say("collect", project=folder)
    collected_problem(said, "visits", "TV-SRC-004")
    assert committed(folder).height == (DAYS - 1) * ROWS


def test_kind_of_file_that_is_unknown(folder):
    """A file named by hand that is no table is a problem with 1, and nothing is collected."""
    odd = folder / "visits.xlsx"
    odd.write_bytes(b"PK")
    refused(say("collect", "visits", odd, project=folder), "TV-SRC-002", exit_code=1)
    refused(say("collect", "visits", folder / "gone.parquet", project=folder), "TV-SRC-004", exit_code=1)
    refused(say("collect", "visit", project=folder), "TV-RUN-006", exit_code=2)


def rewrite(folder, day, made):
    path = visits_file(folder, day)
    made(pl.read_parquet(path)).write_parquet(path)


def test_column_gone(folder):
    """A partition without a column of the contract is refused whole; its rows are counted, the others come."""
    rewrite(folder, 1, lambda rows: rows.drop("distance"))
    said = say("collect", project=folder)
    assert said.code == 1
    assert "distance" in collected_problem(said, "visits", "TV-DATA-001")["what"]
    counts = said.document["tables"]["visits"]
    assert counts == {"read": DAYS * ROWS, "committed": (DAYS - 1) * ROWS, "quarantined": 0, "refused": ROWS}


def test_column_new(folder):
    """A column that the contract does not name is told of, and no row is held back for it."""
    rewrite(folder, 1, lambda rows: rows.with_columns(height=1.8))
    said = say("collect", project=folder)
    assert said.code == 0
    collected_problem(said, "visits", "TV-DATA-003")
    assert said.document["tables"]["visits"]["committed"] == DAYS * ROWS


def test_column_of_another_type(folder):
    """A column whose type changed for good is refused, and told."""
    rewrite(folder, 1, lambda rows: rows.with_columns(distance=pl.lit("far")))
    said = say("collect", project=folder)
    counts = said.document["tables"]["visits"]
    assert counts["committed"] == (DAYS - 1) * ROWS
    assert counts["refused"] + counts["quarantined"] == ROWS
    assert [p for part in said.document["partitions"] for p in part["problems"]]


def test_keys_twice_within_a_partition(folder):
    """Of rows that share a key one is committed, the rest are quarantined."""
    rewrite(folder, 1, lambda rows: pl.concat([rows, rows.head(7)]))
    counts = say("collect", project=folder).document["tables"]["visits"]
    assert counts == {"read": DAYS * ROWS + 7, "committed": DAYS * ROWS, "quarantined": 7, "refused": 0}
    assert committed(folder)["visit_id"].is_unique().all()


def test_keys_twice_across_partitions(folder):
    """A key that an earlier partition holds is quarantined in the later one."""
    first = pl.read_parquet(visits_file(folder, 0))["visit_id"]
    rewrite(
        folder,
        2,
        lambda rows: rows.with_columns(visit_id=pl.when(pl.int_range(pl.len()) < 5).then(first).otherwise("visit_id")),
    )
    counts = say("collect", project=folder).document["tables"]["visits"]
    assert (counts["committed"], counts["quarantined"]) == (DAYS * ROWS - 5, 5)
    assert committed(folder)["visit_id"].is_unique().all()


def test_rows_of_another_time(folder):
    """Rows that lie in another day's file are committed to their own day; no row is lost."""
    moved = timedelta(days=-2)
    rewrite(
        folder,
        2,
        lambda rows: rows.with_columns(
            at=pl.when(pl.int_range(pl.len()) < 4).then(pl.col("at") + moved).otherwise("at")
        ),
    )
    counts = say("collect", project=folder).document["tables"]["visits"]
    assert counts["committed"] == counts["read"] == DAYS * ROWS
    parts = {p["partition"]: p["rows"] for p in say("table", "visits", project=folder).document["partitions"]}
    assert list(parts.values()) == [ROWS + 4, ROWS, ROWS - 4, ROWS]


def test_rows_without_a_time(folder):
    """Rows whose time cannot be read are counted: held back or refused, never dropped."""
    rewrite(
        folder, 1, lambda rows: rows.with_columns(at=pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise("at"))
    )
    counts = say("collect", project=folder).document["tables"]["visits"]
    assert counts["read"] == DAYS * ROWS
    assert counts["committed"] + counts["quarantined"] + counts["refused"] == DAYS * ROWS
    assert committed(folder)["at"].null_count() == 0


def test_partition_late_twice_and_corrected(folder):
    """A late partition is taken in; the same again is a no-op; a corrected one replaces it, and the old stays readable."""
    path = visits_file(folder, 1)
    late = path.read_bytes()
    path.unlink()
    assert say("collect", project=folder).document["tables"]["visits"]["committed"] == (DAYS - 1) * ROWS
    path.write_bytes(late)
    assert say("collect", project=folder).document["tables"]["visits"]["committed"] == ROWS
    os.utime(path)
    assert say("collect", project=folder).document["partitions"] == []
    before = datetime.now(UTC)
    old = say("table", "visits", project=folder).document["snapshot"]
    rewrite(folder, 1, lambda rows: rows.with_columns(distance=pl.lit(1.0)))
    assert say("collect", "--because", "corrected", project=folder).document["tables"]["visits"]["committed"] == ROWS
    assert say("table", "visits", project=folder).document["snapshot"] != old
    assert say("table", "visits", "--at", before.isoformat(), project=folder).document["snapshot"] == old
    ws = Workspace(folder)
    ws.refresh()
    now, then = (ws.rows(ws.state.snapshot.partitions("visits", at)) for at in (None, before))
    assert now.height == then.height == DAYS * ROWS
    assert (now["distance"] == 1.0).sum() >= ROWS > (then["distance"] == 1.0).sum()


# Steps.


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    return joined.select(", "    raise OSError('no such table')\n    return joined.select(", "TV-RUN-010"),
        ("return joined.select(", "return joined.head(9).select(", "TV-RUN-012"),
        ('"distance", (', '(pl.col("distance") * float("nan")).alias("distance"), (', "TV-RUN-014"),
        ('"distance", (', '(pl.col("distance") / 0).alias("distance"), (', "TV-RUN-014"),
        ('"distance", (', '"distance", "clinic", (', "TV-RUN-013"),
        ('"distance", (', 'pl.col("distance").alias("late"), (', "TV-RUN-015"),
        ("    return joined.select(", "    return 7\n    return joined.select(", "TV-RUN-011"),
        ("    return made.fit(", "    raise ValueError('no')\n    return made.fit(", "TV-RUN-010"),
    ],
)
def test_steps_that_misbehave(collected, old, new, code):
    """A step that raises, loses rows, gives NaN, text or the label, or no frame, is named, with 1; no version is made."""
    change(collected, "pipeline.py", old, new)
    refused(say("try", project=collected), code, exit_code=1)
    assert say("versions", project=collected).document["versions"] == []


def test_label_under_another_name(collected):
    """A feature that equals the label, read from the outcomes' table, is found."""
    change(collected, "pipeline.py", "weather: pl.DataFrame)", "weather: pl.DataFrame, arrivals: pl.DataFrame)")
    change(
        collected,
        "pipeline.py",
        "    return joined.select(",
        '    joined = joined.join(arrivals, on="visit_id", how="left", maintain_order="left")\n'
        "    return joined.select(",
    )
    change(collected, "pipeline.py", '"distance", (', '(pl.col("minutes") > 10).cast(pl.Float64).alias("sly"), (')
    change(collected, "pipeline.py", ".fill_null(0.0)", "")
    problem = refused(say("try", project=collected), "TV-RUN-015", exit_code=1)
    assert "sly" in problem["seen"]


def test_one_class_alone(collected):
    """Outcomes that are all the same cannot be learned from, and are told as that."""
    change(collected, "trivium.toml", 'label = "minutes > 10"', 'label = "minutes > 10000"')
    refused(say("try", project=collected), "TV-RUN-022", exit_code=1)


def test_nothing_collected_yet(folder):
    """To try or judge before anything is collected is told, with what to do."""
    refused(say("try", project=folder), "TV-RUN-021", exit_code=1)
    assert say("judge", "v1", project=folder).code in (1, 2)
    assert say("release", "v1", project=folder).code == 2


# The machinery.


def test_store_of_a_newer_version(folder):
    """A store that a newer trivium wrote is left alone, with 3."""
    import sqlite3

    say("collect", project=folder)
    with sqlite3.connect(folder / ".trivium" / "trivium.db") as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    refused(say("route", project=folder), "TV-STORE-001", exit_code=3)
    assert "TV-STORE-001" in [problem["code"] for problem in refuse_doctor(folder)]


def test_store_that_is_no_store(folder):
    """A file in the way of the store's folder, or another file in the ledger's place, ends with 3."""
    (folder / ".trivium").write_text("in the way")
    said = say("collect", project=folder)
    assert said.code == 3
    assert whole(said.problems[0])
    (folder / ".trivium").unlink()
    (folder / ".trivium").mkdir()
    (folder / ".trivium" / "trivium.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    said = say("route", project=folder)
    assert said.code == 3
    assert whole(said.problems[0])


FULL = """
import resource, signal, sys
from trivium.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
main(["--project", sys.argv[2], "collect", "--json"])
"""


@pytest.mark.parametrize("most_bytes", [1_000, 200_000])
def test_full_disk(folder, most_bytes):
    """A disk that takes no more ends with 3 and a problem; with space again the same command collects every row once."""
    done = subprocess.run([sys.executable, "-c", FULL, str(most_bytes), str(folder)], capture_output=True, check=False)
    assert done.returncode in ((3,) if most_bytes < 10_000 else (0, 3)), done.stderr.decode()
    assert b"TV-CLI-003" not in done.stdout
    if done.returncode:
        assert b"TV-STORE-" in done.stdout or b"TV-CLI-004" in done.stdout
    assert say("collect", project=folder).code == 0
    rows = committed(folder)
    assert rows.height == DAYS * ROWS
    assert rows["visit_id"].is_unique().all()


RUN = "from trivium.cli.main import main; main()"


def test_two_processes_at_once(folder, tmp_path):
    """Two that collect, and two that tick, at the same time leave what one leaves: nothing lost, nothing double."""
    alone = tmp_path / "alone"
    shutil.copytree(folder, alone)
    for command in ("collect", "tick"):
        words = [sys.executable, "-c", RUN, "--project", str(folder), command, "--json"]
        both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
        ended = [(process.communicate(timeout=120), process.returncode) for process in both]
        assert [code for _, code in ended] == [0, 0], ended
        assert say(command, project=alone).code == 0
    rows = committed(folder)
    assert rows.height == DAYS * ROWS
    assert rows["visit_id"].is_unique().all()
    one, two = ([*Workspace(each).ledger.events()] for each in (alone, folder))
    assert [(e.kind, e.key, e.body) for e in two] == [(e.kind, e.key, e.body) for e in one]
    assert ledger_digest(two) == ledger_digest(one)
