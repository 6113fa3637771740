"""The project file: `trivium.toml` decoded strictly into frozen values.

Reads text, not files: `loop/workspace.py` opens the file. Names that need the project's code (steps, metrics)
are checked by `loop/doctor.py`.
"""

import tomllib
from datetime import timedelta
from typing import Any, Literal, get_args

import msgspec

from trivium.core.contract import Check, Column, Section, parents_first
from trivium.core.problems import Problem, ProjectError, unknown_name
from trivium.core.values import span

WHERE = "trivium.toml"


class _Section(Section, msgspec.Struct, frozen=True):
    """Says once more what a `Section` is, so that ruff sees that defaults of these classes are copied."""


class Model(_Section, frozen=True):
    """What is predicted, for which rows, and when its truth is due.

    `default` is answered when no version and no heuristic can; without one such an answer is null. `entity` is the
    column of the request that a canary is sticky by: all rows of one entity meet the same version; the row id without.
    `default` is answered when no version and no heuristic can; without one such an answer is null. `compile` false
    keeps each model as it was fitted.
    """

    name: str
    task: Literal["binary", "multiclass", "regression"]
    code: str
    row_id: str
    time: str
    label: str
    entity: str | None = None
    label_delay: str = "24h"
    default: float | None = None
    compile: bool = True
    allow_pickle: bool = False


class Outcomes(_Section, frozen=True):
    """Where the truth comes from: an expression over a table's row, and when that row became known.

    A period is scored once so much of each class's outcomes has come as `mature` says, by the delays seen so far; at 1
    it waits until all are due.
    """

    table: str
    label: str
    at: str
    mature: float = 0.95


class Table(_Section, frozen=True):
    """A source of rows, cut into partitions of length `every` by `time`: `files`, a query (`sql` at `url`), or `push`.

    Exactly one of the three is given. `url` is a SQLAlchemy URL or `env:NAME`. `revisit` is how far before the last
    collected partition a query that names `:since` asks again, for rows that came late or were corrected. Without
    `time` the table is one partition, replaced when its source changes. `grace` is how long after its end
    a partition may come before it counts as late. `lookback` is how far before the first row of a batch a step may
    look into this table: the steps are handed that much, in training and in answering alike. Where the newest row is
    more than `stale_after` older than a request, the answer says so; with `stale = "fallback"` no version answers it.
    """

    files: str | None = None
    sql: str | None = None
    url: str | None = None
    push: bool = False
    revisit: str = "3d"
    time: str | None = None
    every: str = "1d"
    grace: str = "1d"
    lookback: str = "3d"
    stale_after: str | None = None
    stale: Literal["warn", "fallback"] = "warn"
    key: tuple[str, ...] = ()
    columns: dict[str, Column] = {}


class Slice(_Section, frozen=True):
    """A named subpopulation."""

    name: str
    where: str
    because: str = ""


class Metric(_Section, frozen=True):
    """A metric that each scorecard holds. Exactly one is primary."""

    name: str
    primary: bool = False


class Gate(_Section, frozen=True):
    """How much worse than the live version a candidate may be, per metric, and how sure we must be.

    A margin is in the metric's own unit. `slice_margins` hold within slices, and default to twice `margins`.
    """

    margins: dict[str, float] = {}
    slice_margins: dict[str, float] = {}
    confidence: float = 0.95
    least_rows: int = 200


class Ladder(_Section, frozen=True):
    """The rungs an idea climbs before it reaches the stages; `sample` trains on this share of the rows first."""

    rungs: tuple[Literal["sample", "full", "replay"], ...] = ("sample", "full", "replay")
    sample_share: float = 0.1


class StageRule(_Section, frozen=True):
    """What one stage asks instead of what `[release]` asks of all; what is not set stays as it is there."""

    least_answers: int | None = None
    least_outcomes: int | None = None
    longest_stay: str | None = None


