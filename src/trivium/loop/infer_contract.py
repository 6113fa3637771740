"""Infer a contract: read a table's past, propose, and write what is not in the project file yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trivium.core.contract import Column, parents_first
from trivium.core.problems import DataError, Problem
from trivium.core.project import Table
from trivium.loop.collect import known_table
from trivium.loop.project_text import NewLines, with_lines, write_project
from trivium.loop.sources import Delivery, FileSource
from trivium.loop.workspace import PROJECT_FILE, Workspace

if TYPE_CHECKING:
    import polars as pl

    from trivium.data.evidence import Past
    from trivium.data.proposal import Line, Proposal

END_OF_TIME = datetime.max.replace(tzinfo=UTC)
# What a proposal cannot know, and so leaves as a person wrote it.
_KEPT = ("watch", "else_", "because", "owner", "expires")


@dataclass(frozen=True)
class Inferred:
    """A proposal as lines of the project file; those of `new` are not there yet, or differ and may be replaced."""

    proposal: "Proposal"
    lines: Mapping[str, str]
    new: NewLines
    past: str


def infer_contract(ws: Workspace, table: str, *, files: Sequence[Path] = (), replace: bool = False) -> Inferred:
    """Propose a contract from the partitions collected so far; from files where some are named, or none was collected.

    Args:
        ws: the project.
        table: which of its tables.
        files: what to look at in place of what was collected.
        replace: whether lines that stand in the project file may give way.

    Raises:
        ProjectError (TV-RUN-006): there is no such table.
        DataError (TV-SRC-…): a file cannot be read, or (TV-DATA-006) there are no rows.
    """
    from trivium.data.infer import infer

    known_table(ws, table)
    past, told = past_of(ws, table, files)
    settings = ws.project.tables[table]
    found = infer(past, settings, name=table, at=ws.clock.now(), parents=_parents(ws, table))
    if not found.lines:
        raise DataError(
            Problem(
                code="TV-DATA-006",
                what=f"there are no rows of {table!r} to propose a contract from",
                where=told,
                fix=f"collect {table}, or name files that hold rows",
            )
        )
    lines = {name: _line(name, line, settings) for name, line in found.lines.items()}
    return Inferred(found, lines, _new(ws, table, found, lines, replace=replace), told)


def past_of(ws: Workspace, table: str, files: Sequence[Path]) -> "tuple[Past, str]":
    """Find a table's past, and say in words what it is."""
    from trivium.data.evidence import Past

    records = {record.partition: record.blob for record in ws.state.snapshot.partitions(table) if record.rows}
    if records and not files:
        return Past(
            list(records), lambda name: ws.blobs.get_frame(records[name])
        ), f"the {len(records):,} partitions collected so far"
    source = FileSource(ws.folder, ws.project, scratch=ws.blobs.scratch)
    held: dict[str, pl.DataFrame] = {}
    paths = list(files) or source.files(table)
    for delivery in source.read(table, paths, now=END_OF_TIME, seen={}):
        if isinstance(delivery, Problem):
            raise DataError(delivery)
        if isinstance(delivery, Delivery) and delivery.rows:
            held[delivery.partition.name] = delivery.frame()
    return Past(list(held), held.__getitem__), f"{len(paths):,} file{'s' * (len(paths) > 1)}"


def _parents(ws: Workspace, table: str) -> "dict[str, pl.Series]":
    """Read the keys of the tables without a time that this one might reference, and does not stand above."""
    import polars as pl

    found: dict[str, pl.Series] = {}
    columns = {name: other.columns for name, other in ws.project.tables.items()}
    for name, other in ws.project.tables.items():
        if name == table or other.time is not None or len(other.key) != 1 or other.key[0] not in other.columns:
            continue
        trial = {**columns, table: {"": Column(type="str", references=f"{name}.{other.key[0]}")}}
        if parents_first(trial).index(name) > parents_first(trial).index(table):
            continue
        frames = [ws.blobs.get_frame(r.blob, columns=list(other.key)) for r in ws.state.snapshot.partitions(name)]
        values = [frame.to_series() for frame in frames if frame.width]
        if values:
            found[f"{name}.{other.key[0]}"] = pl.concat(values).drop_nulls().unique()
    return found


def _line(name: str, line: "Line", settings: Table) -> str:
    """Write a line with its evidence behind it; what a person said of the column and no past can know stays."""
    from trivium.data.contract import column_line

    contract = line.contract
    standing = settings.columns.get(name)
    if standing is not None:
        contract = msgspec.structs.replace(contract, **{key: getattr(standing, key) for key in _KEPT})
        contract = msgspec.structs.replace(contract, rules={**contract.rules, **standing.rules})
    evidence = f"{line.why}; {line.tried}" if line.tried else line.why
    return f"{column_line(name, contract)}  # {''.join(sign if sign.isprintable() else '?' for sign in evidence)}"


def _new(ws: Workspace, table: str, found: "Proposal", lines: Mapping[str, str], *, replace: bool) -> NewLines:
    from trivium.data.contract import check_lines, written

    standing = ws.project.tables[table].columns
    names = {check.name for check in ws.project.checks}
    counted = any(check.on == table and check.rows is not None for check in ws.project.checks)
    columns = {
        name: line
        for name, line in lines.items()
        if name not in standing or (replace and _says(name, line) != standing[name])
    }
    key = f"key = {written(found.key)}  # {found.key_why}" if found.key else ""
    checks = [
        [*check_lines(check)[:1], f"# {why}", *check_lines(check)[1:]]
        for check, why in found.checks
        if check.name not in names and not counted
    ]
    return NewLines(table, columns, key, checks)


def _says(name: str, line: str) -> Column:
    import tomllib

    return msgspec.convert(tomllib.loads(line)[name], Column)


def write_contract(ws: Workspace, inferred: Inferred) -> bool:
    """Write the lines that are new into the project file; tell whether there were any."""
    new = inferred.new
    if not (new.columns or new.key or new.checks):
        return False
    before = (ws.folder / PROJECT_FILE).read_bytes().decode()
    write_project(ws.folder, with_lines(before, new), before=before)
    return True
