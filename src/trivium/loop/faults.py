"""Faults to inject into a rehearsal: what went wrong in production before, on purpose and on schedule."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

import msgspec
import numpy as np

from trivium.core.problems import Problem, ProjectError, unknown_name
from trivium.core.project import Project
from trivium.core.values import iso, span

if TYPE_CHECKING:
    import polars as pl

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


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """One fault. `from` <= time < `until` (UTC). What a kind does not use is left at its default.

    `share` is the share of rows it strikes; `factor` multiplies (scale, outliers); `amount` is added (concept_shift, in
    the column's unit); `other` is the column to swap with; `delay` is how late a partition comes; `seconds` is how
    long a slow version takes.
    """

    id: str
    kind: Kind
    from_: datetime
    until: datetime
    table: str | None = None
    column: str | None = None
    other: str | None = None
    share: float = 0.5
    factor: float = 100.0
    amount: float = 20.0
    delay: str = "3d"
    seconds: float = 60.0

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
    if kind == "concept_shift" and project.outcomes:
        named = [name for name in columns if name in project.outcomes.label]
        columns = named or columns
    if kind not in NEEDS_COLUMN:
        return table, None, None
    picked = [str(name) for name in draw.permutation(columns)]
    return table, picked[0], picked[1] if kind == "swap_columns" else None


def strike(
    fault: Fault, rows: "pl.DataFrame", before: "pl.DataFrame | None", *, seed: int, partition: str, keep: Sequence[str]
) -> "pl.DataFrame":
    """Strike a partition's rows with a data fault.

    Args:
        fault: what strikes.
        rows: the partition as it was delivered.
        before: the rows of the partition before, for `stale`.
        seed: with the fault's id and the partition's name it decides which rows are struck.
        partition: the partition's name.
        keep: the columns that outcome faults leave alone.
    """
    if rows.is_empty() or (fault.column is not None and fault.column not in rows.columns):
        return rows
    draw = np.random.default_rng([seed, *f"{fault.id}/{partition}".encode()])
    return _STRIKES[fault.kind](fault, rows, before, draw, keep)


_Strike = Callable[[Fault, "pl.DataFrame", "pl.DataFrame | None", np.random.Generator, Sequence[str]], "pl.DataFrame"]


def _where(rows: "pl.DataFrame", fault: Fault, draw: np.random.Generator) -> "pl.Series":
    import polars as pl

    return pl.Series(draw.random(rows.height) < fault.share)


def _change(rows: "pl.DataFrame", fault: Fault, draw: np.random.Generator, value: "pl.Expr") -> "pl.DataFrame":
    import polars as pl

    struck = _where(rows, fault, draw)
    return rows.with_columns(pl.when(struck).then(value).otherwise(pl.col(str(fault.column))).alias(str(fault.column)))


def _nulls(fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object) -> "pl.DataFrame":
    import polars as pl

    return _change(rows, fault, draw, pl.lit(None))


def _scale(fault: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    import polars as pl

    return rows.with_columns((pl.col(str(fault.column)) * fault.factor).alias(str(fault.column)))


def _outliers(fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object) -> "pl.DataFrame":
    import polars as pl

    few = msgspec.structs.replace(fault, share=min(fault.share, 0.02))
    return _change(rows, few, draw, pl.col(str(fault.column)) * fault.factor)


def _categories(
    fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object
) -> "pl.DataFrame":
    import polars as pl

    return _change(rows, fault, draw, pl.lit("?") + pl.col(str(fault.column)))


def _drop(fault: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    return rows.drop(str(fault.column))


def _swap(fault: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    import polars as pl

    one, other = str(fault.column), str(fault.other)
    return rows.with_columns(pl.col(one).alias(other), pl.col(other).alias(one)) if other in rows.columns else rows


def _duplicates(
    fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, _k: object
) -> "pl.DataFrame":
    import polars as pl

    return pl.concat([rows, rows.filter(_where(rows, fault, draw))])


def _truncate(fault: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    return rows.head(int(rows.height * (1 - fault.share)))


def _stale(_f: Fault, rows: "pl.DataFrame", before: "pl.DataFrame | None", _d: object, _k: object) -> "pl.DataFrame":
    return rows if before is None else before


def _as_it_is(_f: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    return rows


def _sample(
    fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, keep: Sequence[str]
) -> "pl.DataFrame":
    """Drop a share of all rows but those of one subpopulation: the commonest value of the first few-valued text."""
    import polars as pl

    texts = [name for name in rows.columns if rows[name].dtype == pl.String and name not in keep]
    if not texts:
        return rows.filter(~_where(rows, fault, draw))
    column = min(texts, key=lambda name: (rows[name].n_unique(), name))
    mode = rows[column].value_counts(sort=True).sort("count", column, descending=[True, False])[column][0]
    return rows.filter((pl.col(column) == mode) | ~_where(rows, fault, draw))


def _flip(
    fault: Fault, rows: "pl.DataFrame", _b: object, draw: np.random.Generator, keep: Sequence[str]
) -> "pl.DataFrame":
    """Hand a share of the rows each other's outcomes: wrong labels, at an unchanged rate."""
    import polars as pl

    struck = np.flatnonzero(draw.random(rows.height) < fault.share)
    order = np.arange(rows.height)
    order[struck] = np.roll(struck, 1)
    moved = rows[order]
    return moved.with_columns(*(pl.Series(name, rows[name]) for name in rows.columns if name in keep))


def _shift(fault: Fault, rows: "pl.DataFrame", _b: object, _d: object, _k: object) -> "pl.DataFrame":
    import polars as pl

    return rows.with_columns((pl.col(str(fault.column)) + fault.amount).cast(rows[str(fault.column)].dtype))


_STRIKES: Mapping[str, _Strike] = {
    "nulls": _nulls,
    "scale": _scale,
    "categories": _categories,
    "drop_column": _drop,
    "swap_columns": _swap,
    "outliers": _outliers,
    "duplicates": _duplicates,
    "truncate": _truncate,
    "stale": _stale,
    "late": _as_it_is,
    "sample_shift": _sample,
    "label_flip": _flip,
    "concept_shift": _shift,
}


def delay(faults: Sequence[Fault], table: str, *, start: datetime, end: datetime) -> timedelta:
    """Tell how late a partition comes: as late as the latest `late` fault that strikes it says."""
    late = [span(f.delay) for f in faults if f.kind == "late" and f.table == table and f.strikes(start, end)]
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