class Release(_Section, frozen=True):
    """How a version goes up: bake times, least evidence, longest stay, and how much worse than live it may be.

    `replay` is how much logged traffic a version answers before it goes to shadow; `shadow` and `canary` are its bake
    times there. `least_answers` and `least_outcomes` hold at each stage, outcomes not at replay; `stages` says what one
    stage asks instead. Past `longest_stay` the verdict is unknown, and the version goes. The shares are of answers, in
    excess of the live version's: `max_error_share` of failed ones, and of those slower than `max_latency_ms`;
    `max_guardrail_share` of those that break a check on predictions. `max_shift` is how far its mean answer may lie
    from the live version's: in probability, or in standard deviations of a regression's answers. With `rule_out` a
    canary goes up once a mean loss so much greater than the live version's is ruled out. `false_rollbacks` is the
    chance, at most, that a version no worse is taken down over all looks at all measures of a stage.
    """

    canary_share: float = 0.1
    replay: str = "7d"
    shadow: str = "1d"
    canary: str = "2d"
    least_answers: int = 50
    least_outcomes: int = 500
    longest_stay: str = "14d"
    max_error_share: float = 0.01
    max_latency_ms: float = 200.0
    max_guardrail_share: float = 0.02
    max_shift: float = 0.1
    rule_out: float | None = None
    false_rollbacks: float = 0.05
    stages: dict[Literal["replay", "shadow", "canary"], StageRule] = {}


class Retrain(_Section, frozen=True):
    """When to retrain, and on what: the last `window` before the last `holdout`, which the gate judges on."""

    every: str = "7d"
    on: tuple[Literal["drift", "objective", "concept"], ...] = ("drift", "objective", "concept")
    cooldown: str = "3d"
    first_after: str = "28d"
    window: str = "90d"
    holdout: str = "7d"


class AlarmRule(_Section, frozen=True):
    """How one kind of alarm behaves: it alarms when `after` of the last `of` partitions broke; `off` never does.

    What is not set keeps the kind's own default.
    """

    severity: Literal["page", "note", "off"] | None = None
    after: int | None = None
    of: int | None = None


class Alarms(_Section, frozen=True):
    """How many pages a week people can bear: the level at which a fault pages is chosen so that history kept it.

    `rules` is by kind of alarm. A rule of which people's marks say, with 95 % confidence, that fewer than
    `demote_below` of its alarms are useful pages no more.
    """

    pages_per_week: int = 5
    false_alarm_rate: float = 0.02
    least_history: int = 20
    demote_below: float = 0.5
    rules: dict[str, AlarmRule] = {}


class Objective(_Section, frozen=True):
    """A service-level objective: each period's value of the metric must reach `target`.

    `budget` is the share of the last `window`'s rows that may lie in periods which do not.
    """

    name: str
    metric: str
    target: float
    window: str = "28d"
    budget: float = 0.1
    slice: str | None = None


class Store(_Section, frozen=True):
    """Where the ledger and the blobs are kept."""

    url: str = "sqlite:///.trivium/trivium.db"
    files: str = ".trivium"


class Serve(_Section, frozen=True):
    """How requests are answered, and what one client may ask of the server.

    A version that has not answered by `deadline_ms` falls back. `rate_per_s` counts the requests of one client, 0 does
    not; `queue` is how many rows may wait for the model before a request is told to come again. `log` says what an
    answer waits for: `os`, until the operating system holds its record, or `sync`, until the disk does. `keep_days`
    is how long the records are kept. Of the requests' private columns they hold what `private` says: a keyed `hash`, or
    nothing (`drop`). A worker that holds more than `max_memory_mb` is replaced by a new one; 0 lets all of them
    together hold four fifths of the machine's memory.
    """

    deadline_ms: float = 200.0
    max_body_bytes: int = 4_194_304
    max_rows: int = 1000
    max_depth: int = 16
    rate_per_s: float = 0.0
    queue: int = 1024
    max_memory_mb: int = 0
    log: Literal["os", "sync"] = "os"
    keep_days: int = 400
    private: Literal["hash", "drop"] = "hash"


class Review(_Section, frozen=True):
    """How long an answer waits for a person to look at it, and how long it is kept for the one who took it."""

    expires_after: str = "14d"
    lease: str = "15m"


class Engine(_Section, frozen=True):
    """What runs the steps."""

    kind: Literal["local"] = "local"


