"""Infer a contract from a table's past: propose from all of it, and try what the first half proposes on the second."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import combinations

import numpy as np
import polars as pl

from trivium.core.project import Table
from trivium.data.checks import rules, unique_name
from trivium.data.evidence import PART, Evidence, Past, gather, kinds_of
from trivium.data.findings import Place, evaluate
from trivium.data.keys import SeenKeys
from trivium.data.proposal import Line, Proposal, careful, lines_of, usual_rows
from trivium.data.schema import conform

LEAST_TO_TRY = 4  # partitions
MOST_KEY_COLUMNS = 8
_CLAIMS = {
    "is not null": "nulls",
    "in range": "range",
    "is known": "values",
    "matches its pattern": "pattern",
    "of its length": "length",
    "is unique": "unique",
}


def infer(past: Past, table: Table, *, name: str, at: datetime, parents: Mapping[str, pl.Series]) -> Proposal:
    """Propose a contract from all of a table's past.

    With four partitions or more, what the first half proposes is tried on the second, whose rows people accepted; a
    rule that would have held rows back only warns in what is proposed.

    Args:
        past: the partitions.
        table: its settings; what is private by its contract stays so, and a key is proposed where it has none.
        name: the table's name.
        at: the time of the decision.
        parents: the values of columns of other tables that its own may reference, by name such as `planes.tailnum`.
    """
    kinds = kinds_of(past)
    near = _near(kinds, parents)
    cut = len(past.names) // 2 if len(past.names) >= LEAST_TO_TRY else 0
    early, late = past.names[:cut], past.names[cut:]
    half = gather(past, early, kinds, parents=near) if cut else None
    whole = gather(past, late, kinds, parents=near, start=half)
    lines = lines_of(whole, table)
    if half:
        lines = _tried(past, late, lines, lines_of(half, table), table, name=name, at=at, parents=parents)
    key, key_why = ((), "") if table.key else _key(past, whole, table)
    check = usual_rows(whole.rows, name)
    return Proposal(lines=lines, key=key, key_why=key_why, checks=(check,) if check else ())


def _near(kinds: Mapping[str, str], parents: Mapping[str, pl.Series]) -> dict[str, dict[str, pl.Series]]:
    """Choose the columns that may reference another: those of its name and kind. Others would agree by chance."""
    found: dict[str, dict[str, pl.Series]] = {}
    for parent, values in parents.items():
        column = parent.partition(".")[2]
        if column in kinds and (kinds[column] == "str") == (values.dtype == pl.String) and values.len() > 1:
            found.setdefault(column, {})[parent] = values
    return found


def _tried(
    past: Past,
    names: Sequence[str],
    lines: Mapping[str, Line],
    early: Mapping[str, Line],
    table: Table,
    *,
    name: str,
    at: datetime,
    parents: Mapping[str, pl.Series],
) -> dict[str, Line]:
    """Hold later partitions to what the earlier ones proposed, and say by line what would have befallen their rows."""
    refused, rows = _hold(past, names, early, table, name=name, at=at, parents=parents)
    found = {}
    for column, line in lines.items():
        if column not in early:
            found[column] = line
            continue
        broke = refused.get(column, Counter())
        told = ", ".join(f"{count:,} by its {rule}" for rule, count in sorted(broke.items()))
        words = f"from the half before {names[0]}: {told or 'none'} of {rows:,} later rows"
        found[column] = careful(line, broke, words)
    return found


def _hold(
    past: Past,
    names: Sequence[str],
    lines: Mapping[str, Line],
    table: Table,
    *,
    name: str,
    at: datetime,
    parents: Mapping[str, pl.Series],
) -> tuple[dict[str, Counter[str]], int]:
    from trivium.core.values import Partition

    columns = {column: line.contract for column, line in lines.items()}
    proposed = Table(files="", columns=columns)
    of_rows = rules(proposed, (), name=name, at=at, references=parents)
    place = Place(name, Partition.whole(name), frozenset())
    refused: dict[str, Counter[str]] = {}
    rows = 0
    for _, batch in past.batches(names):
        rows += batch.height
        frame, schema = conform(batch, proposed)
        for column, mistyped in schema.mistyped.items():
            refused.setdefault(column, Counter())["type"] += mistyped.rows
        usable = [rule for rule in of_rows if rule.column not in schema.mistyped and rule.column in frame.columns]
        broken, _ = evaluate(frame, usable, place)
        for rule in usable:
            if broken[rule.name].any():
                column = rule.column or ""
                claim = rule.name.removeprefix(f"{column} ")
                refused.setdefault(column, Counter())[_CLAIMS.get(claim, "references")] += int(broken[rule.name].sum())
        for column in [each for each, contract in columns.items() if contract.unique and each in frame.columns]:
            both = frame.select(column, PART).drop_nulls()
            if twice := both.height - both.n_unique():
                refused.setdefault(column, Counter())[_CLAIMS[unique_name(column).removeprefix(f"{column} ")]] += twice
    return refused, rows


def _key(past: Past, evidence: Evidence, table: Table) -> tuple[tuple[str, ...], str]:
    """Find the column, or the two, whose values name one row of the whole table; columns as they stand."""
    full = [
        column
        for column, held in evidence.columns.items()
        if not held.nulls and held.kind in ("int", "str", "datetime", "date")
    ][:MOST_KEY_COLUMNS]
    alone = [(column,) for column in full if evidence.columns[column].is_unique and column != table.time]
    for key in (*alone, *combinations(full, 2)):
        if evidence.total > 1 and _names_rows(past, key):
            return key, f"no two of {evidence.total:,} rows share it"
    return (), ""


def _names_rows(past: Past, key: tuple[str, ...]) -> bool:
    seen = SeenKeys()
    for _, batch in past.batches(past.names):
        keys = batch.select(key)
        if keys.null_count().sum_horizontal().item() or seen.take(keys, np.zeros(keys.height, dtype=np.bool_)).any():
            return False
    return True
