"""`tick` and `watch`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.cli.door import Answer, workspace, write_page
from trivium.cli.layout import pairs
from trivium.cli.layout import table as lay_out
from trivium.cli.options import Count
from trivium.cli.review import counted
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
    from trivium.loop.tidy import tidy

    ws = workspace()
    tidy(ws)
    done = tick_once(ws, source=ProjectSource(ws), because=because)
    counts = done.counts()
    moved = [
        {
            "version": event.subject,
            "stage": event.body["stage"],
            "verdict": event.body.get("verdict"),
            "because": event.because,
        }
        for event in done.events
        if event.kind == "staged"
    ]
    return Answer(
        {
            "events": counts,
            "spent_s": {name: round(s, 3) for name, s in done.spent_s.items()},
            "live": ws.state.route.live,
            "moved": moved,
        },
        [
            pairs("Done", counts) if counts else "nothing was due",
            *(f"{m['version']} {m['verdict'] or 'moved'}, to {m['stage']}: {m['because']}" for m in moved),
        ],
    )


def watch(what: str, /, *, last: Count = 14, report: Path | None = None) -> Answer:
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
    from trivium.loop.live_history import live_report

    report = live_report(ws, last=last)
    missed = any(objective["verdict"] == "missed" for objective in report["objectives"])
    return Answer(report, list(_live_tables(ws, report)), exit_code=1 if missed else 0)


def _live_tables(ws: "Workspace", report: dict[str, Any]) -> Iterator[Any]:
    names = [metric.name for metric in ws.project.metrics]
    told = ("name", "verdict", "value", "target", "missed", "periods", "spent", "burning")
    objectives = [tuple(objective[key] for key in told) for objective in report["objectives"]]
    yield lay_out("Objectives", ("objective", *told[1:]), objectives)
    primary = ws.project.primary
    scores = [
        (
            *(p[key] for key in ("partition", "live", "rows", "overdue")),
            f"{p['arrived']:.0%}",
            _within(p["metrics"][primary]["all"], *p["intervals"][primary]["all"]),
            _stated(p["estimated"][primary]["all"]) if primary in p["estimated"] else None,
            *(p["metrics"][name]["all"] for name in names if name != primary),
        )
        for p in report["periods"]
    ]
    others = (name for name in names if name != primary)
    columns = ("period", "live", "rows", "overdue", "arrived", primary, "estimated before", *others)
    yield lay_out("Scores of what was served", columns, scores)
    for title, key in (("By version, over these periods", "version"), ("By slice, over these periods", "slice")):
        rows = [
            (row[key], *(_within(*(row["metrics"][name][end] for end in ("value", "low", "high"))) for name in names))
            for row in report[f"{key}s"]
        ]
        yield lay_out(title, (key, *names), rows)
    waiting = [(one["partition"], _stated(one["estimated"].get(primary, {}).get("all"))) for one in report["waiting"]]
    yield lay_out("Waiting for outcomes", ("period", f"{primary} estimated"), waiting)
    yield f"Estimates of {primary}: {_record(report['estimates'][primary]['all'])}"
    yield f"Review: {counted(report['review'])}"


def _within(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if low is None or high is None else f"{value:.4g} ({low:.3g} to {high:.3g})"


def _stated(said: dict[str, Any] | None) -> str:
    """Write an estimate with its own error; unknown is said, not left out."""
    if said is None:
        return "unknown: too few scored periods"
    error = f"± {said['error']:.2g}" if said["error"] is not None else "± unknown"
    return f"{said['value']:.4g} {error}"


def _record(record: dict[str, Any]) -> str:
    if not record["periods"]:
        return "none has met its labels yet"
    bias = f"too high by {record['bias']:.2g}" if record["bias"] > 0 else f"too low by {-record['bias']:.2g}"
    return (
        f"within their stated error in {record['within']} of {record['stated']} periods, on average {bias}; they see "
        "harm that comes from which rows are asked about, and are blind to a concept shift"
    )


def _table(ws: "Workspace", name: str, last: int, page: Path | None) -> Answer:
    from trivium.loop.table_history import table_report

    report = table_report(ws, name, last=last)
    told = ("partition", "read", "committed", "quarantined", "refused", "verdict", "score", "threshold", "moved")
    rows = [tuple(partition[key] for key in told) for partition in report["partitions"]]
    shown = [lay_out(f"{name}, latest partitions", told, rows)]
    return Answer(report, [*shown, f"report: {page}"] if page else shown)
