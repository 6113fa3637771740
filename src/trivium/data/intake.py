"""The quarantine decision: which of a partition's rows are committed, held back, or refused with all the others.

Pure: who calls it reads the rows, in one piece or chunk by chunk, and writes what was decided.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

import msgspec
import polars as pl

from trivium.core.problems import Problem
from trivium.core.project import Check, Table
from trivium.core.summary import Summary
from trivium.core.values import Partition
from trivium.data.checks import UNIQUE, UNIQUE_ACROSS, WITHIN_PARTITION, RowRule, rules
from trivium.data.findings import Place, Tally, missing_columns, no_rows, not_computed, too_many_nulls
from trivium.data.keys import SeenKeys
from trivium.data.schema import SchemaBreaks, conform
from trivium.data.summary import merge, summarise_partition

BROKE = "_broke"
_PLACE = "_place"
_MOST_PARTS = 16
# Is handed the key columns of some rows, and gives those keys among them that another partition of the table holds.
ExistingKeys = Callable[[pl.DataFrame], pl.DataFrame | None]


@dataclass(frozen=True, slots=True)
class Taken:
    """A chunk's rows: `committed` in their order, and `quarantined` with `_broke`, the rules that each row broke."""

    committed: pl.DataFrame
    quarantined: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided on a partition. Rows `read` = `committed` + `quarantined` + `refused`, always.

    `refused` is 0, or all that was read: then whatever `Intake.take` gave is void. `breaks` counts rows per rule that
    blocks or quarantines, `warnings` per rule that only warns; rules that no row broke are left out. `summary` is that
    of the committed rows, with both counts as its `breaks`.
    """

    read: int
    committed: int
    quarantined: int
    refused: int
    summary: Summary
    breaks: dict[str, int]
    warnings: dict[str, int]
    problems: tuple[Problem, ...]


def take_in(
    rows: pl.DataFrame,
    table: Table,
    *,
    name: str,
    partition: Partition,
    checks: Sequence[Check],
    at: datetime,
    existing_keys: ExistingKeys | None = None,
) -> tuple[Taken, Decided]:
    """Decide on a partition that is at hand as a whole: one chunk of an `Intake`, see there.

    Returns:
        The rows (none at all where the partition is refused), and the decision.
    """
    intake = begin(table, name=name, partition=partition, checks=checks, at=at, existing_keys=existing_keys)
    taken = intake.take(rows)
    decided = intake.finish()
    if decided.refused:
        taken = Taken(taken.committed.clear(), taken.quarantined.clear())
    return taken, decided


def begin(
    table: Table,
    *,
    name: str,
    partition: Partition,
    checks: Sequence[Check],
    at: datetime,
    existing_keys: ExistingKeys | None = None,
) -> "Intake":
    """Begin the intake of one partition.

    Args:
        table: the contract, time and key.
        name: the table's name.
        partition: whose rows these should be; the whole of a table without a time holds any time.
        checks: all of the project's; those on other tables and the expired are left out.
        at: the time of the decision.
        existing_keys: tells which keys the table's other partitions hold (not the one that this replaces).

    Raises:
        ProjectError: as `checks.rules` does.
    """
    private = frozenset(column for column, held in table.columns.items() if held.private)
    row_rules = rules(table, checks, name=name, at=at)
    return Intake(
        table,
        Place(name, partition, private),
        [*row_rules, *_of_partition(table, partition)],
        existing_keys=existing_keys,
    )


class Intake:
    """The decision on one partition's rows by contract, checks, span of time and key, chunk by chunk.

    However the rows are cut, the decision is the same. The whole partition is refused when it is empty, when its schema
    broke the contract, when a check cannot be computed, or when any row broke a rule that blocks. Otherwise each
    row that broke a rule is quarantined, and the others are committed in their order. Of rows that share a key, the
    first that broke nothing else keeps it, and every later one breaks `key is unique`. A key with a null in it is
    equal to none.

    Memory: a chunk, and 8 bytes for each row that holds a key.
    """

    def __init__(
        self, table: Table, place: Place, row_rules: Sequence[RowRule], *, existing_keys: ExistingKeys | None
    ) -> None:
        self._table = table
        self._place = place
        self._rules = row_rules
        self._existing_keys = existing_keys
        self._seen = SeenKeys()
        self._tallies = {rule.name: Tally(rule) for rule in (*row_rules, *_of_keys(table.key))}
        self._schema = SchemaBreaks()
        self._failures: dict[str, Problem] = {}
        self._nulls = {column: 0 for column, contract in table.columns.items() if contract.nulls}
        self._read = self._committed = self._quarantined = 0
        self._refused = False
        self._parts: list[Summary] = []
        self._none: pl.DataFrame | None = None

    @property
    def is_refused(self) -> bool:
        """Whether a break has been found that refuses the whole partition; rows still to come are only counted."""
        return self._refused

    def take(self, chunk: pl.DataFrame) -> Taken:
        """Take the next rows of the partition as they were read, and give those that are let in and held back.

        Once the partition is sure to be refused, both are empty.
        """
        self._read += chunk.height
        frame, breaks = conform(chunk, self._table)
        if self._none is None:
            self._none = frame.clear()
        broken = self._broken(frame, breaks) if chunk.height else None
        if self._refused or broken is None:
            return Taken(frame.clear(), _held_back(frame.clear(), []))
        taken = _split(frame, broken)
        self._committed += taken.committed.height
        self._quarantined += taken.quarantined.height
        self._parts.append(summarise_partition(taken.committed, self._table, self._place.partition))
        if len(self._parts) == _MOST_PARTS:
            self._parts = [merge(*self._parts)]
        return taken

    def finish(self) -> Decided:
        """Decide, when all rows are taken.

        Returns:
            The decision, with a problem for everything found: TV-DATA-001 and -002 (schema, blocking; -001 also for
            a column that a check reads), -003 (new columns), -004 (a blocking check broke), -005 (rows quarantined
            by a rule), -006 (no rows), -007 (a rule that only warns), -010 (a check that cannot be computed).
        """
        name = self._place.name
        if not self._read:
            return self._refuse([no_rows(self._place)])
        problems = [
            _at_partition(problem, self._place)
            for problem in (
                *self._schema.warnings(self._table, name=name),
                *self._schema.blocking(self._table, name=name),
            )
        ]
        if self._failures or self._schema.gone or self._schema.mistyped:
            # The rules saw only some of the chunks; what they found there is no account of the partition.
            return self._refuse([*problems, *self._failures.values()])
        found = [tally for tally in self._tallies.values() if tally.rows]
        problems += [tally.problem(self._place, total=self._read) for tally in found]
        breaks = {tally.rule.name: tally.rows for tally in found if tally.rule.severity != "warn"}
        warnings = {tally.rule.name: tally.rows for tally in found if tally.rule.severity == "warn"}
        for rule, count, problem in self._too_many_nulls():
            warnings[rule] = count
            problems.append(problem)
        if self._refused:
            return self._refuse(problems, breaks, warnings)
        return Decided(
            read=self._read,
            committed=self._committed,
            quarantined=self._quarantined,
            refused=0,
            summary=self._summary({**breaks, **warnings}),
            breaks=breaks,
            warnings=warnings,
            problems=tuple(problems),
        )

    def _refuse(
        self,
        problems: Sequence[Problem],
        breaks: dict[str, int] | None = None,
        warnings: dict[str, int] | None = None,
    ) -> Decided:
        self._parts = []
        breaks, warnings = breaks or {}, warnings or {}
        summary = self._summary({**breaks, **warnings})
        return Decided(self._read, 0, 0, self._read, summary, breaks, warnings, tuple(problems))

    def _summary(self, breaks: dict[str, int]) -> Summary:
        if not self._parts:
            none = pl.DataFrame() if self._none is None else self._none
            self._parts = [summarise_partition(none, self._table, self._place.partition)]
        whole = self._parts[0] if len(self._parts) == 1 else merge(*self._parts)
        return msgspec.structs.replace(whole, breaks=breaks)

    def _broken(self, frame: pl.DataFrame, breaks: SchemaBreaks) -> list[tuple[RowRule, pl.Series]] | None:
        """Hold a chunk to every rule, and give those that rows of it broke; None where its schema forbids it."""
        self._schema += breaks
        failures = missing_columns(frame, self._rules, self._place)
        if not failures and not breaks.gone and not breaks.mistyped:
            broken, failures = _evaluate(frame, self._rules, self._place)
        self._failures |= failures
        if failures or breaks.gone or breaks.mistyped:
            self._refused = True
            return None
        if self._table.key:
            broken |= self._broken_keys(frame, broken)
        for column in self._nulls:
            self._nulls[column] += frame[column].null_count()
        found = [(self._tallies[name], mask) for name, mask in broken.items() if mask.any()]
        for tally, mask in found:
            tally.add(frame, mask)
            self._refused |= tally.rule.severity == "block"
        return [(tally.rule, mask) for tally, mask in found]

    def _broken_keys(self, frame: pl.DataFrame, broken: dict[str, pl.Series]) -> dict[str, pl.Series]:
        """Tell which rows lost their key to an earlier row, and which to another partition."""
        keys = frame.select(self._table.key)
        elsewhere = _held_elsewhere(keys, self._existing_keys)
        holding = [broken[rule.name] for rule in self._rules if rule.severity != "warn"]
        lost = self._seen.take(keys, _any([*holding, elsewhere]).to_numpy())
        return {UNIQUE: pl.Series(lost), UNIQUE_ACROSS: elsewhere}

    def _too_many_nulls(self) -> list[tuple[str, int, Problem]]:
        found = []
        for column, count in self._nulls.items():
            share = self._table.columns[column].nulls or 0.0
            if count > share * self._read:
                rule, problem = too_many_nulls(column, share, count, total=self._read, place=self._place)
                found.append((rule, count, problem))
        return found


def release_rows(quarantined: pl.DataFrame) -> pl.DataFrame:
    """Make quarantined rows fit to be taken in again: without what they broke."""
    return quarantined.drop(BROKE, strict=False)


def _at_partition(problem: Problem, place: Place) -> Problem:
    return msgspec.structs.replace(problem, where=f"{problem.where}, partition {place.partition.name}")


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
    if not key:
        return []
    names, ok = ", ".join(key), pl.all_horizontal(pl.col(column).is_not_null() for column in key)
    because = "a key names one row of the table"
    return [
        RowRule(UNIQUE, ok, "quarantine", None, because, f"have the {names} of an earlier row of the partition"),
        RowRule(UNIQUE_ACROSS, ok, "quarantine", None, because, f"have the {names} of a row of another partition"),
    ]


def _evaluate(
    frame: pl.DataFrame, row_rules: Sequence[RowRule], place: Place
) -> tuple[dict[str, pl.Series], dict[str, Problem]]:
    """Tell by rule which rows broke it, all in one pass, and which rules these columns' types forbid to compute."""
    asked = [(~rule.ok).fill_null(value=False).alias(str(number)) for number, rule in enumerate(row_rules)]
    try:
        # Beside the frame's own columns, so that a rule that reads none has an answer for each row.
        held = frame.with_columns(asked).select(str(number) for number in range(len(asked)))
    except pl.exceptions.PolarsError:
        return _evaluate_each(frame, row_rules, place)
    return {rule.name: held.to_series(number) for number, rule in enumerate(row_rules)}, {}


