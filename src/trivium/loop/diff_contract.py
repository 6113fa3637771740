"""Compare contracts: which lines differ, and which kept rows would be decided differently."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from trivium.core.values import Partition
from trivium.loop.beside import earlier_summaries, referenced_values
from trivium.loop.collect import known_table
from trivium.loop.kept_contracts import Contract, contract_from, present_contract
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

    from trivium.data.held import Taken
    from trivium.data.intake import Decided
    from trivium.data.verdicts import Moved


def diff_contract(ws: Workspace, table: str, *, against: str | None = None, last: int | None = None) -> dict[str, Any]:
    """Say what a table's contract in the project file would have let in or kept out, against another one.

    Looks at the rows of the kept partitions and of their quarantine, and decides on each partition by both contracts,
    as of now. Keys of other partitions play no part, and of a refused partition no rows are kept to look at.

    Args:
        ws: the project.
        table: which of its tables.
        against: a project file, a git revision, or None for the contract last used.
        last: look at this many of the latest partitions only.

    Raises:
        ProjectError: TV-RUN-006 there is no such table, TV-RUN-045 no such contract, and those of `read_project`.
    """
    from trivium.data.contract import diff
    from trivium.data.verdicts import Differences

    known_table(ws, table)
    old, named = contract_from(ws, table, against)
    new = present_contract(ws, table)
    found = Differences()
    records = ws.state.snapshot.partitions(table)
    for record in records[-last:] if last else records:
        rows = _rows_of(ws, record)
        if rows.height:
            span = Partition(table, record.start, record.end)
            decide = [partial(_decide, ws, table, contract, span) for contract in (old, new)]
            found.add(rows, decide[0], decide[1], shown=_shown(ws, old, new))
    return {
        "table": table,
        "against": named,
        "lines": [*diff(old.table.columns, new.table.columns), *_checks_told(old, new)],
        "partitions": found.partitions,
        "rows": found.rows,
        "let_in": {"rows": found.rows_let_in, "rules": _told(found.let_in)},
        "kept_out": {"rows": found.rows_kept_out, "rules": _told(found.kept_out)},
        "refused_partitions": len(ws.state.snapshot.refusals(table)),
    }


def _rows_of(ws: Workspace, record: Any) -> "pl.DataFrame":
    import polars as pl

    from trivium.data.held import release_rows

    rows = ws.blobs.get_frame(record.blob)
    if record.quarantine is None:
        return rows
    held = release_rows(ws.blobs.get_frame(record.quarantine))
    return pl.concat([rows, held], how="diagonal_relaxed") if rows.height else held


def _decide(
    ws: Workspace, table: str, contract: Contract, partition: Partition, rows: "pl.DataFrame"
) -> "tuple[Taken, Decided]":
    from trivium.data.intake import take_in

    return take_in(
        rows,
        contract.table,
        name=table,
        partition=partition,
        checks=contract.checks,
        at=ws.clock.now(),
        references=referenced_values(ws, contract.table),
        history=earlier_summaries(ws, table, partition, checks=contract.checks),
    )


def _shown(ws: Workspace, old: Contract, new: Contract) -> "Callable[[str], list[str]]":
    """Tell which columns each rule of either contract looks at; those that are private in either are left out."""
    from trivium.data.checks import rules
    from trivium.loop.beside import no_values

    private = {name for each in (old, new) for name, column in each.table.columns.items() if column.private}
    reads: dict[str, list[str]] = {}
    for each in (old, new):
        found = rules(each.table, each.checks, name="", at=ws.clock.now(), references=no_values(each.table))
        reads |= {rule.name: [column for column in rule.reads if column not in private] for rule in found}
    return lambda rule: reads.get(rule, [])


def _checks_told(old: Contract, new: Contract) -> list[str]:
    """Tell in one line each check that is gone, new or changed."""
    from trivium.data.contract import settings_of, written

    before = {check.name: settings_of(check) for check in old.checks}
    after = {check.name: settings_of(check) for check in new.checks}
    lines = [f"- check {name!r}" for name in before if name not in after]
    lines += [f"+ check {name!r}" for name in after if name not in before]
    for name in (name for name in before if name in after and before[name] != after[name]):
        keys = dict.fromkeys((*before[name], *after[name]))
        changes = [
            f"{key} {written(before[name].get(key))} -> {written(after[name].get(key))}"
            for key in keys
            if before[name].get(key) != after[name].get(key)
        ]
        lines.append(f"~ check {name!r}: {', '.join(changes)}")
    return lines


def _told(moved: "Mapping[str, Moved]") -> dict[str, dict[str, Any]]:
    return {rule: {"rows": found.rows, "examples": found.examples} for rule, found in sorted(moved.items())}
