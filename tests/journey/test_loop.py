"""A new user's path through the terminal: from a folder to a version that answers, and back again."""

import re
import sys
import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import small_project
from terminal import Said, say

DAYS = 16
LOOKS = {
    "versions": ["versions"],
    "show v1": ["show", "v1"],
    "diff": ["diff", "v1", "v2"],
    "trace v1": ["trace", "v1"],
    "ideas": ["ideas"],
    "runs": ["runs"],
    "route": ["route"],
    "table": ["table", "visits"],
    "table at": ["table", "visits", "--at", "2100-01-01"],
    "table files": ["table", "visits", "--files"],
    "quarantine list": ["quarantine", "list"],
    "contract infer": ["contract", "infer", "visits"],
    "contract diff": ["contract", "diff", "visits"],
    "watch visits": ["watch", "visits"],
    "watch live": ["watch", "live"],
    "alarms": ["alarms"],
    "incidents": ["incidents", "list"],
    "ledger": ["ledger"],
    "ledger of a kind": ["ledger", "--kind", "versioned"],
    "ledger digest": ["ledger", "--digest"],
    "doctor": ["doctor"],
}


def spoil(folder, day, rows, *, start):
    """Give the first rows of a day a distance below the contract's least."""
    path = small_project.file_of(folder, "visits", day, start=start)
    visits = pl.read_parquet(path)
    place = pl.int_range(pl.len())
    visits.with_columns(pl.when(place < rows).then(-5.0).otherwise("distance").alias("distance")).write_parquet(path)


