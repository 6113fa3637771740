"""The project file: what is read, and each rule and problem of `core.project`."""

from datetime import date, timedelta

import pytest

from trivium.core.problems import Problem, ProjectError
from trivium.core.project import Project, read_project

MODEL = """
[model]
name = "flights"
task = "binary"
code = "pipeline.py"
row_id = "flight_id"
time = "scheduled_at"
label = "late"
label_delay = "36h"
"""
OUTCOMES = """
[outcomes]
table = "arrivals"
label = "arr_delay > 15"
at = "known_at"
"""
FLIGHTS = """
[tables.flights]
files = "flights/*.parquet"
time = "scheduled_at"
key = ["flight_id"]
columns.distance = { type = "float", min = 1 }
columns.carrier = { type = "str", values = ["AA", "B6"], unknown = "warn" }
"""
ARRIVALS = """
[tables.arrivals]
files = "arrivals/*.parquet"
time = "scheduled_at"
key = ["flight_id"]
"""
METRICS = """
[[metrics]]
name = "log_loss"
primary = true
[[metrics]]
name = "cost_usd"
"""
GOOD = MODEL + OUTCOMES + FLIGHTS + ARRIVALS + METRICS
CHECK = """
[[checks]]
name = "positive"
on = "flights"
must = "distance > 0"
"""
SLICE = """
[[slices]]
name = "evenings"
where = "hour >= 18"
"""
OBJECTIVE = """
[[objectives]]
name = "good enough"
metric = "log_loss"
target = 0.5
"""


def problems(text: str) -> list[Problem]:
    with pytest.raises(ProjectError) as caught:
        read_project(text)
    assert all(problem.fix and problem.where.startswith("trivium.toml") for problem in caught.value.problems)
    return list(caught.value.problems)


def problem(text: str) -> Problem:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def test_a_good_project() -> None:
    """A full file is read into values, with the defaults of what it leaves out."""
    project = read_project(GOOD + CHECK + SLICE + OBJECTIVE + "slice = 'evenings'\n")
    assert project.model.name == "flights"
    assert project.requests == "flights"
    assert project.primary == "log_loss"
    assert project.label_delay == timedelta(hours=36)
    assert project.tables["flights"].columns["carrier"].values == ("AA", "B6")
    assert project.tables["flights"].every == "1d"
    assert project.checks[0].else_ == "quarantine"
    assert project.gate.confidence == 0.95
    assert project.store.url == "sqlite:///.trivium/trivium.db"
    assert (project.objectives[0].window, project.objectives[0].budget) == ("28d", 0.1)


def test_without_outcomes() -> None:
    """Outcomes may come by the server alone; then the file names no table for them."""
    assert read_project(MODEL + FLIGHTS + METRICS).outcomes is None


@pytest.mark.parametrize("column", ["flight_id = { type = 'str'", "scheduled_at = { type = 'datetime'"])
def test_ids_and_times_are_not_private(column: str) -> None:
    """TV-PROJ-005: what outcomes join on, and what periods are cut by, stands in the open."""
    found = problem(GOOD.replace("columns.distance", f"columns.{column}, private = true }}\ncolumns.distance"))
    assert found.code == "TV-PROJ-005"
    assert "cannot be private" in found.what


def test_params_are_free() -> None:
    """What steps take is not the project file's to judge."""
    project = read_project(GOOD + "[params.model]\nmax_iter = 200\nloss = { kind = 'log' }\n")
    assert project.params == {"model": {"max_iter": 200, "loss": {"kind": "log"}}}


def test_a_check_may_expire_and_override() -> None:
    """`else` is the file's name of `else_`; dates are TOML's own."""
    text = (
        CHECK.replace('on = "flights"', 'on = "prediction"')
        + 'else = "override"\nvalue = "0.5"\nexpires = 2014-01-01\n'
    )
    check = read_project(GOOD + text).checks[0]
    assert (check.else_, check.value, check.expires) == ("override", "0.5", date(2014, 1, 1))


def test_no_toml() -> None:
    """TV-PROJ-001: the text is not TOML; the message of the parser is shown."""
    found = problem("[model\nname = 1")
    assert found.code == "TV-PROJ-001"
    assert "line 1" in found.seen


