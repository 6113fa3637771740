"""A table over time, for the report of `trivium watch TABLE --report`: from events and summaries, never from rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from trivium.core.events import Event
from trivium.core.problems import Problem, ProjectError
from trivium.core.summary import ColumnSummary, Kind, Summary
from trivium.core.values import moment, span
from trivium.data.merging import merge
from trivium.data.packing import decode
from trivium.data.shapes import Bars, Shares, quantiles, side_by_side
from trivium.loop.journal import OF_A_TABLE
from trivium.loop.steps import Steps, steps_of
from trivium.loop.workspace import Workspace

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
VALUES_SHOWN = 5
FINDINGS_SHOWN = 8
USUAL_PARTITIONS = 14


@dataclass(frozen=True, slots=True)
class AlarmSeen:
    """One alarm about a partition, and what a person said it was worth: useful, noise or, so far, nothing."""

    id: str
    what: str
    is_paged: bool
    mark: str = ""


@dataclass(frozen=True, slots=True)
class PartitionSeen:
    """One partition and what was decided on it.

    `levels` is, per column ("" the table as a whole), how far its furthest statistic lay from what was expected, as a
    share of what is allowed: above 1 it is unlike its history.
    """

    name: str
    start: datetime
    state: str
    rows: int = 0
    quarantined: int = 0
    verdict: str = ""
    kind: str = ""
    words: str = ""
    columns: tuple[str, ...] = ()
    score: float = 0.0
    threshold: float = 0.0
    moved: tuple[dict[str, Any], ...] = ()
    causes: tuple[str, ...] = ()
    levels: dict[str, float] = field(default_factory=dict)
    summary: str = ""
    alarms: tuple[AlarmSeen, ...] = ()

    @property
    def is_odd(self) -> bool:
        """Tell whether the decision was not an ordinary one: a fault, or a shift."""
        return self.verdict in ("fault", "shift")


@dataclass(slots=True)
class ColumnOverTime:
    """One column by place of the partition: of one in each step, and there only where it holds the column.

    `quantiles` are those of `QUANTILES`, of numbers; `shares` those of each partition's commonest texts, or of true,
    and `values` the commonest of all. Neither is told of a private column.
    """

    name: str
    kind: Kind = ""
    is_private: bool = False
    nulls: dict[int, float] = field(default_factory=dict)
    distinct: dict[int, int] = field(default_factory=dict)
    quantiles: dict[int, tuple[float, ...]] = field(default_factory=dict)
    shares: dict[int, dict[str, float]] = field(default_factory=dict)
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingSeen:
    """A partition that was not ordinary, and its first culprit beside what is usual of it."""

    partition: PartitionSeen
    column: str
    shape: Bars | Shares | None
    usual_partitions: int
    nulls: tuple[float, ...]
    usual_rows: float | None


@dataclass(frozen=True, slots=True)
class TablePicture:
    """All that the report shows. `partitions` ascend in time, gathered in `steps`; `findings` have the newest first."""

    project: str
    table: str
    every: timedelta
    partitions: tuple[PartitionSeen, ...]
    steps: Steps
    columns: tuple[ColumnOverTime, ...]
    findings: tuple[FindingSeen, ...]
    odd: int


def table_picture(ws: Workspace, table: str) -> TablePicture:
    """Tell a table's whole life: its partitions, its columns over time, and what was unlike.

    Raises:
        ProjectError (TV-RUN-060): nothing was collected yet, or the table has no time to lay it out by.
    """
    partitions = _partitions(ws, table)
    is_timeless = ws.project.tables[table].time is None
    if is_timeless or not partitions:
        raise ProjectError(_nothing_to_draw(table, is_timeless=is_timeless))
    every = span(ws.project.tables[table].every)
    steps = steps_of([partition.start for partition in partitions], every)
    summaries = _Summaries(ws, table)
    odd = [place for place, partition in enumerate(partitions) if partition.is_odd or partition.alarms]
    return TablePicture(
        project=ws.project.model.name,
        table=table,
        every=every,
        partitions=tuple(partitions),
        steps=steps,
        columns=tuple(_columns(partitions, steps, summaries)),
        findings=tuple(_finding(partitions, place, summaries) for place in reversed(odd[-FINDINGS_SHOWN:])),
        odd=len(odd),
    )


def _nothing_to_draw(table: str, *, is_timeless: bool) -> Problem:
    return Problem(
        code="TV-RUN-060",
        what=f"there is nothing to draw of table {table!r}",
        where=f"table {table}",
        seen="it has no time" if is_timeless else "no partition was collected",
        fix=f"give [tables.{table}] a time column, so that it has partitions"
        if is_timeless
        else f"collect it first: trivium collect {table}",
    )


class _Summaries:
    """Reads a table's summaries by their hash, and knows which of its columns are watched, and which are private."""

    def __init__(self, ws: Workspace, table: str) -> None:
        settings = ws.project.tables[table]
        self._blobs = ws.blobs
        self._left_out = {*settings.key, settings.time}
        self._left_out |= {name for name, rule in settings.columns.items() if not rule.watch}
        self.private = {name for name, rule in settings.columns.items() if rule.private}

    def read(self, partition: PartitionSeen) -> Summary | None:
        """Read a partition's summary; None where it was refused, or never came."""
        return decode(self._blobs.get(partition.summary)) if partition.summary else None

    def columns(self, partition: PartitionSeen) -> dict[str, ColumnSummary]:
        """Read the columns that are watched."""
        summary = self.read(partition)
        held = summary.columns if summary else {}
        return {name: column for name, column in held.items() if name not in self._left_out}


# ------------------------------------------------------------------------------------------- partitions, from events


