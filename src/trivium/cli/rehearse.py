"""`rehearse`."""

import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trivium.cli.door import Answer, console, pairs, workspace, write_page
from trivium.cli.door import table as lay_out


def rehearse(
    *,
    name: str = "rehearsal",
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    step: str | None = None,
    faults: str = "standard",
    seed: int = 0,
    report: Path | None = None,
    resume: bool = False,
) -> Answer:
    """Run the whole loop over your own history under a virtual clock, with faults on the way.

    Parameters
    ----------
    name
        What to call it; a rehearsal of that name is replaced.
    from_
        Where in the history to start; its beginning when left out.
    to
        Where to stop; its end when left out.
    step
        Time between ticks, such as 1d; a partition of the requests' table when left out.
    faults
        A fault file, `standard` or `none`.
    seed
        Decides the standard faults, and which rows each fault strikes.
    report
        Where to write the report, one HTML file.
    resume
        Go on after an interruption.
    """
    from trivium.core.values import moment, span
    from trivium.loop.rehearse import Plan
    from trivium.loop.rehearse import rehearse as run

    plan = Plan(
        name=name,
        start=moment(from_) if from_ else None,
        until=moment(to) if to else None,
        step=span(step, where="--step") if step else None,
        faults=faults,
        seed=seed,
        resume=resume,
    )
    with _bar() as progress:
        document = run(workspace(), plan, progress=progress, clock=time.perf_counter)
    if report is not None:
        from trivium.web.report import render

        write_page(report, render(document))
    return Answer(document, _shown(document, report))


class _bar:  # noqa: N801 - a context manager, read as a word
    """A progress bar on standard error that says what is live."""

    def __enter__(self) -> "_bar":
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        out = console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(),
            console=out,
            disable=not out.is_terminal,
        )
        self._progress.start()
        self._task = self._progress.add_task("reading the history", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, where: Any) -> None:
        live = where.live or "heuristic"
        self._progress.update(
            self._task,
            completed=where.done,
            total=where.ticks,
            description=f"{where.at:%Y-%m-%d}  live {live:<9}  {where.alarms} alarms, {where.incidents} open incidents",
        )


def _shown(found: dict[str, Any], report: Path | None) -> list[Any]:
    year = found["year"]
    refused = [v for v in found["versions"] if v["verdict"] == "fail"]
    shown: list[Any] = [
        pairs(
            f"Rehearsal {found['name']!r}: {found['from'][:10]} to {found['to'][:10]}",
            {
                "ticks": found["ticks"],
                "rows answered": found["rows"],
                "wall seconds": found["wall_s"],
                "versions": len(found["versions"]),
                "refused by the gate": len(refused),
                "rollbacks": found["summary"]["rollbacks"],
            },
        ),
        lay_out(
            f"Since the first version was live, {year['rows']:,} rows",
            ("metric", "what was served", "heuristic", "first version, never retrained"),
            [(m, v["live"], v["heuristic"], v["first"]) for m, v in year["per_metric"].items()],
        ),
        lay_out(
            "Rows",
            ("table", "read", "= committed", "+ quarantined", "+ refused"),
            [(t, v["read"], v["committed"], v["quarantined"], v["refused"]) for t, v in found["tables"].items()],
        ),
        lay_out(
            "Faults",
            ("fault", "table", "column", "from", "caught", "by"),
            [
                (
                    f["id"],
                    f["table"],
                    f["column"],
                    f["from"][:10],
                    f["caught_at"] and f["caught_at"][:10],
                    f["caught_by"],
                )
                for f in found["faults"]
            ],
        )
        if found["faults"]
        else "no faults were injected",
        pairs(
            "Alarms", {"alarms": len(found["alarms"]), **{k.replace("_", " "): v for k, v in found["summary"].items()}}
        ),
    ]
    if refused:
        shown.append(f"refused, for one: {refused[0]['ref']}: {'; '.join(refused[0]['reasons'][:2])}")
    if report is not None:
        shown.append(f"report: {report}")
    return shown
