"""Contracts over a project's own history: proposed and written, and two of them compared on the rows that are kept."""

import difflib
import subprocess
from datetime import timedelta

import polars as pl
import pytest

import small_project
from terminal import say
from trivium.core.clock import VirtualClock
from trivium.core.problems import DataError, ProjectError
from trivium.loop.diff_contract import diff_contract
from trivium.loop.file_chunks import read_chunks
from trivium.loop.infer_contract import infer_contract, write_contract
from trivium.loop.sources import FileSource
from trivium.loop.tick import tick
from trivium.loop.workspace import Workspace

BARE = small_project.PROJECT.replace(
    'age = { type = "int", min = 0, max = 120 }\ndistance = { type = "float", min = 0, max = 500 }\n',
    "# nobody wrote the rest\n",
)
AGE = "min = 0, max = 120"


def collected(folder, *, days: int, project: str = small_project.PROJECT) -> Workspace:
    """A workspace whose tables were collected day by day, as the worker does."""
    small_project.make(folder, days=days, project=project)
    return at_day(folder, days)


def at_day(folder, day: int) -> Workspace:
    ws = Workspace(folder, clock=VirtualClock(small_project.START + timedelta(days=day)), durable=False)
    tick(ws, source=FileSource(folder, ws.project))
    return ws


def anew(ws: Workspace) -> Workspace:
    """The same project as the next command opens it."""
    again = Workspace(ws.folder, clock=ws.clock, durable=False)
    again.refresh()
    return again


def text_of(folder) -> str:
    return (folder / "trivium.toml").read_text()


def rewrite(folder, old: str, new: str) -> None:
    text = text_of(folder)
    assert old in text
    (folder / "trivium.toml").write_text(text.replace(old, new))


def test_what_is_missing_is_proposed_from_history_and_written_once(tmp_path):
    """Two columns and a rule on rows, each with its evidence; the second time there is nothing new."""
    ws = collected(tmp_path, days=12, project=BARE)
    found = infer_contract(ws, "visits")
    assert found.past == "the 12 partitions collected so far"
    assert list(found.new.columns) == ["age", "distance"]
    assert "no nulls in 720 rows in 12 partitions" in found.new.columns["age"]
    assert "from the half before 2024-01-07: none of 360 later rows" in found.new.columns["distance"]
    before = text_of(tmp_path)
    assert write_contract(ws, found)
    after = text_of(tmp_path)
    assert [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] == "-"] == []
    again = anew(ws)
    assert set(again.project.tables["visits"].columns) == {"visit_id", "at", "clinic", "age", "distance"}
    assert again.project.checks[-1].name == "as many rows of visits as usual"
    assert not write_contract(again, infer_contract(again, "visits"))
    assert text_of(tmp_path) == after


def test_what_a_person_wrote_stays_unless_it_may_be_replaced(tmp_path):
    """And even then what no past can know: reasons, owners, severities, and what is private or not watched."""
    mine = 'age = { type = "int", max = 200, watch = false, because = "so", else = "warn", private = true }  # mine'
    ws = collected(
        tmp_path, days=12, project=small_project.PROJECT.replace('age = { type = "int", min = 0, max = 120 }', mine)
    )
    write_contract(ws, infer_contract(ws, "visits"))
    assert mine in text_of(tmp_path)
    again = anew(ws)
    write_contract(again, infer_contract(again, "visits", replace=True))
    assert mine not in text_of(tmp_path)
    age = Workspace(tmp_path, durable=False).project.tables["visits"].columns["age"]
    assert (age.watch, age.because, age.else_, age.private, age.max) == (False, "so", "warn", True, None)
    assert age.nulls == 0


def test_before_anything_is_collected_the_files_are_looked_at(tmp_path):
    """Those of the table, or those that are named; rows are needed."""
    folder = small_project.make(tmp_path, days=3)
    ws = Workspace(folder, durable=False)
    ws.refresh()
    assert infer_contract(ws, "visits").past == "3 files"
    one = infer_contract(ws, "visits", files=[small_project.file_of(folder, "visits", 1)])
    assert (one.past, one.proposal.lines["age"].why.endswith("60 rows in 1 partition")) == ("1 file", True)
    small_project.visits_of(0)[:0].write_parquet(folder / "none.parquet")
    with pytest.raises(DataError) as caught:
        infer_contract(ws, "visits", files=[folder / "none.parquet"])
    assert caught.value.problems[0].code == "TV-DATA-006"


def test_a_parent_is_found_among_the_tables_without_a_time(tmp_path):
    """A reference is proposed, and the tables' order stays without a circle."""
    clinics = '\n[tables.clinics]\nfiles = "clinics.csv"\nkey = ["clinic"]\n[tables.clinics.columns]\nclinic = { type = "str" }\n'
    pl.DataFrame({"clinic": small_project.CLINICS}).write_csv(tmp_path / "clinics.csv")
    bare = small_project.PROJECT.replace(
        'clinic = { type = "str", values = ["north", "south", "east"], unknown = "warn" }\n', ""
    )
    ws = collected(tmp_path, days=4, project=bare + clinics)
    assert (
        'clinic = { type = "str", nulls = 0, references = "clinics.clinic" }'
        in infer_contract(ws, "visits").lines["clinic"]
    )


