"""What every command shares: the options that stand anywhere, the exit codes, and how a problem leaves."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

import small_project
from terminal import say
from trivium.cli.commands import COMMANDS, GROUPS, PARTS
from trivium.cli.door import Answer, Meant, meant_by
from trivium.cli.main import application
from trivium.core.problems import DataError, Problem, ProjectError, StoreError, VerdictError


@pytest.mark.parametrize(
    ("words", "meant", "left"),
    [
        ([], Meant(), []),
        (["route", "--json"], Meant(json=True), ["route"]),
        (["--json", "route", "--at", "x"], Meant(json=True), ["route", "--at", "x"]),
        (["--rehearsal", "r", "route"], Meant(rehearsal="r"), ["route"]),
        (["route", "--rehearsal=r"], Meant(rehearsal="r"), ["route"]),
    ],
)
def test_options_stand_anywhere(words, meant, left):
    """The three options of every command are taken from wherever they stand; the rest stays in order."""
    assert meant_by(words) == (meant, left)


@pytest.mark.parametrize("words", [["--project"], ["route", "--rehearsal"], ["--project", "--json", "route"]])
def test_an_option_without_its_value(words):
    """An option at the end, or before another option, lacks its value."""
    with pytest.raises(ProjectError) as caught:
        meant_by(words)
    assert caught.value.problems[0].code == "TV-CLI-001"


def test_project_is_a_path(tmp_path):
    """`--project` may be written with a space or an equals sign."""
    assert meant_by(["--project", str(tmp_path)])[0].project == tmp_path
    assert meant_by([f"--project={tmp_path}"])[0].project == tmp_path


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (ProjectError(Problem(code="TV-X-001", what="w")), 2),
        (DataError(Problem(code="TV-X-002", what="w")), 1),
        (VerdictError(Problem(code="TV-X-003", what="w")), 1),
        (StoreError(Problem(code="TV-X-004", what="w")), 3),
        (PermissionError(13, "Permission denied", "store"), 3),
        (ZeroDivisionError("of ours"), 3),
    ],
)
def test_exit_codes(monkeypatch, raised, code):
    """Each kind of error has its exit code, its problem as one JSON document, and words on standard error."""

    def fail(_words):
        raise raised

    monkeypatch.setattr("trivium.cli.main._call", fail)
    said = say("route")
    assert said.code == code
    assert said.problems[0]["code"].startswith("TV-")
    assert said.problems[0]["code"] in said.err


def test_an_interruption_is_no_fault(monkeypatch):
    """Ctrl-C ends with 130 and says how to go on."""

    def interrupt(_words):
        raise KeyboardInterrupt

    monkeypatch.setattr("trivium.cli.main._call", interrupt)
    said = say("route")
    assert said.code == 130
    assert "goes on" in said.err


def test_a_verdict_is_printed_and_ends_with_1(monkeypatch):
    """A command whose verdict went against the user still tells its document."""
    from trivium.cli.door import leave

    monkeypatch.setattr("trivium.cli.main._call", lambda _words: leave(Answer({"healthy": False}, ["no"], exit_code=1)))
    said = say("doctor")
    assert (said.code, said.document) == (1, {"healthy": False})
    assert say("doctor", as_json=False).out.strip() == "no"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(name):
    """Each command is found under its name and explains itself; nothing of it needs a project."""
    said = say(*name.split(), "--help", as_json=False)
    assert said.code == 0, said.err
    assert name in said.out


def test_the_list_of_commands_says_what_each_does():
    """In the loop's order, a line each, on a terminal of 80 columns."""
    listed = say("--help", as_json=False).out + "".join(say(name, "--help", as_json=False).out for name in GROUPS)
    lines = [line.strip("│ ") for line in listed.splitlines()]
    for name, command in COMMANDS.items():
        assert [line for line in lines if line.split()[:1] == [name.split()[-1]] and line.endswith(command.says)]
    titles = [line.split()[1] for line in listed.splitlines() if line.startswith("╭")]
    assert titles[: len(PARTS)] == [title.split()[0] for title in PARTS]


def test_groups_hold_their_commands():
    """A command of two words belongs to a group that is named and described."""
    assert {name.split()[0] for name in COMMANDS if " " in name} == set(GROUPS)
    assert application() is not None


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_told(name, monkeypatch):
    """Each argument of each command says what it is; none has a negative form, or a default that says nothing."""
    monkeypatch.setenv("COLUMNS", "200")
    out = say(*name.split(), "--help", as_json=False).out
    entries = [line.strip("│* ") for line in out.splitlines() if re.match(r"│[ *]+(--[a-z]|[A-Z])", line)]
    told = re.compile(r"(--?\S+|[A-Z_]+)( --?\S+)*( [A-Z]+(\.\.\.)?)?\s+[^\s\[]")
    assert [entry for entry in entries if not told.match(entry)] == []
    assert not re.search(r"--(no|empty)-|default: (\"\"|False)", out)


@pytest.mark.parametrize("command", ["init --help", "--help", "ledger", "ledger --json"])
def test_nobody_reads_to_the_end(command, tmp_path):
    """A reader that leaves early, as `head` does, is no fault: no word of it, and the exit code stands."""
    folder = small_project.make(tmp_path / "project", days=1, start=datetime(2024, 5, 1, tzinfo=UTC))
    reader, writer = os.pipe()
    os.close(reader)
    run = "from trivium.cli.main import main; main()"
    with os.fdopen(writer, "w") as out:
        words = [sys.executable, "-c", run, "--project", str(folder), *command.split()]
        done = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_project_here(tmp_path, monkeypatch):
    """Outside a project a command says how to make or name one; with --project it names the folder."""
    monkeypatch.chdir(tmp_path)
    for words in (["route"], ["route", "--project", str(tmp_path)]):
        said = say(*words)
        assert said.code == 2
        assert json.loads(said.out)["problems"][0]["code"] == "TV-RUN-004"
