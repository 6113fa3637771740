"""The quarantine decision: which of a partition's rows are committed, held back, or refused with all the others.

Pure: who calls it reads the rows and writes what was decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

import msgspec
import polars as pl

from trivium.core.problems import Problem, nearest_first, shown
from trivium.core.project import Check, Table
from trivium.core.summary import Summary
from trivium.core.values import Partition
from trivium.data.checks import UNIQUE, UNIQUE_ACROSS, WITHIN_PARTITION, RowRule, rules
from trivium.data.contract import conform
from trivium.data.summary import summarise

BROKE = "_broke"
_PLACE = "_place"


@dataclass(frozen=True, slots=True)
class Intake:
    """What was decided on a partition. Rows read = committed + quarantined + refused, always.

    `quarantined` has the frame's columns and `_broke`, the names of the rules that each row broke. `breaks` counts rows
    per rule that blocks or quarantines, `warnings` per rule that only warns; rules that no row broke are left out.
    `summary` is that of the committed rows, with both counts as its `breaks`.
    """

    committed: pl.DataFrame
    quarantined: pl.DataFrame
    refused: int
    summary: Summary
    breaks: dict[str, int]
    warnings: dict[str, int]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the rows come in, for the words of a problem, and which of their columns are not to be shown."""

    name: str
    partition: Partition
    private: frozenset[str]

    def where(self, rule: str = "") -> str:
        text = f"table {self.name}, partition {self.partition.name}"
        return f"{text}, check {rule!r}" if rule else text


def take_in(
    rows: pl.DataFrame,
    table: Table,
    *,
    name: str,
    partition: Partition,
    checks: Sequence[Check],
    at: datetime,
    existing_keys: pl.DataFrame | None = None,
) -> Intake:
    """Decide on a partition's rows by contract, checks, span of time and key.

    The whole partition is refused when it is empty, when its schema broke the contract, when a check cannot be
    computed, or when any row broke a rule that blocks. Otherwise each row that broke a rule is quarantined, and the
    others are committed in their order. Of rows that share a key, the first that broke nothing else keeps it (the
    first of all, where each broke something). A key with a null in it is equal to none.

    Args:
        rows: as they were read.
        table: the contract, time and key.
        name: the table's name.
        partition: whose rows these should be; the whole of a table without a time holds any time.
        checks: all of the project's; those on other tables and the expired are left out.
        at: the time of the decision.
        existing_keys: the keys of the table's other partitions (not of one that this replaces).

    Returns:
        The decision, with a problem for everything found: TV-DATA-001 and -002 (schema, blocking; -001 also for a
        column that a check reads), -003 (new columns), -004 (a blocking check broke), -005 (rows quarantined by a
        rule), -006 (no rows), -007 (a rule that only warns), -010 (a check that cannot be computed).

    Raises:
        ProjectError: as `checks.rules` does.
    """
    conformed = conform(rows, table, name=name)
    place = _Place(name, partition, frozenset(column for column, held in table.columns.items() if held.private))
    row_rules = rules(table, checks, name=name, at=at)
    if rows.is_empty():
        return _refuse(conformed.frame, [_empty(place)], {}, {})
    blocking = [*conformed.blocking, *_missing(conformed.frame, row_rules, place)]
    problems = [_at_partition(problem, partition) for problem in (*conformed.warnings, *blocking)]
    if blocking:
        return _refuse(conformed.frame, problems, {}, {})
    row_rules += _of_partition(table, partition)
    broken, failures = _evaluate(conformed.frame, row_rules, place)
    if failures:
        return _refuse(conformed.frame, [*problems, *failures], {}, {})
    if table.key:
        held = [broken[rule.name] for rule in row_rules if rule.severity != "warn"]
        broken |= _broken_keys(conformed.frame, table.key, _any(held), existing_keys)
        row_rules += _of_keys(table.key)
    found = [(rule, broken[rule.name]) for rule in row_rules if broken[rule.name].any()]
    problems += [_broke(conformed.frame.filter(mask), rule, rows.height, place) for rule, mask in found]
    nulls = _too_many_nulls(conformed.frame, table, place)
    problems += [problem for _, _, problem in nulls]
    return _decide(conformed.frame, found, problems, nulls={rule: count for rule, count, _ in nulls}, time=table.time)


def release_rows(quarantined: pl.DataFrame) -> pl.DataFrame:
    """Make quarantined rows fit to be taken in again: without what they broke."""
    return quarantined.drop(BROKE, strict=False)