def test_a_change_says_what_it_would_have_kept_out(tmp_path):
    """Against the contract last used: a limit that is lower than some ages."""
    ws = collected(tmp_path, days=4)
    ages = pl.concat([small_project.visits_of(day) for day in range(4)])["age"]
    rewrite(tmp_path, AGE, "min = 0, max = 90")
    changed = anew(ws)
    found = diff_contract(changed, "visits")
    assert found["lines"] == ["~ age: max 120 -> 90"]
    assert (found["against"], found["partitions"], found["rows"]) == ("the contract last used", 4, 240)
    assert found["let_in"] == {"rows": 0, "rules": {}}
    kept_out = found["kept_out"]
    assert kept_out["rows"] == (ages > 90).sum() > 0
    rule = kept_out["rules"]["age in range"]
    assert rule["rows"] == kept_out["rows"] and rule["examples"][0].startswith("age 9")
    assert diff_contract(changed, "visits", last=1)["partitions"] == 1


def test_a_wider_contract_lets_the_quarantine_in_and_shows_no_private_value(tmp_path):
    """What was held back for its age would be let in; of a private column no value is shown."""
    ws = collected(tmp_path, days=4, project=small_project.PROJECT.replace(AGE, "min = 0, max = 90"))
    held = sum(ws.frame(record.quarantine).height for _, record in ws.state.snapshot.quarantines())
    rewrite(tmp_path, "min = 0, max = 90", "private = true")
    changed = anew(ws)
    found = diff_contract(changed, "visits")
    assert found["let_in"]["rules"]["age in range"] == {"rows": held, "examples": []}
    assert found["let_in"]["rows"] == held > 0
    assert found["kept_out"]["rows"] == 0


def test_a_contract_that_would_refuse_a_partition_keeps_all_of_it_out(tmp_path):
    """A rule that blocks, and a column that is not there."""
    ws = collected(tmp_path, days=2)
    rewrite(tmp_path, AGE, 'min = 0, max = 20, else = "block"')
    changed = anew(ws)
    assert diff_contract(changed, "visits")["kept_out"]["rows"] == 120
    rewrite(tmp_path, "age = {", "aged = {")
    changed = anew(ws)
    assert diff_contract(changed, "visits")["kept_out"]["rules"] == {"schema": {"rows": 120, "examples": []}}


def test_contracts_of_a_file_and_of_a_revision(tmp_path):
    """A change of checks is told too; what is not there is a problem that says what to name."""
    ws = collected(tmp_path, days=2)
    (tmp_path / "other.toml").write_text(text_of(tmp_path).replace("distance > 40", "distance > 10"))
    found = diff_contract(ws, "visits", against=str(tmp_path / "other.toml"))
    assert found["lines"] == [
        "~ check 'babies do not travel far': must \"not (age < 1 and distance > 10)\" -> "
        '"not (age < 1 and distance > 40)"'
    ]
    for words in (
        ["init", "-q"],
        ["add", "trivium.toml"],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "m"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)
    assert diff_contract(ws, "visits", against="HEAD")["lines"] == []
    for missing in ("nowhere", "--output=x"):
        with pytest.raises(ProjectError) as caught:
            diff_contract(ws, "visits", against=missing)
        assert caught.value.problems[0].code == "TV-RUN-045"
    assert not (tmp_path / "x").exists()


def test_no_contract_on_record_is_a_problem(tmp_path):
    """Before the first tick there is none to compare with."""
    folder = small_project.make(tmp_path, days=1)
    ws = Workspace(folder, durable=False)
    ws.refresh()
    with pytest.raises(ProjectError) as caught:
        diff_contract(ws, "visits")
    assert caught.value.problems[0].code == "TV-RUN-045"


def test_the_commands(tmp_path):
    """Infer prints lines that can be copied, writes them, and diff and check answer with their exit codes."""
    folder = collected(tmp_path, days=4, project=BARE).folder
    said = say("contract", "infer", "visits", project=folder, as_json=False)
    assert "[tables.visits.columns]" in said.out and "nothing is written" in said.out
    line = next(line for line in said.out.splitlines() if line.startswith("age = "))
    assert line.endswith("later rows")
    said = say("contract", "infer", "visits", "--write", project=folder)
    assert said.document["written"] and said.document["columns"]["age"]["is_new"]
    assert say("contract", "infer", "visits", "--write", project=folder).document["written"] is False
    said = say("contract", "diff", "visits", project=folder, as_json=False)
    assert said.code == 0 and "+ age: int" in said.out
    good = small_project.file_of(folder, "visits", 1)
    assert say("contract", "check", "visits", good, project=folder, as_json=False).code == 0
    bad = small_project.visits_of(1).with_columns(distance=pl.lit(-1.0))
    bad.write_parquet(folder / "bad.parquet")
    said = say("contract", "check", "visits", folder / "bad.parquet", project=folder)
    (partition,) = said.document["partitions"]
    assert said.code == 1
    assert (partition["read"], partition["quarantined"]) == (60, 60)


def test_what_a_contract_calls_text_is_read_as_text(tmp_path):
    """A CSV's postcodes keep their zeros, in a small file and in one whose first rows deceive."""
    codes = '\n[tables.codes]\nfiles = "codes.csv"\n[tables.codes.columns]\ncode = { type = "str", pattern = "[0-9]{5}" }\nn = { type = "str" }\n'
    folder = small_project.make(tmp_path, days=1, project=small_project.PROJECT + codes)
    for last in ("2", "two"):
        (folder / "codes.csv").write_text("code,n\n00501,1\n10001," + last + "\n")
        said = say("contract", "check", "codes", project=folder)
        assert (said.code, said.document["partitions"][0]["committed"]) == (0, 2)
    (settled,) = read_chunks(folder / "codes.csv", settled=True, texts=["code"])
    assert settled.rows() == [("00501", "1"), ("10001", "two")]
    assert say("collect", "codes", project=folder).code == 0
    ws = Workspace(folder, durable=False)
    ws.refresh()
    (record,) = ws.state.snapshot.partitions("codes")
    assert ws.frame(record.blob).rows() == [("00501", "1"), ("10001", "two")]
