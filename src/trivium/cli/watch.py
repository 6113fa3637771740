"""`tick` and `watch`."""

from pathlib import Path
from typing import TYPE_CHECKING

from trivium.cli.door import Answer, pairs, workspace, write_page
from trivium.cli.door import table as lay_out
from trivium.core.problems import Problem, ProjectError

if TYPE_CHECKING:
    from trivium.loop.workspace import Workspace


def tick(*, because: str = "") -> Answer:
    """Do whatever is due now, once: collect, answer, score, watch, respond.

    Parameters
    ----------
    because
        Why by hand, for the ledger.
    """
    from trivium.loop.project_source import ProjectSource
    from trivium.loop.tick import tick as tick_once

    ws = workspace()
    done = tick_once(ws, source=ProjectSource(ws), because=because)
    counts = done.counts()
    return Answer(
        {
            "events": counts,
            "spent_s": {name: round(s, 3) for name, s in done.spent_s.items()},
            "live": ws.state.route.live,
        },
        [pairs("Done", counts) if counts else "nothing was due"],
    )


def watch(what: str, /, *, last: int = 14, report: Path | None = None) -> Answer:
    """Show a table's partitions beside their history, or the live model's scores and objectives over time.

    Parameters
    ----------
    what
        A table, or `live`.
    last
        How many of the latest periods to show.
    report
        Where to write a table's whole life as pictures, one HTML file.
    """
    from trivium.loop.collect import known_table

    ws = workspace()
    if what == "live":
        if report is not None:
            raise ProjectError(_drawn_of_tables(ws))
        return _live(ws, last)
    known_table(ws, what)
    if report is not None:
        from trivium.loop.table_picture import table_picture
        from trivium.web.table_report import render

        write_page(report, render(table_picture(ws, what)))
    return _table(ws, what, last, report)


def _drawn_of_tables(ws: "Workspace") -> Problem:
    return Problem(
        code="TV-CLI-013",
        what="a report is drawn of a table, not of the live model",
        where="command line",
        seen="live --report",
        fix=f"name one of the tables: {', '.join(ws.project.tables)}",
    )


def _live(ws: "Workspace", last: int) -> Answer:
    from trivium.loop.scores import live_report

    report = live_report(ws, last=last)
    names = [metric.name for metric in ws.project.metrics]
    told = ("name", "verdict", "value", "target", "spent", "burning", "rows")
    objectives = [tuple(objective[key] for key in told) for objective in report["objectives"]]
    scores = [
        (p["partition"], p["live"], p["rows"], p["overdue"], *(p["metrics"][name]["all"] for name in names))
        for p in report["periods"]
    ]
    return Answer(
        report,
        [
            lay_out("Objectives", ("objective", *told[1:]), objectives),
            lay_out("Scores of what was served", ("period", "live", "rows", "overdue", *names), scores),
        ],
        exit_code=1 if any(objective["verdict"] == "missed" for objective in report["objectives"]) else 0,
    )


def _table(ws: "Workspace", name: str, last: int, page: Path | None) -> Answer:
    from trivium.loop.table_history import table_report

    report = table_report(ws, name, last=last)
    told = ("partition", "read", "committed", "quarantined", "refused", "verdict", "score", "threshold", "moved")
    rows = [tuple(partition[key] for key in told) for partition in report["partitions"]]
    shown = [lay_out(f"{name}, latest partitions", told, rows)]
    return Answer(report, [*shown, f"report: {page}"] if page else shown)
