"""Faults to inject into a rehearsal: what went wrong in production before, on purpose and on schedule.

How each kind changes rows is `strike.py`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

import msgspec
import numpy as np

from trivium.core.problems import Problem, ProjectError, unknown_name
from trivium.core.project import Project
from trivium.core.values import iso, span

Kind = Literal[
    "nulls",
    "scale",
    "categories",
    "drop_column",
    "swap_columns",
    "outliers",
    "duplicates",
    "truncate",
    "stale",
    "late",
    "sample_shift",
    "label_flip",
    "concept_shift",
    "raise",
    "slow",
    "not_finite",
]
KINDS: tuple[str, ...] = get_args(Kind)
ON_VERSIONS = ("raise", "slow", "not_finite")
ON_OUTCOMES = ("label_flip", "concept_shift")
NEEDS_NUMBERS = ("scale", "outliers", "concept_shift")
NEEDS_COLUMN = ("nulls", "scale", "categories", "drop_column", "swap_columns", "outliers", "concept_shift")
# `standard`: no fault before the first versions are live, then one at a time with quiet between them.
STANDARD_AFTER = timedelta(days=60)
STANDARD_LASTS = timedelta(days=2)
STANDARD_CONCEPT_LASTS = timedelta(days=7)


Severity = Literal["subtle", "medium", "strong"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class Size(NamedTuple):
    """How hard a fault strikes; what a kind does not use says nothing. `spreads` is in standard deviations."""

    share: float = 0.5
    factor: float = 100.0
    spreads: float = 2.0
    delay: str = "3d"


# What a fault is when it names no severity, where that is not a Size() as it stands.
USUAL: Mapping[str, Size] = {
    "scale": Size(share=1.0),
    "swap_columns": Size(share=1.0),
    "stale": Size(share=1.0),
    "outliers": Size(share=0.02),
}
# Faults of cells strike 1, 10 and 50 rows in a hundred; those of whole rows 5, 20 and 50, for fewer would be lost in
# any day's own ups and downs; those that move what is there about 10, 50 and all. 1.609 takes miles for kilometres.
_CELLS = (Size(share=0.01), Size(share=0.1), Size(share=0.5))
_ROWS = (Size(share=0.05), Size(share=0.2), Size(share=0.5))
_MOVED = (Size(share=0.1), Size(share=0.5), Size(share=1.0))
_WHOLE = (Size(), Size(), Size())
GRID: Mapping[str, tuple[Size, Size, Size]] = {
    "nulls": _CELLS,
    "categories": _CELLS,
    "not_finite": _CELLS,
    "scale": (Size(share=1.0, factor=1.1), Size(share=1.0, factor=1.609), Size(share=1.0, factor=100.0)),
    "outliers": (Size(share=0.001, factor=10.0), Size(share=0.005, factor=10.0), Size(share=0.02, factor=100.0)),
    "duplicates": _ROWS,
    "truncate": _ROWS,
    "sample_shift": _ROWS,
    "swap_columns": _MOVED,
    "stale": _MOVED,
    "label_flip": _MOVED,
    "concept_shift": (Size(share=0.05, spreads=0.2), Size(share=0.2, spreads=0.5), Size(share=0.5, spreads=2.0)),
    "late": (Size(delay="6h"), Size(delay="2d"), Size(delay="5d")),
    "drop_column": _WHOLE,
    "raise": _WHOLE,
    "slow": _WHOLE,
}


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """One fault. `from` <= time < `until` (UTC).

    `share` is the share of rows it strikes; `factor` multiplies (scale, outliers); `amount` is added (concept_shift, in
    the column's unit); `other` is the column to swap with; `delay` is how late a partition comes; `seconds` is how
    long a slow version takes. What is not given is what `severity` says (`GRID`), or without one, the kind's own usual.
    """

    id: str
    kind: Kind
    from_: datetime
    until: datetime
    table: str | None = None
    column: str | None = None
    other: str | None = None
    severity: Severity | None = None
    share: float | None = None
    factor: float | None = None
    amount: float | None = None
    delay: str | None = None
    seconds: float = 60.0

    @property
    def size(self) -> Size:
        """How hard it strikes: its own settings over its severity's."""
        usual = USUAL.get(self.kind, Size())
        base = usual if self.severity is None else GRID[self.kind][SEVERITIES.index(self.severity)]
        return Size(
            share=base.share if self.share is None else self.share,
            factor=base.factor if self.factor is None else self.factor,
            spreads=base.spreads,
            delay=self.delay or base.delay,
        )

    def strikes(self, start: datetime, end: datetime) -> bool:
        """Tell whether the fault is on during any part of [start, end)."""
        return start < self.until and end > self.from_


def read_faults(text: str, project: Project, *, where: str) -> tuple[Fault, ...]:
    """Read a fault file.

    Raises:
        ProjectError: TV-REH-001 no TOML, or a setting missing or mistyped; -002 an unknown kind or table; -003 a fault
            that cannot strike (no column where one is needed, `until` not after `from`, an id used twice).
    """
    try:
        raw = tomllib.loads(text)
        entries = raw.get("faults", [])
        for entry in entries if isinstance(entries, list) else []:
            if not isinstance(entry, dict):
                continue
            if entry.get("kind") not in KINDS:
                raise ProjectError(unknown_name("TV-REH-002", "fault kind", str(entry.get("kind")), KINDS, where=where))
            for key in ("from", "until"):
                if key in entry:
                    entry[key] = _utc(entry[key])
        faults = msgspec.convert(raw, _File).faults
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ProjectError(
            Problem(
                code="TV-REH-001",
                what="the fault file cannot be read",
                where=where,
                seen=str(error),
                fix="correct the line or setting that the message names",
            )
        ) from None
    problems = [problem for fault in faults for problem in _wrong(fault, project, where=where)]
    ids = [fault.id for fault in faults]
    problems += [
        _cannot(where, id_, "its id is used twice", "rename it") for id_ in sorted({i for i in ids if ids.count(i) > 1})
    ]
    if problems:
        raise ProjectError(*problems)
    return faults


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    faults: tuple[Fault, ...] = ()


def _utc(value: object) -> object:
    from datetime import UTC, date, time

    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else value


def _cannot(where: str, id_: str, what: str, fix: str) -> Problem:
    return Problem(code="TV-REH-003", what=f"fault {id_!r} cannot strike: {what}", where=where, seen=id_, fix=fix)


def _wrong(fault: Fault, project: Project, *, where: str) -> list[Problem]:
    found = []
    if fault.until <= fault.from_:
        found.append(_cannot(where, fault.id, "until is not after from", "move until"))
    if fault.kind not in ON_VERSIONS:
        if fault.table not in project.tables:
            found.append(unknown_name("TV-REH-002", "table", str(fault.table), list(project.tables), where=where))
        elif project.tables[fault.table].time is None:
            found.append(_cannot(where, fault.id, "its table has no time", "name a table that is cut by time"))
    if fault.kind in NEEDS_COLUMN and fault.column is None:
        found.append(_cannot(where, fault.id, f"{fault.kind} needs a column", "add column"))
    if fault.kind == "swap_columns" and fault.other is None:
        found.append(_cannot(where, fault.id, "swap_columns needs two columns", "add other"))
    if fault.kind in NEEDS_NUMBERS and fault.table in project.tables:
        column = project.tables[fault.table].columns.get(str(fault.column))
        if column is not None and column.type not in ("int", "float"):
            found.append(_cannot(where, fault.id, f"{fault.column} holds no numbers", "name a column of numbers"))
    return found


def standard(project: Project, *, start: datetime, until: datetime, seed: int) -> tuple[Fault, ...]:
    """Draw the documented schedule: each kind once, in an order, on tables and columns that the seed chooses.

    The first comes 60 days in; the rest are spread evenly, each on for 2 days (concept_shift for 7). A history too
    short to keep 4 days between them gets as many as fit.
    """
    draw = np.random.default_rng(seed)
    kinds = [str(kind) for kind in draw.permutation(KINDS) if _can(str(kind), project)]
    first = start + STANDARD_AFTER
    room = until - first
    kinds = kinds[: max(0, int(room / timedelta(days=6)))]
    faults = []
    for place, kind in enumerate(kinds):
        begins = first + timedelta(days=int(room / timedelta(days=1) * place / len(kinds)))
        lasts = STANDARD_CONCEPT_LASTS if kind == "concept_shift" else STANDARD_LASTS
        table, column, other = _target(kind, project, draw)
        faults.append(
            Fault(
                id=f"f{place + 1:02d}-{kind}",
                kind=kind,  # type: ignore[arg-type]  # drawn from KINDS
                from_=begins,
                until=begins + lasts,
                table=table,
                column=column,
                other=other,
            )
        )
    return tuple(faults)


def dense(project: Project, *, start: datetime, until: datetime, seed: int) -> tuple[Fault, ...]:
    """Draw as many faults of data as there is room for, of every severity, each table struck on its own.

    On each table each kind that can strike it comes at each severity, in an order that the seed chooses, on for 2
    partitions with 4 quiet ones after, from `start` on; then each again, on other columns.
    """
    draw = np.random.default_rng(seed)
    faults: list[Fault] = []
    for table, settings in project.tables.items():
        kinds = [kind for kind in KINDS if kind not in ON_VERSIONS and table in dict(_sources(kind, project))]
        if settings.time is None or not kinds:
            continue
        every = span(settings.every)
        pairs = [(kind, severity) for kind in kinds for severity in SEVERITIES]
        begins, order = start, list[int]()
        while begins + 6 * every <= until:
            order = order or [int(place) for place in draw.permutation(len(pairs))]
            kind, severity = pairs[order.pop(0)]
            column, other = _columns(kind, dict(_sources(kind, project))[table], project, draw)
            faults.append(
                Fault(
                    id=f"{severity} {table} {len(faults) + 1} {kind}",
                    kind=kind,  # type: ignore[arg-type]  # drawn from KINDS
                    from_=begins,
                    until=begins + 2 * every,
                    table=table,
                    column=column,
                    other=other,
                    severity=severity,
                )
            )
            begins += 6 * every
    return tuple(faults)


def _numbers(project: Project, table: str) -> list[str]:
    settings = project.tables[table]
    return [
        name
        for name, column in settings.columns.items()
        if column.type in ("int", "float") and name not in (*settings.key, settings.time)
    ]


def _texts(project: Project, table: str) -> list[str]:
    settings = project.tables[table]
    return [name for name, column in settings.columns.items() if column.type == "str" and name not in settings.key]


def _sources(kind: str, project: Project) -> list[tuple[str, list[str]]]:
    """List the tables a kind can strike, with the columns it can choose from; outcome faults strike outcomes alone."""
    outcomes = project.outcomes.table if project.outcomes else ""
    found = []
    for table, settings in project.tables.items():
        if settings.time is None or (table == outcomes) != (kind in ON_OUTCOMES):
            continue
        columns = _texts(project, table) if kind == "categories" else _numbers(project, table)
        if kind in ("nulls", "drop_column"):
            columns = [*_numbers(project, table), *_texts(project, table)]
        enough = len(columns) >= (2 if kind == "swap_columns" else 1)
        if kind not in NEEDS_COLUMN or enough:
            found.append((table, columns))
    return found


def _can(kind: str, project: Project) -> bool:
    return kind in ON_VERSIONS or bool(_sources(kind, project))


def _target(kind: str, project: Project, draw: np.random.Generator) -> tuple[str | None, str | None, str | None]:
    if kind in ON_VERSIONS:
        return None, None, None
    sources = _sources(kind, project)
    table, columns = sources[int(draw.integers(len(sources)))]
    return table, *_columns(kind, columns, project, draw)


def _columns(
    kind: str, columns: Sequence[str], project: Project, draw: np.random.Generator
) -> tuple[str | None, str | None]:
    if kind == "concept_shift" and project.outcomes:
        columns = [name for name in columns if name in project.outcomes.label] or columns
    if kind not in NEEDS_COLUMN:
        return None, None
    picked = [str(name) for name in draw.permutation(columns)]
    return picked[0], picked[1] if kind == "swap_columns" else None


def delay(faults: Sequence[Fault], table: str, *, start: datetime, end: datetime) -> timedelta:
    """Tell how late a partition comes: as late as the latest `late` fault that strikes it says."""
    late = [span(f.size.delay) for f in faults if f.kind == "late" and f.table == table and f.strikes(start, end)]
    return max(late, default=timedelta(0))


def to_plain(fault: Fault) -> dict[str, str | None]:
    """Write a fault as the rehearsal's document has it."""
    return {
        "id": fault.id,
        "kind": fault.kind,
        "table": fault.table,
        "column": fault.column,
        "from": iso(fault.from_),
        "until": iso(fault.until),
    }