def _decide(
    frame: pl.DataFrame,
    found: Sequence[tuple[RowRule, pl.Series]],
    problems: Sequence[Problem],
    *,
    nulls: Mapping[str, int],
    time: str | None,
) -> Intake:
    breaks = {rule.name: int(mask.sum()) for rule, mask in found if rule.severity != "warn"}
    warnings = {rule.name: int(mask.sum()) for rule, mask in found if rule.severity == "warn"}
    warnings |= nulls
    if any(rule.severity == "block" for rule, _ in found):
        return _refuse(frame, problems, breaks, warnings)
    committed, quarantined = frame, _held_back(frame.clear(), [])
    if breaks:
        bad = _any([mask for rule, mask in found if rule.severity != "warn"])
        committed = frame.filter(~bad)
        quarantined = _held_back(frame.filter(bad), [(rule.name, mask.filter(bad)) for rule, mask in found])
    summary = summarise(committed, breaks={**breaks, **warnings}, time=time)
    return Intake(committed, quarantined, 0, summary, breaks, warnings, tuple(problems))


def _refuse(
    frame: pl.DataFrame, problems: Sequence[Problem], breaks: dict[str, int], warnings: dict[str, int]
) -> Intake:
    none = frame.clear()
    summary = summarise(none, breaks={**breaks, **warnings})
    held_back = _held_back(none, [])
    return Intake(none, held_back, frame.height, summary, breaks, warnings, tuple(problems))


def _at_partition(problem: Problem, partition: Partition) -> Problem:
    return msgspec.structs.replace(problem, where=f"{problem.where}, partition {partition.name}")


def _missing(frame: pl.DataFrame, row_rules: Sequence[RowRule], place: _Place) -> list[Problem]:
    """Find the columns that checks read and the frame lacks; those of the contract are `conform`'s to find."""
    found = []
    for rule in row_rules:
        for column in rule.reads:
            if rule.column is None and column not in frame.columns:
                near = nearest_first(column, frame.columns)
                found.append(
                    Problem(
                        code="TV-DATA-001",
                        what=f"column {column!r} of {place.name!r}, which check {rule.name!r} reads, is gone",
                        where=f"table {place.name}, check {rule.name!r}",
                        seen=f"columns: {', '.join(near)}",
                        fix="restore the column at the source, or name the new one in the check",
                    )
                )
    return found


def _of_partition(table: Table, partition: Partition) -> list[RowRule]:
    if table.time is None or partition.start == partition.end:
        return []
    moment = pl.col(table.time)
    return [
        RowRule(
            name=WITHIN_PARTITION,
            ok=(moment >= partition.start) & (moment < partition.end),
            severity="quarantine",
            column=table.time,
            because="a partition holds the rows of its span of time alone",
            what=f"have {table.time} outside their partition",
        )
    ]


def _of_keys(key: Sequence[str]) -> list[RowRule]:
    names, ok = ", ".join(key), pl.all_horizontal(pl.col(column).is_not_null() for column in key)
    because = "a key names one row of the table"
    return [
        RowRule(UNIQUE, ok, "quarantine", None, because, f"have the {names} of another row of the partition"),
        RowRule(UNIQUE_ACROSS, ok, "quarantine", None, because, f"have the {names} of a row of another partition"),
    ]


def _evaluate(
    frame: pl.DataFrame, row_rules: Sequence[RowRule], place: _Place
) -> tuple[dict[str, pl.Series], list[Problem]]:
    """Tell by rule which rows broke it, and which rules cannot be computed on columns of these types."""
    asked = {rule.name: (~rule.ok).fill_null(value=False) for rule in row_rules}
    try:
        held = frame.with_columns(**asked)
    except pl.exceptions.PolarsError:
        return _evaluate_each(frame, row_rules, place)
    return {rule: held.get_column(rule) for rule in asked}, []


def _evaluate_each(
    frame: pl.DataFrame, row_rules: Sequence[RowRule], place: _Place
) -> tuple[dict[str, pl.Series], list[Problem]]:
    broken, failures = {}, []
    for rule in row_rules:
        try:
            held = frame.with_columns((~rule.ok).fill_null(value=False).alias(BROKE))
        except pl.exceptions.PolarsError as error:
            failures.append(
                Problem(
                    code="TV-DATA-010",
                    what=f"the check {rule.name!r} cannot be computed: {str(error).splitlines()[0]}",
                    where=place.where(rule.name),
                    seen=", ".join(f"{column} is {frame.schema[column]}" for column in rule.reads),
                    fix="correct the check, or give its columns their types in the contract",
                )
            )
        else:
            broken[rule.name] = held.get_column(BROKE)
    return broken, failures