@pytest.fixture(scope="module")
def start():
    """The first day of a history that ends last night."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, start):
    folder = small_project.make(tmp_path_factory.mktemp("clinic") / "visits", days=DAYS, start=start)
    spoil(folder, 2, 3, start=start)
    spoil(folder, 4, 2, start=start)
    return folder


@pytest.fixture(scope="module")
def said(folder) -> dict[str, Said]:
    """The whole path walked once; the tests look at what was said on the way."""
    found: dict[str, Said] = {}

    def walk(name, *words):
        found[name] = say(*words, project=folder)

    walk("doctor", "doctor")
    walk("contract check", "contract", "check", "visits")
    walk("collect", "collect", "--because", "a first look")
    walk("collect again", "collect")
    walk("try", "try", "--name", "first", "--because", "to see")
    walk("try again", "try")
    walk("try set", "try", "--set", "model.strength=0.5")
    walk("judge", "judge", "v1")
    walk("judge against", "judge", "v2", "--against", "v1")
    walk("rollback of nothing", "rollback")
    walk("release v1", "release", "v1", "--to", "live", "--because", "first of all")
    walk("release v1 again", "release", "v1", "--to", "live")
    time.sleep(0.002)  # times are told apart by more than a microsecond
    between = datetime.now(UTC).isoformat()
    walk("release v2", "release", "v2", "--to", "live", "--because", "smoother")
    walk("route v2", "route")
    walk("route at", "route", "--at", between)
    walk("rollback", "rollback", "--because", "a rehearsal of the hand")
    walk("route after", "route")
    walk("tick", "tick", "--because", "by hand")
    walk("tick again", "tick")
    walk("quarantine show", "quarantine", "show", "visits", name_of(found, 0))
    walk("quarantine release", "quarantine", "release", "visits", name_of(found, 0), "--because", "they are right")
    walk("quarantine drop", "quarantine", "drop", "visits", name_of(found, 1), "--because", "they are wrong")
    walk("quarantine list", "quarantine", "list")
    return found


def name_of(found, place):
    held = [p for p in found["collect"].document["partitions"] if p["table"] == "visits" and p["problems"]]
    return held[place]["partition"]


def test_doctor_finds_the_project_healthy(said):
    """A project as it was made has no problems, and every part was looked at."""
    assert said["doctor"].code == 0
    assert said["doctor"].document["healthy"] is True
    assert {"project file", "code", "sources", "store"} <= set(said["doctor"].document["examined"])


def test_contract_check_tells_what_collect_would_hold_back(said):
    """A contract that rows break is a verdict against the user, row by row as collect decides it later."""
    assert said["contract check"].code == 1
    held = [p["quarantined"] for p in said["contract check"].document["partitions"] if p["quarantined"]]
    assert held == [3, 2]


def test_collect_counts_every_row(said):
    """Rows read are committed, quarantined or refused; a second collect finds nothing new."""
    assert said["collect"].code == 0
    tables = said["collect"].document["tables"]
    assert tables["visits"] == {
        "read": DAYS * small_project.ROWS_A_DAY,
        "committed": DAYS * small_project.ROWS_A_DAY - 5,
        "quarantined": 5,
        "refused": 0,
    }
    assert set(tables) == {"visits", "arrivals", "weather"}
    assert said["collect again"].code == 0
    assert said["collect again"].document["partitions"] == []


def test_try_makes_a_version(said):
    """An idea that beats the heuristic climbs every rung and becomes v1."""
    document = said["try"].document
    assert said["try"].code == 0
    assert (document["idea"], document["rung"], document["verdict"], document["version"]) == (
        "first",
        "replay",
        "pass",
        "v1",
    )
    assert document["steps_executed"] == 3


def test_try_again_runs_nothing(said):
    """With nothing changed no step runs, and no second version is made of the same."""
    assert said["try again"].document["steps_executed"] == 0
    assert said["try again"].document["version"] == "v1"


def test_a_changed_param_runs_what_it_touches(said):
    """A param of the model runs the model alone, on the sample and on the whole; the features are remembered."""
    document = said["try set"].document
    assert {step for step, how in document["steps"].items() if how["ran"]} == {"model", "model on a sample"}
    assert document["steps"]["features"]["ran"] is False
    assert document["version"] == "v2"
    assert document["idea"] == "model.strength=0.5"


def test_judge_tells_a_verdict_per_metric_and_slice(said):
    """The scorecard and the gate tell every metric on every slice; the exit code is the verdict's."""
    for name, against in (("judge", "heuristic"), ("judge against", "v1")):
        document = said[name].document
        assert said[name].code == (0 if document["verdict"] == "pass" else 1)
        assert document["against"] == against
        cells = {(cell["metric"], cell["slice"]) for cell in document["comparisons"]}
        assert {("log_loss", "all"), ("log_loss", "north"), ("brier", "all"), ("brier", "north")} <= cells


def test_release_moves_the_route(said):
    """A released version is live, by whom and why; the one before stands behind it."""
    assert said["release v1"].code == said["release v2"].code == 0
    assert said["release v1"].document["stage"] == "live"
    route = said["route v2"].document
    assert (route["live"], route["fallback"][0], route["because"]) == ("v2", "v1", "smoother")
    assert said["route at"].document["live"] == "v1"
    assert said["route at"].document["because"] == "first of all"


def test_what_cannot_be_released_is_a_verdict(said):
    """To release what is live already, or roll back where nothing is live, ends with 1 and a problem."""
    for name, code in (("release v1 again", "TV-RUN-031"), ("rollback of nothing", "TV-RUN-032")):
        assert said[name].code == 1
        assert said[name].problems[0]["code"] == code
        assert said[name].problems[0]["fix"]


def test_rollback_lets_the_version_before_answer(said):
    """A rollback takes the live version down, and the last good one answers."""
    assert said["rollback"].document == {"from": "v2", "to": "v1"}
    assert said["route after"].document["live"] == "v1"


def test_tick_answers_what_is_asked_now(said):
    """A tick answers the requests of last night; a second one finds nothing to answer."""
    assert said["tick"].code == 0
    assert said["tick"].document["events"]["answered"] >= 1
    assert said["tick"].document["live"] == "v1"
    assert "answered" not in said["tick again"].document["events"]