def _partitions(ws: Workspace, table: str) -> list[PartitionSeen]:
    """Fold a table's events: the latest word on each partition, what was decided on it, and its alarms."""
    latest: dict[str, Event] = {}
    watched: dict[str, dict[str, Any]] = {}
    alarms: dict[str, list[AlarmSeen]] = {}
    marks = {event.body["alarm"]: event.body["mark"] for event in ws.ledger.events(kind="marked")}
    for event in ws.ledger.events(subject=table):
        name = event.body.get("partition", "")
        if event.kind in OF_A_TABLE:
            latest[name] = event
        elif event.kind == "watched" and event.body["of"] in OF_A_TABLE:
            watched[name] = event.body
        elif event.kind == "alarmed" and event.body.get("thing", table) == table:  # a model may have the table's name
            name = event.body["evidence"].get("partition", "")
            alarm, what = event.body["id"], event.body["what"].removeprefix(f"{table} {name}: ")
            seen = AlarmSeen(alarm, what, event.body["paged"], marks.get(alarm, ""))
            alarms.setdefault(name, []).append(seen)
    found = [_partition(event, watched.get(name, {}), alarms.get(name, ())) for name, event in latest.items()]
    return sorted(found, key=lambda partition: (partition.start, partition.name))


def _partition(event: Event, seen: dict[str, Any], alarms: Sequence[AlarmSeen]) -> PartitionSeen:
    body = event.body
    told = PartitionSeen(
        name=body["partition"],
        start=moment(body["start"]),
        state=event.kind,
        alarms=tuple(alarms),
    )
    if event.kind == "late":
        return told
    threshold = float(seen.get("threshold") or 0.0)
    return PartitionSeen(
        name=told.name,
        start=told.start,
        state=told.state,
        rows=body.get("rows_committed", 0) if event.kind == "collected" else body["rows_refused"],
        quarantined=body.get("rows_quarantined", 0),
        verdict=seen.get("verdict", ""),
        kind=seen.get("kind") or "",
        words=seen.get("words", ""),
        columns=tuple(seen.get("columns", ())),
        score=float(seen.get("score") or 0.0),
        threshold=threshold,
        moved=tuple(seen.get("moved", ())),
        causes=tuple(cause["words"] for cause in seen.get("causes", ())),
        levels=_levels(seen, threshold),
        summary=body.get("summary", ""),
        alarms=told.alarms,
    )


def _levels(seen: dict[str, Any], threshold: float) -> dict[str, float]:
    """Read how far each column went; what was decided before that was told has only the statistics that moved most."""
    if not threshold:
        return {}
    furthest: dict[str, float] = dict(seen.get("furthest") or {})
    for moved in seen.get("moved", ()):
        furthest[moved["column"]] = max(abs(moved["residual"]), furthest.get(moved["column"], 0.0))
    for column in seen.get("columns", ()):  # a column that is gone was not measured, and is to blame all the same
        furthest.setdefault(column, seen["score"])
    return {column: distance / threshold for column, distance in furthest.items()}


# ------------------------------------------------------------------------------------------- columns, from summaries


def _columns(partitions: Sequence[PartitionSeen], steps: Steps, summaries: _Summaries) -> list[ColumnOverTime]:
    """Read the middle partition of each step: what is drawn, and so what is read, does not grow with the table."""
    found: dict[str, ColumnOverTime] = {}
    held = ([place for place in members if partitions[place].summary] for members in steps.members)
    for place in (members[len(members) // 2] for members in held if members):
        for name, column in summaries.columns(partitions[place]).items():
            over_time = found.setdefault(name, ColumnOverTime(name, is_private=name in summaries.private))
            over_time.kind = column.kind or over_time.kind
            over_time.nulls[place] = column.nulls / column.rows if column.rows else 0.0
            over_time.distinct[place] = column.distinct
            if over_time.is_private:
                continue
            if column.kind == "number" and (told := quantiles(column, QUANTILES)):
                over_time.quantiles[place] = told
            elif column.kind in ("text", "bool"):
                over_time.shares[place] = _commonest(column)
    for over_time in found.values():
        over_time.values = _commonest_of_all(over_time.shares.values())
    return list(found.values())


def _commonest(column: ColumnSummary) -> dict[str, float]:
    held = max(1, column.rows - column.nulls)
    if column.kind == "bool":
        return {"true": (column.numbers - column.zeros) / held}
    top = sorted(column.top, key=lambda value: (-column.top[value], value))[: 2 * VALUES_SHOWN]
    return {value: column.top[value] / held for value in top}


def _commonest_of_all(shares: Iterable[dict[str, float]]) -> tuple[str, ...]:
    total: dict[str, float] = {}
    for held in shares:
        for value, share in held.items():
            total[value] = total.get(value, 0.0) + share
    return tuple(sorted(total, key=lambda value: (-total[value], value))[:VALUES_SHOWN])


def _finding(partitions: Sequence[PartitionSeen], place: int, summaries: _Summaries) -> FindingSeen:
    """Set a partition's first culprit beside the ordinary partitions before it."""
    partition = partitions[place]
    ordinary = [one for one in partitions[:place] if one.summary and not one.is_odd][-USUAL_PARTITIONS:]
    parts = [summary for one in ordinary if (summary := summaries.read(one))]
    seen, usual = summaries.read(partition), merge(*parts) if parts else None
    name = next((name for name in partition.columns if seen and name in seen.columns), "")
    before = usual.columns.get(name) if usual else None
    now = seen.columns.get(name) if seen else None
    both = before is not None and now is not None
    return FindingSeen(
        partition=partition,
        column=name,
        shape=side_by_side(before, now) if before and now and name not in summaries.private else None,
        usual_partitions=len(parts),
        nulls=tuple(column.nulls / max(1, column.rows) for column in (before, now) if column) if both else (),
        usual_rows=usual.rows / len(parts) if usual else None,
    )
