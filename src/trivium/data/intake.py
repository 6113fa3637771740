"""The quarantine decision: which of a partition's rows are committed, held back, or refused with all the others.

Pure: who calls it reads the rows, in one piece or chunk by chunk, and writes what was decided.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import polars as pl

from trivium.core.contract import Check
from trivium.core.problems import Problem
from trivium.core.project import Table
from trivium.core.summary import Summary
from trivium.core.values import Partition
from trivium.data.checks import UNIQUE_ACROSS, rules, within_partition
from trivium.data.findings import Place, Tally, evaluate, missing_columns, no_rows, not_computed, outside
from trivium.data.held import Taken, either, hold_back, nothing, split
from trivium.data.keys import HashSet, MemoryHashes
from trivium.data.measures import Excess, Measures
from trivium.data.rules import RowRule
from trivium.data.schema import SchemaBreaks, conform
from trivium.data.summary import merge, summarise_partition
from trivium.data.uniqueness import ExistingKeys, Unique, across, held_elsewhere, uniques_of

_MOST_PARTS = 16


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided on a partition. Rows `read` = `committed` + `quarantined` + `refused`, always.

    `refused` is 0, or all that was read: then whatever `Intake.take` gave is void. `held` names the rules on the
    partition as a whole for which all of it is held back: then `quarantined` is all that was read, and what `take` gave
    as committed goes into quarantine by `held.hold_back(rows, held)`, behind what `take` gave as quarantined. `breaks`
    counts rows per rule that blocks or quarantines, `warnings` per rule that only warns; rules that nothing broke are
    left out. `summary` is that of the committed rows, with both counts as its `breaks`.
    """

    read: int
    committed: int
    quarantined: int
    refused: int
    summary: Summary
    breaks: dict[str, int]
    warnings: dict[str, int]
    problems: tuple[Problem, ...]
    held: tuple[str, ...] = ()


def take_in(
    rows: pl.DataFrame,
    table: Table,
    *,
    name: str,
    partition: Partition,
    checks: Sequence[Check],
    at: datetime,
    existing_keys: ExistingKeys | None = None,
    references: Mapping[str, pl.Series] | None = None,
    history: Mapping[str, Summary] | None = None,
) -> tuple[Taken, Decided]:
    """Decide on a partition that is at hand as a whole: one chunk of an `Intake`, see `begin`.

    Returns:
        The rows as they are kept (none at all where the partition is refused), and the decision.
    """
    intake = begin(
        table,
        name=name,
        partition=partition,
        checks=checks,
        at=at,
        existing_keys=existing_keys,
        references=references,
        history=history,
    )
    taken = intake.take(rows)
    decided = intake.finish()
    if decided.refused:
        taken = nothing(taken.committed)
    elif decided.held:
        together = pl.concat([taken.quarantined, hold_back(taken.committed, decided.held)])
        taken = Taken(taken.committed.clear(), together)
    return taken, decided


def begin(
    table: Table,
    *,
    name: str,
    partition: Partition,
    checks: Sequence[Check],
    at: datetime,
    existing_keys: ExistingKeys | None = None,
    references: Mapping[str, pl.Series] | None = None,
    history: Mapping[str, Summary] | None = None,
    hash_set: Callable[[], HashSet] = MemoryHashes,
) -> "Intake":
    """Begin the intake of one partition.

    Args:
        table: the contract, time and key.
        name: the table's name.
        partition: whose rows these should be; the whole of a table without a time holds any time.
        checks: all of the project's; those on other tables and the expired are left out.
        at: the time of the decision.
        existing_keys: tells which keys the table's other partitions hold (not the one that this replaces).
        references: for each column that the contract references, such as `planes.tailnum`, the values it holds.
        history: the summaries of the table's earlier partitions by name, the oldest first; needed only where
            `measures.needs_history` says so.
        hash_set: makes what the key, and each unique column, is remembered in.

    Raises:
        ProjectError: as `checks.rules` does.
    """
    private = frozenset(column for column, held in table.columns.items() if held.private)
    row_rules = rules(table, checks, name=name, at=at, references=references)
    measures = Measures(table, checks, name=name, partition=partition, at=at, history=history or {})
    return Intake(
        table,
        Place(name, partition, private),
        [*row_rules, *within_partition(table, partition)],
        uniques=list(uniques_of(table, at, hash_set)),
        existing_keys=existing_keys,
        measures=measures,
    )


