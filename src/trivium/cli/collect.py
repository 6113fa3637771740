"""`collect`."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.cli.door import MEANT, Answer, console, workspace
from trivium.cli.layout import table as lay_out

if TYPE_CHECKING:
    from trivium.core.events import Event
    from trivium.loop.collect import Account

SHOWN = 10


def collect(name: str | None = None, files: list[Path] | None = None, /, *, because: str = "") -> Answer:
    """Collect what is new: read, check, summarise, and commit, quarantine or refuse.

    Parameters
    ----------
    name
        One table; all of the project when left out.
    files
        Files to collect into it, whatever its source is.
    because
        Why, for the ledger.
    """
    from trivium.loop.collect import Account, collect_files, known_table
    from trivium.loop.collect import collect as collect_table
    from trivium.loop.lateness import note_late
    from trivium.loop.project_source import ProjectSource
    from trivium.loop.tidy import tidy

    ws = workspace()
    if name is not None:
        known_table(ws, name)
    tidy(ws)
    began = time.perf_counter()
    events: list[Event] = []
    with _bar() as told:
        account = Account(told)
        if name is not None and files:
            events += collect_files(ws, name, files, because=because, account=account)
        else:
            source = ProjectSource(ws)
            for each in [name] if name else ws.project.parents_first:
                account.now = each
                events += collect_table(ws, each, source=source, because=because, account=account)
                events += note_late(ws, each)
    return _answer(events, account, seconds=time.perf_counter() - began)


@contextmanager
def _bar() -> "Iterator[Callable[[Account], None]]":
    """Show rows and rows per second on a terminal; elsewhere, and with --json, nothing."""
    out = console(stderr=True)
    if not out.is_terminal or MEANT.get().json:
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    shown = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"), TimeElapsedColumn())
    with Progress(*shown, console=out, transient=True) as progress:
        bar = progress.add_task("collecting", total=None, rows="")
        began = time.perf_counter()

        def told(account: "Account") -> None:
            read = sum(counts["read"] for counts in account.tables.values())
            rate = read / max(time.perf_counter() - began, 1e-3)
            progress.update(bar, description=account.now or "collecting", rows=f"{read:,} rows, {rate:,.0f} a second")

        yield told


def _answer(events: "Sequence[Event]", account: "Account", *, seconds: float) -> Answer:
    done = [event for event in events if event.kind in ("collected", "refused")]
    for event in done:
        account.count(event.subject)
    refused = [event for event in done if event.kind == "refused"]
    tables = dict(sorted(account.tables.items()))
    document: dict[str, Any] = {
        "tables": tables,
        "partitions": [
            {
                "table": event.subject,
                "partition": event.body["partition"],
                "kind": event.kind,
                "problems": event.body["problems"],
                "changes": event.body.get("changes"),
            }
            for event in done
        ],
        "rows_per_second": round(sum(counts["read"] for counts in tables.values()) / max(seconds, 1e-3)),
        "seconds": round(seconds, 3),
    }
    shown = [_summed(done, tables) if done else "nothing new", *_corrected(done)]
    shown += [
        f"refused: {event.subject} {event.body['partition']}: {event.body['problems'][0]['code']} "
        f"{event.body['problems'][0]['what']}"
        for event in refused[:SHOWN]
    ]
    return Answer(document, [*shown, closing_line(tables, seconds=seconds)], exit_code=1 if refused else 0)


def _summed(done: "Sequence[Event]", tables: dict[str, dict[str, int]]) -> Any:
    kinds = [kind for kind in ("unchanged", "waiting") if any(kind in counts for counts in tables.values())]
    kinds = ["committed", "quarantined", "refused", *kinds]
    rows = [
        (name, sum(event.subject == name for event in done), counts["read"], *(counts.get(kind, 0) for kind in kinds))
        for name, counts in tables.items()
    ]
    signs = [f"{'+' if place else '='} {kind}" for place, kind in enumerate(kinds)]
    return lay_out("Collected", ("table", "partitions", "read", *signs), rows)


def _corrected(done: "Sequence[Event]") -> list[str]:
    """Tell of each partition that replaced an earlier form of itself what changed."""
    found = [event for event in done if event.body.get("changes") is not None]
    lines = [f"again: {event.subject} {event.body['partition']}: {in_words(event.body['changes'])}" for event in found]
    left = len(lines) - SHOWN
    return lines[:SHOWN] + ([f"and {left} more; `trivium table TABLE --history` lists all"] if left > 0 else [])


def in_words(changes: dict[str, Any]) -> str:
    """Say what changed in a partition, such as `3 rows added, 60 changed (distance: 60)`."""
    parts = [f"{changes[f'rows_{kind}']:,} rows {kind}" for kind in ("added", "removed") if changes[f"rows_{kind}"]]
    if changes["rows_changed"]:
        columns = ", ".join(f"{column}: {rows:,}" for column, rows in changes["columns"].items())
        parts.append(f"{changes['rows_changed']:,} rows changed ({columns})")
    parts += [
        f"column{'s' if len(changes[f'columns_{kind}']) > 1 else ''} {kind}: {', '.join(changes[f'columns_{kind}'])}"
        for kind in ("added", "removed")
        if changes[f"columns_{kind}"]
    ]
    return "; ".join(parts) or "the same rows"


def closing_line(tables: dict[str, dict[str, int]], *, seconds: float) -> str:
    """Account for every row in one line, such as `60 rows read = 58 committed + 2 quarantined + 0 refused; …`."""
    total = Counter[str]()
    for counts in tables.values():
        total.update(counts)
    read = total["read"]
    parts = [f"{total[kind]:,} {kind}" for kind in ("committed", "quarantined", "refused")]
    parts += [f"{total[kind]:,} {kind}" for kind in ("unchanged", "waiting") if total[kind]]
    return f"{read:,} rows read = {' + '.join(parts)}; {seconds:.1f} s, {read / max(seconds, 1e-3):,.0f} rows a second"