@pytest.mark.parametrize(
    ("text", "unknown", "nearest", "where"),
    [
        (GOOD + "[gates]\nconfidence = 0.9\n", "gates", "gate", "trivium.toml"),
        (GOOD.replace("label_delay", "label_dely"), "label_dely", "label_delay", "trivium.toml, model"),
        (GOOD.replace("files = \"flights", "file = \"flights"), "file", "files", "trivium.toml, tables.flights"),
        (GOOD.replace("min = 1", "mn = 1"), "mn", "min", "trivium.toml, tables.flights.columns.distance"),
        (GOOD + CHECK + "becuse = 'x'\n", "becuse", "because", "trivium.toml, checks 'positive'"),
        (GOOD + CHECK + "else_ = 'warn'\n", "else_", "else", "trivium.toml, checks 'positive'"),
        (GOOD + "[[slices]]\nnam = 'x'\n", "nam", "name", "trivium.toml, slices 1"),
        (GOOD.replace("label = \"arr", "labl = \"arr"), "labl", "label", "trivium.toml, outcomes"),
    ],
)  # fmt: skip
def test_an_unknown_key(text: str, unknown: str, nearest: str, where: str) -> None:
    """TV-PROJ-002: at any depth, with its place and the nearest known key."""
    found = problem(text)
    assert found.code == "TV-PROJ-002"
    assert found.what == f"unknown key {unknown!r}; did you mean {nearest!r}?"
    assert found.where == where


def test_all_unknown_keys_at_once() -> None:
    """They are collected before the error is raised."""
    found = problems(GOOD.replace("label_delay", "label_dely").replace("min = 1", "mn = 1") + "[gates]\n")
    assert [one.code for one in found] == ["TV-PROJ-002"] * 3


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (GOOD.replace('task = "binary"\n', ""), "task"),
        (GOOD.replace('"binary"', '"ranking"'), "ranking"),
        (GOOD.replace("primary = true", "primary = 1"), "bool"),
        (GOOD.replace('type = "str"', 'type = "text"'), "text"),
        (GOOD.replace('name = "flights"', "name = 3"), "$.model.name"),
        (GOOD + CHECK + 'else = "panic"\n', "panic"),
        (GOOD + "[gate]\nconfidence = 'high'\n", "$.gate.confidence"),
        (GOOD + "[ladder]\nrungs = ['sampel']\n", "sampel"),
        (GOOD + "[engine]\nkind = 'ray'\n", "ray"),
        (MODEL + METRICS, "tables"),
        ("", "model"),
    ],
)
def test_a_missing_or_mistyped_value(text: str, seen: str) -> None:
    """TV-PROJ-003: the message names the setting."""
    found = problem(text)
    assert found.code == "TV-PROJ-003"
    assert seen in found.seen


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        (
            GOOD.replace('table = "arrivals"', 'table = "arivals"') .replace(ARRIVALS, ""),
            "unknown table 'arivals'; did you mean 'flights'?",
            "trivium.toml, outcomes",
        ),
        (
            GOOD + CHECK.replace('"flights"', '"flight"'),
            "unknown table 'flight'; did you mean 'flights'?",
            "trivium.toml, checks 'positive'",
        ),
        (
            GOOD + CHECK.replace('"flights"', '"predicton"'),
            "unknown table 'predicton'; did you mean 'prediction'?",
            "trivium.toml, checks 'positive'",
        ),
        (
            GOOD + CHECK + 'else = "refuse"\n',
            "unknown else 'refuse'; did you mean 'quarantine'?",
            "trivium.toml, checks 'positive'",
        ),
        (
            GOOD + OBJECTIVE.replace("log_loss", "logloss"),
            "unknown metric 'logloss'; did you mean 'log_loss'?",
            "trivium.toml, objectives 'good enough'",
        ),
        (
            GOOD + SLICE + OBJECTIVE + "slice = 'evening'\n",
            "unknown slice 'evening'; did you mean 'evenings'?",
            "trivium.toml, objectives 'good enough'",
        ),
        (
            GOOD + OBJECTIVE + "slice = 'evening'\n",
            "unknown slice 'evening'",
            "trivium.toml, objectives 'good enough'",
        ),
        (
            GOOD + "[gate.margins]\ncost_us = 1.0\n",
            "unknown metric 'cost_us'; did you mean 'cost_usd'?",
            "trivium.toml, gate",
        ),
        (
            GOOD + "[gate.slice_margins]\ncost_us = 1.0\n",
            "unknown metric 'cost_us'; did you mean 'cost_usd'?",
            "trivium.toml, gate",
        ),
    ],
)  # fmt: skip
def test_an_unknown_name(text: str, what: str, where: str) -> None:
    """TV-PROJ-004: a table, else, metric or slice that is not declared; the nearest is named."""
    found = problem(text)
    assert (found.code, found.what, found.where) == ("TV-PROJ-004", what, where)