def test_trace_walks_there_and_back(said, folder):
    """From an answer to its version, run, snapshot, code, config and decision; and from the version to its answers."""
    found = say("ledger", "--kind", "answered", project=folder).document["events"][-1]["body"]
    files = say("show", "v1", project=folder).document
    name = f"p{found['partition'].replace('-', '')}-000000"
    walked = say("trace", name, project=folder).document
    assert walked["answer"]["prediction_id"] == name
    assert walked["version"]["ref"] == "v1"
    assert walked["request"]["visit_id"] == walked["answer"]["row_id"]
    assert walked["decision"]["stage"] == "live"
    assert {"run", "snapshot", "code", "config"} <= set(walked)
    assert walked["version"]["artifact"] == files["artifact"]
    back = say("trace", "v1", project=folder).document
    assert found["partition"] in [each["partition"] for each in back["answered"]]


def test_trace_of_nothing(said, folder):
    """An id that answers nothing, one that is none, and a version that is none are problems of use."""
    for name in ("p20240101-999999", "p-nonsense", "v99"):
        refused = say("trace", name, project=folder)
        assert refused.code == 2
        assert refused.problems[0]["seen"]


def test_quarantine_is_shown_released_and_dropped(said, folder):
    """Rows held back can be looked at, let in, or given up; then nothing is held back, and no row is lost."""
    assert {row["distance"] for row in said["quarantine show"].document["rows"]} == {-5.0}
    assert said["quarantine release"].document["rows"] == 3
    assert said["quarantine drop"].document["rows"] == 2
    assert said["quarantine list"].document["quarantines"] == []
    rows = pl.concat(
        [pl.read_parquet(path) for path in say("table", "visits", "--files", project=folder).document["files"]]
    )
    assert rows.height == DAYS * small_project.ROWS_A_DAY - 2
    assert rows["visit_id"].is_unique().all()


@pytest.mark.parametrize("name", LOOKS)
def test_each_look_speaks_to_people_and_to_programs(said, folder, name):
    """Each command that looks ends with 0 or a verdict's 1, prints one JSON document with --json, and text without."""
    document = say(*LOOKS[name], project=folder)
    text = say(*LOOKS[name], project=folder, as_json=False)
    assert document.code == text.code
    assert document.code in (0, 1) if name in ("watch live",) else document.code == 0
    assert isinstance(document.document, dict)
    assert text.out.strip()
    assert "Traceback" not in document.err + text.err


@pytest.mark.parametrize("name", LOOKS)
def test_no_look_shows_what_python_calls_things(said, folder, name):
    """What is nested is told under dotted names or in words, not as a dict, a tuple, None or True."""
    text = say(*LOOKS[name], project=folder, as_json=False).out
    assert not re.search(r"\{'|\['|\('|\bNone\b|\bTrue\b|\bFalse\b", text)


def test_versions_runs_and_ideas_agree(said, folder):
    """Versions name their idea, ideas their version, runs their steps."""
    versions = {v["ref"]: v["idea"] for v in say("versions", project=folder).document["versions"]}
    ideas = {i["version"]: i["name"] for i in say("ideas", project=folder).document["ideas"]}
    assert versions["v1"] == "first"
    assert ideas["v2"] == versions["v2"] == "model.strength=0.5"
    assert [run["version"] for run in say("runs", project=folder).document["runs"]][:3] == ["v1", "v1", "v2"]
    differs = {d["what"] for d in say("diff", "v1", "v2", project=folder).document["differences"]}
    assert "config.params.model.strength" in differs


def test_every_change_says_who_and_why(said, folder):
    """The ledger holds who did each thing by hand, and the reason given."""
    events = say("ledger", project=folder).document["events"]
    given = {event["because"] for event in events}
    assert {"a first look", "to see", "first of all", "smoother", "they are right", "they are wrong"} <= given
    assert all(event["actor"] for event in events)
    digest = say("ledger", "--digest", project=folder).document
    assert digest["events"] == len(events)
    assert len(digest["digest"]) == 64