def _any(masks: Sequence[pl.Series]) -> pl.Series:
    return reduce(or_, masks)


def _broken_keys(
    frame: pl.DataFrame, key: Sequence[str], bad: pl.Series, existing_keys: pl.DataFrame | None
) -> dict[str, pl.Series]:
    """Tell which rows lost their key to another row of the frame, and which to another partition."""
    keys = frame.select(*key).with_columns(bad.alias(BROKE)).with_row_index(_PLACE)
    whole = keys.drop_nulls(list(key))
    elsewhere = _held_elsewhere(whole, key, existing_keys)
    keeper = whole.sort(BROKE, _PLACE).unique(list(key), keep="first", maintain_order=True)[_PLACE]
    lost = whole.filter(~pl.col(_PLACE).is_in(keeper.implode()))[_PLACE]
    return {
        UNIQUE: keys[_PLACE].is_in(lost.implode()),
        UNIQUE_ACROSS: keys[_PLACE].is_in(elsewhere.implode()),
    }


def _held_elsewhere(whole: pl.DataFrame, key: Sequence[str], existing_keys: pl.DataFrame | None) -> pl.Series:
    if existing_keys is None or existing_keys.is_empty():
        return whole[_PLACE].clear()
    existing = existing_keys.select(pl.col(column).cast(whole.schema[column], strict=False) for column in key)
    # The table is the longer side by far: probing it with a few keys first spares hashing it.
    shared = existing.join(whole.select(key), on=list(key), how="semi")
    return whole.join(shared, on=list(key), how="semi", maintain_order="left")[_PLACE]


def _held_back(rows: pl.DataFrame, broken: Sequence[tuple[str, pl.Series]]) -> pl.DataFrame:
    """Add the names of the rules that each row broke; an empty list of rules goes with no rows alone."""
    if not broken:
        return rows.with_columns(pl.Series(BROKE, [], dtype=pl.List(pl.String)))
    told = pl.DataFrame([mask.alias(str(number)) for number, (_, mask) in enumerate(broken)]).select(
        pl.concat_list(
            pl.when(pl.col(str(number))).then(pl.lit(rule)) for number, (rule, _) in enumerate(broken)
        ).list.drop_nulls()
    )
    return rows.with_columns(told.to_series().alias(BROKE))


def _too_many_nulls(frame: pl.DataFrame, table: Table, place: _Place) -> list[tuple[str, int, Problem]]:
    """Find the columns with a larger share of nulls than their contract bears; one that bears none is a row rule."""
    found = []
    for column, contract in table.columns.items():
        count = frame[column].null_count()
        if contract.nulls and count > contract.nulls * frame.height:
            rule = f"{column} nulls within {contract.nulls:g}"
            what = f"{count:,} of {frame.height:,} rows of {place.name!r} have no {column}"
            fix = "look for the cause at the source, or let the contract bear more nulls"
            problem = Problem(
                code="TV-DATA-007", what=what, where=place.where(rule), seen=f"{count / frame.height:.1%}", fix=fix
            )
            found.append((rule, count, problem))
    return found


_CODES: Mapping[str, tuple[str, str]] = {
    "block": (
        "TV-DATA-004",
        "correct the rows at the source, or change the check in trivium.toml; all rows are refused",
    ),
    "quarantine": ("TV-DATA-005", "correct the rows at the source, or change the rule and release them"),
    "warn": ("TV-DATA-007", "look for the cause at the source, or change the rule in trivium.toml"),
}


def _broke(rows: pl.DataFrame, rule: RowRule, total: int, place: _Place) -> Problem:
    code, fix = _CODES[rule.severity]
    return Problem(
        code=code,
        what=f"{rows.height:,} of {total:,} rows of {place.name!r} {rule.what}",
        where=place.where(rule.name),
        seen=_seen(rows, rule, place),
        fix=fix,
    )


def _seen(rows: pl.DataFrame, rule: RowRule, place: _Place) -> str:
    """Show one column's offending values, each once; of several columns, the values row by row."""
    if len(rule.reads) == 1 and rule.reads[0] not in place.private:
        return shown(rows[rule.reads[0]].unique(maintain_order=True).to_list())
    return "; ".join(
        f"{column}: (private)" if column in place.private else f"{column}: {shown(rows[column].to_list())}"
        for column in rule.reads
    )


def _empty(place: _Place) -> Problem:
    return Problem(
        code="TV-DATA-006",
        what=f"a partition of {place.name!r} has no rows",
        where=place.where(),
        fix="send the rows, or remove the empty file",
    )
