"""`rehearse`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.cli.door import Answer, workspace, write_page
from trivium.cli.layout import pairs
from trivium.cli.layout import table as lay_out
from trivium.cli.options import From, between
from trivium.cli.progress import Shown, ticks_bar

if TYPE_CHECKING:
    from trivium.loop.rehearse import Progress


def rehearse(
    *,
    name: str = "rehearsal",
    from_: From = None,
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
    from trivium.core.values import span
    from trivium.loop.rehearse import Plan
    from trivium.loop.rehearse import rehearse as run

    start, until = between(from_, to)
    plan = Plan(
        name=name,
        start=start,
        until=until,
        step=span(step, where="--step") if step else None,
        faults=faults,
        seed=seed,
        resume=resume,
    )
    with ticks_bar(_where) as progress:
        document = run(workspace(), plan, progress=progress, clock=time.perf_counter)
    if report is not None:
        from trivium.web.report import render

        write_page(report, render(document))
    return Answer(document, list(_shown(document, report)))


def _where(at: "Progress") -> Shown:
    live = at.live or "heuristic"
    words = f"{at.at:%Y-%m-%d}  live {live:<9}  {at.alarms} alarms, {at.incidents} open incidents"
    return at.done, at.ticks, words


def _shown(found: dict[str, Any], report: Path | None) -> Iterator[Any]:
    year = found["year"]
    refused = [v for v in found["versions"] if v["verdict"] == "fail"]
    yield pairs(
        f"Rehearsal {found['name']!r}: {found['from'][:10]} to {found['to'][:10]}", _counts(found, len(refused))
    )
    yield lay_out(
        f"Since the first version was live, {year['rows']:,} rows",
        ("metric", "what was served", "heuristic", "first version, never retrained"),
        [(m, v["live"], v["heuristic"], v["first"]) for m, v in year["per_metric"].items()],
    )
    yield lay_out(
        "Rows",
        ("table", "read", "= committed", "+ quarantined", "+ refused"),
        [(t, v["read"], v["committed"], v["quarantined"], v["refused"]) for t, v in found["tables"].items()],
    )
    yield _faults(found["faults"]) if found["faults"] else "no faults were injected"
    summary = {name.replace("_", " "): value for name, value in found["summary"].items()}
    yield pairs("Alarms", {"alarms": len(found["alarms"]), **summary})
    if refused:
        yield f"refused, for one: {refused[0]['ref']}: {'; '.join(refused[0]['reasons'][:2])}"
    if report is not None:
        yield f"report: {report}"


def _counts(found: Mapping[str, Any], refused: int) -> dict[str, Any]:
    return {
        "ticks": found["ticks"],
        "rows answered": found["rows"],
        "wall seconds": found["wall_s"],
        "versions": len(found["versions"]),
        "refused by the gate": refused,
        "rollbacks": found["summary"]["rollbacks"],
        "answers looked at for skew": found["skew"]["compared"],
        "answers with skew": found["skew"]["skewed"],
        "refused for skew": found["skew"]["refused"],
    }


def _faults(faults: Sequence[Mapping[str, Any]]) -> Any:
    rows = [
        (f["id"], f["table"], f["column"], f["from"][:10], f["caught_at"] and f["caught_at"][:10], f["caught_by"])
        for f in faults
    ]
    return lay_out("Faults", ("fault", "table", "column", "from", "caught", "by"), rows)