def test_incidents_are_taken_and_closed(tmp_path):
    """An alarm opens an incident, which a person takes and closes; what is none is a problem of use."""
    folder = small_project.make(tmp_path / "visits", days=3)
    small_project.file_of(folder, "visits", 2).write_bytes(b"no parquet at all")
    say("tick", project=folder)
    alarms = say("alarms", project=folder).document["alarms"]
    assert "refused" in [alarm["kind"] for alarm in alarms]
    opened = say("incidents", "list", project=folder).document["incidents"]
    name = alarms[0]["incident"]
    assert name in [incident["id"] for incident in opened]
    assert say("incidents", "show", name, project=folder).document["alarms"][0]["id"] == alarms[0]["id"]
    assert say("incidents", "ack", name, "--because", "mine", project=folder).document["state"] == "acknowledged"
    assert say("incidents", "resolve", name, project=folder).code == 0
    assert name not in [i["id"] for i in say("incidents", "list", project=folder).document["incidents"]]
    assert name in [i["id"] for i in say("incidents", "list", "--all", project=folder).document["incidents"]]
    refused = say("incidents", "ack", "i99", project=folder)
    assert refused.code == 2
    assert refused.problems[0]["code"].startswith("TV-RESP-")


def test_init_doctor_collect_try(tmp_path):
    """A project from the template is healthy, collects its data, and its first idea becomes a version."""
    folder = tmp_path / "orders"
    assert say("init", folder).code == 0
    assert say("doctor", project=folder).document["healthy"] is True
    collected = say("collect", project=folder)
    assert collected.code == 0
    assert all(table["read"] == table["committed"] > 0 for table in collected.document["tables"].values())
    tried = say("try", project=folder)
    assert tried.document["version"] == "v1"
    assert tried.code == (0 if tried.document["verdict"] == "pass" else 1)
    assert say("try", project=folder).document["steps_executed"] == 0
    again = say("init", folder)
    assert again.code == 2
    assert again.problems[0]["code"] == "TV-CLI-010"


def test_rehearse_and_look_into_it(tmp_path):
    """A rehearsal tells its document, and every look can be had into its store."""
    folder = small_project.make(tmp_path / "visits", days=14)
    report = tmp_path / "report.html"
    told = say("rehearse", "--name", "short", "--faults", "none", "--report", report, project=folder)
    assert told.code == 0, told.err
    document = told.document
    assert {
        "from",
        "to",
        "ticks",
        "rows",
        "wall_s",
        "versions",
        "route",
        "scores",
        "faults",
        "alarms",
        "summary",
    } <= set(document)
    assert (document["from"], document["ticks"], document["rows"]) == ("2024-01-01", 14, 14 * small_project.ROWS_A_DAY)
    assert "<html" in report.read_text(encoding="utf-8")
    looked = say("--rehearsal", "short", "route", "--at", document["to"], project=folder).document
    assert looked["live"] == document["route"][-1]["live"]
    assert say("--rehearsal", "short", "table", "visits", project=folder).document["rows"]["read"] == document["rows"]
    assert say("--rehearsal", "long", "route", project=folder).code == 2


def test_a_command_line_that_cannot_be_read(folder):
    """A word too many, an unknown command or a missing value is a problem of use, with its fix."""
    for words in (["frobnicate"], ["route", "--att", "x"], ["judge"], ["--project"], ["route", "--at", "yesterday"]):
        refused = say(*words, *([] if words == ["--project"] else ["--project", str(folder)]))
        assert refused.code == 2, words
        assert all(problem["code"] and problem["what"] and problem["fix"] for problem in refused.problems)


def test_version_and_help(capsysbinary):
    """`--version` and `--help` print and end with 0."""
    assert say("--version", as_json=False).out.startswith("trivium ")
    helped = say("--help", as_json=False)
    assert helped.code == 0
    assert sys.stdout is not None