@pytest.mark.parametrize(
    ("on", "allowed", "forbidden"),
    [
        ("flights", ["block", "quarantine", "warn"], ["refuse", "fallback", "review", "override"]),
        ("request", ["refuse", "warn"], ["block", "quarantine", "fallback", "review", "override"]),
        ("prediction", ["refuse", "fallback", "review", "warn", "override"], ["block", "quarantine"]),
    ],
)
def test_what_befalls_a_row(on: str, allowed: list[str], forbidden: list[str]) -> None:
    """Each of table, request and prediction has its own list of what may befall a row."""
    for severity in allowed + forbidden:
        value = 'value = "0.5"\n' if severity == "override" else ""
        text = GOOD + CHECK.replace('"flights"', f'"{on}"') + f'else = "{severity}"\n{value}'
        if severity in allowed:
            assert read_project(text).checks[0].else_ == severity
        else:
            assert problem(text).code == "TV-PROJ-004"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (GOOD.replace(FLIGHTS, ""), "one table, and no more, must hold the rows that are asked about"),
        (
            GOOD + ARRIVALS.replace("tables.arrivals", "tables.more"),
            "one table, and no more, must hold the rows that are asked about",
        ),
        (
            GOOD.replace('key = ["flight_id"]\ncolumns', 'key = ["flight_id", "leg"]\ncolumns'),
            "one table, and no more, must hold the rows that are asked about",
        ),
        (GOOD.replace("primary = true\n", ""), "one metric, and no more, must be primary"),
        (GOOD + "primary = true\n", "one metric, and no more, must be primary"),
        (GOOD.replace(METRICS, ""), "one metric, and no more, must be primary"),
        (GOOD + CHECK + CHECK, "two entries are the check 'positive'"),
        (GOOD + SLICE + SLICE + SLICE, "two entries are the slice 'evenings'"),
        (GOOD + '[[metrics]]\nname = "cost_usd"\n', "two entries are the metric 'cost_usd'"),
        (GOOD + OBJECTIVE + OBJECTIVE, "two entries are the objective 'good enough'"),
        (GOOD + CHECK + 'value = "0.5"\n', "override and value go together"),
        (GOOD + CHECK.replace('"flights"', '"prediction"') + 'else = "override"\n', "override and value go together"),
        (GOOD + "[gate]\nconfidence = 1.0\n", "gate.confidence must lie between 0 and 1"),
        (GOOD + "[ladder]\nsample_share = 0.0\n", "ladder.sample_share must lie between 0 and 1"),
        (GOOD + "[release]\ncanary_share = 1.5\n", "release.canary_share must lie between 0 and 1"),
        (GOOD + "[alarms]\nfalse_alarm_rate = -0.1\n", "alarms.false_alarm_rate must lie between 0 and 1"),
        (GOOD + OBJECTIVE + "budget = 1.0\n", "objectives 'good enough'.budget must lie between 0 and 1"),
        (GOOD + "[gate]\nconfidence = nan\n", "gate.confidence must lie between 0 and 1"),
    ],
)
def test_a_broken_rule(text: str, what: str) -> None:
    """TV-PROJ-005: settings that do not go together, each with its own words."""
    found = problem(text)
    assert (found.code, found.what) == ("TV-PROJ-005", what)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (GOOD.replace('"36h"', '"36"'), "model.label_delay"),
        (GOOD.replace("columns.distance", "every = 'day'\ncolumns.distance"), "tables.flights.every"),
        (GOOD.replace("columns.distance", "grace = '0d'\ncolumns.distance"), "tables.flights.grace"),
        (GOOD.replace("columns.distance", "lookback = ''\ncolumns.distance"), "tables.flights.lookback"),
        (GOOD + "[release]\nshadow = 'x'\n", "release.shadow"),
        (GOOD + "[release]\ncanary = 'x'\n", "release.canary"),
        (GOOD + "[release]\nlongest_stay = 'x'\n", "release.longest_stay"),
        (GOOD + "[retrain]\nevery = 'x'\n", "retrain.every"),
        (GOOD + "[retrain]\ncooldown = 'x'\n", "retrain.cooldown"),
        (GOOD + "[retrain]\nfirst_after = 'x'\n", "retrain.first_after"),
        (GOOD + "[retrain]\nwindow = 'x'\n", "retrain.window"),
        (GOOD + "[retrain]\nholdout = 'x'\n", "retrain.holdout"),
        (GOOD + OBJECTIVE + "window = 'x'\n", "objectives 'good enough'.window"),
    ],
)  # fmt: skip
def test_a_bad_length_of_time(text: str, where: str) -> None:
    """TV-PROJ-006: each length of time is read at once, and named."""
    found = problem(text)
    assert (found.code, found.where) == ("TV-PROJ-006", f"trivium.toml, {where}")


