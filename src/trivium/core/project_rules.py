"""What a project file's settings owe each other: names that exist, one primary metric, one source a table.

Not about types and keys: `project.read_project` has held the text to those before.
"""

from trivium.core.alarms import KINDS, MOST_OF
from trivium.core.contract_rules import broken_contracts
from trivium.core.problems import Problem, ProjectError, unknown_name
from trivium.core.project import WHERE, Alarms, Project, Release, Serve, request_tables
from trivium.core.values import span


def _rule(what: str, fix: str, seen: str = "", where: str = WHERE) -> Problem:
    return Problem(code="TV-PROJ-005", what=what, where=where, seen=seen, fix=fix)


def broken_rules(project: Project) -> list[Problem]:
    """Find every broken rule (TV-PROJ-005), unknown name (-004) and unreadable length of time (-006) at once."""
    found: list[Problem] = []
    requests = request_tables(project)
    if len(requests) != 1:
        found.append(
            _rule(
                "one table, and no more, must hold the rows that are asked about",
                f"give one table, besides that of the outcomes, key = [{project.model.row_id!r}] and "
                f"time = {project.model.time!r}",
                seen=", ".join(requests) or "no such table",
            )
        )
    if project.model.task == "multiclass":
        found.append(_rule("multiclass models are not supported yet", "set model.task to binary or regression"))
    if sum(metric.primary for metric in project.metrics) != 1:
        found.append(_rule("one metric, and no more, must be primary", "set primary = true on one [[metrics]] entry"))
    if project.outcomes and not 0 < project.outcomes.mature <= 1:
        found.append(_rule("outcomes.mature must lie between 0 and 1", "write a share, such as 0.95; 1 waits for all"))
    found += _private_ids(project, requests)
    found += _unknown_tables(project)
    found += _unknown_entity(project, requests)
    found += _bad_sources(project)
    found += broken_contracts(
        {name: table.columns for name, table in project.tables.items()},
        project.checks,
        times={name: table.time for name, table in project.tables.items()},
    )
    for kind, names in (
        ("check", [check.name for check in project.checks]),
        ("slice", [part.name for part in project.slices]),
        ("metric", [metric.name for metric in project.metrics]),
        ("objective", [objective.name for objective in project.objectives]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        found += [_rule(f"two entries are the {kind} {name!r}", f"rename one {kind}", seen=name) for name in twice]
    found += [
        _rule(
            f"the table {name!r} has no time, so nobody can tell how fresh it is",
            "give it a time, or remove stale_after",
            where=f"{WHERE}, tables.{name}.stale_after",
        )
        for name, table in project.tables.items()
        if table.stale_after is not None and table.time is None
    ]
    found += [*_bad_limits(project.serve), *_bad_release(project.release)]
    return [*found, *_bad_alarms(project.alarms), *_bad_shares(project), *_bad_spans(project)]


def _bad_limits(serve: Serve) -> list[Problem]:
    """Find limits of the server with which it could answer nobody."""
    least = {"deadline_ms": 1, "max_body_bytes": 1, "max_rows": 1, "max_depth": 4, "queue": 1, "keep_days": 1}
    low = [(name, low) for name, low in least.items() if getattr(serve, name) < low]
    low += [("rate_per_s", 0)] * (serve.rate_per_s < 0)
    return [
        _rule(
            f"serve.{name} is below {low}",
            f"write {low} or more, or leave the line out",
            seen=str(getattr(serve, name)),
            where=f"{WHERE}, serve",
        )
        for name, low in low
    ]


def _bad_release(release: Release) -> list[Problem]:
    """Find limits below nothing: evidence, shift, latency, and harm that is to be ruled out."""
    names = ("least_answers", "least_outcomes", "max_shift", "max_latency_ms", "rule_out")
    given = {f"release.{name}": getattr(release, name) for name in names}
    for stage, rule in release.stages.items():
        given |= {f"release.stages.{stage}.{name}": getattr(rule, name) for name in ("least_answers", "least_outcomes")}
    return [
        _rule(f"{name} is below 0", "write 0 or more, or leave the line out", seen=str(value), where=f"{WHERE}, {name}")
        for name, value in given.items()
        if value is not None and value < 0
    ]


def _private_ids(project: Project, requests: list[str]) -> list[Problem]:
    """Find a row id or a time that is private: outcomes join on the one, periods are cut by the other."""
    return [
        _rule(
            f"{column!r} names a row or its time, and cannot be private",
            "leave private out, and give rows an id that tells nothing of a person",
            where=f"{WHERE}, tables.{name}.columns.{column}",
        )
        for name in requests
        for column in (project.model.row_id, project.model.time)
        if column in project.tables[name].columns and project.tables[name].columns[column].private
    ]


def _bad_sources(project: Project) -> list[Problem]:
    """Find tables whose rows come from nowhere or from two places, and URLs without a query or the other way round."""
    found = []
    for name, table in project.tables.items():
        where = f"{WHERE}, tables.{name}"
        given = [key for key in ("files", "sql") if getattr(table, key) is not None] + ["push"] * table.push
        if len(given) != 1:
            found.append(
                _rule(
                    f"the rows of table {name!r} must come from one source, and no more",
                    "give one of files = PATTERN, sql = QUERY with url, or push = true",
                    seen=", ".join(given) or "no source",
                    where=where,
                )
            )
        elif (table.sql is None) != (table.url is None):
            found.append(_rule("sql and url go together", "give both, or neither", seen=given[0], where=where))
    return found


def _unknown_entity(project: Project, requests: list[str]) -> list[Problem]:
    """Find an entity that is no column of the requests' contract, where that names its columns."""
    columns = list(project.tables[requests[0]].columns) if requests else []
    if not columns or project.entity in (*columns, project.model.row_id):
        return []
    return [unknown_name("TV-PROJ-004", "column", project.entity, columns, where=f"{WHERE}, model.entity")]


def _unknown_tables(project: Project) -> list[Problem]:
    found = []
    tables = list(project.tables)
    if project.outcomes and project.outcomes.table not in tables:
        found.append(unknown_name("TV-PROJ-004", "table", project.outcomes.table, tables, where=f"{WHERE}, outcomes"))
    metrics = [metric.name for metric in project.metrics]
    slices = [part.name for part in project.slices]
    for objective in project.objectives:
        where = f"{WHERE}, objectives {objective.name!r}"
        if objective.metric not in metrics:
            found.append(unknown_name("TV-PROJ-004", "metric", objective.metric, metrics, where=where))
        if objective.slice is not None and objective.slice not in slices:
            found.append(unknown_name("TV-PROJ-004", "slice", objective.slice, slices, where=where))
    for name in (*project.gate.margins, *project.gate.slice_margins):
        if name not in metrics:
            found.append(unknown_name("TV-PROJ-004", "metric", name, metrics, where=f"{WHERE}, gate"))
    return found


def _bad_alarms(alarms: Alarms) -> list[Problem]:
    """Find rules about kinds of alarm that there are not, m of n that cannot be, and a budget below nothing."""
    found = []
    if alarms.pages_per_week < 0:
        where = f"{WHERE}, alarms.pages_per_week"
        found.append(_rule("a budget of pages cannot be negative", "write 0 or more", where=where))
    for name, rule in alarms.rules.items():
        where = f"{WHERE}, alarms.rules.{name}"
        if name not in KINDS:
            found.append(unknown_name("TV-PROJ-004", "kind of alarm", name, list(KINDS), where=where))
        elif not 1 <= (1 if rule.after is None else rule.after) <= (rule.of or MOST_OF) <= MOST_OF:
            seen = f"after = {rule.after}, of = {rule.of}"
            fix = f"write 1 <= after <= of <= {MOST_OF}"
            found.append(_rule("an alarm after m of n partitions needs m of at most n", fix, seen=seen, where=where))
    return found


def _bad_shares(project: Project) -> list[Problem]:
    shares = {
        "gate.confidence": project.gate.confidence,
        "ladder.sample_share": project.ladder.sample_share,
        "release.canary_share": project.release.canary_share,
        "release.max_error_share": project.release.max_error_share,
        "release.max_guardrail_share": project.release.max_guardrail_share,
        "release.false_rollbacks": project.release.false_rollbacks,
        "alarms.false_alarm_rate": project.alarms.false_alarm_rate,
        **{f"objectives {objective.name!r}.budget": objective.budget for objective in project.objectives},
        "alarms.demote_below": project.alarms.demote_below,
    }
    return [
        _rule(
            f"{name} must lie between 0 and 1", "write a share, such as 0.1", seen=str(value), where=f"{WHERE}, {name}"
        )
        for name, value in shares.items()
        if not 0 < value < 1
    ]


def _bad_spans(project: Project) -> list[Problem]:
    texts = {"model.label_delay": project.model.label_delay}
    for name, table in project.tables.items():
        texts |= {f"tables.{name}.every": table.every, f"tables.{name}.grace": table.grace}
        texts |= {f"tables.{name}.lookback": table.lookback, f"tables.{name}.revisit": table.revisit}
        texts |= {f"tables.{name}.stale_after": table.stale_after} if table.stale_after is not None else {}
    for section, keys in (
        (project.release, ("replay", "shadow", "canary", "longest_stay")),
        (project.review, ("expires_after", "lease")),
        (project.retrain, ("every", "cooldown", "first_after", "window", "holdout")),
    ):
        texts |= {f"{type(section).__name__.lower()}.{key}": getattr(section, key) for key in keys}
    texts |= {
        f"release.stages.{name}.longest_stay": rule.longest_stay
        for name, rule in project.release.stages.items()
        if rule.longest_stay is not None
    }
    texts |= {f"objectives {objective.name!r}.window": objective.window for objective in project.objectives}
    found: list[Problem] = []
    for name, text in texts.items():
        try:
            span(text, where=f"{WHERE}, {name}")
        except ProjectError as error:
            found += error.problems
    return found