class Intake:
    """The decision on one partition's rows by contract, checks, span of time and key, chunk by chunk.

    However the rows are cut, the decision is the same. The whole partition is refused when it is empty, when its schema
    broke the contract, when a check cannot be computed, or when a rule that blocks was broken. Otherwise each row
    that broke a rule is quarantined (all of them, where a rule on the whole partition says so), and the others
    are committed in their order. Of rows that share a key or a unique value, the first that broke no rule of its own
    keeps it, and every later one breaks the rule. A key with a null in it is equal to none.

    Memory: a chunk, and what the sets of keys and of unique values take: 8 bytes a row where they lie in memory.
    """

    def __init__(
        self,
        table: Table,
        place: Place,
        row_rules: Sequence[RowRule],
        *,
        uniques: Sequence[Unique],
        existing_keys: ExistingKeys | None,
        measures: Measures,
    ) -> None:
        self._table = table
        self._place = place
        self._rules = row_rules
        self._uniques = uniques
        self._existing_keys = existing_keys
        self._measures = measures
        of_keys = [unique.rule for unique in uniques] + ([across(table.key)] if table.key else [])
        self._tallies = {rule.name: Tally(rule) for rule in (*row_rules, *of_keys)}
        self._schema = SchemaBreaks()
        self._failures: dict[str, Problem] = {}
        self._read = self._quarantined = 0
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
            return nothing(frame)
        taken = split(frame, broken)
        for name, error in self._measures.let_in(taken.committed):
            self._failures[name] = not_computed(name, error, self._place)
            self._refused = True
        self._quarantined += taken.quarantined.height
        self._parts.append(summarise_partition(taken.committed, self._table, self._place.partition))
        if len(self._parts) == _MOST_PARTS:
            self._parts = [merge(*self._parts)]
        return taken

    def finish(self) -> Decided:
        """Decide, when all rows are taken.

        Returns:
            The decision, with a problem for everything found: TV-DATA-001 and -002 (schema, blocking; -001 also for
            a column that a check reads), -003 (new columns), -004 (a blocking rule broke), -005 (rows quarantined
            by a rule), -006 (no rows), -007 (a rule that only warns), -010 (a check that cannot be computed).
        """
        if not self._read:
            return self._refuse([no_rows(self._place)])
        schema = (self._schema.warnings, self._schema.blocking)
        problems = [
            _at_partition(problem, self._place)
            for told in schema
            for problem in told(self._table, name=self._place.name)
        ]
        if self._failures or self._schema.gone or self._schema.mistyped:
            # The rules saw only some of the chunks; what they found there is no account of the partition.
            return self._refuse([*problems, *self._failures.values()])
        found = [tally for tally in self._tallies.values() if tally.rows]
        summary = self._summary()
        # Where the rows are refused anyway there is no telling what would have been let in.
        excesses = [] if self._refused else self._measures.excesses(summary, read=self._read)
        problems += [tally.problem(self._place, total=self._read) for tally in found]
        problems += [outside(excess, self._place) for excess in excesses]
        counts = [(tally.rule.name, tally.rule.severity, tally.rows) for tally in found]
        counts += [(excess.name, excess.severity, excess.rows) for excess in excesses]
        breaks = {name: rows for name, severity, rows in counts if severity != "warn"}
        warnings = {name: rows for name, severity, rows in counts if severity == "warn"}
        if any(severity == "block" for _, severity, _ in counts):
            return self._refuse(problems, breaks, warnings)
        return self._kept(summary, excesses, problems, breaks=breaks, warnings=warnings)

    def _kept(
        self,
        summary: Summary,
        excesses: Sequence[Excess],
        problems: Sequence[Problem],
        *,
        breaks: dict[str, int],
        warnings: dict[str, int],
    ) -> Decided:
        held = tuple(excess.name for excess in excesses if excess.severity == "quarantine")
        if held:
            self._parts = []
            summary = self._summary()
        quarantined = self._read if held else self._quarantined
        return Decided(
            read=self._read,
            committed=self._read - quarantined,
            quarantined=quarantined,
            refused=0,
            summary=msgspec.structs.replace(summary, breaks={**breaks, **warnings}, held_back=quarantined),
            breaks=breaks,
            warnings=warnings,
            problems=tuple(problems),
            held=held,
        )

    def _refuse(
        self,
        problems: Sequence[Problem],
        breaks: dict[str, int] | None = None,
        warnings: dict[str, int] | None = None,
    ) -> Decided:
        self._parts = []
        breaks, warnings = breaks or {}, warnings or {}
        summary = msgspec.structs.replace(self._summary(), breaks={**breaks, **warnings})
        return Decided(self._read, 0, 0, self._read, summary, breaks, warnings, tuple(problems))

    def _summary(self) -> Summary:
        if not self._parts:
            none = pl.DataFrame() if self._none is None else self._none
            return summarise_partition(none, self._table, self._place.partition)
        return self._parts[0] if len(self._parts) == 1 else merge(*self._parts)

    def _broken(self, frame: pl.DataFrame, breaks: SchemaBreaks) -> list[tuple[RowRule, pl.Series]] | None:
        """Hold a chunk to every rule, and give those that rows of it broke; None where its schema forbids it."""
        self._schema += breaks
        failures = missing_columns(frame, self._rules, self._place)
        if not failures and not breaks.gone and not breaks.mistyped:
            broken, failures = evaluate(frame, self._rules, self._place)
        self._failures |= failures
        if failures or breaks.gone or breaks.mistyped:
            self._refused = True
            return None
        if self._uniques:
            broken |= self._broken_keys(frame, broken)
        self._measures.read(frame)
        found = [(self._tallies[name], mask) for name, mask in broken.items() if mask.any()]
        for tally, mask in found:
            tally.add(frame, mask)
            self._refused |= tally.rule.severity == "block"
        return [(tally.rule, mask) for tally, mask in found]

    def _broken_keys(self, frame: pl.DataFrame, broken: dict[str, pl.Series]) -> dict[str, pl.Series]:
        """Tell which rows lost their key or a unique value to an earlier row, and their key to another partition."""
        found = {}
        bad = [broken[rule.name] for rule in self._rules if rule.severity != "warn"]
        if self._table.key:
            elsewhere = held_elsewhere(frame.select(self._table.key), self._existing_keys)
            bad.append(elsewhere)
            found[UNIQUE_ACROSS] = elsewhere
        keeps_none = either(bad) if bad else pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
        for unique in self._uniques:
            lost = unique.seen.take(frame.select(unique.columns), keeps_none.to_numpy())
            found[unique.rule.name] = pl.Series(lost)
        return found


def _at_partition(problem: Problem, place: Place) -> Problem:
    return msgspec.structs.replace(problem, where=f"{problem.where}, partition {place.partition.name}")
