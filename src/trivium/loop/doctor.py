"""Doctor: every problem of project, code, files, store and environment in one report."""

from collections.abc import Callable
from functools import partial

from trivium.core.expressions.parse import check_types, parse
from trivium.core.problems import Problem, TriviumError
from trivium.core.project import WHERE, Project
from trivium.loop.judge import metrics_of
from trivium.loop.project_source import ProjectSource
from trivium.loop.workspace import Workspace


def examine(open_project: Callable[[], Workspace]) -> dict[str, list[Problem]]:
    """Look at each part in turn; what a part cannot be looked at without another is left for when that is mended.

    Returns:
        The problems found, by part.
    """
    report: dict[str, list[Problem]] = {
        "project file": [],
        "expressions": [],
        "contracts": [],
        "code": [],
        "metrics": [],
        "sources": [],
        "store": [],
    }
    opened: list[Workspace] = []
    report["store"] += _found(lambda: opened.append(open_project()))
    if not opened:
        return _sorted_out(report)
    ws = opened[0]
    report["project file"] += _found(lambda: ws.project)
    if report["project file"]:
        return report
    report["expressions"] += _expressions(ws.project)
    report["contracts"] += _contracts(ws) if not report["expressions"] else []
    report["code"] += _found(lambda: ws.code)
    if not report["code"]:
        report["metrics"] += _found(lambda: metrics_of(ws))
    source = ProjectSource(ws)
    report["sources"] += [problem for name in ws.project.tables for problem in source.reach(name)]
    return report


def _sorted_out(report: dict[str, list[Problem]]) -> dict[str, list[Problem]]:
    """Put what stopped the store from opening under the part it is about."""
    found, report["store"] = report["store"], []
    for problem in found:
        report["store" if problem.code.startswith("TV-STORE") else "project file"].append(problem)
    return report


def _found(look: Callable[[], object]) -> list[Problem]:
    try:
        look()
    except TriviumError as error:
        return list(error.problems)
    return []


def _expressions(project: Project) -> list[Problem]:
    """Parse every expression of the project, and hold it to the columns of the table it is about."""
    found: list[Problem] = []
    requests = _types(project, project.requests)
    texts = [(part.where, f"{WHERE}, slices {part.name!r}", requests) for part in project.slices]
    for check in project.checks:
        types = requests if check.on in ("request", "prediction") else _types(project, check.on)
        types = {**types, "prediction": "float"} if types and check.on == "prediction" else types
        for key, text in check.expressions.items():
            where = f"{WHERE}, checks {check.name!r}" + ("" if key == "must" else f", {key}")
            texts.append((text, where, types))
    if project.outcomes:
        texts.append((project.outcomes.label, f"{WHERE}, outcomes", _types(project, project.outcomes.table)))
    for text, where, types in texts:
        wrong = _found(partial(parse, text, where=where))
        if types and not wrong:
            wrong = _found(partial(_typed, text, types, where))
        found += wrong
    return found


def _contracts(ws: Workspace) -> list[Problem]:
    """Make every table's rules, on no rows."""
    from trivium.data.checks import rules
    from trivium.loop.beside import no_values

    found: list[Problem] = []
    for name, table in ws.project.tables.items():
        found += _found(
            partial(
                rules,
                table,
                ws.project.checks,
                name=name,
                at=ws.clock.now(),
                references=no_values(table),
            )
        )
    return found


def _typed(text: str, types: dict[str, str], where: str) -> None:
    check_types(parse(text, where=where), types, where=where)


def _types(project: Project, table: str) -> dict[str, str]:
    return {name: column.type for name, column in project.tables[table].columns.items()}