class Project(_Section, frozen=True):
    """A whole `trivium.toml`, decoded and checked for every name that can be checked without the code."""

    model: Model
    tables: dict[str, Table]
    outcomes: Outcomes | None = None
    checks: tuple[Check, ...] = ()
    slices: tuple[Slice, ...] = ()
    metrics: tuple[Metric, ...] = ()
    params: dict[str, dict[str, Any]] = {}
    gate: Gate = Gate()
    ladder: Ladder = Ladder()
    release: Release = Release()
    retrain: Retrain = Retrain()
    alarms: Alarms = Alarms()
    objectives: tuple[Objective, ...] = ()
    store: Store = Store()
    serve: Serve = Serve()
    review: Review = Review()
    engine: Engine = Engine()

    @property
    def requests(self) -> str:
        """The table whose rows are asked about: keyed by the row id alone, and not the outcomes' table."""
        return next(iter(request_tables(self)))

    @property
    def parents_first(self) -> list[str]:
        """The tables, each after those that its columns reference: the order in which they are collected."""
        return parents_first({name: table.columns for name, table in self.tables.items()})

    @property
    def entity(self) -> str:
        """The column that says whom a request is about."""
        return self.model.entity or self.model.row_id

    @property
    def primary(self) -> str:
        """The name of the primary metric."""
        return next(metric.name for metric in self.metrics if metric.primary)

    @property
    def label_delay(self) -> timedelta:
        """How long an outcome may take; later than this it is overdue."""
        return span(self.model.label_delay)


def request_tables(project: Project) -> list[str]:
    """List the tables that could hold the rows that are asked about; a sound project has one."""
    outcomes = project.outcomes.table if project.outcomes else None
    return [
        name
        for name, table in project.tables.items()
        if table.key == (project.model.row_id,) and table.time == project.model.time and name != outcomes
    ]


def read_project(text: str) -> Project:
    """Decode a project file.

    Raises:
        ProjectError: all problems found, not the first alone: TV-PROJ-001 the text is no TOML, -002 an unknown key,
            -003 a missing or mistyped value, -004 an unknown name, -005 a rule between settings is broken,
            -006 a length of time.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(
            Problem(
                code="TV-PROJ-001",
                what="trivium.toml is not TOML",
                where=WHERE,
                seen=str(error),
                fix="correct the line that the message names",
            )
        ) from None
    # The rules are about these values, so their module reads this one first.
    from trivium.core.project_rules import broken_rules

    problems = list(_unknown_keys(raw, Project, WHERE))
    if problems:
        raise ProjectError(*problems)
    try:
        project = msgspec.convert(raw, Project)
    except msgspec.ValidationError as error:
        raise ProjectError(
            Problem(
                code="TV-PROJ-003",
                what="a setting is missing or of the wrong type",
                where=WHERE,
                seen=str(error),
                fix="correct the setting that the message names; $ is the whole file",
            )
        ) from None
    problems = broken_rules(project)
    if problems:
        raise ProjectError(*problems)
    return project


def _unknown_keys(raw: Any, kind: Any, where: str) -> list[Problem]:
    """Walk the text beside the types, so that every unknown key is found at once."""
    found: list[Problem] = []
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(raw, dict):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        for key, value in raw.items():
            if key in fields:
                found += _unknown_keys(value, fields[key], f"{where}, {key}" if kind is Project else f"{where}.{key}")
            else:
                found.append(unknown_name("TV-PROJ-002", "key", key, list(fields), where=where))
        return found
    inner = [arg for arg in get_args(kind) if isinstance(arg, type) and issubclass(arg, msgspec.Struct)]
    if inner and isinstance(raw, dict) and getattr(kind, "__origin__", None) is dict:
        for key, value in raw.items():
            found += _unknown_keys(value, inner[0], f"{where}.{key}")
    elif inner and isinstance(raw, list):
        for place, value in enumerate(raw):
            name = value.get("name", place + 1) if isinstance(value, dict) else place + 1
            found += _unknown_keys(value, inner[0], f"{where} {name!r}")
    elif inner and isinstance(raw, dict):
        found += _unknown_keys(raw, inner[0], where)
    return found
