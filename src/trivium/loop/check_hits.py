"""Check hits: how often each check of the project was broken, period by period, and which want a look.

Counted from what was decided: the partitions of each table, the sealed answers, and what servers of this machine have
logged since. Rows are not looked at again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from trivium.core.events import Event
from trivium.core.problems import ProjectError, unknown_name
from trivium.core.project import Project
from trivium.core.values import EPOCH, iso, moment
from trivium.loop.beside import no_values
from trivium.loop.log_book import SERVED
from trivium.loop.unsealed import Fresh, unsealed
from trivium.loop.workspace import Workspace

# A check that more rows break is no exception any more: either the world has changed, or the check is wrong. A rule on
# partitions is held to a larger share, for there are few of them.
OFTEN = {"row": 0.05, "partition": 0.2}
SOON = timedelta(days=30)
_REQUESTS = ("request", "prediction")


@dataclass
class Period:
    """What was held to checks in one period: how many rows, and how many of them broke each."""

    start: datetime
    rows: int = 0
    hits: Counter[str] = field(default_factory=Counter)

    def add(self, rows: int, hits: Mapping[str, int]) -> None:
        """Count more rows of the period."""
        self.rows += rows
        self.hits.update(hits)


Periods = dict[str, Period]


def checks_report(ws: Workspace, *, on: str | None = None, last: int) -> dict[str, Any]:
    """Tell every check of the project: what it does, whose it is, until when, and how often it was broken.

    Args:
        ws: the project.
        on: a table, `request` or `prediction`; all of them when left out.
        last: how many of the latest periods of each the share is told of.

    Returns:
        `checks`, by what they are on and then in the order of the project file: `name`, `on`, `does`, `of` (`row` or
        `partition`), `because`, `owner`, `expires`, `state` (`holds`, `expires soon`, `expired`), the latest `periods`
        with their `rows` and `hits`, the sums of both and their `share` (of partitions, where it is `of` those),
        `hits_ever`, `last_hit` (the start of the last period with a hit), and `marks`: `never hit`, `hits often`,
        `nothing held to it yet`, `nobody owns it`. And `summary`, how many have each state and mark.

    Raises:
        ProjectError (TV-RUN-090): nothing is called `on`.
    """
    known = [*ws.project.tables, *_REQUESTS]
    if on is not None and on not in known:
        raise ProjectError(unknown_name("TV-RUN-090", "thing that checks are on", on, known, where="trivium checks"))
    told = []
    answers = answered_periods(ws, unsealed(ws))
    tables = _collected_periods(ws)
    for name in known if on is None else [on]:
        periods = answers if name in _REQUESTS else tables[name]
        told += [_told(ws, one, name, periods, last=last) for one in _stated(ws, name)]
    return {"checks": told, "summary": _summary(told), "last": last}


def _stated(ws: Workspace, on: str) -> Iterator[Any]:
    from trivium.data.catalogue import Stated, catalogue

    project = ws.project
    if on in _REQUESTS:
        for check in project.checks:
            if check.on == on:
                yield Stated(check.name, check.else_, "row", check.because, check.owner, check.expires)
        if on == "request":
            yield from _freshness(project)
    else:
        table = project.tables[on]
        yield from catalogue(table, project.checks, name=on, references=no_values(table))


def _freshness(project: Project) -> Iterator[Any]:
    """Give the rules that answers are held to by `stale_after`, named as `freshness.Freshness` names them."""
    from trivium.data.catalogue import Stated
    from trivium.loop.freshness import freshness_of

    for limit in freshness_of(project, {}):
        because = f"its newest row may be {project.tables[limit.table].stale_after} older than the request"
        yield Stated(limit.check, "fallback" if limit.falls_back else "warn", because=because)


def _collected_periods(ws: Workspace) -> dict[str, Periods]:
    """Count by table and partition; of a partition that came again the last word."""
    latest: dict[tuple[str, str], Event] = {}
    for kind in ("collected", "refused"):
        for event in ws.ledger.events(kind=kind):
            place = (event.subject, event.body["partition"])
            if place not in latest or latest[place].seq < event.seq:
                latest[place] = event
    found: dict[str, Periods] = defaultdict(dict)
    for (table, partition), event in latest.items():
        body, start = event.body, moment(event.body["start"])
        # A table without a time is as of when it was read.
        period = Period(event.at if start == EPOCH else start, body["rows_read"])
        period.add(0, {**body.get("breaks", {}), **body.get("warnings", {})})
        if body["rows_read"]:
            found[table][partition] = period
    return found


def answered_periods(ws: Workspace, fresh: Fresh) -> Periods:
    """Count by period of answers: those of ticks and of servers, sealed or not (`fresh`), together."""
    found: Periods = {}

    def add(name: str, start: datetime, rows: int, hits: Mapping[str, int]) -> None:
        found.setdefault(name, Period(start)).add(rows, hits)

    for name, event in ws.state.journal.answered.items():
        body = event.body
        add(name.removesuffix(SERVED), moment(body["start"]), body["rows"], body["checks"])
    for parts in ws.state.log.waiting.values():
        for part in parts:
            add(part.period, part.start, part.body["served"], part.body["checks"])
    for start, rows in fresh.rows.items():
        add(iso(start), start, rows, fresh.hits.get(start, {}))
    return found


def _told(ws: Workspace, one: Any, on: str, periods: Periods, *, last: int) -> dict[str, Any]:
    today = ws.clock.now().date()
    ordered = sorted(periods.items(), key=lambda item: item[1].start)
    shown: list[dict[str, Any]] = [
        {"period": name, "rows": period.rows, "hits": period.hits[one.name]} for name, period in ordered[-last:] if last
    ]
    hit = [period.start for _, period in ordered if period.hits[one.name]]
    rows, hits = sum(each["rows"] for each in shown), sum(each["hits"] for each in shown)
    if one.of == "partition":
        broken, held = sum(each["hits"] > 0 for each in shown), len(shown)
    else:
        broken, held = hits, rows
    share = broken / held if held else None
    return {
        "name": one.name,
        "on": on,
        "does": one.does,
        "of": one.of,
        "because": one.because,
        "owner": one.owner,
        "expires": None if one.expires is None else one.expires.isoformat(),
        "state": _state(one.expires, today),
        "rows": rows,
        "hits": hits,
        "share": share,
        "hits_ever": sum(period.hits[one.name] for _, period in ordered),
        "last_hit": iso(hit[-1]) if hit else None,
        "marks": _marks(one, share=share, is_hit=bool(hit), is_held=bool(ordered)),
        "periods": shown,
    }


def _state(expires: date | None, today: date) -> str:
    if expires is None or today + SOON < expires:
        return "holds"
    return "expired" if expires <= today else "expires soon"


def _marks(one: Any, *, share: float | None, is_hit: bool, is_held: bool) -> list[str]:
    marks = {
        "nothing held to it yet": not is_held,
        "never hit": is_held and not is_hit,
        "hits often": share is not None and share > OFTEN[one.of],
        "nobody owns it": not one.owner,
    }
    return [mark for mark, holds in marks.items() if holds]


def _summary(told: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counts = Counter(mark for one in told for mark in one["marks"])
    counts.update(one["state"] for one in told)
    return {"checks": len(told), **dict(sorted(counts.items()))}