def _evaluate_each(
    frame: pl.DataFrame, row_rules: Sequence[RowRule], place: Place
) -> tuple[dict[str, pl.Series], dict[str, Problem]]:
    broken, failures = {}, {}
    for rule in row_rules:
        try:
            held = frame.with_columns((~rule.ok).fill_null(value=False).alias(BROKE))
        except pl.exceptions.PolarsError as error:
            failures[rule.name] = not_computed(rule, error, frame, place)
        else:
            broken[rule.name] = held.get_column(BROKE)
    return broken, failures


def _any(masks: Sequence[pl.Series]) -> pl.Series:
    return reduce(or_, masks)


def _held_elsewhere(keys: pl.DataFrame, existing_keys: ExistingKeys | None) -> pl.Series:
    held = existing_keys(keys) if existing_keys else None
    nowhere = pl.repeat(value=False, n=keys.height, dtype=pl.Boolean, eager=True)
    if held is None or held.is_empty():
        return nowhere
    existing = held.select(pl.col(column).cast(keys.schema[column], strict=False) for column in keys.columns)
    shared = keys.with_row_index(_PLACE).join(existing, on=keys.columns, how="semi", maintain_order="left")
    return nowhere.scatter(shared[_PLACE], True)


def _split(frame: pl.DataFrame, broken: Sequence[tuple[RowRule, pl.Series]]) -> Taken:
    """Hold back the rows that broke a rule which quarantines, with all that they broke; where none did, move no row."""
    holding = [mask for rule, mask in broken if rule.severity != "warn"]
    if not holding:
        return Taken(frame, _held_back(frame.clear(), []))
    bad = _any(holding)
    return Taken(
        frame.filter(~bad), _held_back(frame.filter(bad), [(rule.name, mask.filter(bad)) for rule, mask in broken])
    )


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