def test_rules_and_spans_are_told_together() -> None:
    """One reading tells all broken rules, unknown names and bad lengths of time."""
    text = GOOD.replace('"36h"', '"36"').replace("primary = true\n", "") + OBJECTIVE.replace("log_loss", "auc")
    assert {one.code for one in problems(text)} == {"TV-PROJ-004", "TV-PROJ-005", "TV-PROJ-006"}


def test_reading_is_repeatable() -> None:
    """The same text gives equal projects."""
    assert read_project(GOOD) == read_project(GOOD)
    assert isinstance(read_project(GOOD), Project)


def test_multiclass_is_refused_and_said_so() -> None:
    """A task that the loop cannot carry through is a problem at once, not a fault later."""
    text = GOOD.replace('task = "binary"', 'task = "multiclass"')
    assert text != GOOD
    with pytest.raises(ProjectError, match="multiclass models are not supported yet"):
        read_project(text)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "one source"),
        ('files = "a.csv"\nsql = "select 1"\nurl = "sqlite://"', "one source"),
        ('files = "a.csv"\npush = true', "one source"),
        ('sql = "select 1"', "go together"),
        ('files = "a.csv"\nurl = "sqlite://"', "go together"),
    ],
)
def test_each_table_has_one_source(source, says):
    """Rows come from files, from a query with its URL, or are pushed: from none or two is a problem, told by table."""
    (problem,) = problems(GOOD.replace('files = "arrivals/*.parquet"', source))
    assert problem.code == "TV-PROJ-005"
    assert says in problem.what
    assert "tables.arrivals" in problem.where


@pytest.mark.parametrize("source", ['files = "a.csv"', 'sql = "select 1"\nurl = "env:URL"', "push = true"])
def test_each_kind_of_source(source):
    """A table has files, a query with its URL, or is pushed."""
    read_project(GOOD.replace('files = "arrivals/*.parquet"', source))


CONTRACT = """
[tables.arrivals.columns.tailnum]
type = "str"
pattern = "N[0-9A-Z]{1,5}"
rules.pattern = { else = "warn", because = "old numbers", owner = "registry", expires = 2014-01-01 }
[tables.arrivals.columns.day]
type = "date"
min = 2013-01-01
[[checks]]
name = "a day of flights"
on = "flights"
rows = { of = "usual", min = 0.5 }
[[checks]]
name = "fresh"
on = "flights"
age = { max = "3h" }
"""


def test_a_contract_s_words_are_read() -> None:
    """Terms of one rule, a date as a limit, and rules on a partition."""
    project = read_project(GOOD + CONTRACT)
    tailnum, day = project.tables["arrivals"].columns.values()
    assert (tailnum.terms("pattern").else_, tailnum.terms("pattern").expires) == ("warn", date(2014, 1, 1))
    assert day.min == date(2013, 1, 1)
    assert [check.measure for check in project.checks] == ["rows", "age"]


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("rules.pattern", "rules.patern", "TV-PROJ-004", "did you mean 'pattern'?"),
        ('owner = "registry"', 'woner = "registry"', "TV-PROJ-002", "did you mean 'owner'?"),
        ("N[0-9A-Z]{1,5}", "N[0-9", "TV-PROJ-008", "cannot be compiled"),
        ("2013-01-01", "2013-01-01T10:00:00", "TV-PROJ-003", ""),
        ('of = "usual"', 'off = "usual"', "TV-PROJ-002", "did you mean 'of'?"),
        (", min = 0.5", "", "TV-PROJ-005", "nothing is bounded"),
        ('"3h"', '"3"', "TV-PROJ-006", "is not a length of time"),
        ('pattern = "N', 'min_length = "1"\npattern = "N', "TV-PROJ-003", ""),
        ('pattern = "N', 'references = "tails.x"\npattern = "N', "TV-PROJ-004", "unknown table 'tails'"),
    ],
)
def test_a_contract_s_slip_is_one_problem(old: str, new: str, code: str, words: str) -> None:
    """Each is told with its place, at read time, before any row is looked at."""
    assert old in CONTRACT
    found = problem(GOOD + CONTRACT.replace(old, new))
    assert found.code == code
    assert words in found.what


@pytest.mark.parametrize(
    "line", ["deadline_ms = 0", "max_body_bytes = 0", "max_rows = 0", "max_depth = 3", "rate_per_s = -1", "queue = 0"]
)
def test_a_server_must_be_able_to_answer_somebody(line: str) -> None:
    """TV-PROJ-005: a limit that lets no request through is named."""
    found = problem(GOOD + f"[serve]\n{line}\n")
    assert (found.code, found.where) == ("TV-PROJ-005", "trivium.toml, serve")
    assert line.partition(" ")[0] in found.what
