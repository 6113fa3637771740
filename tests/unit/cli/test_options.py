"""The kinds of options that commands share: what makes no sense is refused before a project is looked for."""

import pytest

from terminal import say
from trivium.cli.options import between
from trivium.core.problems import ProjectError


@pytest.mark.parametrize(
    "words",
    [
        "checks --last 0",
        "checks --last -3",
        "watch live --last 0",
        "alarms list --last 0",
        "ledger --last 0",
        "contract diff flights --last 0",
        "quarantine show flights 2013-03-04 --rows 0",
        "review list --most 0",
        "review list --most many",
        "serve --port 65536",
        "serve --port -1",
        "serve --drain -1",
        "release v1 --to nowhere",
        "review lst",
    ],
)
def test_values_that_make_no_sense(words, tmp_path, monkeypatch):
    """A count of nothing, a port that is none, a name that is none: exit code 2, and where to find help."""
    monkeypatch.chdir(tmp_path)
    said = say(*words.split())
    assert said.code == 2
    problem = said.problems[0]
    assert problem["code"] == "TV-CLI-002"
    assert words in problem["where"]
    named = words.split()[: 1 if words.startswith(("checks", "watch", "ledger", "serve", "release")) else 2]
    assert problem["fix"] in {f"ask for help: trivium {' '.join(named[:count])} --help" for count in (1, 2)}


@pytest.mark.parametrize(
    "words",
    [
        ("review", "decide", "p1", "--label", "1", "--because", ""),
        ("review", "skip", "p1", "--because", " "),
        ("token", "revoke", "me", "--because", ""),
        ("quarantine", "release", "flights", "2013-03-04", "--because", ""),
        ("quarantine", "drop", "flights", "2013-03-04", "--because", ""),
        ("erase", "email", "a@b.c", "--because", ""),
    ],
)
def test_a_reason_that_is_asked_for_says_something(words, tmp_path, monkeypatch):
    """Where a decision needs its reason, an empty one is none."""
    monkeypatch.chdir(tmp_path)
    said = say(*words)
    assert (said.code, said.problems[0]["code"]) == (2, "TV-CLI-002")
    assert "--because" in said.problems[0]["seen"]


@pytest.mark.parametrize("command", ["replay v1", "skew", "rehearse"])
@pytest.mark.parametrize(("from_", "to"), [("2013-04-01", "2013-03-01"), ("2013-04-01", "2013-04-01")])
def test_no_time_in_between(command, from_, to, tmp_path, monkeypatch):
    """Times the wrong way round are told as that, and not as a past in which nothing happened."""
    monkeypatch.chdir(tmp_path)
    said = say(*command.split(), "--from", from_, "--to", to)
    assert (said.code, said.problems[0]["code"]) == (2, "TV-CLI-016")


@pytest.mark.parametrize(
    "words",
    [
        "route --at tomorrow",
        "table flights --at 2013-99-99",
        "ledger --since x",
        "skew --from x",
        "skew --to x",
        "replay v1 --from x",
        "rehearse --to x",
    ],
)
def test_dates_that_are_none(words, tmp_path, monkeypatch):
    """A date that is none names its option."""
    monkeypatch.chdir(tmp_path)
    said = say(*words.split())
    assert (said.code, said.problems[0]["code"]) == (2, "TV-PROJ-007")
    assert said.problems[0]["where"] in words.split()


def test_times_left_out():
    """What is left out is no bound; a date without a zone is UTC."""
    assert between(None, None) == (None, None)
    since, until = between("2013-03-04", "2013-03-04T01:00+00:30")
    assert since is not None
    assert until is not None
    assert until.hour == 0
    with pytest.raises(ProjectError):
        between("2013-03-05", "2013-03-04T23:59Z")
